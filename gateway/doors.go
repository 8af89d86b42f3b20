package gateway

import (
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/door"
	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
)

// portal is one door with its lock and its readers.
type portal struct {
	site    *site.Door
	machine *door.Machine
	lock    lock
	answers map[event.Side]*player
}

// reader says where a reader or a people counter is.
type reader struct {
	portal *portal
	side   event.Side
}

// input says what an input is to a door.
type input struct {
	portal *portal
	rex    bool // the request to exit; otherwise the contact
}

// wire joins the doors of this gateway with their devices, as the configuration names them.
func (l *loop) wire() error {
	for _, d := range l.c.Building.DoorsOf(l.c.Gateway.ID) {
		out := l.outputs[d.Lock]
		if out == nil {
			return fmt.Errorf("gateway: door %s: lock %q is not an output of gateway %s", d.ID, d.Lock, l.c.Gateway.ID)
		}
		p := &portal{
			site: d,
			machine: door.New(door.Config{
				Contact: d.Contact != "", Release: d.Release, Extended: d.Extended, HeldAfter: d.HeldAfter,
			}),
			lock:    lock{out, d.Fail},
			answers: map[event.Side]*player{},
		}
		l.portals = append(l.portals, p)
		if d.Contact != "" {
			l.inputs[d.Contact] = input{portal: p}
		}
		if d.REX != "" {
			l.inputs[d.REX] = input{portal: p, rex: true}
		}
		for id, side := range map[string]event.Side{d.Entry: event.In, d.Exit: event.Out, d.Counter: ""} {
			if id != "" {
				l.readers[id] = reader{p, side}
			}
		}
	}
	for _, r := range l.c.Gateway.Readers {
		if at := l.readers[r.ID]; at.portal != nil {
			p := &player{led: l.outputs[r.LED], buzzer: l.outputs[r.Buzzer]}
			at.portal.answers[at.side] = p
			l.players = append(l.players, p)
		}
	}
	return nil
}

// read decides about a credential and lets the door act on it.
func (l *loop) read(s bridge.Signal, r bridge.Read) {
	at, ok := l.readers[s.Device]
	if !ok {
		l.log.Warn("a credential at a reader of no door", "reader", s.Device)
		return
	}
	now, state := l.clock.Stamp()
	q := policy.Request{
		Door: at.portal.site.ID, Side: at.side, Fault: event.Reason(r.Fault), At: now, Clock: state,
	}
	if r.Fault == bridge.NoFault {
		q.Key = l.key.Card(r.Format, r.Bits, r.Len)
	}
	d := l.policy.Current().Decide(q)
	l.stepAt(at.portal, time.Now(), s.At, door.Decided{Decision: d, Side: at.side})
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
	if p.machine.Status() != before {
		l.publish()
	}
}
