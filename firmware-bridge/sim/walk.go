package sim

import (
	"context"
	"time"
)

// A person who walks: how long the way from one side to the other takes, in steps.
const (
	stride = 120 * time.Millisecond
	body   = 600  // mm, from a distance sensor above or beside the passage
	free   = 2000 // mm
)

// barriers are a counter's two light barriers; they are interrupted at the level that is not at rest.
type barriers struct {
	turn
	outer, inner *lines
}

func (b barriers) walk(ctx context.Context, in bool) error {
	first, second := b.outer, b.inner
	if !in {
		first, second = second, first
	}
	return steps(ctx, b.turn, first.flip, second.flip, first.flip, second.flip)
}

// rangers are a counter's two distance sensors.
type rangers struct {
	turn
	outer, inner *VL53L1X
}

func (r rangers) walk(ctx context.Context, in bool) error {
	first, second := r.outer, r.inner
	if !in {
		first, second = second, first
	}
	at := func(c *VL53L1X, mm uint16) func() { return func() { c.SetDistance(mm) } }
	return steps(ctx, r.turn, at(first, body), at(second, body), at(first, free), at(second, free))
}

// steps takes each step, whatever happens: nobody stays in the passage. One person walks at a time.
func steps(ctx context.Context, one turn, each ...func()) error {
	if err := one.take(ctx); err != nil {
		return err
	}
	defer one.give()
	var err error
	for _, step := range each {
		step()
		if err == nil {
			err = wait(ctx, stride)
		}
	}
	return err
}
