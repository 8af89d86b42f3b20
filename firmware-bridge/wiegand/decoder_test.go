package wiegand_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
)

func TestDecoder(t *testing.T) {
	c26, c37 := card(t, "wiegand-26", 17, 4711), card(t, "wiegand-37", 4321, 123456)
	both := []string{"wiegand-26", "wiegand-37"}
	for _, c := range []struct {
		name    string
		formats []string
		edges   []bridge.Edge
		want    []got
		stats   wiegand.Stats
	}{
		{"26 bits", both, train().frame(c26, ms, ms).edges, []got{{"wiegand-26", c26, ""}}, wiegand.Stats{Frames: 1}},
		{"37 bits", both, train().frame(c37, ms, ms).edges, []got{{"wiegand-37", c37, ""}}, wiegand.Stats{Frames: 1}},
		{"fastest and slowest bits of SIA", both, train().frame(c26, ms, 200*time.Microsecond).frame(c37, 31*ms, 20*ms).edges,
			[]got{{"wiegand-26", c26, ""}, {"wiegand-37", c37, ""}}, wiegand.Stats{Frames: 2}},
		{"two cards a silence apart", both, train().frame(c26, ms, ms).frame(c26, wiegand.Silence, ms).edges,
			[]got{{"wiegand-26", c26, ""}, {"wiegand-26", c26, ""}}, wiegand.Stats{Frames: 2}},
		{"less than a silence is the same frame", both, train().frame(c26, ms, ms).frame("1", wiegand.Silence-1, ms).edges,
			[]got{{"", c26 + "1", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"L22 bad parity keeps its bits", both, train().frame(flip(c26, 25), ms, ms).edges,
			[]got{{"wiegand-26", flip(c26, 25), bridge.BadParity}}, wiegand.Stats{Frames: 1}},
		{"L22 odd length with wrong parity", both, train().frame(flip(c37, 0), ms, ms).edges,
			[]got{{"wiegand-37", flip(c37, 0), bridge.BadParity}}, wiegand.Stats{Frames: 1}},
		{"L22 unknown length keeps its bits", both, train().frame("10110", ms, ms).edges,
			[]got{{"", "10110", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"L22 a format that is not configured", both[:1], train().frame(flip(c26, 0)+c37[26:], ms, ms).edges,
			[]got{{"", flip(c26, 0) + c37[26:], bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"three stray bits are noise", both, train().frame("101", ms, ms).edges, nil, wiegand.Stats{Noise: 3}},
		{"four bits are a frame", both, train().frame("1010", ms, ms).edges, []got{{"", "1010", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"a frame of 128 bits", nil, train().frame(strings.Repeat("10", 64), ms, ms).edges,
			[]got{{"", strings.Repeat("10", 64), bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"a longer one is cut and fits nothing", both, train().frame(strings.Repeat("10", 500), ms, ms).edges,
			[]got{{"", strings.Repeat("10", 64), bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"nothing", both, nil, nil, wiegand.Stats{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decoder(t, c.formats...)
			if have := decode(d, c.edges); !slices.Equal(have, c.want) {
				t.Errorf("found %v, expected %v", have, c.want)
			}
			if d.Stats() != c.stats {
				t.Errorf("counted %+v, expected %+v", d.Stats(), c.stats)
			}
		})
	}
}

func TestL20GapDiscardsTheFrame(t *testing.T) {
	c := card(t, "wiegand-26", 17, 4711)
	whole := got{"wiegand-26", c, ""}
	pause := wiegand.Silence + ms
	for _, x := range []struct {
		name  string
		edges []bridge.Edge
		want  []got
		stats wiegand.Stats
	}{
		{"in the middle", train().frame(c[:10], ms, ms).lose(1).frame(c[10:], ms, ms).frame(c, pause, ms).edges,
			[]got{whole}, wiegand.Stats{Frames: 1, Gaps: 1, Torn: 1}},
		{"at the end: both frames are doubtful", train().frame(c, ms, ms).lose(1).frame(c, pause, ms).frame(c, pause, ms).edges,
			[]got{whole}, wiegand.Stats{Frames: 1, Gaps: 1, Torn: 2}},
		{"before the first edge", train().frame(c, ms, ms).lose(26).frame(c, pause, ms).frame(c, pause, ms).edges,
			[]got{whole}, wiegand.Stats{Frames: 1, Gaps: 1, Torn: 1}},
		{"twice in one frame", train().frame(c[:5], ms, ms).lose(1).frame(c[5:10], ms, ms).lose(2).frame(c[10:], ms, ms).edges,
			nil, wiegand.Stats{Gaps: 2, Torn: 1}},
		{"what is left looks like a whole card", train().frame("1"+c, ms, ms).edges[1:],
			nil, wiegand.Stats{Gaps: 1, Torn: 1}},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := decoder(t, "wiegand-26", "wiegand-37")
			if have := decode(d, x.edges); !slices.Equal(have, x.want) {
				t.Errorf("found %v, expected %v", have, x.want)
			}
			if d.Stats() != x.stats {
				t.Errorf("counted %+v, expected %+v", d.Stats(), x.stats)
			}
		})
	}
}

func TestL21EndOfFrame(t *testing.T) {
	c := card(t, "wiegand-26", 17, 4711)
	t.Run("at once when no longer format is configured", func(t *testing.T) {
		for formats, bits := range map[string]string{
			"wiegand-26": c, "wiegand-32 wiegand-34 wiegand-26": card(t, "wiegand-34", 1, 2), "wiegand-35": card(t, "wiegand-35", 222, 12345),
			"wiegand-37-h10302 wiegand-26": card(t, "wiegand-37-h10302", 0, 3), "wiegand-36 wiegand-own-33": card(t, "wiegand-36", 1, 2),
			"wiegand-own-33": card(t, "wiegand-own-33", 1, 2), "wiegand-48 wiegand-40": card(t, "wiegand-48", 42, 69),
		} {
			for _, pad := range []wiegand.Keypad{"", wiegand.Keypad4, wiegand.Keypad8, wiegand.Keypad26} {
				d := made(t, wiegand.Opts{Formats: formatsOf(t, strings.Fields(formats)...), Keypad: pad, KeypadFacility: 255})
				for i, e := range train().frame(bits, ms, ms).edges {
					f, ok := d.Edge(e)
					if last := i == len(bits)-1; ok != last || ok && (frame(f).bits != bits || f.Fault != "" || f.Format == bridge.FormatPIN) {
						t.Fatalf("%s, keypad %q: bit %d: found %v %v", formats, pad, i, ok, frame(f))
					}
				}
				if _, ok := d.Due(); ok {
					t.Error("a frame is still due")
				}
			}
		}
	})
	t.Run("after the silence when a longer one is configured, or parity is bad, or there is none", func(t *testing.T) {
		for _, x := range []struct {
			formats string
			keypad  wiegand.Keypad
			bits    string
		}{
			{"wiegand-26 wiegand-37", "", c},
			{"wiegand-26", "", flip(c, 0)},
			{"wiegand-32 wiegand-26", "", c},
			{"wiegand-own-27 wiegand-26", "", c},
			{"wiegand-own-27", "", c + "0"},
			{"wiegand-26 wiegand-64", "", card(t, "wiegand-64", 0, 1)},
			{"wiegand-37 wiegand-37-h10302 wiegand-48", "", card(t, "wiegand-37", 1, 1)},
			{"wiegand-26", wiegand.Keypad4, "0101"},
			{"wiegand-26", wiegand.Keypad8, "10100101"},
			{"wiegand-34", wiegand.Keypad26, card(t, "wiegand-26", 0, 4711)},
			{"", wiegand.Keypad4, "0101"},
		} {
			bits := x.bits
			d := made(t, wiegand.Opts{Formats: formatsOf(t, strings.Fields(x.formats)...), Keypad: x.keypad})
			edges := train().frame(bits, ms, ms).edges
			for _, e := range edges {
				if _, ok := d.Edge(e); ok {
					t.Fatal("the frame ended before its silence")
				}
			}
			last := edges[len(edges)-1].At
			if due, ok := d.Due(); !ok || due != last+wiegand.Silence {
				t.Errorf("due %v %v, expected %v", due, ok, last+wiegand.Silence)
			}
			if _, ok := d.Flush(last + wiegand.Silence - 1); ok {
				t.Error("the frame ended before its silence")
			}
			f, ok := d.Flush(last + wiegand.Silence)
			if x.keypad != "" && f.Format != bridge.FormatPIN || x.keypad == "" && frame(f).bits != bits {
				t.Errorf("%s: found %v", x.formats, frame(f).format)
			}
			if !ok || f.Last != last || f.First != edges[0].At {
				t.Errorf("found %v %v", ok, f)
			}
		}
	})
	t.Run("pulses closer than 150 µs are noise", func(t *testing.T) {
		b := train()
		for i, r := range c {
			b.bit(int(r-'0'), ms)
			if i%5 == 0 {
				b.bit(1-int(r-'0'), 20*time.Microsecond) // the other line rings
				b.bit(int(r-'0'), wiegand.Closest-21*time.Microsecond)
			}
		}
		d := decoder(t, "wiegand-26", "wiegand-37")
		if have := decode(d, b.edges); !slices.Equal(have, []got{{"wiegand-26", c, ""}}) {
			t.Errorf("found %v", have)
		}
		if want := (wiegand.Stats{Frames: 1, Noise: 12}); d.Stats() != want {
			t.Errorf("counted %+v, expected %+v", d.Stats(), want)
		}
	})
	t.Run("ringing after a frame that ended at once is noise", func(t *testing.T) {
		b := train().frame(c, ms, ms)
		b.bit(0, 50*time.Microsecond)
		b.frame(c, 40*ms, ms)
		d := decoder(t, "wiegand-26")
		if have := decode(d, b.edges); len(have) != 2 || d.Stats() != (wiegand.Stats{Frames: 2, Noise: 1}) {
			t.Errorf("found %v, counted %+v", have, d.Stats())
		}
	})
	t.Run("rising edges and lines that are not there are no bits", func(t *testing.T) {
		b := train().frame(c, ms, ms)
		b.edges[3].Line, b.edges[4].Rising = 2, true
		d := decoder(t, "wiegand-26", "wiegand-37")
		if have := decode(d, b.edges); len(have) != 1 || len(have[0].bits) != 24 || d.Stats().Noise != 1 {
			t.Errorf("found %v, counted %+v", have, d.Stats())
		}
	})
	t.Run("a clock that steps back ends the frame and is lived with", func(t *testing.T) {
		b := train().frame(c[:10], ms, ms)
		b.at -= time.Minute
		b.frame(c, ms, ms)
		d, err := wiegand.NewDecoder(wiegand.Opts{Formats: formatsOf(t, "wiegand-26")}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if have := decode(d, b.edges); len(have) != 2 || have[1] != (got{"wiegand-26", c, ""}) {
			t.Errorf("found %v", have)
		}
	})
}

func TestL22UnknownAndBadFramesAreDelivered(t *testing.T) {
	for n := 4; n <= wiegand.MaxBits; n++ {
		bits := strings.Repeat("0", n-1) + "1"
		have := decode(decoder(t), train().frame(bits, ms, ms).edges)
		if !slices.Equal(have, []got{{"", bits, bridge.UnknownFormat}}) {
			t.Fatalf("%d bits: found %v, expected the raw bits as %s", n, have, bridge.UnknownFormat)
		}
	}
}

func TestL23FramesWithinTheFirstSecondAreDiscarded(t *testing.T) {
	c := card(t, "wiegand-26", 17, 4711)
	d := decoder(t, "wiegand-26", "wiegand-37")
	b := &burst{at: opened}
	b.frame(c, 0, ms).frame(c[:20], 40*ms, ms) // from the first nanosecond on, and a short one
	b.at = later - 1 - ms
	b.frame(c, ms, ms) // begins one nanosecond too early
	b.frame(c, 40*ms, ms)
	if have := decode(d, b.edges); !slices.Equal(have, []got{{"wiegand-26", c, ""}}) {
		t.Errorf("found %v, expected the last card alone", have)
	}
	if want := (wiegand.Stats{Frames: 1, Early: 3}); d.Stats() != want {
		t.Errorf("counted %+v, expected %+v", d.Stats(), want)
	}
}

func TestNewDecoderRefuses(t *testing.T) {
	for says, o := range map[string]wiegand.Opts{
		"desfire is that of a contactless card":  {Formats: formatsOf(t, "wiegand-26", "desfire")},
		`keypad "6-bit": expected 4-bit, 8-bit`:  {Keypad: "6-bit"},
		"format x has 3 bits: expected 4 to 128": {Formats: []cardformat.Format{{Name: "x", Bits: 3}}},
		"x has 129 bits":                         {Formats: []cardformat.Format{{Name: "x", Bits: 129}}},
	} {
		if _, err := wiegand.NewDecoder(o, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("found %v, expected one that says %q", err, says)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, name := range wired(b) {
		b.Run(name, func(b *testing.B) {
			d := decoder(b, wired(b)...)
			edges := train().frame(card(b, name, 0, 4711), ms, ms).edges
			seq := uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				done := false
				for i := range edges {
					seq++
					edges[i].At += time.Second
					edges[i].Seq = seq
					_, done = d.Edge(edges[i])
				}
				if _, ok := d.Flush(edges[len(edges)-1].At + time.Second); ok == done {
					b.Fatal("no frame")
				}
			}
		})
	}
}
