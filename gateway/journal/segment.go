package journal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	lockName   = "lock"
	cursorName = "cursor"
	extension  = ".kj2" // the number is the version of the record format
)

// segment is one file of records.
type segment struct {
	first  uint64
	last   uint64 // of its records; first-1 when there is none
	size   int64  // bytes that are durable
	sealed bool   // nothing is written to it any more

	ackedAt time.Time // when the server was first known to hold all of it; of the goroutine that commits

	marks []mark // rising; guarded by Journal.reading
}

// mark says where a record begins, so that a read need not start at the segment's beginning.
type mark struct {
	seq uint64
	at  int64
}

const markEvery = 16 << 10 // bytes

func (s *segment) name() string {
	if !s.sealed {
		return fmt.Sprintf("%020d%s", s.first, extension)
	}
	return fmt.Sprintf("%020d-%020d%s", s.first, s.last, extension)
}

func (s *segment) empty() bool { return s.last < s.first }

// mark remembers where a record begins if it is far enough behind the last mark.
func (s *segment) mark(f found) {
	if n := len(s.marks); n == 0 && f.at >= markEvery || n > 0 && f.at >= s.marks[n-1].at+markEvery {
		s.marks = append(s.marks, mark{f.seq, f.at})
	}
}

// nearest returns where to begin to read for seq: an offset, and the number before the record that begins there.
func (s *segment) nearest(seq uint64) (at int64, before uint64) {
	i, ok := slices.BinarySearchFunc(s.marks, seq, func(m mark, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if !ok {
		i--
	}
	if i < 0 {
		return 0, s.first - 1
	}
	return s.marks[i].at, s.marks[i].seq - 1
}

// parseSegment takes a file name apart; ok is false when it is not a segment's.
func parseSegment(e entry) (_ *segment, ok bool) {
	stem, ok := strings.CutSuffix(e.name, extension)
	if !ok {
		return nil, false
	}
	a, b, sealed := strings.Cut(stem, "-")
	s := &segment{size: e.size, sealed: sealed, ackedAt: e.touched}
	var err error
	if s.first, err = strconv.ParseUint(a, 10, 64); err != nil || s.first == 0 {
		return nil, false
	}
	s.last = s.first - 1
	if sealed {
		if s.last, err = strconv.ParseUint(b, 10, 64); err != nil || s.last < s.first {
			return nil, false
		}
	}
	return s, s.name() == e.name
}
