package panel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// The benchmarks measure virtual time on the line: readers take 3 ms to answer, as is usual, and each character its time.

// BenchmarkColdStart is from power on to the first proven answer of a secure session, at 9600 baud.
func BenchmarkColdStart(b *testing.B) {
	for _, readers := range []int{1, 4} {
		b.Run(map[int]string{1: "one", 4: "four"}[readers], func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				l := secured(b, readers)
				at := l.now
				l.up()
				took = l.now - at
			}
			b.ReportMetric(float64(took)/float64(ms), "ms/start")
		})
	}
}

// latencies presents n cards at random times to the living readers, and gives the time from each to its event, sorted.
func latencies(l *line, n int) []time.Duration {
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range n {
		l.run(200*ms + time.Duration(random.Int64N(int64(300*ms))))
		living := slices.DeleteFunc(slices.Clone(l.devices), func(d *device) bool { return d.dead })
		d := living[random.IntN(len(living))]
		l.forget()
		at := l.now
		d.present(0xA1, 0xB2, 0xC3, 0xD4)
		if !l.until(10*time.Second, func() bool { return len(l.cards()) == 1 }) {
			l.t.Fatal("no card")
		}
		all = append(all, l.now-at)
	}
	slices.Sort(all)
	return all
}

// BenchmarkCard is from a card in front of one of four readers, one of which is dead, to its event.
//
// In a session at 9600 baud, 120 ms for 99 of 100 is more than the line can do: a POLL and its ACK have 15 characters each
// with their marks, the gap has two, which are 33.3 ms; with 3 ms to answer the round of three readers takes 109 ms. A card
// has 31 characters, 32.3 ms. A card that just misses its turn waits for the whole round and then for POLL, answer and card:
// from 3 + 32 = 35 ms to 35 + 109 = 144 ms, evenly, so that the slowest of a hundred takes 143 ms without any dead reader.
// At 19200 baud all of it is half.
func BenchmarkCard(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(testing.TB, int) *line
		baud int
	}{{"clear9600", plain, 9600}, {"secure9600", secured, 9600}, {"secure19200", secured, 19200}, {"secure115200", secured, 115200}} {
		b.Run(c.name, func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				l := c.make(b, 4)
				for i, r := range l.p.readers {
					r.baud, l.devices[i].baud = c.baud, c.baud
				}
				l.devices[3].dead = true
				l.run(time.Minute)
				all = latencies(l, 2000)
			}
			b.ReportMetric(float64(all[len(all)/2])/float64(ms), "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100])/float64(ms), "p99-ms")
			b.ReportMetric(float64(all[len(all)-1])/float64(ms), "max-ms")
		})
	}
}

// BenchmarkFile is 20 kB to one of four readers at 9600 baud, and the cards that are read meanwhile.
func BenchmarkFile(b *testing.B) {
	for name, make := range map[string]func(testing.TB, int) *line{"clear": plain, "secure": secured} {
		b.Run(name, func(b *testing.B) {
			var took, worst time.Duration
			for b.Loop() {
				l := make(b, 4)
				l.up()
				l.run(2 * time.Second)
				data := file(b, 20_000)
				if err := l.p.SendFile(1, 1, data); err != nil {
					b.Fatal(err)
				}
				at := l.now
				all := latencies(l, 60)
				worst = all[len(all)-1]
				l.end(10 * time.Minute)
				took = l.now - at
			}
			b.ReportMetric(took.Seconds(), "s/file")
			b.ReportMetric(float64(worst)/float64(ms), "worst-card-ms")
		})
	}
}

// What the benchmarks must keep to.
func TestSpeed(t *testing.T) {
	t.Run("cold start to a secure session at 9600 baud within 500 ms", func(t *testing.T) {
		l := secured(t, 1)
		at := l.now
		l.up()
		if took := l.now - at; took > 500*ms {
			t.Errorf("%v", took)
		}
	})
	t.Run("cards of three readers beside a dead one at 9600 baud: 99 of 100 within 120 ms", func(t *testing.T) {
		l := plain(t, 4)
		l.devices[3].dead = true
		l.run(time.Minute)
		all := latencies(l, 5000)
		if p99 := all[4950]; p99 > 120*ms {
			t.Errorf("%v", p99)
		}
	})
	t.Run("20 kB at 9600 baud while cards come within 500 ms", func(t *testing.T) {
		l := secured(t, 4)
		l.up()
		l.run(2 * time.Second)
		l.sendFile(file(t, 20_000))
		all := latencies(l, 60)
		if worst := all[len(all)-1]; worst > 500*ms || l.p.readers[0].transfer == nil && l.devices[0].file == nil {
			t.Errorf("%v", worst)
		}
	})
	t.Run("a grant is shown at once", func(t *testing.T) {
		l := secured(t, 4)
		l.up()
		l.run(2 * time.Second)
		at := l.now
		l.send(wire.LEDs{{Temporary: wire.LEDTemporary, TempOnColour: wire.Green, TempTime: 30}})
		if !l.until(time.Second, func() bool { return len(heard[wire.LEDs](l)) == 1 }) || l.now-at > 110*ms {
			t.Errorf("%v", l.now-at)
		}
	})
}
