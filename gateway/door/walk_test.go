package door

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
)

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// built has times like a real door's.
var built = Config{Contact: true, Release: 5 * time.Second, Extended: 30 * time.Second, HeldAfter: 20 * time.Second}

func grant(badge string) Decided {
	return Decided{policy.Decision{Granted: true, Reason: event.Granted, Badge: badge}, event.In}
}

func (d Decided) out() Decided  { d.Side = event.Out; return d }
func (d Decided) slow() Decided { d.Decision.Extended = true; return d }

// exempt is a grant that was decided for a lockdown.
func exempt(badge string) Decided {
	d := grant(badge)
	d.Decision.Mode = Lockdown
	return d
}

// pair is a grant of two persons.
func pair(badge, with string) Decided {
	d := grant(badge)
	d.Decision.With = with
	return d
}

func refuse(r event.Reason) Decided {
	return Decided{policy.Decision{Reason: r, Badge: "R"}, event.In}
}

// node is one reachable state: the machine, the present time, and what its records have said so far.
type node struct {
	m     *Machine
	now   time.Time
	depth int
	said  said
	path  string
}

// said is what a reader of the journal believes.
type said struct {
	released, forced, held, open bool
	waiting                      int // grants without an account
}

func (n node) clone() node {
	m := *n.m
	m.pending = slices.Clone(m.pending)
	n.m = &m
	return n
}

// key is the state with its times relative to the present one.
func (n node) key() string {
	rel := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(n.now)
	}
	var b strings.Builder
	m := n.m
	fmt.Fprint(&b, m.mode, m.lock, rel(m.until), m.known, m.open, rel(m.heldAt), m.warned, m.forced, m.held, m.rex, m.fire, n.said)
	for _, p := range m.pending {
		fmt.Fprint(&b, " ", p.badge, p.side, p.cause, p.lasts, rel(p.until))
	}
	return b.String()
}

// quiet says whether an input may change nothing and leave no record, as the package's contract lists.
func quiet(m *Machine, now time.Time, in Input) bool {
	switch in := in.(type) {
	case Contact:
		return !m.cfg.Contact || m.known && in.Active == m.open
	case ContactLost:
		return !m.known
	case REX:
		return in.Active == m.rex
	case Fire:
		return in.Active == m.fire
	case SetMode:
		return in.Mode == m.mode
	case Tick:
		return m.Deadline().IsZero() || now.Before(m.Deadline())
	case Stop:
		return m.mode == ""
	}
	return false
}

func inputs(n node) []Input {
	return []Input{
		grant("A"), exempt("A"), grant("B"), pair("A", "B"), refuse(event.NoAccess),
		Contact{true}, Contact{false}, ContactLost{}, REX{Active: true}, REX{Active: true, First: true}, REX{},
		Open{"command: C", true}, Fire{true}, Fire{}, SetMode{Secure, "operator"}, SetMode{Unlocked, "schedule"}, SetMode{Lockdown, "operator"},
		SetMode{Disabled, "operator"}, Stop{}, Tick{},
	}
}

// step gives one input and checks the invariants of the transition.
func (n node) step(t *testing.T, in Input) node {
	t.Helper()
	before := n.key()
	mayBeQuiet := quiet(n.m, n.now, in)
	next := n.clone()
	if _, ok := in.(Tick); ok && !n.m.Deadline().IsZero() {
		next.now = n.m.Deadline()
		mayBeQuiet = false
	}
	next.depth++
	next.path += fmt.Sprintf("\n%T%+v", in, in)
	waited := len(n.m.pending)
	out := next.m.Step(next.now, in)

	fail := func(format string, a ...any) {
		t.Helper()
		t.Fatalf("%s\nafter%s\nactions %+v\nstate %s", fmt.Sprintf(format, a...), next.path, out, next.key())
	}
	var drives, moves int
	for i, a := range out {
		switch a := a.(type) {
		case Drive:
			drives++
			if i != 0 {
				fail("a drive that is not in front")
			}
			if a.Released != (next.m.lock == released) {
				fail("the drive is not the state of the lock")
			}
		case Record:
			if a.Cause == "" {
				fail("%s without a cause", a.Kind)
			}
			next.said.record(a, fail)
			if a.Kind == event.DoorLocked || a.Kind == event.DoorUnlocked {
				moves++
			}
		}
	}
	m := next.m
	switch {
	case drives > 1:
		fail("the lock was driven twice in one step")
	case (drives == 0) != (moves == 0):
		fail("the lock moved without a record, or a record without a move")
	case next.said.released != (m.lock == released):
		fail("the records do not say what the lock does")
	case next.said.forced != m.forced || next.said.held != m.held || next.said.open != m.open:
		fail("the records do not say what the door is like")
	case m.open && len(m.pending) > 0:
		fail("a grant waits for an opening while the door is open")
	case m.lock == released && !kept(m) && m.until.IsZero():
		fail("released without an end")
	case m.lock == released && (m.mode == "" || !m.until.IsZero() && !next.now.Before(m.until)) && !kept(m):
		fail("released for too long")
	case m.lock == locked && (m.keptOpen() || !m.until.IsZero()):
		fail("locked although it is to be open")
	case m.warned && !(m.open && (m.held || !m.heldAt.IsZero())):
		fail("the readers sound for nothing")
	case !m.Deadline().IsZero() && m.Deadline().Before(next.now):
		fail("a deadline has passed and is still there")
	}
	switch in := in.(type) {
	case Decided:
		if drives == 1 && m.lock == released && m.mode != Secure && m.mode != Unlocked && !(m.mode == Lockdown && in.Decision.Mode == Lockdown) {
			fail("a grant released in mode %q", m.mode)
		}
	case Open:
		if drives == 1 && m.lock == released && m.mode != Secure && m.mode != Unlocked {
			fail("a command released in mode %q", m.mode)
		}
	}
	var badges int
	for _, p := range m.pending {
		if p.cause == byBadge {
			badges++
		}
	}
	// A grant that renews its predecessor is one more grant for the same passage.
	if d, ok := in.(Decided); ok && badges > 0 {
		renewed := next.said.waiting - badges
		most := 1
		if d.Decision.With != "" {
			most = 2
		}
		if renewed > 0 && renewed+len(m.pending)-waited <= most {
			next.said.waiting -= renewed
		}
	}
	if next.said.waiting != badges {
		fail("%d grants without an account, %d that wait", next.said.waiting, badges)
	}
	if len(out) == 0 && !mayBeQuiet && next.key() == before {
		fail("an input was ignored in silence")
	}
	return next
}

