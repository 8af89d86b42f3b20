package panel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kapija/firmware-bridge/osdp/wire"
)

// Whatever is lost, changed, delayed, repeated or injected, and however often readers are busy or restart: no card is made
// up, and once the line is quiet each reader is back within seconds and reads.
func TestL28FaultsOfAllKinds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		rate := rapid.IntRange(2, 40).Draw(rt, "one fault in")
		make := rapid.SampledFrom([]func(testing.TB, int) *line{secured, plain}).Draw(rt, "kind")
		random := rand.New(rand.NewPCG(seed, 1))
		l := make(t, 3)
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if random.IntN(rate) > 0 {
				return b, 0
			}
			switch random.IntN(6) {
			case 0:
				return nil, 0
			case 1:
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			case 2:
				return b, time.Duration(random.IntN(500)) * ms
			case 3:
				return b[:random.IntN(len(b))], 0
			case 4:
				return append(b, b...), 0
			case 5:
				l.devices[random.IntN(3)].busy = random.IntN(5)
			}
			return b, 0
		}
		var shown []byte
		for i := range byte(60) {
			if random.IntN(20) == 0 {
				d := l.devices[random.IntN(3)]
				kept := d.events
				d.powerCut()
				d.events = kept
			}
			l.devices[random.IntN(3)].present(i)
			shown = append(shown, i)
			l.run(time.Duration(random.IntN(600)) * ms)
		}
		l.fault = nil
		for _, d := range l.devices {
			d.busy = 0
		}
		l.run(20 * time.Second)
		have := l.cards()
		slices.Sort(have)
		for _, c := range have {
			if !slices.Contains(shown, c) {
				rt.Fatalf("card %x was made up", c)
			}
		}
		if have = slices.Compact(have); len(have) != len(shown) {
			rt.Fatalf("%d cards of %d%s", len(have), len(shown), l.story())
		}
		l.forget()
		for i, d := range l.devices {
			d.present(byte(0xF0 + i))
		}
		l.run(2 * time.Second)
		back := l.cards()
		slices.Sort(back)
		if !slices.Equal(back, []byte{0xF0, 0xF1, 0xF2}) {
			rt.Fatalf("not all are back: % x%s", back, l.story())
		}
	})
}

// Lost and damaged frames alone, without restarts: each card comes exactly once.
func TestL28CardsComeExactlyOnceOnABadLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		make := rapid.SampledFrom([]func(testing.TB, int) *line{secured, plain}).Draw(rt, "kind")
		random := rand.New(rand.NewPCG(seed, 2))
		l := make(t, 2)
		l.up()
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			switch random.IntN(10) {
			case 0:
				return nil, 0
			case 1:
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			case 2:
				l.devices[0].busy = 1
			}
			return b, 0
		}
		var want []byte
		for i := range byte(50) {
			l.devices[i%2].present(i)
			want = append(want, i)
			l.run(time.Duration(random.IntN(600)) * ms)
		}
		l.fault = nil
		l.run(10 * time.Second)
		have := l.cards()
		slices.Sort(have)
		if !slices.Equal(have, want) {
			rt.Fatalf("% x, expected % x", have, want)
		}
		if len(told[Offline](l)) > 0 {
			rt.Fatal(l.story())
		}
	})
}

// FuzzReceive lets a paired reader's answers be anything. No card comes of it, and the panel goes on.
func FuzzReceive(f *testing.F) {
	f.Add(wire.Frame{Address: 1, Reply: true, Code: wire.ReplyPDID, Data: make([]byte, 12)}.Bytes(), uint8(0))
	f.Add(wire.Frame{Address: 1, Reply: true, Security: wire.SCS12, SCB: []byte{1}, Code: wire.ReplyCCrypt, Data: make([]byte, 32)}.Bytes(), uint8(2))
	f.Add(wire.Frame{Address: 1, Reply: true, Code: wire.ReplyNak, Data: []byte{4}}.Bytes(), uint8(5))
	f.Add(wire.Frame{Address: 1, Reply: true, Security: wire.SCS18, Code: wire.ReplyRaw, Data: make([]byte, 16), MAC: make([]byte, 4)}.Bytes(), uint8(6))
	f.Fuzz(func(t *testing.T, answer []byte, from uint8) {
		l := secured(t, 2)
		n := 0
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if n++; reply && n > int(from) && len(answer) > 4 && n < 200 {
				forged := slices.Clone(answer)
				if g, _, err := wire.Decode(forged); err == nil {
					if h, _, err := wire.Decode(b[1:]); err == nil {
						g.Sequence = h.Sequence // what fits is more interesting
						forged = g.Bytes()
					}
				}
				return forged, 0
			}
			return b, 0
		}
		l.run(10 * time.Second)
		l.fault = nil
		l.devices[0].present(0xA1)
		l.run(30 * time.Second)
		if have := l.cards(); !slices.Equal(have, []byte{0xA1}) {
			t.Fatalf("cards % x%s", have, l.story())
		}
	})
}
