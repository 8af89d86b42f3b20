package relay

import (
	"slices"
	"time"
)

const (
	maxSpans  = 64   // runs of records above a gap; the highest is forgotten, and comes again
	maxBreaks = 1024 // chain breaks remembered, so that each is told once
)

// span is a run of records of one gateway without a gap.
type span struct {
	from, to uint64
	at       time.Time // of the first record
	prev     string    // what the first record says of the one before it; "" when unknown or not chained
	last     string    // hash of the last record; "" when unknown or not chained
}

// gap is a range that no record of came.
type gap struct {
	from, to uint64
	at       time.Time // of the first record above it
}

// tracker knows which sequence numbers of one stream of one gateway are held. It is pure.
type tracker struct {
	chained bool
	ack     uint64 // everything up to here is held, or its absence is named
	hash    string // of record ack; "" when unknown
	ahead   []span // held above ack+1: sorted, apart from each other
	told    uint64 // the first number above the gap, when the gateway has been told the ack since that gap is known
	breaks  map[uint64]bool
}

// added is what one run of records meant.
type added struct {
	fresh    int      // records that were not held before
	broken   bool     // the first record does not continue the one before it
	newBreak []uint64 // records at which the chain breaks, each told once
	skipped  *gap     // a gap that is now given up
}

// add takes in one run. again says that the broker delivered it again: that proves nothing about the gateway.
func (t *tracker) add(s span, again bool) added {
	a := added{fresh: t.fresh(s)}
	if t.chained {
		if before, known := t.hashOf(s.from - 1); known && s.prev != before {
			a.broken = true
			a.newBreak = t.breakAt(a.newBreak, s.from)
		}
		for _, h := range t.ahead {
			if h.from == s.to+1 && h.prev != "" && s.last != "" && h.prev != s.last {
				a.newBreak = t.breakAt(a.newBreak, h.from)
			}
		}
	}
	if len(t.ahead) > 0 && !again && s.from == t.ahead[0].from && t.told == s.from {
		a.skipped = &gap{from: t.ack + 1, to: s.from - 1, at: t.ahead[0].at}
		t.insert(span{from: t.ack + 1, to: s.from - 1})
	}
	t.insert(s)
	return a
}

// lost takes a range as held because the gateway itself says that it is gone.
func (t *tracker) lost(from, to uint64) {
	if from >= 1 && from <= to {
		t.insert(span{from: from, to: to})
	}
}

// publishedAck says that the broker has taken this ack.
func (t *tracker) publishedAck(ack uint64) {
	if ack == t.ack && len(t.ahead) > 0 {
		t.told = t.ahead[0].from
	}
}

// reset forgets everything above n, and n's hash unless it is given.
func (t *tracker) reset(n uint64, hash string) {
	t.ack, t.hash, t.ahead, t.told = n, hash, nil, 0
}

// held reports whether record n is held.
func (t *tracker) held(n uint64) bool {
	if n <= t.ack {
		return true
	}
	for _, h := range t.ahead {
		if h.from <= n && n <= h.to {
			return true
		}
	}
	return false
}

func (t *tracker) fresh(s span) int {
	n := int(s.to - s.from + 1)
	overlap := func(from, to uint64) {
		if from, to = max(from, s.from), min(to, s.to); from <= to {
			n -= int(to - from + 1)
		}
	}
	overlap(1, t.ack)
	for _, h := range t.ahead {
		overlap(h.from, h.to)
	}
	return n
}

// hashOf is the hash of record n, if it is known. Record 0 does not exist and has the empty hash.
func (t *tracker) hashOf(n uint64) (string, bool) {
	if n == 0 {
		return "", true
	}
	if n == t.ack {
		return t.hash, t.hash != ""
	}
	for _, h := range t.ahead {
		if h.to == n {
			return h.last, h.last != ""
		}
	}
	return "", false
}

func (t *tracker) breakAt(list []uint64, n uint64) []uint64 {
	if t.breaks[n] {
		return list
	}
	if t.breaks == nil || len(t.breaks) >= maxBreaks {
		t.breaks = map[uint64]bool{}
	}
	t.breaks[n] = true
	return append(list, n)
}

// insert adds a run, joins what touches, and moves the ack.
func (t *tracker) insert(s span) {
	if s.to <= t.ack {
		if s.to == t.ack && s.last != "" {
			t.hash = s.last
		}
		return
	}
	var out []span
	for _, h := range t.ahead {
		switch {
		case h.to+1 < s.from || s.to+1 < h.from:
			out = append(out, h)
		default: // they touch or overlap
			if h.from < s.from {
				s.from, s.at, s.prev = h.from, h.at, h.prev
			}
			if h.to > s.to {
				s.to, s.last = h.to, h.last
			}
		}
	}
	out = append(out, s)
	slices.SortFunc(out, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	if out[0].from <= t.ack+1 {
		t.ack, t.hash, t.told = out[0].to, out[0].last, 0
		out = out[1:]
	}
	if len(out) > maxSpans {
		out = out[:maxSpans]
	}
	t.ahead = out
	if len(out) > 0 && out[0].from != t.told {
		t.told = 0
	}
}
