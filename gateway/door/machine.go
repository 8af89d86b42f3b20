package door

import (
	"slices"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
)

// Machine is one door. New makes it; the first SetMode starts it.
type Machine struct {
	cfg  Config
	mode Mode
	lock lock

	until   time.Time // end of the present release; zero when there is none
	pending []passage // grants and requests that wait for an opening; empty while the door is open

	known  bool // the contact answers
	open   bool // the contact's last level
	heldAt time.Time
	forced bool
	held   bool
	rex    bool
	fire   bool

	out []Action
}

type lock uint8

const (
	untouched lock = iota
	locked
	released
)

// New returns a door that drives nothing until its first SetMode.
func New(c Config) *Machine {
	c.Extended = max(c.Extended, c.Release)
	return &Machine{cfg: c}
}

// Status is the door as it stands after the last Step.
func (m *Machine) Status() Status {
	return Status{Mode: m.mode, Open: m.open, Locked: m.lock == locked, Forced: m.forced, Held: m.held}
}

// Deadline is when the next Tick is due; the zero time when none is.
func (m *Machine) Deadline() time.Time {
	next := earlier(m.until, m.heldAt)
	for _, p := range m.pending {
		next = earlier(next, p.until.Add(Settle))
	}
	return next
}

// Step takes one input at the time now, which never goes back, and returns what is to be done, in order. What was due
// before now is done first. The slice is the caller's.
func (m *Machine) Step(now time.Time, in Input) []Action {
	m.out = nil
	m.expire(now)
	switch in := in.(type) {
	case Decided:
		m.decided(now, in.Decision, in.Side)
	case Contact:
		m.contact(now, in.Active)
	case ContactLost:
		m.known = false
	case REX:
		m.request(now, in)
	case Fire:
		m.fire = in.Active
		m.watch(now)
	case SetMode:
		m.setMode(now, in)
	case Stop:
		m.stop()
	case Tick:
	}
	return driveFirst(m.out)
}

func (m *Machine) decided(now time.Time, d policy.Decision, side event.Side) {
	if d.Granted {
		switch m.mode {
		case Secure, Unlocked:
		case Lockdown:
			d.Granted, d.Reason = false, event.Lockdown
		default:
			d.Granted, d.Reason = false, event.DoorDisabled
		}
	}
	if !d.Granted {
		m.do(Answer{side, answer(d.Reason)})
		m.do(Record{event.AccessDenied, side, d.Badge, d.Reason, byBadge})
		return
	}
	m.do(Answer{side, Welcome})
	m.do(Record{event.AccessGranted, side, d.Badge, event.Granted, byBadge})
	lasts := m.cfg.Release
	if d.Extended {
		lasts = m.cfg.Extended
	}
	m.release(now, passage{badge: d.Badge, side: side, cause: byBadge, lasts: lasts})
}

func (m *Machine) request(now time.Time, in REX) {
	if in.Active == m.rex {
		return
	}
	m.rex = in.Active
	switch {
	case !in.Active:
	case in.First:
		m.do(Record{Kind: event.RexPressed, Side: event.Out, Cause: byStart})
	default:
		m.do(Record{Kind: event.RexPressed, Side: event.Out, Cause: byREX})
		if m.mode != "" {
			m.release(now, passage{side: event.Out, cause: byREX, lasts: m.cfg.Release})
		}
	}
}

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
		m.do(Record{event.AccessEntered, p.side, p.badge, "", p.cause})
		if !m.heldAt.IsZero() && m.heldAt.Before(now.Add(p.lasts)) {
			m.heldAt = now.Add(p.lasts)
		}
	}
	m.pending = nil
}

func (m *Machine) closed() {
	m.open, m.heldAt = false, time.Time{}
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
	case !m.open || m.held || m.fire || m.mode == Unlocked || m.cfg.HeldAfter == 0:
		m.heldAt = time.Time{}
	case m.heldAt.IsZero():
		m.heldAt = now.Add(m.cfg.HeldAfter)
	}
}

func (m *Machine) setMode(now time.Time, in SetMode) {
	old := m.mode
	if in.Mode == old {
		return
	}
	m.mode = in.Mode
	cause := byMode
	if old == "" {
		cause = byStart
	}
	if old != "" || in.Mode != Secure {
		m.do(Record{Kind: event.ModeChanged, Cause: string(in.Mode) + ": " + in.Cause})
	}
	switch in.Mode {
	case Unlocked:
		m.unlock(cause, "", "")
	case Secure:
		if m.until.IsZero() {
			m.relock(cause)
		}
	default:
		m.cancel(string(in.Mode), func(p passage) bool { return p.cause == byBadge })
		m.until = time.Time{}
		for _, p := range m.pending {
			if p.until.After(now) && m.until.Before(p.until) {
				m.until = p.until
			}
		}
		if m.until.IsZero() {
			m.relock(cause)
		}
	}
	m.watch(now)
}

func (m *Machine) stop() {
	m.cancel(byStop, func(passage) bool { return true })
	if m.mode != "" {
		m.mode = ""
		m.relock(byStop)
	}
}

// expire does what was due at or before now.
func (m *Machine) expire(now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	if due(m.until) {
		m.relock(byTimeout)
	}
	m.cancel(byTimeout, func(p passage) bool { return due(p.until.Add(Settle)) })
	if due(m.heldAt) {
		m.heldAt, m.held = time.Time{}, true
		m.do(Record{Kind: event.DoorHeld, Cause: byTimeout})
	}
}

func (m *Machine) unlock(cause, badge string, side event.Side) {
	if m.lock != released {
		m.lock = released
		m.do(Drive{Released: true})
		m.do(Record{event.DoorUnlocked, side, badge, "", cause})
	}
}

// relock ends the present release; the lock stays as it is in mode unlocked.
func (m *Machine) relock(cause string) {
	m.until = time.Time{}
	if m.lock != locked && m.mode != Unlocked && (m.mode != "" || m.lock == released) {
		m.lock = locked
		m.do(Drive{Released: false})
		m.do(Record{Kind: event.DoorLocked, Cause: cause})
	}
}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

// driveFirst puts the last Drive in front and drops the others: the lock moves before anything is written, and once.
func driveFirst(out []Action) []Action {
	isDrive := func(a Action) bool { _, ok := a.(Drive); return ok }
	var last Action
	for _, a := range out {
		if isDrive(a) {
			last = a
		}
	}
	if last == nil {
		return out
	}
	return slices.Insert(slices.DeleteFunc(out, isDrive), 0, last)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
