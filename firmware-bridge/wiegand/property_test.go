package wiegand_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
)

// drawCards draws a reader's cards and the edges that they make, with jitter and noise that SIA readers have.
func drawCards(t *rapid.T, label string, formats []string) (edges []bridge.Edge, want []got, noise uint64) {
	b := train()
	b.at += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, label+" start"))
	for i := range rapid.IntRange(1, 5).Draw(t, label+" cards") {
		format := rapid.SampledFrom(formats).Draw(t, label+" format")
		number := rapid.Uint64Range(0, 1<<16-1).Draw(t, label+" number")
		bits, n, err := known.Encode(format, 0, number)
		if err != nil {
			t.Fatal(err)
		}
		text := cardformat.String(bits, n)
		want = append(want, got{format, text, bridge.NoFault})
		for j, r := range text {
			gap := time.Duration(rapid.Int64Range(int64(200*time.Microsecond), int64(20*ms)).Draw(t, label+" gap"))
			if j == 0 && i > 0 {
				gap += wiegand.Silence
			}
			b.bit(int(r-'0'), gap)
			if rapid.IntRange(0, 9).Draw(t, label+" rings") == 0 {
				b.bit(rapid.IntRange(0, 1).Draw(t, label+" ring line"), time.Duration(rapid.Int64Range(1, int64(49*time.Microsecond)).Draw(t, label+" ring")))
				noise++
			}
		}
	}
	return b.edges, want, noise
}

// some draws the formats of a reader.
func some(t *rapid.T, all []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID).Draw(t, "formats")
}

func TestJitterAndNoiseLoseNoCard(t *testing.T) {
	all := wired(t)
	rapid.Check(t, func(rt *rapid.T) {
		formats := some(rt, all)
		edges, want, noise := drawCards(rt, "r", formats)
		d := decoder(t, formats...)
		if have := decode(d, edges); !slices.Equal(have, want) {
			rt.Fatalf("found %v, expected %v", have, want)
		}
		if s := (wiegand.Stats{Frames: uint64(len(want)), Noise: noise}); d.Stats() != s {
			rt.Fatalf("counted %+v, expected %+v", d.Stats(), s)
		}
	})
}

// Two readers whose edges arrive interleaved in any way give what each gives alone.
func TestTwoReadersDoNotDisturbEachOther(t *testing.T) {
	all := wired(t)
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		var edges [2][]bridge.Edge
		var want, have [2][]got
		var d [2]*wiegand.Decoder
		for r := range d {
			formats := some(t, all)
			edges[r], want[r], _ = drawCards(t, fmt.Sprint(r), formats)
			d[r] = decoder(outer, formats...)
		}
		for len(edges[0])+len(edges[1]) > 0 {
			r := rapid.IntRange(0, 1).Draw(t, "next")
			if len(edges[r]) == 0 {
				r = 1 - r
			}
			e := edges[r][0]
			edges[r] = edges[r][1:]
			f, ok := d[r].Edge(e)
			if !ok && len(edges[r]) == 0 {
				f, ok = d[r].Flush(e.At + wiegand.Silence)
			}
			if ok {
				have[r] = append(have[r], frame(f))
			}
		}
		for r := range d {
			if !slices.Equal(have[r], want[r]) {
				t.Fatalf("reader %d: found %v, expected %v", r, have[r], want[r])
			}
		}
	})
}

// Whatever is lost, no card is made up: each card that is delivered whole was sent whole.
func TestL20LossMakesUpNoCard(t *testing.T) {
	formats := []string{"wiegand-26", "wiegand-37"}
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		edges, want, _ := drawCards(t, "r", formats)
		var kept []bridge.Edge
		for _, e := range edges {
			if rapid.IntRange(0, 30).Draw(t, "lost") != 0 {
				kept = append(kept, e)
			}
		}
		d := decoder(outer, formats...)
		// An edge after all of them shows the loss of the last ones.
		last := edges[len(edges)-1]
		last.Seq++
		last.At += time.Second
		for _, g := range decode(d, append(kept, last)) {
			if !slices.Contains(want, g) {
				t.Fatalf("found %v, which nobody sent", g)
			}
		}
	})
}

