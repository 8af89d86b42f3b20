package gateway

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"kapija/gateway/door"
	"kapija/internal/command"
	"kapija/internal/event"
	"kapija/internal/policy"
)

const lockdown = door.Lockdown

// commanded is what operators want of one door, until they say otherwise. A lockdown stands above everything else, and only
// clear_lockdown ends it. It is stored as JSON.
type commanded struct {
	Mode     policy.Mode `json:"mode,omitempty"` // empty: schedule or configuration count
	By       string      `json:"by,omitempty"`
	Lockdown string      `json:"lockdown,omitempty"` // who asked for it; empty: there is none
}

// modeOf is the mode that a door is to have now, who wants it, and whether a plan does.
func (l *loop) modeOf(p *portal) (mode policy.Mode, by string, planned bool) {
	c := l.commanded[p.site.ID]
	switch {
	case c.Lockdown != "":
		return lockdown, c.Lockdown, false
	case c.Mode != "":
		return c.Mode, c.By, false
	}
	if s := l.policy.Current(); s.HasRule(p.site.ID) {
		at, clock := l.clock.Stamp()
		if clock == event.ClockIsUnset {
			at = time.Time{}
		}
		return s.EffectiveMode(p.site.ID, at, l.memory.FirstIn(p.site.ID)), "schedule", true
	}
	if p.site.Mode != "" {
		return policy.Mode(p.site.Mode), "configuration", false
	}
	return door.Secure, "configuration", false
}

// setModes gives each door the mode that it is to have. A door that has it already does nothing.
func (l *loop) setModes() {
	l.replan = false
	for _, p := range l.portals {
		mode, by, _ := l.modeOf(p)
		if p.machine.Status().Mode != mode {
			p.by = by
			l.step(p, time.Now(), door.SetMode{Mode: mode, Cause: by})
		}
	}
}

// carryOut does what an operator asks for. Nothing of it is done when a part cannot be.
func (l *loop) carryOut(c command.Command) (o outcome) {
	doors, err := l.doorsOf(c.Body)
	who := "command: " + c.Body.By
	if c.Body.Why != "" {
		who += " (" + c.Body.Why + ")"
	}
	what := string(c.Body.Do)
	if c.Body.Mode != "" {
		what += " " + c.Body.Mode
	}
	if err == nil {
		err = allowed(c.Body, doors)
	}
	defer func() {
		for _, p := range doors {
			o.doors = append(o.doors, p.state())
		}
	}()
	record := func(kind event.Kind, cause string) {
		e := event.Event{Kind: kind, Badge: c.Body.Badge, Cause: cause}
		if len(c.Body.Doors) == 0 {
			l.record(e)
			return
		}
		for _, id := range c.Body.Doors {
			e.Door = id
			l.record(e)
		}
	}
	if err != nil {
		c.Body.Doors = known(doors)
		record(event.CommandRefused, what+": "+who+": "+err.Error())
		return outcome{err: err}
	}
	switch c.Body.Do {
	case command.Open:
		for _, p := range doors {
			l.step(p, time.Now(), door.Open{Cause: who, Extended: c.Body.Extended})
		}
		return o
	case command.Forgive:
		record(event.CommandAccepted, "forgive: "+who)
		return o
	}
	before := maps.Clone(l.commanded)
	for _, p := range doors {
		l.command(p.site.ID, c.Body, who)
	}
	record(event.CommandAccepted, what+": "+who)
	if !maps.Equal(before, l.commanded) {
		o.modes, err = json.Marshal(l.commanded)
		if err != nil {
			l.log.Error("the modes could not be encoded", "error", err)
		}
	}
	l.setModes()
	return o
}

// command changes what is wanted of one door.
func (l *loop) command(id string, b command.Body, who string) {
	c := l.commanded[id]
	switch b.Do {
	case command.SetMode:
		if policy.Mode(b.Mode) == lockdown {
			c.Lockdown = who
		} else {
			c.Mode, c.By = policy.Mode(b.Mode), who
		}
	case command.ClearLockdown:
		c.Lockdown = ""
	case command.Automatic:
		c.Mode, c.By = "", ""
	}
	if c == (commanded{}) {
		delete(l.commanded, id)
	} else {
		l.commanded[id] = c
	}
}

// doorsOf is the doors that a command names. It returns those that there are with the error too.
func (l *loop) doorsOf(b command.Body) (doors []*portal, err error) {
	if len(b.Doors) == 0 {
		if b.Do != command.Forgive {
			doors = l.portals
		}
		return doors, nil
	}
	for _, id := range b.Doors {
		i := slices.IndexFunc(l.portals, func(p *portal) bool { return p.site.ID == id })
		if i < 0 {
			err = &command.Err{Code: command.UnknownDoor, Text: "there is no door " + id + " at this gateway"}
			continue
		}
		doors = append(doors, l.portals[i])
	}
	return doors, err
}

// allowed says whether the doors can do it.
func allowed(b command.Body, doors []*portal) error {
	switch b.Do {
	case command.SetMode:
		modes := []policy.Mode{door.Secure, door.CardAndPIN, door.FreeAccess, door.Unlocked, door.Lockdown, door.Disabled}
		if !slices.Contains(modes, policy.Mode(b.Mode)) {
			return &command.Err{Code: command.BadRequest, Text: "there is no mode " + b.Mode}
		}
	case command.Open:
		for _, p := range doors {
			switch m := p.machine.Status().Mode; m {
			case door.Lockdown, door.Disabled, "":
				return &command.Err{Code: command.DoorState, Text: strings.TrimSpace("door " + p.site.ID + " is in mode " + string(m))}
			}
		}
	}
	return nil
}

func known(doors []*portal) (ids []string) {
	for _, p := range doors {
		ids = append(ids, p.site.ID)
	}
	return ids
}

// state is the door as others are told.
func (p *portal) state() event.Door {
	d := p.machine.Status()
	return event.Door{ID: p.site.ID, Open: d.Open, Locked: d.Locked, Forced: d.Forced, Held: d.Held, Mode: string(d.Mode), By: p.by}
}
