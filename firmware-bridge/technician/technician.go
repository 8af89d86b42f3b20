// Package technician answers what somebody with a screwdriver asks of a gateway's wires: is everything there (Check),
// what do they say (Watch), does this lock move (Pulse). It works on any bridge.Wires, be they a Pi's or virtual ones,
// through the drivers that the gateway itself uses.
//
// It never decides about a card, never talks to a network and keeps nothing. Watch shows cards, because a technician
// must see them: what it gives is for a screen, never for a log.
//
// Concurrency: each call works until its context is done; its drivers have ended then. Outputs stay open until the wires
// are closed, so that each call needs wires of its own. What is told is told by one goroutine at a time, and drivers wait
// while it is. The gateway must not run at the same time: lines and ports have one user.
package technician

import (
	"context"
	"fmt"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/internal/site"
)

// Config is the gateway that is looked at.
type Config struct {
	Gateway *site.Gateway
	Wires   bridge.Wires // stays the caller's
	Rig     rig.Opts     // its wiring says where things are; nil: they are virtual
}

// open makes the devices. Its error says what to try.
func (c Config) open() (*rig.Devices, error) {
	d, err := rig.Open(c.Gateway, c.Wires, c.Rig)
	if err != nil {
		if try := hint(line, err.Error()); try != "" {
			err = fmt.Errorf("%w; try: %s", err, try)
		}
		return nil, fmt.Errorf("technician: %w", err)
	}
	return d, nil
}

// run runs the devices until ctx is done and gives each signal to take, one after the other.
func run(ctx context.Context, devices *rig.Devices, take func(bridge.Signal)) {
	signals := make(chan bridge.Signal)
	var all sync.WaitGroup
	for _, s := range devices.Sources {
		all.Go(func() {
			if err := s.Run(ctx, signals); err != nil && ctx.Err() == nil {
				select {
				case signals <- bridge.Signal{Device: s.ID(), At: time.Now(), What: bridge.Health{Cause: err.Error()}}:
				case <-ctx.Done():
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	for {
		select {
		case s := <-signals:
			take(s)
		case <-done:
			return
		}
	}
}
