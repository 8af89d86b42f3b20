package gateway

import (
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/door"
	"kapija/internal/event"
	"kapija/internal/policy"
)

// pinTime is how long a reader waits for the PIN after the card.
const pinTime = 15 * time.Second

// pinAwaited is a card whose PIN is not there yet.
type pinAwaited struct {
	request  policy.Request
	decision policy.Decision
	until    time.Time
}

// read decides about a credential and lets the door act on it.
func (l *loop) read(s bridge.Signal, r bridge.Read) {
	at, ok := l.readers[s.Device]
	if !ok {
		l.log.Warn("a credential at a reader of no door", "reader", s.Device)
		return
	}
	if r.Format == bridge.FormatPIN && r.Fault == bridge.NoFault {
		l.typed(at, s.At, r)
		return
	}
	l.giveUpPIN(at.portal, at.side)
	q := policy.Request{Door: at.portal.site.ID, Side: at.side, Format: r.Format, Fault: event.Reason(r.Fault)}
	if r.Fault == bridge.NoFault {
		q.Key = l.key.Card(r.Format, r.Bits, r.Len)
	}
	d := l.decide(at.portal, &q)
	if !d.Granted && d.Reason == event.PINNeeded {
		now := time.Now()
		at.portal.pins[at.side] = pinAwaited{q, d, now.Add(pinTime)}
		if p := at.portal.answers[at.side]; p != nil {
			p.play(now, door.GoOn)
		}
		return
	}
	l.stepAt(at.portal, time.Now(), s.At, door.Decided{Decision: d, Side: at.side})
}

// typed decides about the card that waits, with the PIN that was typed. A PIN alone opens nothing (L11).
func (l *loop) typed(at reader, when time.Time, r bridge.Read) {
	w, ok := at.portal.pins[at.side]
	delete(at.portal.pins, at.side)
	d := policy.Decision{Reason: event.WrongPIN}
	if ok && r.Len%8 == 0 && len(r.Bits) == r.Len/8 {
		w.request.PIN = l.key.PIN(string(r.Bits))
		d = l.decide(at.portal, &w.request)
	}
	l.stepAt(at.portal, time.Now(), when, door.Decided{Decision: d, Side: at.side})
}

// decide asks the policy, with what this gateway knows at present.
func (l *loop) decide(p *portal, q *policy.Request) policy.Decision {
	q.At, q.Clock = l.clock.Stamp()
	q.Memory = l.memory
	if mode, _, planned := l.modeOf(p); !planned {
		q.Mode = mode
	}
	d := l.policy.Current().Decide(*q)
	l.memory.Decided(*q, d)
	return d
}

// giveUpPINs ends the waits for a PIN that are over at now; all of them when now is zero.
func (l *loop) giveUpPINs(p *portal, now time.Time) {
	for side, w := range p.pins {
		if now.IsZero() || !now.Before(w.until) {
			l.giveUpPIN(p, side)
		}
	}
}

// giveUpPIN refuses the card that waits, if there is one.
func (l *loop) giveUpPIN(p *portal, side event.Side) {
	w, ok := p.pins[side]
	if !ok {
		return
	}
	delete(p.pins, side)
	l.step(p, time.Now(), door.Decided{Decision: w.decision, Side: side})
}
