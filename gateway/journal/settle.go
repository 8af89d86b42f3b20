package journal

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// settle records how the writing of a group ended and tells everybody.
func (j *Journal) settle(group []record, err error) {
	if err == nil {
		j.w.most = min(2*j.w.most, mostRecords)
	} else {
		j.w.most = max(j.w.most/2, leastRecords)
	}
	if errors.Is(err, syscall.ENOSPC) && j.freeAcked() {
		j.putBack(group)
		j.w.retryAt = time.Time{}
		return
	}
	if err != nil {
		j.w.backoff = min(max(2*j.w.backoff, minBackoff), maxBackoff)
		j.w.retryAt = time.Now().Add(j.w.backoff)
		j.mu.Lock()
		first := j.trouble == nil
		j.trouble = err
		j.mu.Unlock()
		j.putBack(group)
		if first {
			j.log.Error("the journal cannot be written; records wait in memory", "error", err)
			if j.o.OnTrouble != nil {
				j.o.OnTrouble(err)
			}
		}
		return
	}

	j.mu.Lock()
	seg := j.active()
	seg.last = group[len(group)-1].seq
	seg.size += int64(len(j.w.buf))
	j.durable = seg.last
	for _, r := range group {
		j.bytes -= len(r.payload)
	}
	was := j.trouble
	lost := slices.Clone(j.overflow[len(j.overflow)-j.unsaid:])
	j.overflow, j.unsaid = last(j.overflow, 64), 0
	j.trouble, j.stuck, j.inflight = nil, false, 0
	j.w.backoff = 0
	j.letIn()
	j.broadcast()
	j.mu.Unlock()

	if was != nil {
		j.log.Info("the journal can be written again")
		if j.o.OnTrouble != nil {
			j.o.OnTrouble(nil)
		}
	} else {
		was = errors.New("the disk did not answer")
	}
	for _, r := range lost {
		j.dropped(r.From, r.To, fmt.Errorf("journal: the queue was full: %w", was))
	}
}

func (j *Journal) putBack(group []record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = slices.Concat(group, j.pending)
	j.inflight = 0
	j.letIn()
}

// letIn wakes those that wait in Append; it needs the lock.
func (j *Journal) letIn() {
	close(j.room)
	j.room = make(chan struct{})
}

func (j *Journal) dropped(from, to uint64, cause error) {
	j.log.Error("records are lost", "from", from, "to", to, "error", cause)
	if j.o.OnDropped != nil {
		j.o.OnDropped(from, to, cause)
	}
}
