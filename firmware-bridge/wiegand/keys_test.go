package wiegand_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/keypad"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
)

// The bursts of the manuals of Rosslare AYC-Qx4 (4.2.3.9), AYC-F/Gx4 (4.2.3.3) and CDVI KCPROXWLC: 0 … 9, * and #.
var bursts = map[wiegand.Keypad][]string{
	wiegand.Keypad4: {"0000", "0001", "0010", "0011", "0100", "0101", "0110", "0111", "1000", "1001", "1010", "1011"},
	wiegand.Keypad8: {
		"11110000", "11100001", "11010010", "11000011", "10110100", "10100101", "10010110", "10000111", "01111000", "01101001",
		"01011010", "01001011",
	},
}

// key is how a keypad sends a key: a digit, * or #.
func key(pad wiegand.Keypad, r rune) string { return bursts[pad][strings.IndexRune("0123456789*#", r)] }

func TestKeys(t *testing.T) {
	keys := []keypad.Key{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', keypad.Cancel, keypad.Enter}
	for pad, all := range bursts {
		for _, formats := range [][]string{nil, {"wiegand-26"}, wired(t)} {
			d := made(t, wiegand.Opts{Formats: formatsOf(t, formats...), Keypad: pad})
			b := train()
			for _, bits := range all {
				b.frame(bits, wiegand.Silence, ms)
			}
			var have []keypad.Key
			take := func(f wiegand.Frame, ok bool) {
				if ok {
					have = append(have, f.Key)
					if f.Format != bridge.FormatPIN || f.Fault != "" {
						t.Errorf("%s: found %q with the fault %q", pad, f.Format, f.Fault)
					}
				}
			}
			for _, e := range b.edges {
				take(d.Edge(e))
			}
			take(d.Flush(b.at + wiegand.Silence))
			if !slices.Equal(have, keys) {
				t.Errorf("%s beside %v: found %d keys, expected the %d in order", pad, formats, len(have), len(keys))
			}
			if want := (wiegand.Stats{Keys: uint64(len(keys))}); d.Stats() != want {
				t.Errorf("%s beside %v: counted %+v, expected %+v", pad, formats, d.Stats(), want)
			}
		}
	}
}

func TestBurstsThatAreNoKeys(t *testing.T) {
	c26 := card(t, "wiegand-26", 17, 4711)
	for _, c := range []struct {
		name  string
		pad   wiegand.Keypad
		bits  string
		want  []got
		stats wiegand.Stats
	}{
		{"three bits are noise", wiegand.Keypad4, "010", nil, wiegand.Stats{Noise: 3}},
		{"a nibble that no key has", wiegand.Keypad4, "1100", []got{{"", "1100", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"five bits", wiegand.Keypad4, "01010", []got{{"", "01010", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"halves that do not fit", wiegand.Keypad8, "11110001", []got{{"pin", "11110001", bridge.BadParity}}, wiegand.Stats{Frames: 1}},
		{"halves that fit and no key", wiegand.Keypad8, "00001111", []got{{"", "00001111", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"four bits of an 8-bit keypad", wiegand.Keypad8, "0101", []got{{"", "0101", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"a burst without a keypad", wiegand.NoKeypad, "11110000", []got{{"", "11110000", bridge.UnknownFormat}}, wiegand.Stats{Frames: 1}},
		{"a card is no key", wiegand.Keypad4, c26, []got{{"wiegand-26", c26, ""}}, wiegand.Stats{Frames: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := made(t, wiegand.Opts{Formats: formatsOf(t, "wiegand-26"), Keypad: c.pad})
			if have := decode(d, train().frame(c.bits, ms, ms).edges); !slices.Equal(have, c.want) {
				t.Errorf("found %v, expected %v", have, c.want)
			}
			if d.Stats() != c.stats {
				t.Errorf("counted %+v, expected %+v", d.Stats(), c.stats)
			}
		})
	}
}

func pin(digits string) got {
	return got{bridge.FormatPIN, cardformat.String([]byte(digits), 8*len(digits)), ""}
}

func TestL11PINInAFrameIsNoCard(t *testing.T) {
	of := func(facility, number uint64) string { return card(t, "wiegand-26", facility, number) }
	for _, c := range []struct {
		name     string
		formats  string
		facility uint8
		bits     string
		want     got
	}{
		{"four digits", "wiegand-37", 0, of(0, 4711), pin("4711")},
		{"leading zeros", "wiegand-37", 0, of(0, 7), pin("0007")},
		{"none but zeros", "wiegand-37", 0, of(0, 0), pin("0000")},
		{"five digits", "wiegand-37", 0, of(0, 65535), pin("65535")},
		{"least of five digits", "wiegand-37", 0, of(0, 10000), pin("10000")},
		{"facility of its own", "wiegand-37", 200, of(200, 4711), pin("4711")},
		{"another facility", "wiegand-37", 200, of(0, 4711), got{"", of(0, 4711), bridge.UnknownFormat}},
		{"wrong parity", "wiegand-37", 0, flip(of(0, 4711), 20), got{"pin", flip(of(0, 4711), 20), bridge.BadParity}},
		{"beside cards: the PIN", "wiegand-26", 200, of(200, 4711), pin("4711")},
		{"beside cards: a card", "wiegand-26", 200, of(17, 4711), got{"wiegand-26", of(17, 4711), ""}},
		{"beside cards: wrong parity", "wiegand-26", 200, flip(of(200, 4711), 0), got{"wiegand-26", flip(of(200, 4711), 0), bridge.BadParity}},
		{"without a keypad", "wiegand-26", 0, "", got{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := wiegand.Opts{Formats: formatsOf(t, c.formats), Keypad: wiegand.Keypad26, KeypadFacility: c.facility}
			if c.bits == "" {
				o.Keypad, c.bits = wiegand.NoKeypad, of(0, 4711)
				c.want = got{"wiegand-26", c.bits, ""}
			}
			if have := decode(made(t, o), train().frame(c.bits, ms, ms).edges); !slices.Equal(have, []got{c.want}) {
				t.Errorf("found %v, expected %v", have, c.want)
			}
		})
	}
	t.Run("at once when nothing is longer", func(t *testing.T) {
		d := made(t, wiegand.Opts{Formats: formatsOf(t, "wiegand-26"), Keypad: wiegand.Keypad26, KeypadFacility: 200})
		for i, e := range train().frame(of(200, 815), ms, ms).edges {
			if f, ok := d.Edge(e); ok != (i == 25) || ok && frame(f) != pin("0815") {
				t.Fatalf("bit %d: found %v %v", i, ok, frame(f))
			}
		}
	})
}

func TestSwappedLinesAreCounted(t *testing.T) {
	swap := strings.NewReplacer("0", "1", "1", "0")
	for _, name := range wired(t) {
		f, _ := known.Lookup(name)
		bits := card(t, name, 0, 4711)
		odd := slices.ContainsFunc(f.Parity, func(p cardformat.Parity) bool {
			return (f.Bits-strings.Count(p.String(), "."))%2 == 1
		})
		d := decoder(t, name)
		have := decode(d, train().frame(bits, ms, ms).frame(swap.Replace(bits), wiegand.Silence, ms).edges)
		if len(have) != 2 || have[0] != (got{name, bits, ""}) {
			t.Fatalf("%s: found %v", name, have)
		}
		if inverted := d.Stats().Inverted; inverted != 0 && !odd || inverted != 1 && odd {
			t.Errorf("%s: %d inverted frames counted, a parity over an odd number of bits: %v", name, inverted, odd)
		}
		if odd && have[1] != (got{name, swap.Replace(bits), bridge.BadParity}) {
			t.Errorf("%s: found %v, expected the swapped bits and no card", name, have[1])
		}
	}
	t.Run("one wrong bit is no swap", func(t *testing.T) {
		d := decoder(t, "wiegand-26")
		decode(d, train().frame(flip(card(t, "wiegand-26", 17, 4711), 3), ms, ms).edges)
		if want := (wiegand.Stats{Frames: 1}); d.Stats() != want {
			t.Errorf("counted %+v, expected %+v", d.Stats(), want)
		}
	})
}

// Cards and keys in any order, from a reader that has both: each comes as what it is, and none as a part of another.
func TestKeysAndCardsDoNotDisturbEachOther(t *testing.T) {
	all := wired(t)
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		pad := rapid.SampledFrom([]wiegand.Keypad{wiegand.Keypad4, wiegand.Keypad8}).Draw(t, "keypad")
		formats := some(t, all)
		d := made(outer, wiegand.Opts{Formats: formatsOf(outer, formats...), Keypad: pad})
		b := train()
		var want, have []string
		for range rapid.IntRange(1, 12).Draw(t, "bursts") {
			period := rapid.SampledFrom([]int64{1, 5, 20}).Draw(t, "period")
			if rapid.Bool().Draw(t, "card") {
				name := rapid.SampledFrom(formats).Draw(t, "format")
				bits := card(outer, name, 0, rapid.Uint64Range(0, 1<<16-1).Draw(t, "number"))
				b.frame(bits, wiegand.Silence, ms*time.Duration(period))
				want = append(want, name+" "+bits)
			} else {
				r := rapid.SampledFrom([]rune("0123456789*#")).Draw(t, "key")
				b.frame(key(pad, r), wiegand.Silence, ms*time.Duration(period))
				want = append(want, "pin "+key(pad, r))
			}
		}
		for _, g := range decode(d, b.edges) {
			if g.fault != "" {
				t.Fatalf("found the fault %s", g.fault)
			}
			have = append(have, g.format+" "+g.bits)
		}
		if !slices.Equal(have, want) {
			t.Fatalf("found %v, expected %v", have, want)
		}
	})
}
