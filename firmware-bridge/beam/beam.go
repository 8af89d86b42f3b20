// Package beam counts people with their direction by two light barriers across a passage, an outer and an inner one, 5
// to 15 cm apart, so that a body interrupts both at once. What counts as a passage is written at passage.Machine.
//
// It never infers a level from a count of edges: after a gap in the edges' numbers, or edges that came too late to be
// put in order, the levels are read, and nothing counts until both barriers have been free.
//
// Concurrency: Run reads each barrier in a goroutine of its own and counts in the caller's. Edges of the two barriers
// are put in order of their time within 50 ms, so a passage is told 50 ms after it ended. A full channel makes it wait;
// the kernel's buffers then fill, and what they lose is noticed by its gap.
package beam

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/passage"
)

// order is how late an edge may be read and still be put in its place among those of the other barrier.
const order = 50 * time.Millisecond

// Opts is how the barriers are wired and judged. The zero value has lines that are high when interrupted.
type Opts struct {
	OuterLow bool // the outer barrier's line is low when it is interrupted
	InnerLow bool // the same for the inner one

	Blocked time.Duration // interrupted for longer is a fault; 0: 30 s
	Step    time.Duration // the least time between the two barriers' changes; 0: 5 ms, 10 cm at 20 m/s
}

// Dev is one counter: a bridge.Source.
type Dev struct {
	id    string
	lines [2]bridge.EdgeSource
	low   [2]bool
	m     *passage.Machine
	limit time.Duration // of a barrier that is interrupted

	next    [2]uint32 // the number that each line's next edge has
	synced  time.Duration
	done    time.Duration // the time of the last edge that was counted
	offline bool
	wait    []edge // not yet counted, in order of time
}

type edge struct {
	bridge.Edge
	line passage.Line
}

// New makes a counter over the two barriers, each one line with both edges, stamped by the same clock. They belong to
// the counter from here on: Run closes them. Nil options are the zero ones.
func New(id string, outerLine, innerLine bridge.EdgeSource, opts *Opts) (*Dev, error) {
	if outerLine == nil || innerLine == nil {
		return nil, fmt.Errorf("beam: counter %s: a barrier is missing; expected an outer and an inner one", id)
	}
	var o Opts
	if opts != nil {
		o = *opts
	}
	if o.Blocked == 0 {
		o.Blocked = 30 * time.Second
	}
	if o.Step == 0 {
		o.Step = 5 * time.Millisecond
	}
	if o.Blocked < 0 || o.Step < 0 {
		return nil, fmt.Errorf("beam: counter %s: blocked after %v, step %v; expected positive times", id, o.Blocked, o.Step)
	}
	return &Dev{
		id:    id,
		lines: [2]bridge.EdgeSource{passage.Outer: outerLine, passage.Inner: innerLine},
		low:   [2]bool{passage.Outer: o.OuterLow, passage.Inner: o.InnerLow},
		m:     passage.New(o.Step, o.Blocked),
		limit: o.Blocked,
	}, nil
}

// ID is the counter's ID.
func (d *Dev) ID() string { return d.id }

// Run says that the counter is online and then sends one bridge.Passage a person, at the time of the last edge, and a
// bridge.Health when a barrier becomes blocked and when it is free again. It returns nil when ctx is done, and an error
// when a line failed: both must then be opened anew.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	// The lines are closed by the time that the readers are waited for.
	var readers sync.WaitGroup
	defer readers.Wait()
	inside, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(inside, d.close)
	defer func() {
		if stop() {
			d.close()
		}
	}()

	err := d.run(ctx, inside, &readers, out)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("beam: counter %s: %w", d.id, err)
}

func (d *Dev) close() {
	for _, l := range d.lines {
		_ = l.Close()
	}
}

