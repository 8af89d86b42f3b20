// Package ld2410 tells by a Hi-Link HLK-LD2410, LD2410B or LD2410C radar on a serial port whether somebody is in a room,
// moving or not. Headings are those of "HLK-LD2410 Serial communication protocol", version 1.02, July 2022.
//
// It never configures the radar: ranges and sensitivities are set by the maker's tool and stay in the radar. It never
// guesses: while no reports come, nothing is told but that the radar is offline.
//
// Concurrency: Run opens the port, owns it, and closes it; a full channel makes it wait, and what the radar reports
// meanwhile is lost when the kernel's buffer is full.
package ld2410

import (
	"context"
	"errors"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// Speed is the radar's as it leaves the factory, in baud.
const Speed = 256_000

const (
	defaultHold = 10 * time.Second
	shortest    = time.Second            // between two repetitions of what is told
	silence     = 2 * time.Second        // without a report is a failure; the radar sends one each 100 ms
	look        = 100 * time.Millisecond // how long a read waits

	firstRetry = time.Second // between attempts to open the port, then doubled
	lastRetry  = 15 * time.Second
)

// Opts is how a radar is judged. The zero value holds for 10 s.
type Opts struct {
	Hold time.Duration // somebody who is not seen any more is still there for so long; 0: 10 s
}

// Dev is one radar: a bridge.Source.
type Dev struct {
	id    string
	open  func() (bridge.Port, error)
	every time.Duration
	hold  time.Duration
}

// New makes the source of the radar at the port that open gives, which is then set to Speed. What it sees is told when
// it changes and every so often, at least 1 s apart. Nil options are the zero ones.
func New(id string, open func() (bridge.Port, error), every time.Duration, opts *Opts) (*Dev, error) {
	d := &Dev{id: id, open: open, every: every, hold: defaultHold}
	if opts != nil && opts.Hold != 0 {
		d.hold = opts.Hold
	}
	if d.hold < 0 {
		return nil, fmt.Errorf("ld2410: sensor %s: hold %v; expected 0 for %v, or more", id, d.hold, defaultHold)
	}
	if every < shortest {
		return nil, fmt.Errorf("ld2410: sensor %s: told every %v; at least %v are needed", id, every, shortest)
	}
	return d, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends Presence until ctx is done, and a bridge.Health per change. A port that fails is opened anew.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	send := func(signals []any) {
		for _, what := range signals {
			select {
			case out <- bridge.Signal{Device: d.id, At: time.Now(), What: what}:
			case <-ctx.Done():
			}
		}
	}
	w := &watch{hold: d.hold, every: d.every}
	for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
		err := d.listen(ctx, w, send)
		if ctx.Err() != nil {
			return nil
		}
		if w.online {
			retry = firstRetry
		}
		send(w.fail(err))
		if !poll.Sleep(ctx, retry) {
			return nil
		}
	}
}

// listen reads one port until it fails or ctx is done.
func (d *Dev) listen(ctx context.Context, w *watch, send func([]any)) error {
	port, err := d.open()
	if err != nil {
		return err
	}
	defer port.Close()
	if err := errors.Join(port.SetSpeed(Speed), port.SetReadTimeout(look)); err != nil {
		return err
	}
	w.opened(time.Now())
	var p parser
	var buf [256]byte
	for ctx.Err() == nil {
		n, err := port.Read(buf[:])
		if err != nil {
			return err
		}
		w.bytes += n
		for _, b := range buf[:n] {
			if there, ok := p.feed(b); ok {
				send(w.report(time.Now(), there))
			}
		}
		send(w.tick(time.Now()))
	}
	return nil
}

var _ bridge.Source = (*Dev)(nil)
