package wiegand_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/edgetest"
	"kapija/firmware-bridge/keypad"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
)

// running is a reader that runs in a synctest bubble.
type running struct {
	*testing.T
	lines  *edgetest.Lines
	reader *wiegand.Reader
	out    chan bridge.Signal
	ended  chan error
	cancel func()
}

func run(t *testing.T, formats ...string) *running {
	t.Helper()
	return runWith(t, wiegand.Opts{Formats: formatsOf(t, formats...)})
}

func runWith(t *testing.T, o wiegand.Opts) *running {
	t.Helper()
	r := &running{T: t, lines: edgetest.NewLines(2, edgetest.Falling), out: make(chan bridge.Signal, 8), ended: make(chan error, 1)}
	var err error
	if r.reader, err = wiegand.New("r", r.lines, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.ended <- r.reader.Run(ctx, r.out) }()
	if s := <-r.out; s.Device != "r" || s.What != (bridge.Health{Online: true}) {
		t.Fatalf("found %+v, expected a reader that is online", s)
	}
	return r
}

// send pulses bits and returns the time of the last one.
func (r *running) send(bits string) time.Time {
	var last time.Time
	for _, c := range bits {
		time.Sleep(ms)
		last = time.Now()
		r.lines.Pulse(int(c - '0'))
	}
	return last
}

func (r *running) none() {
	r.Helper()
	synctest.Wait()
	select {
	case s := <-r.out:
		r.Fatalf("found %T, expected nothing", s.What)
	default:
	}
}

func (r *running) stop() {
	r.Helper()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.Errorf("run ended with %v, expected nil", err)
	}
}

func TestReaderSendsCardsAtTheTimeOfTheirLastBit(t *testing.T) {
	for _, c := range []struct {
		formats []string
		wait    time.Duration // at most, after the last bit
	}{
		{[]string{"wiegand-26"}, 0},
		{[]string{"wiegand-26", "wiegand-37"}, wiegand.Silence + 2*ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, c.formats...)
			defer r.stop()
			time.Sleep(wiegand.Settle)
			bits := card(t, "wiegand-26", 17, 4711)
			for range 3 {
				last := r.send(bits)
				s := <-r.out
				read, ok := s.What.(bridge.Read)
				if !ok || read.Format != "wiegand-26" || cardformat.String(read.Bits, read.Len) != bits || read.Fault != bridge.NoFault {
					t.Fatalf("found %+v", s.What)
				}
				if !s.At.Equal(last) {
					t.Errorf("at %v, expected the last bit's %v", s.At, last)
				}
				if waited := time.Since(last); waited > c.wait {
					t.Errorf("told %v after the last bit, expected %v at most", waited, c.wait)
				}
				time.Sleep(wiegand.Silence)
			}
			if s := r.reader.Stats(); s != (wiegand.Stats{Frames: 3}) {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestL20ReaderCountsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, "wiegand-26")
		defer r.stop()
		time.Sleep(wiegand.Settle)
		bits := card(t, "wiegand-26", 17, 4711)
		r.send(bits[:12])
		synctest.Wait()
		r.lines.Lose(1)
		r.send(bits[12:])
		time.Sleep(time.Second)
		r.none()
		if s := r.reader.Stats(); s != (wiegand.Stats{Gaps: 1, Torn: 1}) {
			t.Errorf("counted %+v", s)
		}
		r.send(bits)
		if _, ok := (<-r.out).What.(bridge.Read); !ok {
			t.Error("the next card was not read")
		}
	})
}

func TestL23ReaderDiscardsTheFirstSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, "wiegand-26")
		defer r.stop()
		r.send(card(t, "wiegand-26", 17, 4711))
		time.Sleep(wiegand.Settle)
		r.none()
		if s := r.reader.Stats(); s != (wiegand.Stats{Early: 1}) {
			t.Errorf("counted %+v", s)
		}
	})
}

