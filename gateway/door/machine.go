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
	warned bool // the readers sound
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
	return &Machine{cfg: c.normal()}
}

// Configure changes the times of a door. They count from the next release and the next opening on. What the door is built
// like cannot be changed: Contact and FireRelease stay.
func (m *Machine) Configure(c Config) {
	c.Contact, c.FireRelease = m.cfg.Contact, m.cfg.FireRelease
	m.cfg = c.normal()
}

func (c Config) normal() Config {
	c.Extended = max(c.Extended, c.Release)
	c.Warn = min(c.Warn, c.HeldAfter/2)
	return c
}

// Status is the door as it stands after the last Step.
func (m *Machine) Status() Status {
	return Status{Mode: m.mode, Open: m.open, Locked: m.lock == locked, Forced: m.forced, Held: m.held, Unseen: m.cfg.Contact && !m.known}
}

// Deadline is when the next Tick is due; the zero time when none is.
func (m *Machine) Deadline() time.Time {
	next := earlier(earlier(m.until, m.heldAt), m.warnAt())
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
	case Open:
		m.command(now, in)
	case Fire:
		m.setFire(now, in.Active)
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
		reason := m.refusal()
		if reason != "" && !(m.mode == Lockdown && d.Mode == Lockdown) {
			d.Granted, d.Reason = false, reason
		}
	}
	if !d.Granted {
		m.do(Answer{side, answer(d.Reason)})
		m.do(Record{event.AccessDenied, side, d.Badge, d.Reason, byBadge})
		return
	}
	m.do(Answer{side, Welcome})
	lasts := m.cfg.Release
	if d.Extended {
		lasts = m.cfg.Extended
	}
	if d.With != "" {
		m.do(Record{event.AccessGranted, side, d.With, event.Granted, byBadge})
		m.release(now, passage{badge: d.With, side: side, cause: byBadge, lasts: lasts})
	}
	m.do(Record{event.AccessGranted, side, d.Badge, d.Reason, byBadge})
	for _, r := range d.Notify.Reasons() {
		m.do(Record{event.AccessNotice, side, d.Badge, r, byBadge})
	}
	if d.Duress {
		m.do(Record{event.AccessDuress, side, d.Badge, event.Duress, byBadge})
	}
	m.release(now, passage{badge: d.Badge, side: side, cause: byBadge, lasts: lasts})
}

// refusal is why the mode refuses what would open otherwise; empty when it does not.
func (m *Machine) refusal() event.Reason {
	switch m.mode {
	case Secure, CardAndPIN, FreeAccess, Unlocked:
		return ""
	case Lockdown:
		return event.Lockdown
	}
	return event.DoorDisabled
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

func (m *Machine) command(now time.Time, in Open) {
	if reason := m.refusal(); reason != "" {
		m.do(Record{Kind: event.CommandRefused, Reason: reason, Cause: in.Cause})
		return
	}
	m.do(Record{Kind: event.CommandAccepted, Cause: in.Cause})
	lasts := m.cfg.Release
	if in.Extended {
		lasts = m.cfg.Extended
	}
	m.release(now, passage{cause: in.Cause, lasts: lasts})
}

func (m *Machine) setFire(now time.Time, active bool) {
	if active == m.fire {
		return
	}
	m.fire = active
	switch {
	case m.keptOpen():
		m.unlock(byFire, "", "")
	case !active && m.cfg.FireRelease && m.until.IsZero():
		m.relock(byFire)
	}
	m.watch(now)
}

// keptOpen says whether the lock is to be released without an end.
func (m *Machine) keptOpen() bool {
	return m.mode == Unlocked || m.mode != "" && m.fire && m.cfg.FireRelease
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
	case Secure, CardAndPIN, FreeAccess:
		if m.until.IsZero() {
			m.relock(cause)
		}
	default:
		m.cancel(string(in.Mode), func(p passage) bool { return p.cause != byREX })
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
	if m.keptOpen() {
		m.unlock(byFire, "", "")
	}
	m.watch(now)
}

func (m *Machine) stop() {
	m.cancel(byStop, func(passage) bool { return true })
	if m.mode == "" {
		return
	}
	m.mode, m.until = "", time.Time{}
	if !m.fire || !m.cfg.FireRelease {
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
	if due(m.warnAt()) {
		m.warned = true
		m.answerAll(CloseIt)
	}
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

// relock ends the present release; the lock stays as it is while it is kept open.
func (m *Machine) relock(cause string) {
	m.until = time.Time{}
	if m.lock != locked && !m.keptOpen() && (m.mode != "" || m.lock == released) {
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
