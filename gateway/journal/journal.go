// Package journal keeps a gateway's records on disk, in order, until the server has them: append-only segment files,
// committed in groups, with a sequence that is never reused and a hash chain that shows each gap.
//
// It never looks into a record, never changes or re-encodes one, never deletes what is not acknowledged unless the size
// limit forces it, and never loses anything in silence: what is damaged, dropped or missing is named by its sequence
// range, at each Open until it is acknowledged.
//
// # On disk
//
// A folder holds "lock", "cursor" and segments of about 4 MB. A finished segment is named by its first and last sequence
// number, the one being written by its first only, so that a listing of the folder shows a missing segment. A record
// is CRC-32C, length, sequence number and payload (record.go); a damaged record costs itself only. The cursor file has
// two slots that are written in turn, in place, so that it can be saved on a full disk and a torn write leaves the other.
//
// # Sequence numbers
//
// A number is reserved in the cursor file, in blocks, before a record that bears it becomes readable. After a clean
// close or a crash of the process the sequence goes on without a gap. After a power cut, or when the end of the journal
// is damaged or missing, it goes on after the reserved block, because a disk that lied about flushing may have lost
// records that were already sent: the numbers between are named in the Report, and are not used. Open saves that before
// it cuts anything, so that neither a crash nor a second Open can give one of them out. What it cuts off is only the
// unfinished write that a killed process leaves. A damaged end stays, if an intact record is before it in its segment, and a
// new segment is begun behind it.
//
// # Looking only
//
// With Options.ReadOnly nothing in the folder is changed, so that a journal can be read as evidence: on a read-only mount,
// or as a copy from another machine. The lock is shared, and is none where the copy has no lock file. Numbers that were only
// reserved are not called lost, unless the end of the journal is damaged or missing: a copy says nothing about the power of
// the machine that it comes from.
//
// # Concurrency
//
// All methods may be called from any goroutine. Append only fills a queue; one goroutine writes and syncs what has
// gathered, so that a group costs one fsync. The queue holds 10,000 records or 16 MB, whichever is less. When it is full
// and the disk works, Append waits for the disk, a second at most. When it is full and the disk fails or hangs, the
// oldest queued half that is not being written is dropped record by record; the range is given to OnDropped once
// the disk works again. Writes are retried with back-off from 100 ms to 10 s.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// MaxRecord is the largest payload in bytes.
const MaxRecord = 64 << 10

// Errors that callers tell apart.
var (
	ErrClosed   = errors.New("journal: closed")
	ErrDropped  = errors.New("journal: the record was dropped because the disk failed and the queue was full")
	ErrReadOnly = errors.New("journal: opened with ReadOnly, to look only")
)

const (
	queueRecords = 10_000
	queueBytes   = 16 << 20
	patience     = time.Second // that Append waits for a disk that says nothing
)

// Options are the limits and callbacks of a journal; the zero value is usable. Callbacks are called without locks held;
// they may call Append, and must not call Wait or Close.
type Options struct {
	MaxBytes int64         // of all segments; 0: no limit. The oldest acknowledged go first, then the oldest others
	Retain   time.Duration // how long acknowledged records are kept at least; 0: 120 h (IEC 60839-11-1, grades 3 and 4)
	Gather   time.Duration // how long a record may wait for others before it is written; 0: not at all. Wait ends it

	ReadOnly bool // to look only: Append and Ack fail with ErrReadOnly, and the limits above mean nothing

	OnDropped func(from, to uint64, cause error) // records that are lost for good, both ends included
	OnTrouble func(err error)                    // the disk began to fail, or works again (nil)
	Log       *slog.Logger

	segment int64 // bytes after which a new segment is begun; 0: 4 MB
}

// Range is a run of sequence numbers, both ends included.
type Range struct {
	From, To uint64
	Cause    string
}

// String is the form in which an event of kind journal.dropped names a range: "seq 12-34: why".
func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprintf("seq %d: %s", r.From, r.Cause)
	}
	return fmt.Sprintf("seq %d-%d: %s", r.From, r.To, r.Cause)
}

