package journal

import (
	"fmt"
	"os"

	"kapija/internal/event"
)

// ending is what is behind the last intact record of a segment.
type ending int

const (
	cleanEnd   ending = iota // nothing
	shortEnd                 // the first part of the next record
	damagedEnd               // something else
)

// scan reads one segment to its end: the last record's hash, what is damaged, and, when it is unsealed, how it ends. With r
// nil it only looks for the hash.
func (j *Journal) scan(s *segment, limit uint64, r *Report) (ending, error) {
	f, err := j.d.Open(s.name(), os.O_RDONLY)
	if err != nil {
		return cleanEnd, fmt.Errorf("open segment: %w", err)
	}
	defer f.Close()
	if s.sealed {
		limit = s.last
	}
	sc := newScanner(f, 0, s.size, s.first-1, limit, j.window)
	var end found
	for expect := s.first; ; expect = end.seq + 1 {
		rec, ok := sc.next()
		if !ok {
			break
		}
		if rec.seq > expect && r != nil {
			j.lose(r, expect, rec.seq-1, "damaged on disk")
		}
		s.mark(rec)
		rec.stored = append(end.stored[:0], rec.stored...)
		end = rec
	}
	if end.seq > 0 {
		if p, err := end.payload(); err == nil {
			j.prev = event.Hash(p)
		}
		j.last = max(j.last, end.seq)
	}
	if s.sealed {
		if r != nil && end.seq < s.last {
			j.lose(r, max(s.first, end.seq+1), s.last, "damaged on disk")
		}
		return cleanEnd, nil
	}
	s.last = max(s.last, end.seq)
	torn := s.size - sc.end
	s.size = sc.end
	if s == j.segs[len(j.segs)-1] {
		r.Torn = torn
	}
	switch {
	case torn == 0:
		return cleanEnd, nil
	case cutShort(f, sc):
		return shortEnd, nil
	}
	return damagedEnd, nil
}

// cutShort reports whether behind the last intact record there is only the first part of the next one, as a process
// leaves it that is killed while it writes. Nobody was told that such a record is durable.
func cutShort(f file, sc *scanner) bool {
	head := make([]byte, headSize)
	left := sc.size - sc.end
	if left < headSize {
		return true
	}
	if _, err := f.ReadAt(head, sc.end); err != nil {
		return false
	}
	n, packed, seq := parseHead(head)
	return seq == sc.last+1 && (packed == 0 || dictionaries[packed] != nil) && n > 0 && n <= MaxRecord && left < int64(headSize+n)
}

// goOn makes an unsealed segment the one that is written to. If that fails, what follows goes into a new one.
func (j *Journal) goOn(s *segment, end ending) {
	f, err := j.d.Open(s.name(), os.O_RDWR)
	if err != nil {
		return
	}
	if end == shortEnd && f.Truncate(s.size) != nil {
		f.Close()
		return
	}
	j.w.out = f
}
