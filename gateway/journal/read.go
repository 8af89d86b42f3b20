package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Read returns up to max durable records, beginning with the first that exists at or after from, and that one's sequence
// number; the others follow it without a gap. A run ends early where records are missing or a segment ends. There
// are none when nothing durable is left: the number is then from.
func (j *Journal) Read(from uint64, max int) (records [][]byte, first uint64, err error) {
	j.reading.Lock()
	var lost []Range
	records, first, err = j.read(from, max, &lost)
	j.reading.Unlock()
	for _, r := range lost {
		j.dropped(r.From, r.To, errors.New("journal: "+r.Cause))
	}
	return records, first, err
}

func (j *Journal) read(from uint64, limit int, lost *[]Range) ([][]byte, uint64, error) {
	from = max(from, 1)
	for at := from; limit > 0; {
		s, v, ok := j.holding(at)
		if !ok {
			break
		}
		at = max(at, v.first)
		f, err := j.openSegment(s)
		if errors.Is(err, fs.ErrNotExist) {
			if !j.removed(s) {
				j.miss(at, v.last, "the segment's file is missing", lost)
			}
			at = v.last + 1
			continue
		}
		if err != nil {
			return nil, from, fmt.Errorf("journal: read: %w", err)
		}
		records, first := j.readRun(f, s, v, at, limit, lost)
		f.Close()
		if len(records) > 0 {
			return records, first, nil
		}
		at = v.last + 1
	}
	return nil, from, nil
}

// holding finds the segment that holds seq, or else the first one behind it, with its durable extent.
func (j *Journal) holding(seq uint64) (s *segment, v segment, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segs {
		if s.last >= seq && !s.empty() {
			return s, segment{first: s.first, last: s.last, size: s.size}, true
		}
	}
	return nil, v, false
}

// openSegment opens a file that may be sealed, and so renamed, at the same moment: when it is not there under its first
// name, its last record is final, and the second name is known.
func (j *Journal) openSegment(s *segment) (file, error) {
	j.mu.Lock()
	name := s.name()
	j.mu.Unlock()
	f, err := j.d.Open(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		j.mu.Lock()
		name = (&segment{first: s.first, last: s.last, sealed: true}).name()
		j.mu.Unlock()
		f, err = j.d.Open(name, os.O_RDONLY)
	}
	return f, err
}

// removed reports whether retention took the segment away meanwhile.
func (j *Journal) removed(s *segment) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, o := range j.segs {
		if o == s {
			return false
		}
	}
	return true
}

// readRun reads the first unbroken run at or after from in one segment.
func (j *Journal) readRun(f file, s *segment, v segment, from uint64, limit int, lost *[]Range) (records [][]byte, first uint64) {
	at, before := s.nearest(from)
	sc := newScanner(f, at, v.size, before, v.last, j.window)
	expect := from
	for len(records) < limit {
		rec, ok := sc.next()
		if !ok {
			break
		}
		s.mark(rec)
		if rec.seq < from {
			continue
		}
		if rec.seq > expect {
			if len(records) > 0 {
				return records, first // the next Read names the gap
			}
			j.miss(expect, rec.seq-1, "damaged on disk", lost)
		}
		p, err := rec.payload()
		if err != nil {
			if len(records) > 0 {
				return records, first
			}
			j.miss(rec.seq, rec.seq, err.Error(), lost)
			expect = rec.seq + 1
			continue
		}
		if len(records) == 0 {
			first = rec.seq
		}
		records = append(records, p)
		expect = rec.seq + 1
	}
	if len(records) == 0 && expect <= v.last {
		j.miss(expect, v.last, "damaged on disk", lost)
	}
	return records, first
}

// miss adds a range to lost unless it was reported before.
func (j *Journal) miss(from, to uint64, cause string, lost *[]Range) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if covers(j.known, from, to) {
		return
	}
	r := Range{from, to, cause}
	j.known = last(append(j.known, r), 256)
	*lost = append(*lost, r)
}
