package beam_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/beam"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// late is a line whose first edges are read long after they happened.
type late struct {
	bridge.EdgeSource
	by    time.Duration
	reads atomic.Int32
}

func (l *late) ReadEdges(dst []bridge.Edge) (int, error) {
	n, err := l.EdgeSource.ReadEdges(dst)
	if err == nil && l.reads.Add(1) == 1 {
		time.Sleep(l.by)
	}
	return n, err
}

func TestLateEdges(t *testing.T) {
	for by, want := range map[time.Duration]int{40 * time.Millisecond: 3, 450 * time.Millisecond: 1} {
		synctest.Test(t, func(t *testing.T) {
			w, err := sim.Open(&site.Gateway{ID: "gw", Inputs: []*site.Input{
				{ID: "outer", Active: "high"}, {ID: "inner", Active: "high"}}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			outer, _ := w.Input("outer")
			inner, _ := w.Input("inner")
			dev, err := beam.New("count", &late{EdgeSource: outer, by: by}, inner, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			signals, ended := make(chan bridge.Signal, 10), make(chan error, 1)
			go func() { ended <- dev.Run(ctx, signals) }()
			<-signals
			for range 3 {
				for _, line := range []string{"outer 1", "inner 1", "outer 0", "inner 0"} {
					time.Sleep(100 * time.Millisecond)
					if _, err := w.Do(t.Context(), "level "+line); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(time.Second)
			if len(signals) != want {
				t.Errorf("edges %v late: %d signals, expected %d", by, len(signals), want)
			}
			for range len(signals) {
				if s := <-signals; s.What != in {
					t.Errorf("signal %+v, expected one in", s)
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
