package gateway

import (
	"fmt"
	"time"

	"kapija/gateway/door"
	"kapija/internal/event"
	"kapija/internal/site"
)

// portal is one door with its lock and its readers.
type portal struct {
	site    *site.Door
	machine *door.Machine
	lock    lock
	answers map[event.Side]*player
	by      string                    // who or what set the mode
	pins    map[event.Side]pinAwaited // cards that wait for their PIN
}

// reader says where a reader or a people counter is.
type reader struct {
	portal *portal
	side   event.Side
}

// role is what an input is for. The zero role is none: it is recorded, and no more.
type role uint8

const (
	contact role = iota + 1
	rex
	fire
	tamper
)

// input is one input of this gateway.
type input struct {
	role   role
	portal *portal // of contact and rex
	reader string  // of a reader's tamper
}

// wire joins the doors of this gateway with their devices, as the configuration names them.
func (l *loop) wire() error {
	for _, d := range l.c.Building.DoorsOf(l.c.Gateway.ID) {
		out := l.outputs[d.Lock]
		if out == nil {
			return fmt.Errorf("gateway: door %s: lock %q is not an output of gateway %s", d.ID, d.Lock, l.c.Gateway.ID)
		}
		p := &portal{
			site:    d,
			machine: door.New(doorConfig(d)),
			lock:    lock{out, d.Fail},
			answers: map[event.Side]*player{},
			pins:    map[event.Side]pinAwaited{},
		}
		l.portals = append(l.portals, p)
		if d.Contact != "" {
			l.inputs[d.Contact] = input{role: contact, portal: p}
		}
		if d.REX != "" {
			l.inputs[d.REX] = input{role: rex, portal: p}
		}
		for id, side := range map[string]event.Side{d.Entry: event.In, d.Exit: event.Out, d.Counter: ""} {
			if id != "" {
				l.readers[id] = reader{p, side}
			}
		}
	}
	if id := l.c.Gateway.Fire; id != "" {
		l.inputs[id] = input{role: fire}
	}
	if id := l.c.Gateway.Tamper; id != "" {
		l.inputs[id] = input{role: tamper}
	}
	for _, r := range l.c.Gateway.Readers {
		if r.Tamper != "" {
			l.inputs[r.Tamper] = input{role: tamper, reader: r.ID}
		}
		if at := l.readers[r.ID]; at.portal != nil {
			p := &player{led: l.outputs[r.LED], buzzer: l.outputs[r.Buzzer]}
			at.portal.answers[at.side] = p
			l.players = append(l.players, p)
		}
	}
	return nil
}

func (l *loop) step(p *portal, now time.Time, in door.Input) {
	l.stepAt(p, now, time.Time{}, in)
}

// stepAt gives the door one input and does what it says: the lock first, then the reader, then the events. read is when
// the credential's last bit came, for a decision.
func (l *loop) stepAt(p *portal, now, read time.Time, in door.Input) {
	before := p.machine.Status()
	var decided int64
	for _, a := range p.machine.Step(now, in) {
		if d, ok := a.(door.Drive); ok {
			p.lock.drive(d.Released)
			continue
		}
		if decided == 0 && !read.IsZero() {
			decided = max(1, time.Since(read).Microseconds())
		}
		switch a := a.(type) {
		case door.Answer:
			if r := p.answers[a.Side]; r != nil {
				r.play(now, a.Says)
			}
		case door.Record:
			e := event.Event{Kind: a.Kind, Door: p.site.ID, Side: a.Side, Badge: a.Badge, Reason: a.Reason, Cause: a.Cause}
			if a.Kind == event.AccessGranted || a.Kind == event.AccessDenied {
				e.DecidedUs = decided
			}
			l.record(e)
		}
	}
	after := p.machine.Status()
	l.memory.SetDoor(p.site.ID, after.Locked && !after.Open && !after.Unseen)
	if after != before {
		l.publish()
	}
}
