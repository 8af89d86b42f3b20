package journal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	cursorEvery = 15 * time.Second
	sweepEvery  = time.Hour
	minBackoff  = 100 * time.Millisecond
	maxBackoff  = 10 * time.Second

	mostRecords  = queueRecords / 2 // in a group; leaves something to drop while the disk hangs
	leastRecords = 16
)

// writer is the state of the goroutine that commits.
type writer struct {
	out        file // the last segment; nil: begin a new one
	broken     bool // a write failed: out cannot be trusted behind the segment's size
	cursorFile file
	cursor     cursor // as saved last
	cursorBad  bool
	buf, spare []byte
	most       int // records in a group: fewer after a failure, so that what fits on a nearly full disk is written

	backoff  time.Duration
	retryAt  time.Time
	cursorAt time.Time // zero while the cursor is not behind
	sweepAt  time.Time
	closeErr error
}

func (j *Journal) run() {
	defer close(j.done)
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-j.stop:
			j.finish()
			return
		case <-j.kick:
		case <-t.C:
		}
		t.Reset(j.step())
	}
}

// step does everything that is due and returns after what time something will be.
func (j *Journal) step() time.Duration {
	w := &j.w
	for group := j.take(time.Now()); group != nil; group = j.take(time.Now()) {
		j.settle(group, j.write(group))
	}
	now := time.Now()
	if !now.Before(w.sweepAt) {
		j.sweep(now)
		w.sweepAt = now.Add(sweepEvery)
	}
	due := w.sweepAt

	j.mu.Lock()
	dirty, waiting, gatherAt := j.dirty, len(j.pending) > 0, j.gatherAt
	failing := j.trouble != nil
	j.mu.Unlock()
	switch {
	case !dirty:
		w.cursorAt = time.Time{}
	case w.cursorAt.IsZero():
		w.cursorAt = now.Add(cursorEvery)
	case !now.Before(w.cursorAt):
		w.cursorAt = now.Add(cursorEvery)
		err := j.remember(w.cursor.reserved, w.cursor.floor)
		if err == nil {
			w.cursorAt = time.Time{}
		} else if !w.cursorBad {
			j.log.Warn("the journal's cursor cannot be saved; after a restart more is sent again", "error", err)
		}
		w.cursorBad = err != nil
	}
	if !w.cursorAt.IsZero() && w.cursorAt.Before(due) {
		due = w.cursorAt
	}
	if waiting && failing && w.retryAt.Before(due) {
		due = w.retryAt
	} else if waiting && !failing && gatherAt.Before(due) {
		due = gatherAt
	}
	return max(0, due.Sub(now))
}

// take returns the records to write now, or nil.
func (j *Journal) take(now time.Time) []record {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.pending)
	switch {
	case n == 0:
		return nil
	case j.trouble != nil && now.Before(j.w.retryAt):
		return nil
	case now.Before(j.gatherAt) && j.hurry < j.pending[0].seq && n < queueRecords/4 && !j.closed:
		return nil
	}
	n = min(n, j.w.most)
	for i := 1; i < n; i++ {
		if j.pending[i].seq != j.pending[i-1].seq+1 {
			n = i // no segment has a gap within, so that a gap within one is damage
		}
	}
	group := j.pending[:n:n]
	j.pending = j.pending[n:]
	j.inflight = n
	return group
}