// kept says whether the lock may be released without an end: by the mode, or by a fire, which a stop does not end.
func kept(m *Machine) bool { return m.mode == Unlocked || m.fire && m.cfg.FireRelease }

func (s *said) record(r Record, fail func(string, ...any)) {
	set := func(what *bool, to bool) {
		if *what == to {
			fail("%s twice, or cleared without having been", r.Kind)
		}
		*what = to
	}
	switch r.Kind {
	case event.DoorUnlocked:
		set(&s.released, true)
	case event.DoorLocked:
		s.released = false // the first one tells the state at start
	case event.DoorOpened:
		set(&s.open, true)
	case event.DoorClosed:
		set(&s.open, false)
	case event.DoorForced:
		set(&s.forced, true)
	case event.DoorForcedCleared:
		set(&s.forced, false)
	case event.DoorHeld:
		set(&s.held, true)
	case event.DoorHeldCleared:
		set(&s.held, false)
	case event.AccessGranted:
		s.waiting++
	case event.AccessEntered, event.AccessNotEntered:
		if r.Badge != "" {
			s.waiting--
		} else if r.Side != event.Out {
			fail("a request to exit goes out")
		}
	}
}

// TestWalk visits every state that a door can reach, gives it every input, and holds the invariants: never released
// without a recorded cause, a release ends, an alarm ends in a clear, a grant is accounted for, no input is ignored
// in silence. Time moves from deadline to deadline.
func TestWalk(t *testing.T) {
	// All times are multiples of Settle, so that there are few different times that are left.
	c := Config{Contact: true, Release: Settle, Extended: 2 * Settle, HeldAfter: 2 * Settle, Warn: Settle}
	without := c
	without.Contact = false
	fire, fireWithout := c, without
	fire.FireRelease, fireWithout.FireRelease = true, true
	for name, c := range map[string]Config{
		"with contact": c, "without contact": without, "opens on fire": fire, "opens on fire, without contact": fireWithout,
	} {
		t.Run(name, func(t *testing.T) {
			first := node{m: New(c), now: start}
			seen := map[string]bool{first.key(): true}
			queue := []node{first}
			var steps, depth int
			for len(queue) > 0 {
				n := queue[0]
				queue = queue[1:]
				depth = n.depth
				ends(t, n)
				for _, in := range inputs(n) {
					steps++
					next := n.step(t, in)
					if k := next.key(); !seen[k] {
						seen[k] = true
						queue = append(queue, next)
					}
				}
			}
			t.Logf("%d states, %d steps, depth %d", len(seen), steps, depth)
		})
	}
}

// ends holds that, left alone, a door locks and comes to rest, and that closing it clears its alarms.
func ends(t *testing.T, n node) {
	t.Helper()
	n.path += "\n(left alone)"
	for range maxPending {
		if n.m.Deadline().IsZero() {
			break
		}
		n = n.step(t, Tick{})
	}
	if !n.m.Deadline().IsZero() {
		t.Fatalf("a door never comes to rest:%s", n.path)
	}
	if n.m.lock == released && !kept(n.m) {
		t.Fatalf("a release never ends:%s", n.path)
	}
	if n = n.step(t, Contact{}); n.said.forced || n.said.held {
		t.Fatalf("a closed door keeps its alarm:%s", n.path)
	}
	if n = n.step(t, Fire{}); n.m.lock == released && n.m.mode != Unlocked {
		t.Fatalf("a release on fire never ends:%s", n.path)
	}
}
