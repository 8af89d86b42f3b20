package osdp_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
)

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// report gives percentiles as metrics: of virtual time, so that they are the same on every machine.
func report(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), name+"-p50-ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), name+"-p99-ms")
}

// BenchmarkCard is the time from a card at the reader to its event: four readers at 9600 baud, one of them dead.
func BenchmarkCard(b *testing.B) {
	for _, m := range []mode{clear, sealed} {
		b.Run(string(m), func(b *testing.B) {
			w := of(b, m, 4).online()
			w.inject(3, peripheral.LoseCommand, -1)
			w.run(20 * time.Second) // it is offline
			random := rand.New(rand.NewPCG(1, 1))
			var took []time.Duration
			for b.Loop() {
				w.forget()
				w.run(time.Duration(random.IntN(1000)) * time.Millisecond)
				w.present(random.IntN(3), uint32(len(took)))
				took = append(took, w.until("the card", 5*time.Second, func() bool { return len(w.cards()) == 1 }))
			}
			report(b, "card", took)
		})
	}
}

// BenchmarkColdStart is the time from nothing to a Secure Channel session, of one reader and of the last of four.
func BenchmarkColdStart(b *testing.B) {
	for name, n := range map[string]int{"one reader": 1, "four readers": 4} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				w := of(b, sealed, n)
				took = append(took, w.until("online", 10*time.Second, func() bool { return len(all[panel.Online](w)) == n }))
			}
			report(b, "start", took)
		})
	}
}

// BenchmarkUpdate is a file of 20 kB to one of four readers, and the cards that come meanwhile.
func BenchmarkUpdate(b *testing.B) {
	for _, m := range []mode{clear, sealed} {
		b.Run(string(m), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 1))
			var files, cards []time.Duration
			for b.Loop() {
				w := of(b, m, 4).online()
				if err := w.panel.SendFile(0, 1, firmware(20_000)); err != nil {
					b.Fatal(err)
				}
				begin, n := w.now, uint32(0)
				done := func() bool {
					t := all[panel.Transfer](w)
					return len(t) > 0 && t[len(t)-1].Done
				}
				for !done() {
					w.present(random.IntN(4), n)
					n++
					cards = append(cards, w.until("the card", 20*time.Second, func() bool { return len(w.cards()) == int(n) }))
					w.run(time.Duration(random.IntN(2000)) * time.Millisecond)
				}
				files = append(files, w.now-begin)
			}
			report(b, "file", files)
			report(b, "card", cards)
		})
	}
}
