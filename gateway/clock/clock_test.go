package clock

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"kapija/internal/event"
)

var (
	built = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	noon  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

// machine is a computer whose clock can be wrong.
type machine struct {
	wall   time.Time
	mono   time.Duration
	synced bool
}

func (m *machine) options(newest time.Time) Options {
	return Options{Newest: newest, Built: built,
		Wall: func() time.Time { return m.wall }, Mono: func() time.Duration { return m.mono }, Synced: func() bool { return m.synced }}
}

func (m *machine) pass(d time.Duration) { m.wall, m.mono = m.wall.Add(d), m.mono+d }

func stamped(t *testing.T, c *Clock, at time.Time, state event.Clock) {
	t.Helper()
	if gotAt, gotState := c.Stamp(); !gotAt.Equal(at) || gotState != state || gotAt.Location() != time.UTC {
		t.Fatalf("stamp %v %s, want %v %s", gotAt, gotState, at, state)
	}
}

func kinds(changes []Change) (k []event.Kind) {
	for _, c := range changes {
		k = append(k, c.Kind)
	}
	return k
}

func changed(t *testing.T, c *Clock, want ...event.Kind) {
	t.Helper()
	got := kinds(c.Check())
	if len(got) != len(want) {
		t.Fatalf("changes %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("changes %v, want %v", got, want)
		}
	}
}

func TestStates(t *testing.T) {
	epoch := time.Unix(0, 0).UTC()
	for _, c := range []struct {
		name         string
		wall, newest time.Time
		synced       bool
		at           time.Time
		want         event.Clock
	}{
		{"the kernel says so", noon, noon.Add(-time.Hour), true, noon, event.ClockIsSynced},
		{"right, but the kernel does not know", noon, noon.Add(-time.Hour), false, noon, event.ClockIsHeld},
		{"right, new gateway", noon, time.Time{}, false, noon, event.ClockIsHeld},
		{"behind the newest record", noon.Add(-time.Hour), noon, false, noon, event.ClockIsHeld},
		{"1970, records there", epoch, noon, false, noon, event.ClockIsHeld},
		{"1970, new gateway", epoch, time.Time{}, false, epoch, event.ClockIsUnset},
		{"before the build, new gateway", built.Add(-time.Hour), time.Time{}, false, built.Add(-time.Hour), event.ClockIsUnset},
		{"1970 and only records from 1970", epoch.Add(time.Hour), epoch.Add(2 * time.Hour), false, epoch.Add(2 * time.Hour), event.ClockIsUnset},
		{"a kernel that says synced in 1970 is wrong", epoch, time.Time{}, true, epoch, event.ClockIsUnset},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &machine{wall: c.wall, synced: c.synced}
			k := New(m.options(c.newest))
			if k.State() != event.ClockIsUnset {
				t.Errorf("before the first check: %s", k.State())
			}
			k.Check()
			stamped(t, k, c.at, c.want)
		})
	}
}

func TestL09NeverBehindTheNewestRecord(t *testing.T) {
	m := &machine{wall: time.Unix(0, 0)}
	c := New(m.options(noon))
	changed(t, c)
	stamped(t, c, noon, event.ClockIsHeld)
	m.pass(time.Minute)
	stamped(t, c, noon.Add(time.Minute), event.ClockIsHeld)

	m.wall, m.synced = noon.Add(time.Hour), true
	changed(t, c, event.ClockStepped, event.ClockSynced)
	stamped(t, c, noon.Add(time.Hour), event.ClockIsSynced)
}

func TestStepsAndLoss(t *testing.T) {
	m := &machine{wall: noon, synced: true}
	c := New(m.options(time.Time{}))
	changed(t, c, event.ClockSynced)
	m.pass(time.Second)
	changed(t, c)
	m.pass(time.Second)
	m.wall = m.wall.Add(-time.Second) // slewed or stepped by little: no event
	changed(t, c)
	m.wall = m.wall.Add(5 * time.Second)
	changed(t, c, event.ClockStepped)
	m.synced = false
	changed(t, c, event.ClockLost)
	stamped(t, c, m.wall, event.ClockIsHeld)
	m.wall = m.wall.Add(-time.Hour) // by hand, unsynced: the stamps go on
	changed(t, c, event.ClockStepped)
	stamped(t, c, m.wall.Add(time.Hour), event.ClockIsHeld)
	m.synced = true // now it is known to be right
	changed(t, c, event.ClockStepped, event.ClockSynced)
	stamped(t, c, m.wall, event.ClockIsSynced)
}

func TestSmallStepBackWaits(t *testing.T) {
	m := &machine{wall: noon, synced: true}
	c := New(m.options(time.Time{}))
	c.Check()
	stamped(t, c, noon, event.ClockIsSynced)
	m.wall = m.wall.Add(-time.Second)
	stamped(t, c, noon, event.ClockIsSynced)
	m.pass(3 * time.Second)
	stamped(t, c, noon.Add(2*time.Second), event.ClockIsSynced)
}

func TestUnsetIsReportedAtStart(t *testing.T) {
	c := New((&machine{wall: time.Unix(0, 0)}).options(time.Time{}))
	changed(t, c, event.ClockLost)
	changed(t, c)
}

// TestStampsNeverGoBack holds whatever the wall clock does while the kernel vouches for nothing.
func TestStampsNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{wall: noon}
		newest := noon.Add(time.Duration(rapid.Int64Range(-1e13, 1e13).Draw(t, "newest")))
		c := New(m.options(newest))
		last := newest
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			m.mono += time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "mono"))
			m.wall = noon.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "wall")))
			if rapid.Bool().Draw(t, "check") {
				c.Check()
			}
			at, _ := c.Stamp()
			if at.Before(last) {
				t.Fatalf("%v after %v", at, last)
			}
			last = at
		}
	})
}

func TestMachinesOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		c := New(Options{Newest: time.Now().Add(time.Hour), Synced: func() bool { return false }})
		time.Sleep(time.Minute)
		at, _ := c.Stamp()
		if want := time.Now().Add(time.Hour); !at.Equal(want) {
			t.Errorf("%v, want %v", at, want)
		}
	})
	New(Options{}).Check() // whatever this kernel says, it answers
}
