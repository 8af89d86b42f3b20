package relay

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hashed gives record n of an unbroken chain the hash "h<n>".
func hashed(from, to uint64) span {
	s := span{from: from, to: to, at: time.Unix(int64(from), 0), last: fmt.Sprintf("h%d", to)}
	if from > 1 {
		s.prev = fmt.Sprintf("h%d", from-1)
	}
	return s
}

func TestTracker(t *testing.T) {
	type step struct {
		from, to uint64
		again    bool   // delivered again by the broker
		told     bool   // the ack is published afterwards
		ack      uint64 // expected afterwards
		fresh    int
		skipped  string
	}
	for name, steps := range map[string][]step{
		"in order":  {{from: 1, to: 3, ack: 3, fresh: 3}, {from: 4, to: 4, ack: 4, fresh: 1}},
		"the same":  {{from: 1, to: 3, ack: 3, fresh: 3}, {from: 1, to: 3, ack: 3}, {from: 2, to: 5, ack: 5, fresh: 2}},
		"gap fills": {{from: 1, to: 3, ack: 3, fresh: 3}, {from: 6, to: 9, ack: 3, fresh: 4, told: true}, {from: 4, to: 5, ack: 9, fresh: 2}},
		"L46 gap stays": {
			{from: 1, to: 3, ack: 3, fresh: 3}, {from: 6, to: 9, ack: 3, fresh: 4, told: true},
			{from: 10, to: 12, ack: 3, fresh: 3}, {from: 6, to: 9, ack: 12, skipped: "4-5"},
		},
		"not told yet": {{from: 6, to: 9, fresh: 4}, {from: 6, to: 9, told: true}, {from: 6, to: 9, ack: 9, skipped: "1-5"}},
		"the broker's repetition proves nothing": {
			{from: 6, to: 9, fresh: 4, told: true}, {from: 6, to: 9, again: true}, {from: 6, to: 9, ack: 9, skipped: "1-5"},
		},
		"a part comes late": {
			{from: 6, to: 9, fresh: 4, told: true}, {from: 3, to: 5, fresh: 3}, {from: 3, to: 9, told: true}, {from: 3, to: 9, ack: 9, skipped: "1-2"},
		},
		"two gaps": {
			{from: 3, to: 4, fresh: 2}, {from: 7, to: 8, fresh: 2, told: true},
			{from: 3, to: 4, ack: 4, skipped: "1-2", told: true}, {from: 7, to: 8, ack: 8, skipped: "5-6"},
		},
		"late overlap": {{from: 5, to: 9, fresh: 5}, {from: 1, to: 6, ack: 9, fresh: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tracker{chained: true}
			for i, s := range steps {
				a := tr.add(hashed(s.from, s.to), s.again)
				skipped := ""
				if a.skipped != nil {
					skipped = fmt.Sprintf("%d-%d", a.skipped.from, a.skipped.to)
				}
				if tr.ack != s.ack || a.fresh != s.fresh || skipped != s.skipped || a.broken {
					t.Fatalf("step %d: ack %d, fresh %d, skipped %q, broken %v; want %+v", i, tr.ack, a.fresh, skipped, a.broken, s)
				}
				if s.told {
					tr.publishedAck(tr.ack)
				}
			}
		})
	}
}

func TestL46ChainBreaks(t *testing.T) {
	wrong := func(from, to uint64) span { s := hashed(from, to); s.prev = "x"; return s }
	for name, c := range map[string]struct {
		spans []span
		want  []uint64
	}{
		"whole":                  {[]span{hashed(1, 5), hashed(6, 7)}, nil},
		"broken":                 {[]span{hashed(1, 5), wrong(6, 7)}, []uint64{6}},
		"told once":              {[]span{hashed(1, 5), wrong(6, 7), wrong(6, 7), hashed(8, 8)}, []uint64{6}},
		"first has no one":       {[]span{wrong(1, 5)}, []uint64{1}},
		"beyond a gap, in order": {[]span{hashed(5, 6), wrong(7, 8)}, []uint64{7}},
		"seen when a gap fills":  {[]span{hashed(1, 2), wrong(5, 6), hashed(3, 4)}, []uint64{5}},
		"unknown neighbour":      {[]span{wrong(5, 6)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tracker{chained: true}
			var got []uint64
			for _, s := range c.spans {
				got = append(got, tr.add(s, true).newBreak...)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("breaks at %v, want %v", got, c.want)
			}
		})
	}
}

func TestTrackerLostAndReset(t *testing.T) {
	tr := tracker{chained: true}
	tr.add(hashed(1, 3), false)
	tr.add(hashed(8, 9), false)
	tr.lost(4, 7)
	if tr.ack != 9 {
		t.Errorf("ack %d after the gateway named the range", tr.ack)
	}
	tr.lost(0, 5)
	tr.lost(20, 10)
	if tr.ack != 9 || len(tr.ahead) != 0 {
		t.Errorf("nonsense ranges moved it: %+v", tr)
	}
	tr.reset(5, "h5")
	if a := tr.add(hashed(6, 6), false); a.broken || tr.ack != 6 {
		t.Errorf("after reset: %+v, ack %d", a, tr.ack)
	}
	tr.reset(6, "other")
	if a := tr.add(hashed(7, 7), false); !a.broken {
		t.Error("the hash from the database was not compared")
	}
}

func TestTrackerIsBounded(t *testing.T) {
	var tr tracker
	for i := range uint64(10 * maxSpans) {
		tr.add(span{from: 2 + 2*i, to: 2 + 2*i}, false)
	}
	if len(tr.ahead) > maxSpans {
		t.Errorf("%d spans", len(tr.ahead))
	}
}

// The tracker agrees with a set of numbers, whatever comes in whatever order.
func TestTrackerAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr tracker
		set := map[uint64]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			from := rapid.Uint64Range(1, 60).Draw(t, "from")
			to := from + rapid.Uint64Range(0, 8).Draw(t, "len")
			if rapid.IntRange(0, 9).Draw(t, "op") == 0 {
				tr.publishedAck(tr.ack)
			}
			fresh := 0
			for n := from; n <= to; n++ {
				if !set[n] {
					fresh++
				}
			}
			before := tr.ack
			a := tr.add(span{from: from, to: to}, rapid.Bool().Draw(t, "again"))
			if a.fresh != fresh {
				t.Fatalf("fresh %d, want %d", a.fresh, fresh)
			}
			for n := from; n <= to; n++ {
				set[n] = true
			}
			if a.skipped != nil {
				for n := a.skipped.from; n <= a.skipped.to; n++ {
					if set[n] {
						t.Fatalf("%d was held and is named as missing", n)
					}
					set[n] = true
				}
			}
			ack := uint64(0)
			for set[ack+1] {
				ack++
			}
			if tr.ack != ack || tr.ack < before {
				t.Fatalf("ack %d, want %d", tr.ack, ack)
			}
			for n := uint64(1); n < 80; n++ {
				if tr.held(n) != set[n] {
					t.Fatalf("held(%d) = %v", n, tr.held(n))
				}
			}
		}
	})
}
