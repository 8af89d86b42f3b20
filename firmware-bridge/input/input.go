// Package input reads contacts: door contacts, requests to exit, tamper loops. A contact's level counts once it has held
// for the debounce time by the kernel's own clock, however late the process looks.
//
// The level is read, never inferred from a count of edges: at start, after a gap in the sequence numbers, and before a
// change is believed after the last edge. It never decides what a level means.
//
// An Input runs in one goroutine, holds one level, and sends to a channel that it never closes; while that channel is
// full it reads no edges, and what the kernel's buffer then loses is a gap.
package input

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bridge "kapija/firmware-bridge"
)

// DefaultDebounce is the debounce time when none is configured. IEC 60839-11-1 asks that an input of more than 400 ms
// is processed.
const DefaultDebounce = 20 * time.Millisecond

// second is how long a read looks for edges once the debounce time is over by the clock: an edge that was stamped in
// time may still be on its way from the interrupt to the buffer.
const second = 2 * time.Millisecond

// Opts is how a contact is wired. The zero value is a contact that is active when its line is high.
type Opts struct {
	ActiveLow bool
	Debounce  time.Duration // 0: DefaultDebounce
}

// Input is one debounced contact.
type Input struct {
	id  string
	src bridge.EdgeSource
	o   Opts

	stable bool // the level that was told
	told   bool // there was one
	raw    bool // the level after the last edge
	since  time.Duration
	moved  bool // raw is not settled yet
	seq    uint32
}

var _ bridge.Source = (*Input)(nil)

// New makes an input over one line with both edges. The line belongs to the input from here on: Run closes it.
func New(id string, src bridge.EdgeSource, o Opts) (*Input, error) {
	if o.Debounce < 0 {
		return nil, fmt.Errorf("input: %s: debounce %v: expected 0 for %v, or more", id, o.Debounce, DefaultDebounce)
	}
	if o.Debounce == 0 {
		o.Debounce = DefaultDebounce
	}
	return &Input{id: id, src: src, o: o}, nil
}

// ID is the input's ID.
func (i *Input) ID() string { return i.id }

// Run says that the input is online, then its level as found, then one bridge.Level a change, at the time of the edge
// that began it. It returns nil when ctx is done, and an error when the line failed: it must then be opened anew.
func (i *Input) Run(ctx context.Context, out chan<- bridge.Signal) error {
	defer i.src.Close()
	defer context.AfterFunc(ctx, func() { i.src.Close() })()
	err := i.run(ctx, out)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("input: %s: %w", i.id, err)
}

func (i *Input) run(ctx context.Context, out chan<- bridge.Signal) error {
	level, err := i.level()
	if err != nil {
		return err
	}
	i.raw, i.since = level, i.src.Now()
	if err := i.send(ctx, out, time.Now(), bridge.Health{Online: true}); err != nil {
		return err
	}
	if err := i.tell(ctx, out); err != nil {
		return err
	}
	var edges [64]bridge.Edge
	for {
		asked := i.src.Now()
		n, err := i.read(asked, edges[:])
		for _, e := range edges[:n] {
			if err := i.edge(ctx, out, e); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := i.settle(ctx, out, asked); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("line: %w", err)
		}
	}
}

func (i *Input) read(now time.Duration, edges []bridge.Edge) (int, error) {
	var deadline time.Time
	if i.moved {
		deadline = time.Now().Add(max(i.since+i.o.Debounce-now, second))
	}
	if err := i.src.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	return i.src.ReadEdges(edges)
}

// edge takes the next edge. The level before it counts when it had held for long enough, even if the process sees its
// beginning and its end in one read.
func (i *Input) edge(ctx context.Context, out chan<- bridge.Signal, e bridge.Edge) error {
	lost := e.Seq != i.seq+1
	i.seq = e.Seq
	if i.moved && !lost && e.At-i.since >= i.o.Debounce {
		if err := i.tell(ctx, out); err != nil {
			return err
		}
	}
	i.raw, i.since, i.moved = e.Rising, e.At, true
	if lost {
		level, err := i.level()
		if err != nil {
			return err
		}
		i.raw, i.since = level, i.src.Now()
	}
	return nil
}

// settle ends a debounce time in which no edge came; now is a kernel time up to which every edge has been seen.
func (i *Input) settle(ctx context.Context, out chan<- bridge.Signal, now time.Duration) error {
	if !i.moved || now-i.since < i.o.Debounce {
		return nil
	}
	level, err := i.level()
	if err != nil {
		return err
	}
	if level != i.raw {
		i.raw, i.since = level, now
		return nil
	}
	return i.tell(ctx, out)
}

// tell makes the raw level the stable one, and sends it when it is news.
func (i *Input) tell(ctx context.Context, out chan<- bridge.Signal) error {
	i.moved = false
	if i.told && i.stable == i.raw {
		return nil
	}
	first := !i.told
	i.stable, i.told = i.raw, true
	at := time.Now().Add(i.since - i.src.Now())
	return i.send(ctx, out, at, bridge.Level{Active: i.stable != i.o.ActiveLow, First: first})
}

func (i *Input) level() (bool, error) {
	l, err := i.src.Levels()
	if err != nil {
		return false, fmt.Errorf("level: %w", err)
	}
	if len(l) != 1 {
		return false, fmt.Errorf("level: found %d lines, expected 1", len(l))
	}
	return l[0], nil
}

func (i *Input) send(ctx context.Context, out chan<- bridge.Signal, at time.Time, what any) error {
	select {
	case out <- bridge.Signal{Device: i.id, At: at, What: what}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
