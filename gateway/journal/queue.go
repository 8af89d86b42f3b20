package journal

import (
	"fmt"
	"time"

	"kapija/internal/event"
)

// Append gives the next record its sequence number and queues it. build gets that number and the hash of the record
// before (empty for the first) and returns the payload, 1 to MaxRecord bytes, which the journal keeps. build runs
// under the journal's lock and must not call the journal. When it fails, the number is not used.
func (j *Journal) Append(build func(seq uint64, prev string) ([]byte, error)) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.o.ReadOnly {
		return 0, ErrReadOnly
	}
	j.makeRoom()
	if j.closed {
		return 0, ErrClosed
	}
	seq := j.last + 1
	p, err := build(seq, j.prev)
	if err != nil {
		return 0, fmt.Errorf("journal: build record %d: %w", seq, err)
	}
	if len(p) == 0 || len(p) > MaxRecord {
		return 0, fmt.Errorf("journal: record %d has %d bytes, expected 1 to %d", seq, len(p), MaxRecord)
	}
	if len(j.pending) == 0 && j.o.Gather > 0 {
		j.gatherAt = time.Now().Add(j.o.Gather)
	}
	j.last, j.prev = seq, event.Hash(p)
	j.pending = append(j.pending, record{seq, p})
	j.bytes += len(p)
	j.wake()
	return seq, nil
}

// makeRoom returns when the queue has room for one more, or the journal is closed. It may let go of the lock for a while.
func (j *Journal) makeRoom() {
	var late <-chan time.Time
	for !j.closed && (j.inflight+len(j.pending) >= queueRecords || j.bytes > queueBytes-MaxRecord) {
		if (j.trouble != nil || j.stuck) && len(j.pending) > 0 {
			j.dropOldest()
			continue
		}
		if late == nil {
			late = time.After(patience)
		}
		room := j.room
		j.mu.Unlock()
		select {
		case <-room:
			j.mu.Lock()
		case <-late:
			j.mu.Lock()
			j.stuck, late = true, nil
		}
	}
}

func (j *Journal) dropOldest() {
	r := j.pending[0]
	j.pending[0] = record{}
	j.pending = j.pending[1:]
	j.bytes -= len(r.payload)
	if n := len(j.overflow); j.unsaid > 0 && j.overflow[n-1].To+1 == r.seq {
		j.overflow[n-1].To = r.seq
	} else {
		j.overflow = append(j.overflow, Range{From: r.seq, To: r.seq})
		j.unsaid++
	}
	j.broadcast()
}