func FuzzDecoder(f *testing.F) {
	edges := func(b *burst) []byte {
		var raw []byte
		for i, e := range b.edges {
			gap := e.At - later
			if i > 0 {
				gap = e.At - b.edges[i-1].At
			}
			raw = binary.LittleEndian.AppendUint32(raw, uint32(gap.Microseconds()))
			raw = append(raw, byte(e.Line), 1)
		}
		return raw
	}
	f.Add(edges(train().frame(card(f, "wiegand-26", 17, 4711), ms, ms)))
	f.Add(edges(train().frame(card(f, "wiegand-37", 0, 99), ms, 200*time.Microsecond).frame("101", 40*ms, ms)))
	f.Add(edges(train().frame(strings.Repeat("10", 100), ms, ms)))
	f.Add(edges(train().frame("0101", ms, ms).frame("11110000", 40*ms, ms).frame("01001011", 40*ms, ms).frame("10000000", 40*ms, ms)))
	f.Add(edges(train().frame(card(f, "wiegand-26", 7, 61234), ms, ms).frame(card(f, "wiegand-26", 0, 815), 40*ms, ms)))
	f.Add(edges(train().frame(card(f, "wiegand-48", 42, 69), ms, ms).frame(card(f, "wiegand-32", 0, 1<<31), 40*ms, ms)))
	var readers []wiegand.Opts
	for _, names := range [][]string{{"wiegand-26", "wiegand-37"}, wired(f)} {
		for _, pad := range []wiegand.Keypad{"", wiegand.Keypad4, wiegand.Keypad8, wiegand.Keypad26} {
			readers = append(readers, wiegand.Opts{Formats: formatsOf(f, names...), Keypad: pad, KeypadFacility: 7})
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, o := range readers {
			fuzzed(t, made(t, o), raw)
		}
	})
}

// fuzzed gives a decoder edges of six bytes each, and checks what no edges may break.
func fuzzed(t *testing.T, d *wiegand.Decoder, raw []byte) {
	at, seq, frames := later, uint32(0), uint64(0)
	check := func(f wiegand.Frame, ok bool) {
		if !ok {
			return
		}
		frames++
		format, _ := known.Lookup(f.Format)
		switch {
		case f.Len < 4 || f.Len > wiegand.MaxBits:
			t.Fatalf("a frame of %d bits", f.Len)
		case f.Fault == bridge.UnknownFormat && f.Format != "":
			t.Fatalf("unknown format %q", f.Format)
		case f.Key != 0 && (f.Format != bridge.FormatPIN || f.Fault != "" || f.Len != 4 && f.Len != 8):
			t.Fatalf("a key of %d bits as %q with the fault %q", f.Len, f.Format, f.Fault)
		case f.Format == bridge.FormatPIN && f.Fault == "" && f.Key == 0:
			if digits := string(f.Bits[:f.Len/8]); f.Len != 32 && f.Len != 40 || strings.Trim(digits, "0123456789") != "" {
				t.Fatalf("a PIN of %d bits: %q", f.Len, digits)
			}
		case f.Format != bridge.FormatPIN && f.Fault != bridge.UnknownFormat && f.Len != format.Bits:
			t.Fatalf("a card of %d bits as %q", f.Len, f.Format)
		}
		for i := f.Len; i < wiegand.MaxBits; i++ {
			if f.Bits[i/8]&(0x80>>(i%8)) != 0 {
				t.Fatalf("bit %d is set in a frame of %d", i, f.Len)
			}
		}
	}
	for ; len(raw) >= 6; raw = raw[6:] {
		at += time.Duration(int32(binary.LittleEndian.Uint32(raw))) * time.Microsecond
		seq += uint32(raw[5])
		check(d.Edge(bridge.Edge{At: at, Line: int(raw[4] % 3), Rising: raw[4]&0x80 != 0, Seq: seq}))
	}
	check(d.Flush(at + time.Hour))
	if s := d.Stats(); s.Frames+s.Keys != frames || s.Inverted > s.Frames {
		t.Fatalf("counted %+v, delivered %d", s, frames)
	}
}
