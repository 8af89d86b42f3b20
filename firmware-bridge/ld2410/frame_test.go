package ld2410

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The reports of the protocol's examples: basic mode, and engineering mode.
var (
	basic = []byte{0xF4, 0xF3, 0xF2, 0xF1, 0x0D, 0x00, 0x02, 0xAA, 0x02, 0x51, 0x00, 0x00, 0x00, 0x00, 0x3B, 0x00, 0x00,
		0x55, 0x00, 0xF8, 0xF7, 0xF6, 0xF5}
	engineering = []byte{0xF4, 0xF3, 0xF2, 0xF1, 0x23, 0x00, 0x01, 0xAA, 0x03, 0x1E, 0x00, 0x3C, 0x00, 0x00, 0x39, 0x00, 0x00,
		0x08, 0x08, 0x3C, 0x22, 0x05, 0x03, 0x03, 0x04, 0x03, 0x06, 0x05, 0x00, 0x00, 0x39, 0x10, 0x13, 0x06, 0x06, 0x08, 0x04,
		0x03, 0x05, 0x55, 0x00, 0xF8, 0xF7, 0xF6, 0xF5}
)

// with is the report with one byte changed.
func with(frame []byte, at int, b byte) []byte {
	f := slices.Clone(frame)
	f[at] = b
	return f
}

// feed gives what each report in a stream says.
func feed(stream []byte) (reports []bool) {
	var p parser
	for _, b := range stream {
		if there, ok := p.feed(b); ok {
			reports = append(reports, there)
		}
	}
	return reports
}

func TestReports(t *testing.T) {
	for what, c := range map[string]struct {
		stream []byte
		want   []bool
	}{
		"still":                  {basic, []bool{true}},
		"nobody":                 {with(basic, 8, 0), []bool{false}},
		"moving":                 {with(basic, 8, 1), []bool{true}},
		"both":                   {with(basic, 8, 3), []bool{true}},
		"engineering mode":       {engineering, []bool{true}},
		"three":                  {slices.Concat(basic, with(basic, 8, 0), engineering), []bool{true, false, true}},
		"unknown state":          {with(basic, 8, 4), nil},
		"unknown type":           {with(basic, 6, 3), nil},
		"no head":                {with(basic, 7, 0), nil},
		"no end of the data":     {with(basic, 17, 0), nil},
		"no tail":                {with(basic, 22, 0), nil},
		"too short":              {with(basic, 4, 12), nil},
		"too long":               {slices.Concat(with(basic, 4, 65)[:6], basic), []bool{true}},
		"basic of another size":  {with(engineering, 6, 2), nil},
		"half of one before":     {slices.Concat(basic[:9], basic), []bool{true}},
		"all of one but its end": {slices.Concat(basic[:22], basic), []bool{true}},
		"two inside a long one":  {slices.Concat(with(basic, 4, 60)[:6], basic, with(basic, 8, 0), make([]byte, 18)), []bool{false}},
		"header of a header":     {slices.Concat([]byte{0xF4, 0xF4, 0xF3, 0xF4, 0xF3, 0xF2}, basic), []bool{true}},
	} {
		if got := feed(c.stream); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, expected %v", what, got, c.want)
		}
	}
}

// Garbage without a header between reports loses none of them.
func TestReportsInGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var want []bool
		for range rapid.IntRange(1, 20).Draw(t, "reports") {
			garbage := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "garbage")
			for i, b := range garbage {
				if b == header[0] {
					garbage[i] = 0
				}
			}
			state := rapid.ByteRange(0, 3).Draw(t, "state")
			frame := rapid.SampledFrom([][]byte{basic, engineering}).Draw(t, "mode")
			stream = append(append(stream, garbage...), with(frame, 8, state)...)
			want = append(want, state != 0)
		}
		if got := feed(stream); !slices.Equal(got, want) {
			t.Fatalf("found %v, expected %v", got, want)
		}
	})
}

func FuzzParser(f *testing.F) {
	f.Add(basic)
	f.Add(engineering)
	f.Add(slices.Concat(basic[:20], basic, engineering))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var p parser
		reports := 0
		for i, b := range stream {
			if _, ok := p.feed(b); ok {
				reports++
			}
			if len(p.buf) >= maxFrame {
				t.Fatalf("holds %d bytes", len(p.buf))
			}
			if seen := stream[:i+1]; reports > bytes.Count(seen, header) || reports > bytes.Count(seen, tail) {
				t.Fatalf("%d reports in %x", reports, seen)
			}
		}
		// Whatever came before: after what the longest frame may still swallow, the next report is found.
		var last bool
		for _, b := range append(make([]byte, maxFrame), basic...) {
			_, last = p.feed(b)
		}
		if !last {
			t.Fatalf("deaf after %x", stream)
		}
	})
}

func BenchmarkParser(b *testing.B) {
	var p parser
	b.SetBytes(int64(len(basic)))
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range basic {
			p.feed(c)
		}
	}
}
