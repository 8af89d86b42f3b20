package wiegand_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
)

const (
	ms     = time.Millisecond
	opened = 100 * time.Second
	later  = opened + wiegand.Settle // frames count from here on
)

// burst is a train of edges in the making.
type burst struct {
	edges   []bridge.Edge
	seq     uint32
	lineSeq [2]uint32
	at      time.Duration
}

// bit adds one bit, gap after the one before.
func (b *burst) bit(line int, gap time.Duration) {
	b.at += gap
	b.seq++
	b.lineSeq[line]++
	b.edges = append(b.edges, bridge.Edge{At: b.at, Line: line, Seq: b.seq, LineSeq: b.lineSeq[line]})
}

// frame adds the bits, the first after pause.
func (b *burst) frame(bits string, pause, period time.Duration) *burst {
	for i, c := range bits {
		gap := period
		if i == 0 {
			gap = pause
		}
		b.bit(int(c-'0'), gap)
	}
	return b
}

// lose drops the last n edges, as a kernel does whose buffer is full.
func (b *burst) lose(n int) *burst {
	b.edges = b.edges[:len(b.edges)-n]
	return b
}

func train() *burst { return &burst{at: later} }

// got is a frame in a form that can be compared and read.
type got struct {
	format string
	bits   string
	fault  bridge.Fault
}

func frame(f wiegand.Frame) got {
	return got{f.Format, cardformat.String(f.Bits[:(f.Len+7)/8], f.Len), f.Fault}
}

// known is the formats that everybody has, and two of a site's own: of 27 bits without parity, and of 33.
var known = func() *cardformat.Set {
	even, err := cardformat.ParseParity("Exxxxxxxxxxxxxxxx................")
	odd, err2 := cardformat.ParseParity("................xxxxxxxxxxxxxxxxO")
	s, problems := cardformat.NewSet([]cardformat.Format{
		{Name: "wiegand-own-27", Bits: 27, Number: cardformat.Field{Width: 27}},
		{
			Name: "wiegand-own-33", Bits: 33, Facility: cardformat.Field{Offset: 1, Width: 7}, Number: cardformat.Field{Offset: 8, Width: 24},
			Parity: []cardformat.Parity{even, odd},
		},
	})
	if err != nil || err2 != nil || len(problems) > 0 {
		panic(fmt.Sprint(err, err2, problems))
	}
	return s
}()

// wired is the Wiegand formats, one of each length.
func wired(t testing.TB) []string {
	var names []string
	lengths := map[int]bool{}
	for _, f := range formatsOf(t, known.Names()...) {
		if !f.Contactless && !lengths[f.Bits] {
			names, lengths[f.Bits] = append(names, f.Name), true
		}
	}
	return names
}

func formatsOf(t testing.TB, names ...string) []cardformat.Format {
	t.Helper()
	formats, err := known.Select(names)
	if err != nil {
		t.Fatal(err)
	}
	return formats
}

func decoder(t testing.TB, formats ...string) *wiegand.Decoder {
	t.Helper()
	return made(t, wiegand.Opts{Formats: formatsOf(t, formats...)})
}

func made(t testing.TB, o wiegand.Opts) *wiegand.Decoder {
	t.Helper()
	d, err := wiegand.NewDecoder(o, opened)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decode feeds all edges and then the silence.
func decode(d *wiegand.Decoder, edges []bridge.Edge) []got {
	var all []got
	var last time.Duration
	for _, e := range edges {
		if f, ok := d.Edge(e); ok {
			all = append(all, frame(f))
		}
		last = max(last, e.At)
	}
	if f, ok := d.Flush(last + wiegand.Silence); ok {
		all = append(all, frame(f))
	}
	return all
}

func card(t testing.TB, format string, facility, number uint64) string {
	t.Helper()
	bits, n, err := known.Encode(format, facility, number)
	if err != nil {
		t.Fatal(err)
	}
	return cardformat.String(bits, n)
}

func flip(bits string, at int) string {
	return bits[:at] + strings.Map(func(r rune) rune { return '0' + '1' - r }, bits[at:at+1]) + bits[at+1:]
}
