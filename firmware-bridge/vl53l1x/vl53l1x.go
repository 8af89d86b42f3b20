// Package vl53l1x counts people with their direction by two ST VL53L1X distance sensors (DS12385; registers as ST's ultra
// lite driver STSW-IMG009, UM2510, uses them) that look across a passage or down on it from above, an outer and an inner
// one, 15 to 30 cm apart, so that a body is before both at once. What counts as a passage is written at passage.Machine.
//
// Both chips are at address 0x29 after power-on. On one bus, one of them has a reset line (XSHUT) and is held in reset
// while the other one is moved to its address; on two buses none is needed.
//
// It never counts before both sensors have learned how far they see when nobody is there: the passage must be empty for a
// second. After any failure of a chip everything is started and learned anew.
//
// Concurrency: Run owns both chips and their reset lines; the buses are borrowed and may be shared. Each chip is asked
// every 5 ms, which fits a bus of 400 kHz well. A full channel makes Run wait, and what goes through meanwhile is not seen.
package vl53l1x

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/passage"
	"kapija/firmware-bridge/poll"
)

const (
	look  = 5 * time.Millisecond // between two questions whether there is a measurement
	check = time.Second          // between two looks at the configuration
	held  = time.Millisecond     // how long a reset takes
)

// The pauses between attempts to bring the chips back: the first, which is then doubled, and the longest.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
)

// Sensor is one chip.
type Sensor struct {
	Bus   i2c.Bus
	Addr  uint16        // 0x08 … 0x77, the address that it is moved to; 0: DefaultAddress
	Reset bridge.Output // XSHUT: on means held in reset; nil: there is none
}

// Opts is how the sensors look. The zero value is good for a door seen from its side or from up to 1.3 m above heads.
type Opts struct {
	Long    bool          // up to 4 m in the dark, less in sunlight; otherwise up to 1.3 m in any light
	Budget  time.Duration // of one measurement: 20, 33 or 50 ms; 0: 20 ms, long 33 ms
	Blocked time.Duration // somebody there for longer is a fault, as is a passage that is not still for so long; 0: 30 s
}

// Dev is one counter: a bridge.Source.
type Dev struct {
	id      string
	chips   [2]chip
	order   []passage.Line // in which the chips are started
	blocked time.Duration

	eyes    [2]eye
	seen    [2]time.Time // the last measurement
	machine *passage.Machine
	began   time.Time
	learned bool
	known   bool
	cause   string // why it is offline; empty: it is online
}

// New makes a counter of two chips. It does not touch the buses. Nil options are the zero ones.
func New(id string, outer, inner Sensor, opts *Opts) (*Dev, error) {
	var o Opts
	if opts != nil {
		o = *opts
	}
	if o.Blocked == 0 {
		o.Blocked = 30 * time.Second
	}
	if o.Budget == 0 {
		o.Budget = 20 * time.Millisecond
		if o.Long {
			o.Budget = 33 * time.Millisecond
		}
	}
	m, err := modeOf(o.Long, o.Budget)
	if err == nil && o.Blocked < time.Second {
		err = fmt.Errorf("blocked after %v; expected 1 s or more", o.Blocked)
	}
	d := &Dev{id: id, blocked: o.Blocked}
	for line, s := range [2]Sensor{passage.Outer: outer, passage.Inner: inner} {
		if s.Addr == 0 {
			s.Addr = DefaultAddress
		}
		if err == nil && (s.Bus == nil || s.Addr < 0x08 || s.Addr > 0x77) {
			err = fmt.Errorf("%s sensor: bus %v, address 0x%02x; expected a bus and 0x08 … 0x77", passage.Line(line), s.Bus, s.Addr)
		}
		d.chips[line] = chip{bus: s.Bus, addr: s.Addr, reset: s.Reset, mode: m}
	}
	d.order = []passage.Line{passage.Inner, passage.Outer}
	if inner.Reset != nil && outer.Reset == nil {
		d.order = []passage.Line{passage.Outer, passage.Inner}
	}
	if err == nil {
		err = d.apart()
	}
	if err != nil {
		return nil, fmt.Errorf("vl53l1x: counter %s: %w", id, err)
	}
	return d, nil
}

// apart says whether the chips can be told from each other: the first one leaves the default address to the second.
func (d *Dev) apart() error {
	first, second := d.chips[d.order[0]], d.chips[d.order[1]]
	switch {
	case first.bus.String() != second.bus.String():
	case second.reset == nil:
		return fmt.Errorf("both sensors are on %s and neither has a reset line; expected one with XSHUT, or two buses", first.bus)
	case first.addr == DefaultAddress || first.addr == second.addr:
		return fmt.Errorf("both sensors are on %s, the %s one at 0x%02x, the %s one at 0x%02x; expected two addresses, that of "+
			"the %s one not 0x%02x", first.bus, d.order[0], first.addr, d.order[1], second.addr, d.order[0], DefaultAddress)
	}
	return nil
}

// ID is the counter's ID.
func (d *Dev) ID() string { return d.id }

