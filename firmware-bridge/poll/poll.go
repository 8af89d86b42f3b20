// Package poll reads a sensor again and again and tells what it measured and whether it answers: the part that all
// sensors on a bus have in common. A sensor that fails is reported once with its cause, is tried again with growing
// pauses, and is reported once more when it is back.
//
// It never touches a bus itself.
//
// Concurrency: Run works in the goroutine of its caller and holds one reading at a time; a full channel makes it wait,
// and what would have been measured meanwhile is not.
package poll

import (
	"context"
	"time"

	bridge "kapija/firmware-bridge"
)

// The pauses between attempts to bring a sensor back: the first, which is then doubled, and the longest.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
)

// Run calls read at once and then every period, and sends its measurements to out, until ctx is done; it returns nil
// then. Read brings the device up again itself when its last call failed.
func Run(ctx context.Context, id string, every time.Duration, out chan<- bridge.Signal,
	read func(context.Context) ([]bridge.Measured, error)) error {
	send := func(what any) {
		select {
		case out <- bridge.Signal{Device: id, At: time.Now(), What: what}:
		case <-ctx.Done():
		}
	}
	known, online, retry := false, false, firstRetry
	for due := time.Now(); ; {
		measured, err := read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if ok := err == nil; !known || ok != online {
			known, online = true, ok
			health := bridge.Health{Online: ok}
			if !ok {
				health.Cause = err.Error()
			}
			send(health)
		}
		for _, m := range measured {
			send(m)
		}
		pause := retry
		if online {
			retry = firstRetry
			for !due.After(time.Now()) {
				due = due.Add(every)
			}
			pause = time.Until(due)
		} else {
			retry, due = min(2*retry, lastRetry), time.Now().Add(pause)
		}
		if !Sleep(ctx, pause) {
			return nil
		}
	}
}

// Sleep waits for d and tells whether it did: false when ctx was done before.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
