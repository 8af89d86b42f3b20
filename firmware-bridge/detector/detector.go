// Package detector tells what sensors with one line see: a passive infrared detector (PIR) that somebody moves, a leak
// detector that there is water. The line is debounced by package input; this package gives its levels a meaning, and
// repeats them, so that a history has points where nothing changes.
//
// It never guesses: a detector that still warms up is told to be online, and nothing else. What a line that is cut shows
// is a matter of its wiring: take the level that means alarm.
//
// Concurrency: Run reads the line in a goroutine of its own, which has ended when Run returns. A full channel makes it
// wait, and package input says what is lost meanwhile: edges, never the level.
package detector

import (
	"context"
	"fmt"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/input"
)

const (
	motionWarmUp = 30 * time.Second       // a PIR sees ghosts after it is switched on
	leakDebounce = 500 * time.Millisecond // drops that run past the electrodes are no leak

	shortest = time.Second // between two repetitions
)

// Opts is how a detector is wired. The zero value is one that is active when its line is high.
type Opts struct {
	ActiveLow bool
	Debounce  time.Duration // 0: input.DefaultDebounce for motion, 500 ms for a leak
	WarmUp    time.Duration // ignored for so long after the start; 0: 30 s for motion, none for a leak; negative: none
}

// Dev is one detector: a bridge.Source.
type Dev struct {
	in      *input.Input
	every   time.Duration
	warmUp  time.Duration
	reading func(seen bool) bridge.Measured
}

// NewMotion makes the source of a PIR over one line with both edges, which belongs to it from here on: Run closes it.
// What it sees is told when it changes and every so often, at least 1 s apart. Nil options are the zero ones.
func NewMotion(id string, src bridge.EdgeSource, every time.Duration, opts *Opts) (*Dev, error) {
	return newDev(id, src, every, opts, Opts{WarmUp: motionWarmUp}, bridge.Motion)
}

// NewLeak makes the source of a leak detector, likewise.
func NewLeak(id string, src bridge.EdgeSource, every time.Duration, opts *Opts) (*Dev, error) {
	return newDev(id, src, every, opts, Opts{Debounce: leakDebounce}, bridge.Leak)
}

func newDev(id string, src bridge.EdgeSource, every time.Duration, opts *Opts, defaults Opts,
	reading func(bool) bridge.Measured) (*Dev, error) {
	var o Opts
	if opts != nil {
		o = *opts
	}
	if o.Debounce == 0 {
		o.Debounce = defaults.Debounce
	}
	if o.WarmUp == 0 {
		o.WarmUp = defaults.WarmUp
	}
	if every < shortest {
		return nil, fmt.Errorf("detector: sensor %s: told every %v; at least %v are needed", id, every, shortest)
	}
	in, err := input.New(id, src, input.Opts{ActiveLow: o.ActiveLow, Debounce: o.Debounce})
	if err != nil {
		return nil, fmt.Errorf("detector: %w", err)
	}
	return &Dev{in: in, every: every, warmUp: o.WarmUp, reading: reading}, nil
}

// ID is the detector's ID.
func (d *Dev) ID() string { return d.in.ID() }

// Run says that the detector is online, and then sends Motion or Leak: when it is warm, a change at the time of its edge,
// and a repetition. It returns nil when ctx is done, and an error when the line failed: it must then be opened anew.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	var reader sync.WaitGroup
	defer reader.Wait()
	inside, cancel := context.WithCancel(ctx)
	defer cancel()
	levels, ended := make(chan bridge.Signal), make(chan error, 1)
	reader.Go(func() { ended <- d.in.Run(inside, levels) })

	again := time.NewTimer(d.warmUp) // and the end of the warm-up
	defer again.Stop()
	var warm, known, active bool
	var last time.Time // of what was told
	for {
		var s bridge.Signal
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("detector: %w", err)
		case <-again.C:
			warm = true
			s = bridge.Signal{Device: d.ID(), At: time.Now()}
		case s = <-levels:
			if level, ok := s.What.(bridge.Level); ok {
				known, active, s.What = true, level.Active, nil
			}
		}
		if s.What == nil { // not a bridge.Health, which is passed on
			if !warm || !known {
				continue
			}
			s.What = d.reading(active)
			again.Reset(d.every)
			// The edge of a change may be older than a repetition that was told while it was debounced.
			if s.At.Before(last) {
				s.At = last
			}
			last = s.At
		}
		select {
		case out <- s:
		case <-ctx.Done():
			return nil
		}
	}
}

var _ bridge.Source = (*Dev)(nil)