// Report is what Open found wrong. The zero value means: nothing.
type Report struct {
	Lost    []Range  // above the acknowledged cursor: damaged, missing, or reserved and never to be used
	Torn    int64    // bytes behind the last intact record: an unfinished write, which is cut off, or damage, which stays
	Cursor  bool     // the cursor file was lost: everything is sent again
	Ignored []string // files that are none of the journal's
}

// Journal is an open journal.
type Journal struct {
	o    Options
	log  *slog.Logger
	d    disk
	lock io.Closer

	mu       sync.Mutex
	segs     []*segment // oldest first; the last one is written to unless it is sealed
	last     uint64     // highest number given out
	prev     string     // hash of the record that bears it
	durable  uint64
	acked    uint64
	pending  []record // waiting to be written, oldest first
	inflight int      // records being written
	bytes    int      // payload of both
	gatherAt time.Time
	hurry    uint64        // somebody waits for this number
	room     chan struct{} // closed when a group has left the queue
	changed  chan struct{} // closed when durable or acked moves, or a record is dropped
	overflow []Range       // dropped from the queue, lately
	unsaid   int           // how many of overflow OnDropped has not heard of
	known    []Range       // damage that was reported
	dirty    bool          // the cursor file is behind
	trouble  error
	stuck    bool // the disk did not answer within patience
	closed   bool

	kick chan struct{}
	stop chan struct{}
	done chan struct{}
	w    writer // of the goroutine that commits

	reading sync.Mutex // one Read at a time; guards the segments' marks and window
	window  []byte
}

type record struct {
	seq     uint64
	payload []byte
}

// Wait returns nil once the record with that number is durable, and ErrDropped when it never will be.
func (j *Journal) Wait(ctx context.Context, seq uint64) error {
	for {
		j.mu.Lock()
		changed := j.changed
		switch {
		case seq > j.last:
			defer j.mu.Unlock()
			return fmt.Errorf("journal: wait for record %d: the last one is %d", seq, j.last)
		case covers(j.overflow, seq, seq):
			j.mu.Unlock()
			return ErrDropped
		case seq <= j.durable:
			j.mu.Unlock()
			return nil
		case j.closed:
			j.mu.Unlock()
			return ErrClosed
		}
		if seq > j.hurry {
			j.hurry = seq
			j.wake()
		}
		j.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Durable is the highest number up to which every record is on disk, or was reported lost.
func (j *Journal) Durable() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// Last is the highest number that was ever given out.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Acked is the highest number that the server is known to hold, with all before it. After a crash it may lag by some
// seconds of acknowledgements.
func (j *Journal) Acked() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked
}

// Ack moves the acknowledged cursor, forwards or, when the server has lost its records, backwards. It is saved
// lazily. A number that is not durable is refused.
func (j *Journal) Ack(seq uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return ErrClosed
	case j.o.ReadOnly:
		return ErrReadOnly
	case seq > j.durable:
		return fmt.Errorf("journal: record %d cannot be acknowledged: the last one on disk is %d", seq, j.durable)
	case seq != j.acked:
		j.acked, j.dirty = seq, true
		j.broadcast()
		j.wake()
	}
	return nil
}

// Changed returns a channel that is closed when Durable or Acked next moves. Take it before looking.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Close writes what is queued, saves the cursor and lets go of the folder. The error names the records that could not be
// written: they are lost.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		<-j.done
		return nil
	}
	j.closed = true
	j.broadcast()
	close(j.room)
	j.room = make(chan struct{})
	j.mu.Unlock()
	close(j.stop)
	<-j.done
	return j.w.closeErr
}

// broadcast needs the lock.
func (j *Journal) broadcast() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *Journal) wake() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

func covers(rs []Range, from, to uint64) bool {
	for _, r := range rs {
		if r.From <= from && to <= r.To {
			return true
		}
	}
	return false
}
