package door

import (
	"time"

	"kapija/internal/event"
)

func (m *Machine) contact(now time.Time, active bool) {
	if !m.cfg.Contact {
		return
	}
	found := !m.known
	m.known = true
	switch {
	case active == m.open:
	case active:
		m.opened(now, found)
	default:
		m.closed()
	}
}

func (m *Machine) opened(now time.Time, found bool) {
	m.open = true
	cause := byForce
	switch {
	case len(m.pending) > 0:
		cause = m.pending[0].cause
	case m.mode == Unlocked:
		cause = byMode
	case m.keptOpen():
		cause = byFire
	case m.lock == released:
		cause = assumed
	case found || m.mode == "":
		cause = byStart
	case m.fire:
		cause = byFire
	}
	m.do(Record{Kind: event.DoorOpened, Cause: cause})
	if cause == byForce {
		m.forced = true
		m.do(Record{Kind: event.DoorForced, Cause: byForce})
	}
	m.watch(now)
	for _, p := range m.pending {
		if p.person() {
			m.do(Record{event.AccessEntered, p.side, p.badge, "", p.cause})
		}
		if !m.heldAt.IsZero() && m.heldAt.Before(now.Add(p.lasts)) {
			m.heldAt = now.Add(p.lasts)
		}
	}
	m.pending = nil
}

func (m *Machine) closed() {
	m.open = false
	m.unwatch()
	m.do(Record{Kind: event.DoorClosed, Cause: byClosing})
	if m.forced {
		m.do(Record{Kind: event.DoorForcedCleared, Cause: byClosing})
	}
	if m.held {
		m.do(Record{Kind: event.DoorHeldCleared, Cause: byClosing})
	}
	m.forced, m.held = false, false
	m.relock(byClosing)
}

// watch starts or ends the wait for a held door, as the mode and the fire input want it.
func (m *Machine) watch(now time.Time) {
	switch {
	case m.held && m.open && !m.fire && m.mode != Unlocked: // the readers go on
	case !m.open || m.held || m.fire || m.mode == Unlocked || m.cfg.HeldAfter == 0:
		m.unwatch()
	case m.heldAt.IsZero():
		m.heldAt = now.Add(m.cfg.HeldAfter)
	}
}

func (m *Machine) unwatch() {
	m.heldAt = time.Time{}
	if m.warned {
		m.warned = false
		m.answerAll(Quiet)
	}
}

// warnAt is when the readers begin to sound; zero when they do already, or never will.
func (m *Machine) warnAt() time.Time {
	if m.heldAt.IsZero() || m.warned || m.cfg.Warn == 0 {
		return time.Time{}
	}
	return m.heldAt.Add(-m.cfg.Warn)
}

func (m *Machine) answerAll(s Says) {
	m.do(Answer{event.In, s})
	m.do(Answer{event.Out, s})
}
