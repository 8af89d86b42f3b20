package reader

import (
	"context"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// The pauses between attempts to bring the chip back: the first, which is then doubled, the longest, and how long it must
// work before the first one holds again.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
	steady     = time.Minute
)

// Run sends what the reader sees until ctx is done, and returns nil then. A chip that fails is told offline once with its
// cause, is reset with growing pauses, and is told online when it answers again.
func (r *Reader) Run(ctx context.Context, out chan<- bridge.Signal) error {
	known, online, retry := false, false, firstRetry
	tell := func(now bool, cause string) {
		if !known || online != now {
			known, online = true, now
			r.send(ctx, out, time.Now(), bridge.Health{Online: now, Cause: cause})
		}
	}
	for {
		began := time.Now()
		err := r.watch(ctx, out, func() { tell(true, "") })
		if ctx.Err() != nil {
			return nil
		}
		r.count(func(s *Stats) { s.Failures++ })
		tell(false, err.Error())
		if time.Since(began) >= steady {
			retry = firstRetry
		}
		if !poll.Sleep(ctx, retry) {
			return nil
		}
		retry = min(2*retry, lastRetry)
	}
}

// watch resets the chip and looks for cards until it fails.
func (r *Reader) watch(ctx context.Context, out chan<- bridge.Signal, works func()) error {
	if err := r.chip.Reset(ctx); err != nil {
		return err
	}
	if err := r.chip.Alive(ctx); err != nil {
		return err
	}
	works()
	// A card that lay there before the failure was told.
	r.field.hold(time.Now())
	for asked := time.Now(); ; {
		if err := r.look(ctx, out); err != nil {
			return err
		}
		if now := time.Now(); now.Sub(asked) >= watchdog {
			if err := r.chip.Alive(ctx); err != nil {
				return err
			}
			asked = now
		}
		if !poll.Sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}
