package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"kapija/gateway/clock"
	"kapija/gateway/journal"
	"kapija/internal/event"
)

// Recorder writes audit events of a gateway that is stopped: what a technician did at it. They follow those of the gateway
// in its numbers and its hash chain, and are sent when it runs again.
type Recorder struct {
	audit *journal.Journal
	clock *clock.Clock
	boot  string
}

// recordTime is how long the disk may take to hold an event.
const recordTime = 5 * time.Second

// OpenRecorder opens the journal of the gateway in dir; built is the date of this program. The error says that the gateway
// runs, or why the journal cannot be written.
func OpenRecorder(dir string, built time.Time) (*Recorder, error) {
	j, _, err := journal.Open(filepath.Join(dir, AuditDir), journal.Options{MaxBytes: auditBytes})
	if err != nil {
		return nil, fmt.Errorf("gateway: what is done cannot be recorded: %w", err)
	}
	c := clock.New(clock.Options{Newest: newest(j), Built: built})
	c.Check()
	return &Recorder{audit: j, clock: c, boot: boot()}, nil
}

// Record writes one event and returns when the disk has it.
func (r *Recorder) Record(ctx context.Context, e event.Event) error {
	e.At, e.Clock = r.clock.Stamp()
	e.Boot = r.boot
	seq, err := r.audit.Append(func(seq uint64, prev string) ([]byte, error) {
		e.Seq, e.Prev = seq, prev
		return json.Marshal(e)
	})
	if err != nil {
		return fmt.Errorf("gateway: recording %s: %w", e.Kind, err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err := r.audit.Wait(ctx, seq); err != nil {
		return fmt.Errorf("gateway: recording %s: %w", e.Kind, err)
	}
	return nil
}

// Close closes the journal.
func (r *Recorder) Close() error { return r.audit.Close() }
