package osdp_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
)

// Faults that must not cost a card, and those that may cost the one that the reader holds: a power cut, and a forged
// reply in the place of a true one.
var (
	disturb = []peripheral.Fault{peripheral.LoseCommand, peripheral.LoseReply, peripheral.Corrupt, peripheral.Busy, peripheral.Late,
		peripheral.Echo, peripheral.NoMark, peripheral.ExtraMarks, peripheral.Garbage, peripheral.OtherAddress, peripheral.ClearCard}
	forge    = []peripheral.Fault{peripheral.Restart, peripheral.BadMAC, peripheral.Replay}
	insecure = []peripheral.Fault{peripheral.BadMAC, peripheral.Replay, peripheral.ClearCard} // strike in a session alone
)

var soakSeed = flag.Uint64("soak.seed", 1, "of TestL28Soak")

// A hundred thousand polls of four readers with a fault each second: each card arrives exactly once, in its
// reader's order, and nothing else does.
func TestL28Soak(t *testing.T) {
	const polls = 100_000
	modes(t, func(t *testing.T, m mode) {
		t.Logf("seed %d", *soakSeed)
		random := rand.New(rand.NewPCG(*soakSeed, 0))
		w := of(t, m, 4).online()
		var want, got [4][]uint32
		var rest [4]time.Duration // an attacked reader makes no session sooner
		presented, faults := uint32(0), 0
		w.polls = 0
		for w.polls < polls {
			w.run(time.Duration(50+random.IntN(500)) * time.Millisecond)
			if n := random.IntN(4); random.IntN(4) == 0 && !w.pds[n].Pending() {
				f, times := disturb[random.IntN(len(disturb))], 1+random.IntN(2)
				if f == peripheral.Late {
					times = 1 // it strikes the neighbours as well
				}
				if random.IntN(10) == 0 && w.pds[n].Waiting() == 0 && w.now > rest[n] {
					f, times, rest[n] = forge[random.IntN(len(forge))], 1, w.now+20*time.Second
				}
				if m == sealed || !slices.Contains(insecure, f) {
					w.inject(n, f, times)
					faults++
				}
			}
			if n := random.IntN(4); !w.pds[n].Pending(forge...) {
				w.present(n, presented)
				want[n] = append(want[n], presented)
				presented++
			}
			for _, e := range w.events {
				if off, ok := e.What.(panel.Offline); ok {
					t.Errorf("reader %d went offline at %v: %s", e.Address, e.At, off.Cause)
				}
			}
			w.sort(&got)
		}
		for n := range w.pds {
			for _, f := range peripheral.Faults() {
				w.inject(n, f, 0)
			}
		}
		w.run(20 * time.Second)
		w.sort(&got)
		for n := range w.pds {
			if !slices.Equal(got[n], want[n]) {
				t.Errorf("reader %d: %d cards arrived, %d were presented; they part at %v", n, len(got[n]), len(want[n]), part(got[n], want[n]))
			}
		}
		t.Logf("%v of virtual time, %d polls, %d faults, %d cards", w.now.Round(time.Second), w.polls, faults, presented)
	})
}

// sort gives each card to its reader, and forgets the events.
func (w *world) sort(got *[4][]uint32) {
	events := w.events
	for _, e := range events {
		w.events = []panel.Event{e}
		got[e.Address] = append(got[e.Address], w.cards()...)
	}
	w.forget()
}

// part is what comes at the first difference, and around it.
func part(got, want []uint32) [2][]uint32 {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	near := func(s []uint32) []uint32 { return s[max(min(i, len(s))-2, 0):min(i+3, len(s))] }
	return [2][]uint32{near(got), near(want)}
}
