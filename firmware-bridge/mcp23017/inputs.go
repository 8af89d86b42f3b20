package mcp23017

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// check is how often the whole configuration is read back, and the inputs when INT says nothing.
const check = 100 * time.Millisecond

// The pauses between attempts to bring the chip back: the first, which is then doubled, and the longest.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// Inputs is the source of all inputs of one chip; its signals have the inputs' own IDs.
type Inputs struct {
	d        *Dev
	line     bridge.EdgeSource
	contacts []contact
	online   bool
	known    bool
	checked  time.Time
}

// Inputs makes the source. The line is that of INTA or INTB, which is active low, with both edges or the falling ones; it
// belongs to the source from here on: Run closes it. Nil: the inputs are polled. Only one source may run at a time.
func (d *Dev) Inputs(line bridge.EdgeSource) *Inputs {
	return &Inputs{d: d, line: line, contacts: slices.Clone(d.contacts)}
}

// ID is the expander's ID.
func (s *Inputs) ID() string { return s.d.id }

// Run says of each input that it is online, then its level as found, then one bridge.Level a change, at the time at which
// it was first seen. When the chip fails each input is told offline once, and tells its level as found when it is back.
// Run returns nil when ctx is done, and an error when the line failed: it must then be opened anew.
func (s *Inputs) Run(ctx context.Context, out chan<- bridge.Signal) error {
	if s.line != nil {
		defer s.line.Close()
		defer context.AfterFunc(ctx, func() { s.line.Close() })()
	}
	err := s.run(ctx, out)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Inputs) run(ctx context.Context, out chan<- bridge.Signal) error {
	retry, event := firstRetry, time.Now()
	for failed := event; ; {
		got, err := s.look(event)
		s.health(ctx, out, err)
		if err != nil {
			if time.Since(failed) > 2*lastRetry {
				retry = firstRetry
			}
			if !poll.Sleep(ctx, retry) {
				return nil
			}
			failed, event = time.Now(), time.Now()
			retry = min(2*retry, lastRetry)
			continue
		}
		moving := s.tell(ctx, out, got)
		event, err = s.wait(ctx, moving)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			err = s.d.errorf("line of INT: %w", err)
			s.health(ctx, out, err)
			return err
		}
	}
}

// reading is what one look found: the pins as they are now, and those that changed before, at the event, as the chip
// captured them.
type reading struct {
	event, now               time.Time
	flagged, captured, ports uint16
}

func (s *Inputs) look(event time.Time) (reading, error) {
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	now, size := time.Now(), brief
	if now.Sub(s.checked) >= check {
		s.checked, size = now, full
	}
	err := d.restore()
	var got image
	if err == nil {
		got, err = d.look(size)
	}
	if err != nil {
		return reading{}, d.errorf("%w", err)
	}
	r := reading{event, now, d.flagged, d.captured, got.gpio}
	d.flagged = 0
	return r, nil
}

// tell sends what the reading changed, and says whether a contact is moving.
func (s *Inputs) tell(ctx context.Context, out chan<- bridge.Signal, r reading) (moving bool) {
	for i := range s.contacts {
		c := &s.contacts[i]
		first := !c.told
		sample := func(at time.Time, ports uint16) {
			if c.sample(at, ports&c.bit != 0) {
				send(ctx, out, c.id, c.since, bridge.Level{Active: c.stable != c.low, First: first})
			}
		}
		if !first && r.flagged&c.bit != 0 {
			sample(r.event, r.captured)
		}
		sample(r.now, r.ports)
		moving = moving || c.moving()
	}
	return moving
}

// health tells each input's health when it changed. An input that is back tells its level as found.
func (s *Inputs) health(ctx context.Context, out chan<- bridge.Signal, err error) {
	if s.known && s.online == (err == nil) {
		return
	}
	s.known, s.online = true, err == nil
	h := bridge.Health{Online: s.online}
	if err != nil {
		h.Cause = err.Error()
	}
	for i := range s.contacts {
		s.contacts[i].told = false
		send(ctx, out, s.contacts[i].id, time.Now(), h)
	}
}

// wait returns when it is time to look, with the time of the event that says so.
func (s *Inputs) wait(ctx context.Context, moving bool) (time.Time, error) {
	if s.line == nil {
		poll.Sleep(ctx, s.d.every)
		return time.Now(), nil
	}
	pause := check
	if moving {
		pause = s.d.every
	}
	if err := s.line.SetReadDeadline(time.Now().Add(pause)); err != nil {
		return time.Time{}, err
	}
	var edges [16]bridge.Edge
	n, err := s.line.ReadEdges(edges[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return time.Now(), nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read: %w", err)
	}
	for _, e := range edges[:n] {
		if !e.Rising {
			return time.Now().Add(e.At - s.line.Now()), nil
		}
	}
	return time.Now(), nil
}

func send(ctx context.Context, out chan<- bridge.Signal, id string, at time.Time, what any) {
	select {
	case out <- bridge.Signal{Device: id, At: at, What: what}:
	case <-ctx.Done():
	}
}

var (
	_ bridge.Source = (*Inputs)(nil)
	_ bridge.Output = (*output)(nil)
)
