//go:build hil

package board_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

const (
	bitPeriod = time.Millisecond // typical of readers
	patience  = 20 * time.Second // bounds a wait; no measure of speed
)

// Eight readers send a thousand cards each, all at the same time and a bit each millisecond. No card is lost and none is
// altered; the next ones begin as soon as the last of the eight was told.
func TestEightReadersAtOnce(t *testing.T) {
	const readers, cards = 8, 1000
	w := &site.Wiring{Readers: map[string]site.ReaderWiring{}}
	gw := &site.Gateway{ID: "hil"}
	wires := make([][2]int, readers)
	for r := range wires {
		wires[r] = [2]int{newLine(t), newLine(t)}
		id := fmt.Sprintf("r%d", r)
		w.Readers[id] = site.ReaderWiring{D0: name(wires[r][0]), D1: name(wires[r][1]), Pull: "up"}
		gw.Readers = append(gw.Readers, &site.Reader{ID: id, Formats: []string{"wiegand-26", "wiegand-37"}})
	}
	devices, signals := start(t, gw, open(t, w))
	for range readers {
		if s := next(t, signals); s.What != (bridge.Health{Online: true}) {
			t.Fatalf("found %+v, expected a reader that is online", s)
		}
	}
	wait(wiegand.Settle)

	for c := range cards {
		frames, want := make([]string, readers), map[string]string{}
		for r := range frames {
			format := []string{"wiegand-26", "wiegand-37"}[(r+c)%2]
			bits, n, err := cardformat.Encode(format, 0, uint64(1000*r+17*c+1))
			if err != nil {
				t.Fatal(err)
			}
			frames[r] = cardformat.String(bits, n)
			want[fmt.Sprintf("r%d", r)] = format + " " + frames[r]
		}
		send(t, wires, frames, bitPeriod)
		for range readers {
			s := next(t, signals)
			read, ok := s.What.(bridge.Read)
			if !ok || read.Fault != bridge.NoFault {
				t.Fatalf("card %d at %s: found %T with fault %q, expected a card", c, s.Device, s.What, read.Fault)
			}
			if got := read.Format + " " + cardformat.String(read.Bits, read.Len); got != want[s.Device] {
				t.Fatalf("card %d at %s: found %s, expected %s", c, s.Device, got, want[s.Device])
			}
			delete(want, s.Device)
		}
	}
	for r := range readers {
		if s := devices.Stats(fmt.Sprintf("r%d", r)); s != (wiegand.Stats{Frames: cards}) {
			t.Errorf("r%d: counted %+v, expected %d frames and nothing else", r, s, cards)
		}
	}
}