// Run says that the counter is online once it has learned the empty passage, and then sends one bridge.Passage a person
// when the person has left it, and a bridge.Health when a sensor becomes blocked or fails and when it is good again. It
// returns nil when ctx is done.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	for retry := firstRetry; ; {
		begun := time.Now()
		err := d.count(ctx, out)
		if ctx.Err() != nil {
			return nil
		}
		d.tell(ctx, out, err.Error())
		if time.Since(begun) > lastRetry {
			retry = firstRetry
		}
		if !poll.Sleep(ctx, retry) {
			return nil
		}
		retry = min(2*retry, lastRetry)
	}
}

// count starts both chips and counts until one of them fails.
func (d *Dev) count(ctx context.Context, out chan<- bridge.Signal) error {
	if err := d.start(ctx); err != nil {
		return err
	}
	checked := d.began
	for poll.Sleep(ctx, look) {
		for line := range passage.Line(len(d.chips)) {
			if err := d.see(ctx, out, line); err != nil {
				return fmt.Errorf("vl53l1x: %s sensor: %w", line, err)
			}
		}
		if time.Since(checked) >= check {
			checked = time.Now()
			for line := range d.chips {
				if err := d.chips[line].intact(); err != nil {
					return fmt.Errorf("vl53l1x: %s sensor: %w", passage.Line(line), err)
				}
			}
		}
		d.judge(ctx, out)
	}
	return ctx.Err()
}

// start brings both chips to measuring, one after the other, with nothing learned.
func (d *Dev) start(ctx context.Context) error {
	for _, hold := range []bool{true, false} {
		for _, line := range d.order {
			c := &d.chips[line]
			if c.reset != nil {
				if err := c.reset.Set(hold); err != nil {
					return fmt.Errorf("vl53l1x: %s sensor: XSHUT: %w", line, err)
				}
			}
			if hold {
				continue
			}
			if err := c.start(ctx); err != nil {
				return fmt.Errorf("vl53l1x: %s sensor: %w", line, err)
			}
		}
		if hold && !poll.Sleep(ctx, held) {
			return ctx.Err()
		}
	}
	d.began, d.learned = time.Now(), false
	m := d.chips[0].mode
	// Both sensors see a change at once up to one measurement apart.
	d.machine = passage.New(m.period+look, d.blocked)
	for line := range d.eyes {
		d.eyes[line], d.seen[line] = eye{reach: m.reach}, d.began
	}
	return nil
}

// see takes one sensor's measurement when there is one.
func (d *Dev) see(ctx context.Context, out chan<- bridge.Signal, line passage.Line) error {
	c, e, now := &d.chips[line], &d.eyes[line], time.Now()
	ready, err := c.ready()
	if err != nil {
		return err
	}
	if !ready {
		if late := now.Sub(d.seen[line]); late > 10*c.mode.period {
			return fmt.Errorf("no measurement for %v, expected one every %v: the chip was without power or is broken", late, c.mode.period)
		}
		return nil
	}
	d.seen[line] = now
	status, mm, err := c.take()
	if err != nil {
		return err
	}
	changed, err := e.measure(status, mm)
	if err != nil || !changed || !d.learned {
		return err
	}
	persons, in := d.machine.Edge(d.at(now), line, e.near)
	for range persons {
		d.send(ctx, out, bridge.Passage{In: in})
	}
	return nil
}

func (d *Dev) at(now time.Time) time.Duration { return now.Sub(d.began) }

// judge tells whether the counter can count.
func (d *Dev) judge(ctx context.Context, out chan<- bridge.Signal) {
	now := time.Now()
	for line, e := range d.eyes {
		switch {
		case e.empty == 0 && d.at(now) > d.blocked:
			d.tell(ctx, out, fmt.Sprintf("vl53l1x: %s sensor: found the passage never still for 1 s in %v: keep it empty for a moment, or "+
				"look for what moves in it", passage.Line(line), d.blocked))
			return
		case e.empty == 0:
			return
		case e.empty < tooNear:
			d.tell(ctx, out, fmt.Sprintf("vl53l1x: %s sensor: sees %d mm far, expected an empty passage of %d mm or more: clear its view",
				passage.Line(line), e.empty, tooNear))
			d.learned = false
			return
		}
	}
	if !d.learned {
		d.learned = true
		d.machine.Sync(d.at(now), [2]bool{d.eyes[0].near, d.eyes[1].near})
	}
	if line, is := d.machine.Blocked(d.at(now)); is {
		d.machine.Doubt()
		d.tell(ctx, out, fmt.Sprintf("vl53l1x: the %s sensor is blocked: something has been nearer than %d mm for longer than %v; clear it, "+
			"or clean the window", line, d.eyes[line].empty*4/5, d.blocked))
		return
	}
	d.tell(ctx, out, "")
}

// tell sends the counter's health when it changed.
func (d *Dev) tell(ctx context.Context, out chan<- bridge.Signal, cause string) {
	if d.known && (d.cause == "") == (cause == "") {
		return
	}
	d.known, d.cause = true, cause
	d.send(ctx, out, bridge.Health{Online: cause == "", Cause: cause})
}

func (d *Dev) send(ctx context.Context, out chan<- bridge.Signal, what any) {
	select {
	case out <- bridge.Signal{Device: d.id, At: time.Now(), What: what}:
	case <-ctx.Done():
	}
}

var _ bridge.Source = (*Dev)(nil)
