package detector_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/detector"
	"kapija/firmware-bridge/edgetest"
)

const ms = time.Millisecond

func motion(seen float64) bridge.Measured {
	return bridge.Measured{Quantity: "Motion_Sensor", Value: seen, Unit: "1"}
}

func leak(seen float64) bridge.Measured {
	return bridge.Measured{Quantity: "Leak_Alarm", Value: seen, Unit: "1"}
}

// running is a detector that runs.
type running struct {
	*testing.T
	line  *edgetest.Lines
	out   chan bridge.Signal
	ended chan error
	stop  func()
}

type newDetector = func(string, bridge.EdgeSource, time.Duration, *detector.Opts) (*detector.Dev, error)

// run starts a detector whose line is low.
func run(t *testing.T, of newDetector, every time.Duration, opts *detector.Opts) *running {
	t.Helper()
	r := &running{T: t, line: edgetest.NewLines(1, edgetest.Both), out: make(chan bridge.Signal, 64), ended: make(chan error, 1)}
	r.line.Set(0, false)
	dev, err := of("d", r.line, every, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.ended <- dev.Run(ctx, r.out) }()
	r.expect(time.Now(), bridge.Health{Online: true})
	return r
}

func (r *running) expect(at time.Time, what any) {
	r.Helper()
	synctest.Wait()
	select {
	case s := <-r.out:
		if s.Device != "d" || s.What != what || !s.At.Equal(at) {
			r.Fatalf("told %+v, expected %+v at %v", s, what, at)
		}
	default:
		r.Fatalf("told nothing, expected %+v", what)
	}
}

func (r *running) none() {
	r.Helper()
	synctest.Wait()
	if len(r.out) > 0 {
		r.Fatalf("told %+v, expected nothing", (<-r.out).What)
	}
}

func (r *running) end() {
	r.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Errorf("Run ended with %v, expected nil", err)
	}
	if err := r.line.Close(); !errors.Is(err, os.ErrClosed) {
		r.Error("the detector left its line open")
	}
}

func TestMotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := run(t, detector.NewMotion, time.Minute, nil)
		for range 10 { // what it sees while it warms up
			r.line.Set(0, true)
			time.Sleep(time.Second)
			r.line.Set(0, false)
			time.Sleep(time.Second)
		}
		time.Sleep(10*time.Second - ms)
		r.none()
		time.Sleep(ms)
		r.expect(began.Add(30*time.Second), motion(0))

		time.Sleep(10 * time.Second)
		r.line.Set(0, true)
		at := time.Now()
		time.Sleep(100 * ms)
		r.expect(at, motion(1))
		r.line.Set(0, false)
		at = time.Now()
		time.Sleep(100 * ms)
		r.expect(at, motion(0))
		time.Sleep(59 * time.Second)
		r.none()
		time.Sleep(time.Second)
		s := <-r.out
		if s.What != motion(0) || s.At.Sub(at) > 61*time.Second {
			t.Errorf("told %+v, expected a repetition after a minute", s)
		}
		r.end()
	})
}

func TestMotionThatLastsThroughTheWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := run(t, detector.NewMotion, time.Minute, &detector.Opts{WarmUp: 5 * time.Second})
		time.Sleep(time.Second)
		r.line.Set(0, true)
		time.Sleep(4 * time.Second)
		r.expect(began.Add(5*time.Second), motion(1))
		for i := range 5 {
			time.Sleep(time.Minute)
			r.expect(began.Add(5*time.Second+time.Duration(i+1)*time.Minute), motion(1))
		}
		r.end()
	})
}

func TestLeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewLeak, time.Hour, nil)
		r.expect(time.Now(), leak(0)) // no warm-up
		r.line.Set(0, true)
		time.Sleep(499 * ms)
		r.line.Set(0, false) // a drop
		time.Sleep(time.Minute)
		r.none()
		r.line.Set(0, true)
		at := time.Now()
		time.Sleep(499 * ms)
		r.none()
		time.Sleep(4 * ms)
		r.expect(at, leak(1))
		r.end()
	})
}

// A repetition falls into the debounce time of a change: the change must still be the last word in a history.
func TestChangeIsNotOlderThanARepetition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewLeak, time.Minute, nil)
		at := time.Now()
		r.expect(at, leak(0))
		time.Sleep(time.Minute - 200*ms)
		r.line.Set(0, true)
		time.Sleep(time.Second)
		r.expect(at.Add(time.Minute), leak(0))
		r.expect(at.Add(time.Minute), leak(1))
		r.end()
	})
}

func TestActiveLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewLeak, time.Hour, &detector.Opts{ActiveLow: true, Debounce: 50 * ms})
		r.expect(time.Now(), leak(1))
		r.line.Set(0, true)
		at := time.Now()
		time.Sleep(53 * ms)
		r.expect(at, leak(0))
		r.end()
	})
}

func TestMotionWithoutWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewMotion, time.Hour, &detector.Opts{WarmUp: -1})
		r.expect(time.Now(), motion(0))
		r.end()
	})
}

// Whoever opens the line anew tells that the detector is offline, with this cause, and that it is back.
func TestL25AFailedLineEndsTheRunWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewLeak, time.Minute, nil)
		r.expect(time.Now(), leak(0))
		gone := errors.New("no such device")
		r.line.Fail(gone)
		if err := <-r.ended; !errors.Is(err, gone) || !strings.HasPrefix(err.Error(), "detector: input: d: ") {
			t.Errorf("Run ended with %v, expected %v", err, gone)
		}
		time.Sleep(time.Hour)
		r.none()
		if err := r.line.Close(); !errors.Is(err, os.ErrClosed) {
			t.Error("the detector left its line open")
		}
		r.stop()
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, detector.NewLeak, time.Second, nil)
		time.Sleep(time.Hour)
		if len(r.out) != cap(r.out) {
			t.Errorf("%d signals in the channel", len(r.out))
		}
		r.end()
	})
}

func TestNewRefuses(t *testing.T) {
	l := edgetest.NewLines(1, edgetest.Both)
	if _, err := detector.NewMotion("d", l, time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), "1s") {
		t.Error(err)
	}
	if _, err := detector.NewLeak("d", l, time.Minute, &detector.Opts{Debounce: -1}); err == nil {
		t.Error("no error, expected one")
	}
}
