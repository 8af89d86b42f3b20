package passage

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// play feeds a walk: after each gap the named barriers are the ones interrupted. "-" is none.
func play(m *Machine, at time.Duration, gap time.Duration, walk string) (ins, outs int, end time.Duration) {
	for _, step := range strings.Fields(walk) {
		at += gap
		for line, letter := range []string{"O", "I"} {
			n, in := m.Edge(at, Line(line), strings.Contains(step, letter))
			if in {
				ins += n
			} else {
				outs += n
			}
		}
	}
	return ins, outs, at
}

func fresh() *Machine {
	m := New(5*time.Millisecond, 30*time.Second)
	m.Sync(0, [2]bool{})
	return m
}

func TestPassages(t *testing.T) {
	for _, c := range []struct {
		what      string
		walk      string
		ins, outs int
	}{
		{"in", "O OI I -", 1, 0},
		{"out", "I OI O -", 0, 1},
		{"in, then out", "O OI I - I OI O -", 1, 1},
		{"turned back at the first barrier", "O -", 0, 0},
		{"turned back under both", "O OI O -", 0, 0},
		{"turned back at the second barrier", "O OI I OI O -", 0, 0},
		{"turned back twice, then in", "O OI O OI I OI I -", 1, 0},
		{"turned back on the way out", "I OI O OI I -", 0, 0},
		{"outer barrier only", "O - O - O -", 0, 0},
		{"inner barrier only", "I - I -", 0, 0},
		{"a hand through both, and back", "O OI O - ", 0, 0},
		{"smaller than the barriers' distance", "O - I -", 0, 0},
		{"two closely", "O OI I OI O OI I -", 2, 0},
		{"three closely", "O OI I OI O OI I OI O OI I -", 3, 0},
		{"two closely, out", "I OI O OI I OI O -", 0, 2},
		{"two apart", "O OI I - O OI I -", 2, 0},
		{"legs before a body", "O - O OI I - I -", 1, 0},
		{"both at once, as by a flash", "OI -", 0, 0},
		{"both at once, one after the other free", "OI I -", 0, 0},
		{"one, then both free at once", "O OI -", 0, 0},
	} {
		if ins, outs, _ := play(fresh(), 0, 100*time.Millisecond, c.walk); ins != c.ins || outs != c.outs {
			t.Errorf("%s: %d in and %d out, expected %d and %d", c.what, ins, outs, c.ins, c.outs)
		}
	}
}

func TestStandingStill(t *testing.T) {
	m := fresh()
	_, _, at := play(m, 0, 100*time.Millisecond, "O OI")
	if ins, _, _ := play(m, at+29*time.Second, 100*time.Millisecond, "I -"); ins != 1 {
		t.Error("somebody who stood still for 29 s does not count")
	}
}

func TestBlocked(t *testing.T) {
	m := fresh()
	_, _, at := play(m, 0, time.Second, "O")
	if due, ok := m.Due(); !ok || due != at+30*time.Second {
		t.Errorf("due %v, %v", due, ok)
	}
	if _, is := m.Blocked(at + 30*time.Second); is {
		t.Error("blocked too soon")
	}
	if line, is := m.Blocked(at + 30*time.Second + 1); !is || line != Outer {
		t.Errorf("blocked %v, line %d", is, line)
	}
	m.Sync(at+time.Hour, [2]bool{Outer: true})
	if _, is := m.Blocked(at + time.Hour); !is {
		t.Error("a sync makes a blocked barrier young")
	}
	m.Sync(at+time.Hour, [2]bool{})
	if _, is := m.Due(); is {
		t.Error("due with free barriers")
	}
}

func TestL13NothingCountsUntilBothWereFree(t *testing.T) {
	m := fresh()
	m.Sync(time.Hour, [2]bool{Outer: true})
	ins, outs, at := play(m, time.Hour, time.Second, "OI I -")
	if ins != 0 || outs != 0 {
		t.Errorf("%d in and %d out of half a visit", ins, outs)
	}
	if ins, _, _ = play(m, at, time.Second, "O OI I -"); ins != 1 {
		t.Error("the next visit does not count")
	}
}

// visit is a way through the barriers, as positions along it: 0 before, 1 first barrier, 2 both, 3 second, 4 behind.
type visit struct {
	in      bool
	way     []int
	persons int
}

func drawVisit(t *rapid.T) visit {
	v := visit{in: rapid.Bool().Draw(t, "in"), way: []int{1}}
	walk := func(to int) {
		for at := v.way[len(v.way)-1]; at != to; {
			if to > at {
				at++
			} else {
				at--
			}
			v.way = append(v.way, at)
		}
	}
	switch rapid.SampledFrom([]string{"through", "dithering", "turned", "closely"}).Draw(t, "kind") {
	case "through":
		v.persons = 1
	case "dithering": // back and forth by one step, then through
		v.persons = 1
		walk(rapid.IntRange(1, 2).Draw(t, "place"))
		for range rapid.IntRange(1, 5).Draw(t, "times") {
			at := v.way[len(v.way)-1]
			walk(at + 1)
			walk(at)
		}
	case "turned": // anywhere between the first and the second barrier, any number of times, and back
		for range rapid.IntRange(0, 8).Draw(t, "turns") {
			walk(rapid.IntRange(1, 3).Draw(t, "to"))
		}
		walk(1)
		v.way = append(v.way, 0)
		return v
	case "closely":
		v.persons = rapid.IntRange(2, 5).Draw(t, "persons")
		for range v.persons - 1 {
			walk(3)
			walk(1)
		}
	}
	walk(4)
	return v
}

func TestVisitsAreCountedExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := fresh()
		at := time.Duration(0)
		wantIn, wantOut, ins, outs := 0, 0, 0, 0
		for range rapid.IntRange(1, 10).Draw(t, "visits") {
			v := drawVisit(t)
			if v.in {
				wantIn += v.persons
			} else {
				wantOut += v.persons
			}
			before := free
			for _, place := range v.way {
				next := []state{free, outerOnly, both, innerOnly, free}[place]
				if !v.in {
					next = []state{free, innerOnly, both, outerOnly, free}[place]
				}
				at += time.Duration(rapid.IntRange(10, 5000).Draw(t, "ms")) * time.Millisecond
				line := Outer
				if (before^next)&innerOnly != 0 {
					line = Inner
				}
				// The contact bounces: the last of an odd number of edges is the one that stays.
				for i := range 2*rapid.IntRange(0, 2).Draw(t, "bounces") + 1 {
					n, in := m.Edge(at, line, (next&(1<<line) != 0) == (i%2 == 0))
					if in {
						ins += n
					} else {
						outs += n
					}
					at += 100 * time.Microsecond
				}
				before = next
			}
		}
		if ins != wantIn || outs != wantOut {
			t.Fatalf("%d in and %d out, expected %d and %d", ins, outs, wantIn, wantOut)
		}
	})
}

func TestAnyEdgesAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := fresh()
		at := time.Duration(0)
		var last [2]bool
		released := [2]int{}
		total := 0
		for range rapid.IntRange(0, 200).Draw(t, "edges") {
			at += time.Duration(rapid.IntRange(0, 40_000).Draw(t, "ms")) * time.Millisecond
			line := Line(rapid.IntRange(0, 1).Draw(t, "line"))
			is := rapid.Bool().Draw(t, "interrupted")
			if last[line] && !is {
				released[line]++
			}
			last[line] = is
			n, _ := m.Edge(at, line, is)
			total += n
			if n < 0 || total > min(released[Outer], released[Inner]) {
				t.Fatalf("%d persons, but the barriers were left %v times", total, released)
			}
		}
	})
}
