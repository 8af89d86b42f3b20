package poll_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan bridge.Signal, 100)
		start := time.Now()
		var calls []int // in seconds
		err := poll.Run(ctx, "s", 10*time.Second, out, func(context.Context) ([]bridge.Measured, error) {
			calls = append(calls, int(time.Since(start).Seconds()))
			switch n := len(calls); {
			case n == 2:
				time.Sleep(25 * time.Second) // slower than the period: what was missed is not made up for
			case n >= 4 && n < 10:
				return nil, errors.New("gone")
			case n == 12:
				cancel()
			}
			return []bridge.Measured{{Value: 1}}, nil
		})
		if err != nil {
			t.Error(err)
		}
		want := []int{0, 10, 40, 50, 51, 53, 57, 65, 80, 95, 105, 115}
		if !slices.Equal(calls, want) {
			t.Errorf("read at %v s, expected %v", calls, want)
		}
		close(out)
		var health []bridge.Health
		for s := range out {
			if h, ok := s.What.(bridge.Health); ok {
				health = append(health, h)
			}
		}
		if !slices.Equal(health, []bridge.Health{{Online: true}, {Cause: "gone"}, {Online: true}}) {
			t.Errorf("health %+v", health)
		}
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		reads := 0
		err := poll.Run(ctx, "s", time.Second, make(chan bridge.Signal), func(context.Context) ([]bridge.Measured, error) {
			reads++
			return []bridge.Measured{{}, {}}, nil
		})
		if err != nil || reads != 1 {
			t.Errorf("%d reads, %v", reads, err)
		}
	})
}

func TestCancelledReadTellsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan bridge.Signal, 1)
	err := poll.Run(ctx, "s", time.Second, out, func(context.Context) ([]bridge.Measured, error) {
		cancel()
		return nil, ctx.Err()
	})
	if err != nil || len(out) != 0 {
		t.Errorf("%d signals, %v", len(out), err)
	}
}
