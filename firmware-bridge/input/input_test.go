package input_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/edgetest"
	"kapija/firmware-bridge/input"
)

const ms = time.Millisecond

// running is an input that runs in a synctest bubble.
type running struct {
	*testing.T
	line   *edgetest.Lines
	out    chan bridge.Signal
	ended  chan error
	cancel func()
}

// run starts an input over a line that is high or low, and checks what it says first.
func run(t *testing.T, high bool, o input.Opts) *running {
	t.Helper()
	r := &running{T: t, line: edgetest.NewLines(1, edgetest.Both), out: make(chan bridge.Signal, 64), ended: make(chan error, 1)}
	in, err := input.New("door", r.line, o)
	if err != nil {
		t.Fatal(err)
	}
	r.set(high)
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.ended <- in.Run(ctx, r.out) }()
	if s := <-r.out; s.Device != "door" || s.What != (bridge.Health{Online: true}) {
		t.Fatalf("found %+v, expected an input that is online", s)
	}
	if s := <-r.out; s.What != (bridge.Level{Active: high != o.ActiveLow, First: true}) {
		t.Fatalf("found %+v, expected the level as found", s)
	}
	return r
}

func (r *running) set(high bool) { r.line.Set(0, high) }

func (r *running) expect(at time.Time, active bool) {
	r.Helper()
	synctest.Wait()
	select {
	case s := <-r.out:
		if s.What != (bridge.Level{Active: active}) || !s.At.Equal(at) {
			r.Fatalf("found %+v at %v, expected active %v at %v", s.What, s.At, active, at)
		}
	default:
		r.Fatalf("found nothing, expected active %v", active)
	}
}

func (r *running) none() {
	r.Helper()
	synctest.Wait()
	select {
	case s := <-r.out:
		r.Fatalf("found %+v, expected nothing", s.What)
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

func TestL07LevelIsToldAsFound(t *testing.T) {
	for _, high := range []bool{true, false} {
		for _, low := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, high, input.Opts{ActiveLow: low})
				time.Sleep(time.Hour)
				r.none()
				r.stop()
			})
		}
	}
}

func TestDebounce(t *testing.T) {
	t.Run("a level counts once it held", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, false, input.Opts{})
			defer r.stop()
			r.set(true)
			at := time.Now()
			time.Sleep(input.DefaultDebounce - 1)
			r.none()
			time.Sleep(3 * ms)
			r.expect(at, true)
			r.set(false)
			at = time.Now()
			time.Sleep(input.DefaultDebounce + 3*ms)
			r.expect(at, false)
		})
	})
	t.Run("bounce is told once, from its last edge", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, true, input.Opts{ActiveLow: true, Debounce: 50 * ms})
			defer r.stop()
			for range 20 {
				r.set(false)
				time.Sleep(49 * ms)
				r.set(true)
				time.Sleep(10 * ms)
			}
			r.none()
			r.set(false)
			at := time.Now()
			time.Sleep(time.Second)
			r.expect(at, true)
			r.none()
		})
	})
	t.Run("a glitch is nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, false, input.Opts{})
			defer r.stop()
			r.set(true)
			time.Sleep(5 * ms)
			r.set(false)
			time.Sleep(time.Second)
			r.none()
		})
	})
	t.Run("a short press is seen although the process sleeps", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, false, input.Opts{})
			defer r.stop()
			// Fill the channel, so that the input stands still.
			for i := range cap(r.out) + 1 {
				r.set(i%2 == 0)
				time.Sleep(30 * ms)
			}
			r.set(false)
			time.Sleep(30 * ms)
			r.set(true)
			pressed := time.Now()
			time.Sleep(30 * ms)
			r.set(false)
			released := time.Now()
			time.Sleep(time.Hour)
			for i := range cap(r.out) + 1 {
				if s := <-r.out; s.What != (bridge.Level{Active: i%2 == 0}) {
					t.Fatalf("change %d: found %+v", i, s.What)
				}
			}
			if s := <-r.out; s.What != (bridge.Level{}) {
				t.Fatalf("found %+v", s.What)
			}
			time.Sleep(time.Second)
			r.expect(pressed, true)
			r.expect(released, false)
		})
	})
}

func TestL13LevelIsReadAgainAfterAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, false, input.Opts{})
		defer r.stop()
		time.Sleep(time.Second)
		r.line.Lose(1)
		r.set(true)
		time.Sleep(time.Second)
		r.none() // nothing shows yet that an edge was lost

		r.line.Lose(1)
		r.set(false)
		r.set(true)
		at := time.Now()
		time.Sleep(input.DefaultDebounce + 3*ms)
		r.expect(at, true)

		r.line.Lose(4)
		for i := range 5 {
			r.set(i%2 == 1)
		}
		at = time.Now()
		time.Sleep(input.DefaultDebounce + 3*ms)
		r.expect(at, false)
	})
}

func TestInputFailsWithItsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, false, input.Opts{})
		gone := errors.New("no such device")
		r.line.Fail(gone)
		if err := <-r.ended; !errors.Is(err, gone) {
			t.Errorf("run ended with %v, expected %v", err, gone)
		}
		if err := r.line.Close(); err == nil {
			t.Error("the input left its line open")
		}
		r.cancel()
	})
}

func TestNewRefusesANegativeDebounce(t *testing.T) {
	if _, err := input.New("door", edgetest.NewLines(1, edgetest.Both), input.Opts{Debounce: -1}); err == nil {
		t.Error("no error, expected one")
	}
}

// Whatever the contact does, and whatever the buffer loses, the last level told is the line's once the line is still; no
// level is told twice.
func TestL13TheLastWordIsTheLinesLevel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 60), 1, 60).Draw(rt, "pauses in ms")
		lose := rapid.SliceOfN(rapid.IntRange(0, 9), len(steps), len(steps)).Draw(rt, "losses")
		fault := ""
		synctest.Test(t, func(t *testing.T) {
			r := run(t, false, input.Opts{})
			defer r.stop()
			level, told := false, false
			for i, pause := range steps {
				if lose[i] == 0 {
					r.line.Lose(1)
				}
				level = !level
				r.set(level)
				time.Sleep(time.Duration(pause) * ms)
			}
			level = !level
			r.set(level) // a last edge shows what was lost before it
			time.Sleep(time.Second)
			synctest.Wait()
			for len(r.out) > 0 && fault == "" {
				l := (<-r.out).What.(bridge.Level)
				if l.Active == told || l.First {
					fault = fmt.Sprintf("found %+v after %v", l, told)
				}
				told = l.Active
			}
			if told != level && fault == "" {
				fault = fmt.Sprintf("the last level told is %v, the line's is %v", told, level)
			}
		})
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}