// From the badge to the lock: pulses on two wires, a decision that this test makes, and the level of the lock's line.
func TestBadgeToLock(t *testing.T) {
	d0, d1, contact, lock, magnet := newLine(t), newLine(t), newLine(t), newLine(t), newLine(t)
	drive(t, contact, false)
	w := open(t, &site.Wiring{
		Readers: map[string]site.ReaderWiring{"reader": {D0: name(d0), D1: name(d1), Pull: "up"}},
		Inputs:  map[string]site.InputWiring{"contact": {Line: name(contact)}},
		Outputs: map[string]site.OutputWiring{"lock": {Line: name(lock)}, "magnet": {Line: name(magnet), ActiveLow: true}},
	})
	devices, signals := start(t, &site.Gateway{ID: "hil",
		Readers: []*site.Reader{{ID: "reader", Formats: []string{"wiegand-26"}}},
		Inputs:  []*site.Input{{ID: "contact", Active: "high"}},
		Outputs: []*site.Output{{ID: "lock"}, {ID: "magnet"}},
	}, w)

	t.Run("L14 outputs are off before anything is decided", func(t *testing.T) {
		outputs(t, devices, false)
		if level(t, lock) || !level(t, magnet) {
			t.Fatalf("the lines are %v and %v, expected low, and high for the one that is active low", level(t, lock), level(t, magnet))
		}
	})
	t.Run("L07 the contact is told as found", func(t *testing.T) {
		found := map[string]any{}
		for range 3 {
			s := next(t, signals)
			found[fmt.Sprintf("%s %T", s.Device, s.What)] = s.What
		}
		if found["contact bridge.Level"] != (bridge.Level{First: true}) || found["reader bridge.Health"] != (bridge.Health{Online: true}) {
			t.Fatalf("found %+v", found)
		}
	})

	bits, n, err := cardformat.Encode("wiegand-26", 17, 4711)
	if err != nil {
		t.Fatal(err)
	}
	card := cardformat.String(bits, n)
	t.Run("L23 a card within the first second is thrown away", func(t *testing.T) {
		send(t, [][2]int{{d0, d1}}, []string{card}, bitPeriod)
		for deadline := time.Now().Add(patience); devices.Stats("reader").Early == 0; wait(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("counted %+v, expected one early frame", devices.Stats("reader"))
			}
		}
	})
	wait(wiegand.Settle)
	t.Run("a known card energises the lock", func(t *testing.T) {
		send(t, [][2]int{{d0, d1}}, []string{card}, bitPeriod)
		s := next(t, signals)
		read, ok := s.What.(bridge.Read)
		if !ok || cardformat.String(read.Bits, read.Len) != card || read.Fault != bridge.NoFault {
			t.Fatalf("found %T with fault %q, expected the card", s.What, read.Fault)
		}
		if age := time.Since(s.At); age < 0 {
			t.Errorf("the card is from %v ahead of now", -age)
		}
		outputs(t, devices, true, "lock", "magnet")
		if !level(t, lock) || level(t, magnet) {
			t.Fatal("the lines did not follow")
		}
		outputs(t, devices, false, "lock", "magnet")
		if level(t, lock) || !level(t, magnet) {
			t.Fatal("the lines did not follow")
		}
	})
	t.Run("L22 a card with wrong parity is told", func(t *testing.T) {
		wait(wiegand.Silence)
		broken := card[:25] + string('0'+'1'-card[25])
		send(t, [][2]int{{d0, d1}}, []string{broken}, bitPeriod)
		read, _ := next(t, signals).What.(bridge.Read)
		if read.Fault != bridge.BadParity || cardformat.String(read.Bits, read.Len) != broken {
			t.Fatalf("found fault %q and %d bits, expected %q and the raw bits", read.Fault, read.Len, bridge.BadParity)
		}
	})
	t.Run("a contact that bounces is told once", func(t *testing.T) {
		for range 10 {
			drive(t, contact, true)
			wait(time.Millisecond)
			drive(t, contact, false)
			wait(time.Millisecond)
		}
		drive(t, contact, true)
		if s := next(t, signals); s.What != (bridge.Level{Active: true}) {
			t.Fatalf("found %+v, expected active", s.What)
		}
		drive(t, contact, false)
		if s := next(t, signals); s.What != (bridge.Level{}) {
			t.Fatalf("found %+v, expected inactive", s.What)
		}
	})
}

func outputs(t *testing.T, d *rig.Devices, on bool, set ...string) {
	t.Helper()
	for _, id := range set {
		if err := d.Outputs[id].Set(on); err != nil {
			t.Fatal(err)
		}
	}
	for id, o := range d.Outputs {
		if got, err := o.Level(); err != nil || got != on {
			t.Fatalf("%s: on is %v with the error %v, expected %v", id, got, err, on)
		}
	}
}

// start runs the devices of gw until the test ends, and returns what they tell.
func start(t *testing.T, gw *site.Gateway, w bridge.Wires) (*rig.Devices, <-chan bridge.Signal) {
	t.Helper()
	d, err := rig.Open(gw, w, rig.Opts{})
	if err != nil {
		t.Fatal(err)
	}
	signals := make(chan bridge.Signal, 1024)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for _, s := range d.Sources {
		go func() { ended <- s.Run(ctx, signals) }()
	}
	t.Cleanup(func() {
		cancel()
		for range d.Sources {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return d, signals
}

func next(t *testing.T, signals <-chan bridge.Signal) bridge.Signal {
	t.Helper()
	select {
	case s := <-signals:
		return s
	case <-time.After(patience):
		t.Fatal("no further signal came")
		panic("unreachable")
	}
}

// wait lets the kernel's own clock run on: what is tested here is its time.
func wait(d time.Duration) { time.Sleep(d) }