func (d *Dev) run(ctx, inside context.Context, readers *sync.WaitGroup, out chan<- bridge.Signal) error {
	d.next = [2]uint32{1, 1}
	if err := d.resync(); err != nil {
		return err
	}
	if !d.send(ctx, out, d.now(), bridge.Health{Online: true}) {
		return nil
	}
	edges := make(chan []edge)
	failed := make(chan error, len(d.lines))
	for line := range passage.Line(len(d.lines)) {
		readers.Go(func() { failed <- d.read(inside, line, edges) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case got := <-edges:
			if err := d.take(got); err != nil {
				return err
			}
		case <-timer.C:
		}
		if !d.count(ctx, out) {
			return nil
		}
		if at, ok := d.due(); ok {
			timer.Reset(max(0, at-d.now()) + time.Microsecond)
		} else {
			timer.Stop()
		}
	}
}

// read passes the edges of one line on.
func (d *Dev) read(ctx context.Context, line passage.Line, edges chan<- []edge) error {
	var buf [64]bridge.Edge
	for {
		n, err := d.lines[line].ReadEdges(buf[:])
		if err != nil {
			return fmt.Errorf("%s barrier: %w", line, err)
		}
		got := make([]edge, n)
		for i, e := range buf[:n] {
			got[i] = edge{e, line}
		}
		select {
		case edges <- got:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take puts edges in their place, or begins anew when some are missing or too late.
func (d *Dev) take(got []edge) error {
	lost := false
	for _, e := range got {
		lost = lost || e.Seq != d.next[e.line] || e.At > d.synced && e.At < d.done
		d.next[e.line] = e.Seq + 1
		d.wait = append(d.wait, e)
	}
	if lost {
		return d.resync()
	}
	slices.SortStableFunc(d.wait, func(a, b edge) int { return cmp.Compare(a.At, b.At) })
	return nil
}

// resync reads the levels. Edges from before are in them, so they are forgotten.
func (d *Dev) resync() error {
	d.synced = d.now()
	d.wait = nil
	var now [2]bool
	for line := range passage.Line(len(d.lines)) {
		levels, err := d.lines[line].Levels()
		if err == nil && len(levels) != 1 {
			err = fmt.Errorf("%d lines, expected 1", len(levels))
		}
		if err != nil {
			return fmt.Errorf("%s barrier: %w", line, err)
		}
		now[line] = levels[0] != d.low[line]
	}
	d.m.Sync(d.synced, now)
	return nil
}

// count feeds the edges whose order is certain to the machine, and tells what follows.
func (d *Dev) count(ctx context.Context, out chan<- bridge.Signal) bool {
	now := d.now()
	for len(d.wait) > 0 && d.wait[0].At <= now-order {
		e := d.wait[0]
		d.wait = d.wait[1:]
		if e.At <= d.synced {
			continue
		}
		if !d.judge(ctx, out, e.At) {
			return false
		}
		d.done = e.At
		persons, in := d.m.Edge(e.At, e.line, e.Rising != d.low[e.line])
		for range persons {
			if !d.send(ctx, out, e.At, bridge.Passage{In: in}) {
				return false
			}
		}
	}
	return d.judge(ctx, out, now-order)
}

// judge tells when a barrier becomes blocked or free. What was under way when it was blocked does not count.
func (d *Dev) judge(ctx context.Context, out chan<- bridge.Signal, now time.Duration) bool {
	line, blocked := d.m.Blocked(now)
	if blocked {
		d.m.Doubt()
	}
	if blocked == d.offline {
		return true
	}
	d.offline = blocked
	health := bridge.Health{Online: !blocked}
	if blocked {
		health.Cause = fmt.Sprintf("beam: the %s barrier is blocked: interrupted for longer than %v; clear it, or check its "+
			"alignment and its wiring", line, d.limit)
	}
	return d.send(ctx, out, now, health)
}

// due says when there is something to do without a new edge.
func (d *Dev) due() (time.Duration, bool) {
	at, ok := d.m.Due()
	ok = ok && !d.offline
	if len(d.wait) > 0 && (!ok || d.wait[0].At < at) {
		at, ok = d.wait[0].At, true
	}
	return at + order, ok
}

func (d *Dev) now() time.Duration { return d.lines[passage.Outer].Now() }

func (d *Dev) send(ctx context.Context, out chan<- bridge.Signal, at time.Duration, what any) bool {
	select {
	case out <- bridge.Signal{Device: d.id, At: time.Now().Add(at - d.now()), What: what}:
		return true
	case <-ctx.Done():
		return false
	}
}

var _ bridge.Source = (*Dev)(nil)
