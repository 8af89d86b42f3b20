package live

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSequenceAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sequence
		seen := map[uint64]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			n := rapid.Uint64Range(1, 30).Draw(t, "seq")
			if rapid.Bool().Draw(t, "add") {
				if got := s.add(n); got == seen[n] {
					t.Fatalf("add(%d) said new=%v", n, got)
				}
				seen[n] = true
				continue
			}
			last := rapid.Uint64Range(n, 30).Draw(t, "last")
			s.close(gap{n, last})
			for i := n; i <= last; i++ {
				seen[i] = true
			}
		}
		var want, got []uint64
		for i := uint64(1); i <= 30; i++ {
			if !seen[i] {
				want = append(want, i)
			}
		}
		for _, g := range s.missing(30) {
			for i := g.first; i <= g.last; i++ {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("missing: got %v, want %v", got, want)
		}
	})
}
