// Package clock tells the time and how far it can be trusted. It never sets the machine's clock and never guesses:
//
//   - synced: the kernel says that its clock follows a time source.
//   - held: the kernel does not say so, but the time is not behind the newest record or, where there is none, not
//     behind the date of this build. A machine or a container whose host keeps the time is in this state, and works.
//   - unset: the clock is from before the build, and there is no record to hold on to.
//
// While the clock is held it never runs behind the newest record (L09): it goes on from there with the monotonic clock
// until the wall clock has caught up.
//
// Stamps never go back, with one exception: when a synced clock is more than Step behind them, they were wrong, and
// the synced clock is followed; Check reports it. Sequence numbers, not times, order the records.
//
// A Clock belongs to one goroutine. It makes no allocation per stamp and one system call per Check.
package clock

import (
	"fmt"
	"time"

	"kapija/internal/event"
)

// Step is the jump of the wall clock against the monotonic one from which on it is reported.
const Step = 2 * time.Second

// earliest is the least time that can be true, whatever the build says.
var earliest = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Options say what a clock holds on to and where it reads. Zero functions mean the machine's own.
type Options struct {
	Newest time.Time // of the newest record in the journals; zero when there is none
	Built  time.Time // date of the build; zero when unknown
	Wall   func() time.Time
	Mono   func() time.Duration // since any moment; never goes back
	Synced func() bool          // the kernel's own word
}

// Clock is the gateway's clock.
type Clock struct {
	o     Options
	state event.Clock
	last  time.Time // newest stamp or record; never passed backwards
	lastM time.Duration
	wall  time.Time // at the last Check
	wallM time.Duration
}

// Change is one event about the clock.
type Change struct {
	Kind  event.Kind // ClockStepped, ClockSynced or ClockLost
	Cause string
}

// New returns a clock. Its first Check tells the state that it starts in.
func New(o Options) *Clock {
	if o.Wall == nil {
		o.Wall = func() time.Time { return time.Now().Round(0) }
	}
	if o.Mono == nil {
		begin := time.Now()
		o.Mono = func() time.Duration { return time.Since(begin) }
	}
	if o.Synced == nil {
		o.Synced = KernelSynced
	}
	if o.Built.Before(earliest) {
		o.Built = earliest
	}
	c := &Clock{o: o, last: o.Newest.UTC(), lastM: o.Mono()}
	c.wall, c.wallM = o.Wall().UTC(), o.Mono()
	return c
}

// State is the state as of the last Check.
func (c *Clock) State() event.Clock {
	if c.state == "" {
		return event.ClockIsUnset
	}
	return c.state
}

// Stamp is the present time in UTC, without a monotonic reading, and how far it can be trusted.
func (c *Clock) Stamp() (time.Time, event.Clock) {
	mono := c.o.Mono()
	now := c.o.Wall().UTC()
	if held := c.hold(mono); now.Before(held) {
		now = held
	}
	c.last, c.lastM = now, mono
	return now, c.State()
}

// hold is what the stamps must not be behind at mono. A held clock runs on; a synced one waits for the wall clock, and
// what an unset one said is no time to run on from.
func (c *Clock) hold(mono time.Duration) time.Time {
	if c.state == event.ClockIsSynced || c.last.Before(c.o.Built) {
		return c.last
	}
	return c.last.Add(mono - c.lastM)
}

// Check looks at the kernel and at the wall clock, and returns what has changed since the last one. The first one
// reports a clock that is synced or unset at start. It is meant for once a second.
func (c *Clock) Check() []Change {
	var out []Change
	wall, mono := c.o.Wall().UTC(), c.o.Mono()
	step := wall.Sub(c.wall) - (mono - c.wallM)
	c.wall, c.wallM = wall, mono
	if step > Step || step < -Step {
		out = append(out, Change{event.ClockStepped, fmt.Sprintf("the wall clock moved by %v", step.Round(time.Millisecond))})
	}

	state := event.ClockIsUnset
	held := c.hold(mono)
	switch {
	case c.o.Synced() && !wall.Before(earliest):
		state = event.ClockIsSynced
	case !held.Before(c.o.Built) || !wall.Before(c.o.Built):
		state = event.ClockIsHeld
	}
	if state == event.ClockIsSynced {
		if back := held.Sub(wall); back > Step {
			c.last, c.lastM = wall, mono
			out = append(out, Change{event.ClockStepped, fmt.Sprintf("records were %v ahead of the synced clock, which is followed", back.Round(time.Millisecond))})
		}
	}
	switch old := c.state; {
	case state == old:
	case state == event.ClockIsSynced:
		out = append(out, Change{event.ClockSynced, "the kernel says that the clock is synchronised"})
	case old == event.ClockIsSynced:
		out = append(out, Change{event.ClockLost, "the kernel says that the clock is not synchronised"})
	case state == event.ClockIsUnset:
		out = append(out, Change{event.ClockLost, "the clock is behind the build, and there is no record to hold on to"})
	}
	c.state = state
	return out
}
