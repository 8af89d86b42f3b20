package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// sources are the devices that run, each in a goroutine of its own.
type sources struct {
	done chan struct{}
	log  *slog.Logger
}

// start runs the devices until ctx is done. One that ends for good is told as offline.
func start(ctx context.Context, all []bridge.Source, out chan bridge.Signal, log *slog.Logger) *sources {
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			err := s.Run(ctx, out)
			if err == nil || ctx.Err() != nil {
				return
			}
			select {
			case out <- bridge.Signal{Device: s.ID(), At: time.Now(), What: bridge.Health{Cause: err.Error()}}:
			case <-ctx.Done():
			}
		})
	}
	r := &sources{done: make(chan struct{}), log: log}
	go func() {
		wg.Wait()
		close(r.done)
	}()
	return r
}

// wait returns when all have ended, or when ctx is done.
func (s *sources) wait(ctx context.Context) {
	select {
	case <-s.done:
	case <-ctx.Done():
		s.log.Warn("a device did not stop in time")
	}
}
