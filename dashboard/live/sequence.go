package live

import "slices"

// sequence remembers which numbers of 1, 2, 3 … were seen. It holds the gaps, and so is small as long as they are few.
type sequence struct {
	next uint64 // the lowest number above all that were seen
	gaps []gap  // below next, ascending
}

// gap is first … last, both missing.
type gap struct{ first, last uint64 }

// add marks n as seen and reports whether it was new.
func (s *sequence) add(n uint64) bool {
	if s.next == 0 {
		s.next = 1
	}
	if n >= s.next {
		if n > s.next {
			s.gaps = append(s.gaps, gap{s.next, n - 1})
		}
		s.next = n + 1
		return true
	}
	for i, g := range s.gaps {
		if n < g.first || n > g.last {
			continue
		}
		var rest []gap
		if g.first < n {
			rest = append(rest, gap{g.first, n - 1})
		}
		if n < g.last {
			rest = append(rest, gap{n + 1, g.last})
		}
		s.gaps = slices.Replace(s.gaps, i, i+1, rest...)
		return true
	}
	return false
}

// missing is what is not seen up to and including last.
func (s *sequence) missing(last uint64) []gap {
	var m []gap
	for _, g := range s.gaps {
		if g.first <= last {
			m = append(m, gap{g.first, min(g.last, last)})
		}
	}
	if next := max(s.next, 1); next <= last {
		m = append(m, gap{next, last})
	}
	return m
}

// close gives up on what is missing in g: there is nothing to be had.
func (s *sequence) close(g gap) {
	if s.next == 0 {
		s.next = 1
	}
	if g.last >= s.next {
		if g.first > s.next {
			s.gaps = append(s.gaps, gap{s.next, g.first - 1})
		}
		s.next = g.last + 1
	}
	var left []gap
	for _, have := range s.gaps {
		if have.last < g.first || have.first > g.last {
			left = append(left, have)
			continue
		}
		if have.first < g.first {
			left = append(left, gap{have.first, g.first - 1})
		}
		if have.last > g.last {
			left = append(left, gap{g.last + 1, have.last})
		}
	}
	s.gaps = left
}
