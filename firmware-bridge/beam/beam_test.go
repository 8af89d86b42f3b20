package beam_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/beam"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// rig is a counter on virtual wires. The outer barrier is high when interrupted, the inner one low.
type rig struct {
	*testing.T
	wires *sim.Wires
	out   chan bridge.Signal
	ended chan error
	stop  context.CancelFunc
}

func start(t *testing.T, before ...string) *rig {
	w, err := sim.Open(&site.Gateway{ID: "gw", Inputs: []*site.Input{
		{ID: "outer", Active: "high"}, {ID: "inner", Active: "low"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	r := &rig{T: t, wires: w, out: make(chan bridge.Signal, 400), ended: make(chan error, 1)}
	for _, line := range before {
		r.do(line)
	}
	outer, err := w.Input("outer")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := w.Input("inner")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := beam.New("count", outer, inner, &beam.Opts{InnerLow: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.ended <- dev.Run(ctx, r.out) }()
	r.expect(bridge.Health{Online: true})
	return r
}

func (r *rig) do(line string) {
	r.Helper()
	if _, err := r.wires.Do(r.Context(), line); err != nil {
		r.Fatal(err)
	}
}

// walk interrupts the named barriers, one state each 100 ms.
func (r *rig) walk(states string) {
	for _, s := range strings.Fields(states) {
		time.Sleep(100 * time.Millisecond)
		level := func(id string, high bool) {
			if high {
				r.do("level " + id + " 1")
			} else {
				r.do("level " + id + " 0")
			}
		}
		level("outer", strings.Contains(s, "O"))
		level("inner", !strings.Contains(s, "I"))
	}
}

func (r *rig) expect(what ...any) {
	r.Helper()
	for _, want := range what {
		select {
		case s := <-r.out:
			got := s.What
			if h, ok := got.(bridge.Health); ok && !h.Online {
				if h.Cause == "" {
					r.Error("offline without a cause")
				}
				got = bridge.Health{Cause: strings.SplitN(h.Cause, ":", 3)[1]}
			}
			if s.Device != "count" || got != want {
				r.Fatalf("signal %+v, expected %+v", s, want)
			}
		case <-time.After(time.Hour):
			r.Fatalf("nothing for an hour, expected %+v", want)
		}
	}
}

// end stops the counter and expects that it told nothing more.
func (r *rig) end() {
	r.Helper()
	synctest.Wait()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Error(err)
	}
	select {
	case s := <-r.out:
		r.Errorf("unexpected %+v", s)
	default:
	}
}

var (
	in  = bridge.Passage{In: true}
	out = bridge.Passage{In: false}
)

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		begin := time.Now()
		r.walk("O OI I -")
		select {
		case s := <-r.out:
			if s.What != in || !s.At.Equal(begin.Add(400*time.Millisecond)) {
				t.Errorf("signal %+v, expected one in, 400 ms after %v", s, begin)
			}
		case <-time.After(51 * time.Millisecond):
			t.Error("not told within 50 ms")
		}
		r.walk("I OI O - O - O OI O - O OI I OI O OI I -")
		r.expect(out, in, in)
		r.end()
	})
}

func TestBlockedBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		begin := time.Now()
		r.walk("O")
		r.expect(bridge.Health{Cause: " the outer barrier is blocked"})
		if after := time.Since(begin); after < 30*time.Second || after > 31*time.Second {
			t.Errorf("told after %v", after)
		}
		time.Sleep(time.Hour)
		r.walk("OI I -")
		r.expect(bridge.Health{Online: true})
		r.walk("O OI I -")
		r.expect(in)
		r.end()
	})
}

func TestL07InterruptedAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, "level inner 0")
		r.expect(bridge.Health{Cause: " the inner barrier is blocked"})
		r.walk("-")
		r.expect(bridge.Health{Online: true})
		r.walk("I OI O -")
		r.expect(out)
		r.end()
	})
}

func TestL13GapIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.walk("O OI")
		time.Sleep(time.Second)
		// The channel is full and nobody reads the lines: their buffers overflow, the inner one by an odd number of
		// edges. Whoever counts edges has it wrong afterwards.
		for range cap(r.out) {
			r.out <- bridge.Signal{}
		}
		r.walk("I -")
		time.Sleep(time.Second)
		for i := range 2001 {
			r.do([]string{"level inner 0", "level inner 1"}[i%2])
		}
		r.walk("I")
		for range cap(r.out) {
			<-r.out
		}
		r.expect(in) // the one that the full channel held
		time.Sleep(time.Second)
		r.walk("OI O -") // half a visit
		r.walk("O OI I -")
		r.expect(in)
		r.end()
	})
}

func TestFailedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.do("fail inner")
		err := <-r.ended
		if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "count: inner barrier") {
			t.Errorf("ended with %v", err)
		}
		// Both lines are free to be opened anew.
		r.do("heal inner")
		for _, id := range []string{"outer", "inner"} {
			if _, err := r.wires.Input(id); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		for range 500 {
			r.walk("O OI I -")
		}
		time.Sleep(time.Second)
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if len(r.out) != cap(r.out) {
			t.Errorf("%d signals in the channel", len(r.out))
		}
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := beam.New("c", nil, nil, nil); err == nil {
		t.Error("without barriers")
	}
	var l late
	if _, err := beam.New("c", &l, &l, &beam.Opts{Step: -1}); err == nil {
		t.Error("with a negative time")
	}
}

func TestClosedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		_ = r.wires.Close()
		if err := <-r.ended; !errors.Is(err, os.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	})
}
