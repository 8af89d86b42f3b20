package door

import (
	"slices"
	"time"

	"kapija/internal/event"
)

// passage is somebody who may go through and has not been seen to.
type passage struct {
	badge string // empty for a request to exit and for a command
	side  event.Side
	cause string // byBadge, byREX, or that of a command
	lasts time.Duration
	until time.Time
}

// person says whether it is known that somebody passes, and where to; of a command it is not.
func (p passage) person() bool { return p.cause == byBadge || p.cause == byREX }

// release lets p through from now on.
func (m *Machine) release(now time.Time, p passage) {
	p.until = now.Add(p.lasts)
	if m.until.Before(p.until) {
		m.until = p.until
	}
	m.unlock(p.cause, p.badge, p.side)
	switch {
	case m.known && !m.open:
		m.wait(p)
	case !p.person():
	case !m.known:
		m.do(Record{event.AccessEntered, p.side, p.badge, "", assumed})
	case p.cause == byBadge:
		m.do(Record{event.AccessEntered, p.side, p.badge, "", throughIt})
	}
}

func (m *Machine) wait(p passage) {
	same := func(q passage) bool { return q.badge == p.badge && q.side == p.side && q.cause == p.cause }
	if i := slices.IndexFunc(m.pending, same); i >= 0 {
		if m.pending[i].until.Before(p.until) {
			m.pending[i] = p
		}
		return
	}
	if len(m.pending) == maxPending {
		m.notEntered(m.pending[0], overtaken)
		m.pending = slices.Delete(m.pending, 0, 1)
	}
	m.pending = append(m.pending, p)
}

// cancel ends the waiting passages for which gone holds.
func (m *Machine) cancel(cause string, gone func(passage) bool) {
	m.pending = slices.DeleteFunc(m.pending, func(p passage) bool {
		if gone(p) {
			m.notEntered(p, cause)
			return true
		}
		return false
	})
}

// notEntered accounts for a grant. A request to exit needs no account: a motion sensor asks all day.
func (m *Machine) notEntered(p passage, cause string) {
	switch {
	case p.cause != byBadge:
	case !m.known:
		m.do(Record{event.AccessEntered, p.side, p.badge, "", assumed})
	default:
		m.do(Record{event.AccessNotEntered, p.side, p.badge, "", cause})
	}
}
