package beam

import "time"

// The barriers, as bits of a state and as indices of lines.
const (
	outer = 0
	inner = 1
)

type state uint8

const (
	free      state = 0
	outerOnly state = 1 << outer
	innerOnly state = 1 << inner
	both            = outerOnly | innerOnly
)

// machine is the counting, pure over edges in order of time.
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
// edges of the last line and counts as two: the barriers cannot tell. A visit whose two barriers change within Opts.Step
// of each other, as by a flash of light, has no direction and counts none. Bouncing of one line changes nothing.
type machine struct {
	step  time.Duration
	limit time.Duration

	now     state
	changed [2]time.Duration // when each line last changed
	ready   bool             // both have been free since the last sync
	first   state            // where the visit began
	began   time.Duration
	alone   state         // which one was interrupted before both were
	left    time.Duration // when the other barrier was last left alone
	steps   int
	clear   bool
}

// sync takes the levels as they are. Nothing counts until both barriers have been free.
func (m *machine) sync(at time.Duration, now state) {
	for line := range m.changed {
		if (m.now^now)&(1<<line) != 0 {
			m.changed[line] = at
		}
	}
	m.now, m.ready = now, now == free
}

// edge takes one change of one line and says how many persons went through with it: towards the inside when in.
func (m *machine) edge(at time.Duration, line int, interrupted bool) (persons int, in bool) {
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

// blocked says which barrier has been interrupted for longer than the limit, if any.
func (m *machine) blocked(now time.Duration) (line int, is bool) {
	for line := range m.changed {
		if m.now&(1<<line) != 0 && now-m.changed[line] > m.limit {
			return line, true
		}
	}
	return 0, false
}

// due says when blocked may become true, unless there is an edge before.
func (m *machine) due() (at time.Duration, is bool) {
	for line, changed := range m.changed {
		if m.now&(1<<line) != 0 && (!is || changed+m.limit < at) {
			at, is = changed+m.limit, true
		}
	}
	return at, is
}
