package gateway

import (
	"encoding/json"
	"fmt"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
)

// record writes one audit event. It never waits for the disk to have it.
func (l *loop) record(e event.Event) {
	e.At, e.Clock = l.clock.Stamp()
	e.Boot = l.boot
	l.append(l.audit, func(seq uint64, prev string) ([]byte, error) {
		e.Seq, e.Prev = seq, prev
		return json.Marshal(e)
	})
	l.memory.Apply(e)
	if l.recent != nil {
		l.recent.add(e)
	}
	if l.c.Recorded != nil {
		l.c.Recorded(e)
	}
	l.replan = l.replan || e.Kind == event.AccessEntered
}

// recordReading writes one reading.
func (l *loop) recordReading(r event.Reading) {
	r.At, r.Clock = l.clock.Stamp()
	l.append(l.telemetry, func(seq uint64, _ string) ([]byte, error) {
		r.Seq = seq
		return json.Marshal(r)
	})
}

func (l *loop) append(j *journal.Journal, build func(seq uint64, prev string) ([]byte, error)) {
	if _, err := j.Append(build); err != nil {
		if l.unwritten[j]++; l.unwritten[j] == 1 {
			l.log.Error("a record could not be written", "error", err)
		}
	}
}

// recordUnwritten names what a journal did not take, once it takes something again.
func (l *loop) recordUnwritten() {
	for _, j := range []*journal.Journal{l.audit, l.telemetry} {
		n, name := l.unwritten[j], AuditDir
		if j == l.telemetry {
			name = TelemetryDir
		}
		if n == 0 {
			continue
		}
		before := l.unwritten[l.audit]
		l.record(event.Event{Kind: event.JournalDropped, Cause: fmt.Sprintf("%s: %d records were never written", name, n)})
		if l.unwritten[l.audit] == before {
			l.unwritten[j] = 0
		}
	}
}

// recordLosses writes an event for each range of records that is gone.
func (l *loop) recordLosses() {
	lost, more := l.mail.losses()
	for _, r := range lost {
		l.record(event.Event{Kind: event.JournalDropped, Cause: r.String()})
		l.log.Error("records are lost", "journal", r.journal, "from", r.from, "to", r.to, "cause", r.cause)
	}
	if more > 0 {
		l.record(event.Event{Kind: event.JournalDropped, Cause: fmt.Sprintf("%d more records in other ranges", more)})
	}
	if what := l.mail.forgotten(); what != "" {
		l.record(event.Event{Kind: event.JournalDropped, Cause: what})
		l.log.Error("something that was stored is damaged", "what", what)
	}
}

// refusedEvery is how often commands that were not believed are recorded: whoever can reach the broker can send them, and
// must not fill the journal.
const refusedEvery = time.Minute

func (l *loop) recordRefusedCommands(now time.Time) {
	if now.Sub(l.refusedAt) < refusedEvery {
		return
	}
	n, first := l.mail.refusedCommands()
	if n == 0 {
		return
	}
	l.refusedAt = now
	cause := first.Error()
	if n > 1 {
		cause = fmt.Sprintf("%d commands, the first: %v", n, first)
	}
	l.record(event.Event{Kind: event.CommandRefused, Cause: cause})
	l.log.Warn("command refused", "cause", cause)
}

// recordPolicy writes what a burst of policy messages came to.
func (l *loop) recordPolicy() {
	n := l.mail.policies()
	if n.applied > 0 {
		cause := fmt.Sprintf("version %d, %d shards", l.policy.Current().Version(), n.applied)
		l.record(event.Event{Kind: event.PolicyApplied, Cause: cause})
		l.log.Info("policy applied", "cause", cause)
		l.replan = true
		l.publish()
	}
	if n.refusals > 0 {
		cause := fmt.Sprintf("%d messages, the first: %v", n.refusals, n.refusal)
		l.record(event.Event{Kind: event.PolicyRefused, Cause: cause})
		l.log.Warn("policy refused", "cause", cause)
	}
}
