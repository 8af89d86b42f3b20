package osdp

import (
	"errors"
	"fmt"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/wire"
)

// output is one part of a reader that can be switched. Its fields are guarded by the bus's mutex.
type output struct {
	bus    *Bus
	reader *reader // nil: there is none of this ID
	name   string
	make   func(on bool) wire.Command
	kept   bool // its level is restored when the reader comes back

	on      bool
	waits   bool // the level is not sent yet
	refused string
}

var _ bridge.Output = (*output)(nil)

// LED is a reader's LED: on is green, off is red. Its colour is restored when the reader comes back. As with all outputs
// here, Set does not wait for the reader: of several calls the last counts. Level is what was last set, and an error when
// the reader refused it. Both are errors while the reader is offline.
func (b *Bus) LED(reader string) bridge.Output {
	return b.output(reader, "LED", true, func(on bool) wire.Command {
		colour := wire.Red
		if on {
			colour = wire.Green
		}
		return wire.LEDs{{Permanent: wire.LEDPermanent, On: 1, OnColour: colour}}
	})
}

// Buzzer is a reader's buzzer. It is off when the reader comes back.
func (b *Bus) Buzzer(reader string) bridge.Output {
	return b.output(reader, "buzzer", false, func(on bool) wire.Command {
		if on {
			return wire.Buzzer{Tone: 2, On: 1}
		}
		return wire.Buzzer{Tone: 1}
	})
}

// Output is one of a reader's outputs, from 0. It is off when the reader comes back: no door opens because a cable was
// mended.
func (b *Bus) Output(reader string, n int) bridge.Output {
	return b.output(reader, fmt.Sprintf("output %d", n), false, func(on bool) wire.Command {
		do := wire.OutOff
		if on {
			do = wire.OutOn
		}
		return wire.Outs{{Output: byte(n), Do: do}}
	})
}

func (b *Bus) output(id, name string, kept bool, command func(bool) wire.Command) bridge.Output {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := &output{bus: b, reader: b.reader(id), name: id + ": " + name, make: command, kept: kept}
	if o.reader == nil {
		return o
	}
	for _, have := range o.reader.outputs {
		if have.name == o.name {
			return have
		}
	}
	o.reader.outputs = append(o.reader.outputs, o)
	return o
}

func (o *output) Set(on bool) error {
	o.bus.mu.Lock()
	defer o.bus.mu.Unlock()
	o.on, o.refused = on, ""
	if err := o.usable(); err != nil {
		return err
	}
	o.waits = true
	select {
	case o.bus.wake <- struct{}{}:
	default:
	}
	return nil
}

func (o *output) Level() (bool, error) {
	o.bus.mu.Lock()
	defer o.bus.mu.Unlock()
	err := o.usable()
	if err == nil && o.refused != "" {
		err = fmt.Errorf("osdp: %s: %s", o.name, o.refused)
	}
	return o.on, err
}

// usable tells whether the reader is there.
func (o *output) usable() error {
	switch {
	case o.reader == nil:
		return fmt.Errorf("osdp: %s: the bus %s has no such reader", o.name, o.bus.id)
	case !o.reader.online:
		return fmt.Errorf("%w: %s", panel.ErrOffline, o.name)
	}
	return nil
}

// drive hands what was set to the panel. What finds no room there waits for the next turn.
func (b *Bus) drive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.readers {
		for _, o := range r.outputs {
			if !o.waits {
				continue
			}
			err := b.engine.panel.Send(r.Address, o.make(o.on))
			o.waits = err != nil && r.online && !errors.Is(err, panel.ErrOffline)
		}
	}
}

// restore is told when the reader is back.
func (r *reader) restore() {
	r.bus.mu.Lock()
	defer r.bus.mu.Unlock()
	for _, o := range r.outputs {
		o.on = o.on && o.kept
		o.waits = true
	}
}

// refused is told when the reader did not take a command.
func (r *reader) refused(what panel.Refused) {
	r.bus.mu.Lock()
	defer r.bus.mu.Unlock()
	for _, o := range r.outputs {
		if o.make(false).Code() == what.Command {
			o.refused = what.Words
		}
	}
}
