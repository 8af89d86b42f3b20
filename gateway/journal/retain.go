package journal

import (
	"errors"
	"io/fs"
	"slices"
	"time"
)

var errTooLarge = errors.New("journal: the size limit was reached; the oldest records were removed")

// stamp notes on each sealed segment since when the server holds all of it: in its file's time, so that it survives.
// It returns what it looked at.
func (j *Journal) stamp(now time.Time) (acked uint64, segs []*segment) {
	j.mu.Lock()
	acked, segs = j.acked, j.segs
	j.mu.Unlock()
	for _, s := range segs {
		switch {
		case !s.sealed:
		case s.last > acked:
			s.ackedAt = time.Time{}
		case s.ackedAt.IsZero():
			s.ackedAt = now
			_ = j.d.Touch(s.name(), now) // or it counts from its last write after a restart
		}
	}
	return acked, segs
}

// sweep removes segments, oldest first: those acknowledged for longer than Retain, and those over the size limit.
func (j *Journal) sweep(now time.Time) {
	acked, segs := j.stamp(now)
	var total int64
	for _, s := range segs {
		total += s.size
	}
	for _, s := range segs {
		over := j.o.MaxBytes > 0 && total > j.o.MaxBytes
		expired := s.last <= acked && now.Sub(s.ackedAt) >= j.o.Retain
		if !s.sealed || !over && !expired || !j.remove(s) {
			return
		}
		total -= s.size
		if s.last > acked {
			j.dropped(max(s.first, acked+1), s.last, errTooLarge)
		}
	}
}

// freeAcked gives the oldest segment, if the server holds all of it, for room on a full disk.
func (j *Journal) freeAcked() bool {
	j.mu.Lock()
	acked, oldest := j.acked, (*segment)(nil)
	if len(j.segs) > 0 && j.segs[0].sealed && j.segs[0].last <= acked {
		oldest = j.segs[0]
	}
	j.mu.Unlock()
	if oldest == nil || !j.remove(oldest) {
		return false
	}
	j.log.Warn("the disk is full: acknowledged records were removed early", "from", oldest.first, "to", oldest.last)
	return true
}

func (j *Journal) remove(s *segment) bool {
	if err := j.d.Remove(s.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segs = slices.DeleteFunc(slices.Clone(j.segs), func(o *segment) bool { return o == s })
	return true
}
