package local

import (
	"slices"
	"strings"
	"time"

	"kapija/internal/event"
	"kapija/internal/site"
)

// data is what the template takes.
type data struct {
	Lang             lang
	Langs            []lang
	Name, Gateway    string
	Form             bool
	Problem          string // a key
	At               string
	Fire, ClockUnset bool
	Doors            []doorRow
	Zones            []zoneRow
	Events           []eventRow
}

type doorRow struct {
	Name, State, Mode, By string
	Alarm                 bool
}

type zoneRow struct {
	Name   string
	Count  int
	Badges []badgeRow
}

type badgeRow struct{ Name, Since string }

type eventRow struct {
	At, Door, What, Badge, Cause string
	Alarm                        bool
}

// T is the words for a key in the page's language.
func (d data) T(key string) string { return d.Lang.text(key) }

func (h *handler) form(l lang, problem string) data {
	d := h.frame(l)
	d.Form, d.Problem = true, problem
	return d
}

func (h *handler) frame(l lang) data {
	return data{Lang: l, Langs: langs, Name: name(l, h.c.Building.Name), Gateway: h.c.Gateway.ID}
}

func (h *handler) shown(l lang, v View) data {
	d := h.frame(l)
	d.At, d.Fire, d.ClockUnset = h.time(v.State.At), v.State.Fire, v.State.Clock == event.ClockIsUnset
	for _, s := range v.State.Doors {
		d.Doors = append(d.Doors, h.door(l, s))
	}
	d.Zones = h.zones(l, v.Places)
	for _, e := range v.Events {
		if e.Kind == event.AccessDuress { // whoever forces somebody may stand before this page
			continue
		}
		d.Events = append(d.Events, h.event(l, e))
	}
	return d
}

func (h *handler) door(l lang, s event.Door) doorRow {
	words := []string{"state.closed", "state.unlocked"}
	if s.Open {
		words[0] = "state.open"
	}
	if s.Locked {
		words[1] = "state.locked"
	}
	if s.Forced {
		words = append(words, "state.forced")
	}
	if s.Held {
		words = append(words, "state.held")
	}
	for i, w := range words {
		words[i] = l.text(w)
	}
	return doorRow{
		Name: h.doorName(l, s.ID), State: strings.Join(words, ", "), Mode: l.text("mode." + s.Mode),
		By: s.By, Alarm: s.Forced || s.Held,
	}
}

func (h *handler) zones(l lang, places []Place) (rows []zoneRow) {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b Place) int {
		if c := strings.Compare(a.Zone, b.Zone); c != 0 {
			return c
		}
		return strings.Compare(a.Badge, b.Badge)
	})
	last := ""
	for _, p := range places {
		if len(rows) == 0 || p.Zone != last {
			last = p.Zone
			z := zoneRow{Name: p.Zone}
			if s := h.c.Building.Zone(p.Zone); s != nil {
				z.Name = name(l, s.Name)
			}
			rows = append(rows, z)
		}
		z := &rows[len(rows)-1]
		z.Count++
		z.Badges = append(z.Badges, badgeRow{p.Badge, h.time(p.At)})
	}
	return rows
}

// alarms are the kinds that stand out.
var alarms = []event.Kind{event.DoorForced, event.DoorHeld, event.FireActive, event.ReaderTamper, event.InputTamper}

func (h *handler) event(l lang, e event.Event) eventRow {
	r := eventRow{
		At: h.time(e.At), Door: h.doorName(l, e.Door), What: l.text("kind." + string(e.Kind)), Badge: e.Badge, Cause: e.Cause,
		Alarm: slices.Contains(alarms, e.Kind),
	}
	if e.Side != "" {
		r.Door += ", " + l.text("side."+string(e.Side))
	}
	if e.Reason != "" && e.Reason != event.Granted && e.Reason != event.Duress {
		r.Cause = l.text("reason." + string(e.Reason))
	}
	return r
}

func (h *handler) doorName(l lang, id string) string {
	if d := h.c.Building.Door(id); d != nil {
		return name(l, d.Name)
	}
	return id
}

func (h *handler) time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if zone := h.c.Building.Location; zone != nil {
		t = t.In(zone)
	}
	return t.Format("2006-01-02 15:04:05")
}

func name(l lang, t site.Text) string { return l.of(t.Sr, t.En) }