// write makes a group durable. After a failure nothing of the group counts: it is written again to a new segment, for
// after a failed fsync nobody knows what the file holds.
func (j *Journal) write(group []record) error {
	w := &j.w
	if w.out == nil || w.broken || j.active().size >= j.o.segment || j.active().last+1 != group[0].seq {
		if err := j.begin(group[0].seq); err != nil {
			return err
		}
	}
	seg := j.active()
	if last := group[len(group)-1].seq; last > w.cursor.reserved || seg.first != w.cursor.segment {
		if err := j.remember(last+reserveBlock, w.cursor.floor); err != nil {
			return fmt.Errorf("reserve sequence numbers: %w", err)
		}
	}
	w.buf = w.buf[:0]
	for _, r := range group {
		w.buf, w.spare = appendRecord(w.buf, r, w.spare)
	}
	_, err := w.out.WriteAt(w.buf, seg.size)
	if err == nil {
		err = w.out.Sync()
	}
	if err != nil {
		w.broken = true
		_ = w.out.Truncate(seg.size) // readers would pass over what is behind, but it takes room
		return fmt.Errorf("write segment %s: %w", seg.name(), err)
	}
	return nil
}

func (j *Journal) active() *segment { return j.segs[len(j.segs)-1] }

// begin seals the segment that is being written, if any, and opens the next one.
func (j *Journal) begin(first uint64) error {
	w := &j.w
	if w.out != nil {
		w.out.Close()
		w.out = nil
	}
	if len(j.segs) > 0 && !j.active().sealed {
		seg := j.active()
		sealed := segment{first: seg.first, last: seg.last, sealed: true}
		var err error
		if seg.empty() {
			err = j.d.Remove(seg.name())
		} else {
			err = j.d.Rename(seg.name(), sealed.name())
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("seal segment %s: %w", seg.name(), err)
		}
		j.mu.Lock()
		if seg.empty() {
			j.segs = slices.Clone(j.segs[:len(j.segs)-1])
		} else {
			seg.sealed, seg.ackedAt = true, time.Time{}
		}
		j.mu.Unlock()
	}
	j.sweep(time.Now())
	next := &segment{first: first, last: first - 1}
	f, err := j.d.Open(next.name(), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return fmt.Errorf("begin segment: %w", err)
	}
	j.mu.Lock()
	j.segs = append(slices.Clone(j.segs), next)
	j.mu.Unlock()
	w.out, w.broken = f, false
	if err := j.d.Sync(); err != nil {
		w.broken = true
		return fmt.Errorf("begin segment: sync the folder: %w", err)
	}
	return nil
}

// remember saves the cursor.
func (j *Journal) remember(reserved, floor uint64) error {
	acked, _ := j.stamp(time.Now())
	c := cursor{acked: acked, reserved: reserved, floor: floor}
	if len(j.segs) > 0 {
		c.segment = j.active().first
	}
	if err := j.w.saveCursor(j.d, c); err != nil {
		return err
	}
	j.mu.Lock()
	j.dirty = j.acked != acked
	j.mu.Unlock()
	return nil
}

// finish makes one last attempt at everything.
func (j *Journal) finish() {
	w := &j.w
	var err error
	w.retryAt = time.Time{}
	for group := j.take(time.Now()); group != nil; group = j.take(time.Now()) {
		j.settle(group, j.write(group))
	}
	j.mu.Lock()
	if len(j.pending) > 0 {
		err = fmt.Errorf("journal: records %d to %d are lost: %w", j.pending[0].seq, j.last, j.trouble)
	}
	if j.unsaid > 0 {
		r := j.overflow[len(j.overflow)-j.unsaid]
		err = errors.Join(err, fmt.Errorf("journal: records %d to %d were dropped when the queue was full", r.From, j.overflow[len(j.overflow)-1].To))
	}
	behind := j.dirty || w.cursor.floor != j.last || w.cursor.reserved != j.last
	j.mu.Unlock()
	if behind {
		if cerr := j.remember(j.last, j.last); cerr != nil {
			err = errors.Join(err, fmt.Errorf("journal: save the cursor: %w", cerr))
		}
	}
	for _, f := range []file{w.out, w.cursorFile} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	j.mu.Lock()
	j.broadcast()
	j.mu.Unlock()
	w.closeErr = errors.Join(err, j.lock.Close())
}

func last(rs []Range, n int) []Range { return rs[max(0, len(rs)-n):] }
