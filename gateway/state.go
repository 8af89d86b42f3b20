package gateway

import (
	"slices"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
)

// State is the gateway as it stands, at most a second old, with the journals' present queue. It may be called from any
// goroutine.
func (l *loop) State() event.State {
	s := event.State{Boot: l.boot, Version: l.c.Version}
	if p := l.published.Load(); p != nil {
		s = p.state
	}
	s.Queued = queued(l.audit) + queued(l.telemetry)
	return s
}

// published is the state at a moment of the monotonic clock.
type published struct {
	state event.State
	mono  time.Time
}

// now is the time for those who are not the loop, as exact as the loop's clock while that is not set.
func (l *loop) now() (at time.Time, known bool) {
	p := l.published.Load()
	if p == nil || p.state.Clock == event.ClockIsUnset {
		return time.Time{}, false
	}
	return p.state.At.Add(time.Since(p.mono)), true
}

// queued is how many records are not acknowledged yet. The cursor is read first: it may move, and never passes the last.
func queued(j *journal.Journal) uint64 {
	acked := j.Acked()
	return j.Last() - acked
}

// publish makes the present state known and has it sent.
func (l *loop) publish() {
	l.refresh()
	l.lastState = time.Now()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// shardCount is how many shards a whole policy has: one for each first byte of a key.
const shardCount = 256

// complete is the version of the policy; 0 while a part of it has never come.
func (l *loop) complete() uint64 {
	if shards, _ := l.policy.Current().Loaded(); shards < shardCount {
		return 0
	}
	return l.policy.Current().Version()
}

// refresh makes the present state known to those who ask.
func (l *loop) refresh() {
	at, clock := l.clock.Stamp()
	s := event.State{
		Online: true, At: at, Boot: l.boot, Version: l.c.Version, Clock: clock, Fire: l.fire,
		Policy: l.complete(), Devices: slices.Clone(l.health.devices),
	}
	for _, p := range l.portals {
		s.Doors = append(s.Doors, p.state())
	}
	l.published.Store(&published{s, time.Now()})
}
