// Package passage tells from two barriers across a passage, an outer and an inner one that a body interrupts both at once,
// how many persons went through and in which direction. A barrier is whatever can tell that somebody is in it: a light
// beam, a distance sensor. What counts as a passage is written at Machine.
//
// It never reads anything and has no clock: changes and time come in, persons come out. A Machine belongs to one
// goroutine and is of fixed size.
package passage

import "time"

// Line is one of the two barriers.
type Line int

// The barriers: a person who comes in meets the outer one first.
const (
	Outer Line = 0
	Inner Line = 1
)

func (l Line) String() string {
	if l == Outer {
		return "outer"
	}
	return "inner"
}

// state is which barriers are interrupted.
type state uint8

const (
	free      state = 0
	outerOnly state = 1 << Outer
	innerOnly state = 1 << Inner
	both            = outerOnly | innerOnly
)

// Machine is the counting, pure over changes in order of time.
//
// A visit begins when one of two free barriers is interrupted and ends when both are free again. A step towards the
// other side is: first barrier alone, then both, then the other barrier alone. A visit that ends at the other barrier
// counts its steps as passages in that direction; one that ends at the barrier where it began counts none. So
//
//	through                           O  OI  I  –            1
//	turned back at any point          O  OI  I  OI  O  –     0
//	one barrier only, a hand          O  –                   0
//	two with less than the barriers'
//	distance between them             O  OI  I  OI  O  OI  I  –   2
//
// Somebody who steps back until only the first barrier is interrupted, and then goes through after all, leaves the
// edges of the last line and counts as two: the barriers cannot tell. A visit whose two barriers change within the step
// of each other, as by a flash of light, has no direction and counts none. Bouncing of one barrier changes nothing.
type Machine struct {
	step  time.Duration
	limit time.Duration

	now     state
	changed [2]time.Duration // when each barrier last changed
	ready   bool             // both have been free since the last Sync or Doubt
	first   state            // where the visit began
	began   time.Duration
	alone   state         // which one was interrupted before both were
	left    time.Duration // when the other barrier was last left alone
	steps   int
	clear   bool
}

// New makes a machine of two free barriers. Changes of both within step have no direction; a barrier that is
// interrupted for longer than limit is blocked.
func New(step, limit time.Duration) *Machine { return &Machine{step: step, limit: limit, ready: true} }

// Sync takes the barriers as they are: interrupted or not. Nothing counts until both have been free.
func (m *Machine) Sync(at time.Duration, interrupted [2]bool) {
	now := free
	for line, is := range interrupted {
		if is {
			now |= 1 << line
		}
	}
	for line := range m.changed {
		if (m.now^now)&(1<<line) != 0 {
			m.changed[line] = at
		}
	}
	m.now, m.ready = now, now == free
}

// Doubt drops what is under way: nothing counts until both barriers have been free.
func (m *Machine) Doubt() { m.ready = false }

// Edge takes one change of one barrier and says how many persons went through with it: towards the inside when in.
func (m *Machine) Edge(at time.Duration, line Line, interrupted bool) (persons int, in bool) {
	next := m.now &^ (1 << line)
	if interrupted {
		next |= 1 << line
	}
	before := m.now
	if next == before {
		return 0, false
	}
	m.now = next
	m.changed[line] = at
	switch {
	case !m.ready:
		m.ready = next == free
	case before == free:
		m.first, m.began, m.steps, m.clear = next, at, 0, true
	case next == both:
		m.alone = before
		if before == m.first && m.steps == 0 && at-m.began < m.step {
			m.clear = false
		}
	case before == both:
		if next != m.first {
			m.left = at
			if m.alone == m.first {
				m.steps++
			}
		}
	case before != m.first && m.clear && at-m.left >= m.step:
		return m.steps, m.first == outerOnly
	}
	return 0, false
}

// Blocked says which barrier has been interrupted for longer than the limit, if any.
func (m *Machine) Blocked(now time.Duration) (line Line, is bool) {
	for line := range Line(len(m.changed)) {
		if m.now&(1<<line) != 0 && now-m.changed[line] > m.limit {
			return line, true
		}
	}
	return Outer, false
}

// Due says when Blocked may become true, unless there is a change before.
func (m *Machine) Due() (at time.Duration, is bool) {
	for line, changed := range m.changed {
		if m.now&(1<<line) != 0 && (!is || changed+m.limit < at) {
			at, is = changed+m.limit, true
		}
	}
	return at, is
}