// A process that sleeps through a frame, or a gateway that does not drain, loses no card and splits none.
func TestL21SlowReaderSplitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, "wiegand-26", "wiegand-37")
		defer r.stop()
		time.Sleep(wiegand.Settle)
		var want []string
		for i := range 9 { // the channel takes 8: the reader stands still
			want = append(want, card(t, "wiegand-26", 1, uint64(i)))
			r.send(want[i])
			time.Sleep(wiegand.Silence)
		}
		for i := 9; i < 15; i++ {
			want = append(want, card(t, "wiegand-37", 0, uint64(i)))
			r.send(want[i])
			time.Sleep(wiegand.Silence)
		}
		time.Sleep(time.Hour)
		var have []string
		for range want {
			read := (<-r.out).What.(bridge.Read)
			have = append(have, cardformat.String(read.Bits, read.Len))
		}
		if !slices.Equal(have, want) {
			t.Errorf("found %v, expected %v", have, want)
		}
	})
}

func TestReaderFailsWithItsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, "wiegand-26")
		gone := errors.New("no such device")
		r.lines.Fail(gone)
		if err := <-r.ended; !errors.Is(err, gone) {
			t.Errorf("run ended with %v, expected %v", err, gone)
		}
		if err := r.lines.Close(); err == nil {
			t.Error("the reader left its lines open")
		}
		r.cancel()
	})
}

func TestReaderStopsWhileTheChannelIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, "wiegand-26")
		time.Sleep(wiegand.Settle)
		for range 12 {
			r.send(card(t, "wiegand-26", 17, 4711))
			time.Sleep(wiegand.Silence)
		}
		synctest.Wait()
		r.stop()
	})
}

// Keys become a PIN when Enter is pressed, and a card forgets what was typed before it.
func TestReaderSendsWhatWasTyped(t *testing.T) {
	for _, pad := range []wiegand.Keypad{wiegand.Keypad4, wiegand.Keypad8} {
		synctest.Test(t, func(t *testing.T) {
			r := runWith(t, wiegand.Opts{Formats: formatsOf(t, "wiegand-26"), Keypad: pad})
			defer r.stop()
			time.Sleep(wiegand.Settle)
			c26 := card(t, "wiegand-26", 17, 4711)
			var last time.Time
			typed := func(keys string, pause time.Duration) {
				for _, k := range keys {
					time.Sleep(pause)
					last = r.send(key(pad, k))
				}
				time.Sleep(wiegand.Silence + 2*ms)
			}
			expect := func(format, bits string) {
				t.Helper()
				s := <-r.out
				read, _ := s.What.(bridge.Read)
				if read.Format != format || cardformat.String(read.Bits, read.Len) != bits || read.Fault != "" || !s.At.Equal(last) {
					t.Fatalf("found %q with %d bits and the fault %q at %v, expected %s at %v", read.Format, read.Len, read.Fault, s.At, format, last)
				}
			}
			typed("4079#", 200*ms)
			expect(bridge.FormatPIN, pin("4079").bits)
			typed("12", time.Second)
			last = r.send(c26)
			expect("wiegand-26", c26)
			typed("34#", time.Second)
			expect(bridge.FormatPIN, pin("34").bits)
			typed("12*5#", 4*time.Second)
			expect(bridge.FormatPIN, pin("5").bits)
			typed("12", time.Second)
			time.Sleep(keypad.Gap)
			typed("#123456789#", time.Second)
			r.none()
			if s := r.reader.Stats(); s != (wiegand.Stats{Frames: 1, Keys: 28}) {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestNewNamesTheReader(t *testing.T) {
	_, err := wiegand.New("hall", edgetest.NewLines(2, edgetest.Falling), wiegand.Opts{Keypad: "x"})
	if err == nil || !strings.Contains(err.Error(), `"x"`) || !strings.Contains(err.Error(), "hall") {
		t.Errorf("found %v, expected the reader and the unknown keypad in it", err)
	}
}
