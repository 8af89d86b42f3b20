package mcp23017

import (
	"fmt"
	"maps"
	"slices"

	bridge "kapija/firmware-bridge"
)

// Output gives one of the outputs of the options, by its pin.
func (d *Dev) Output(name string) (bridge.Output, error) {
	low, ok := d.outputs[name]
	if !ok {
		return nil, d.errorf("no output at pin %q; there are %q", name, slices.Sorted(maps.Keys(d.outputs)))
	}
	bit, err := pin(name)
	return &output{d: d, pin: name, bit: bit, low: low}, err
}

// output is one pin that drives something: a bridge.Output.
type output struct {
	d   *Dev
	pin string
	bit uint16
	low bool // on is low
}

// Set drives the pin and reads back its latch, its direction and its level. What was to be switched on and failed stays
// off; what was to be switched off and failed is switched off as soon as the chip answers.
func (o *output) Set(on bool) error {
	d := o.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.restore(); err != nil {
		if !on {
			d.latch = o.drive(d.latch, false)
		}
		return o.failed(err)
	}
	before, want := d.latch, o.drive(d.latch, on)
	d.latch = want
	err := d.write(olat, pair(want)...)
	var got image
	if err == nil {
		got, err = d.look(brief)
	}
	switch {
	case err != nil:
		if on {
			d.latch = before
		}
		return o.failed(err)
	case got.olat != want:
		d.sound = false
		return o.failed(fmt.Errorf("latch reads back 0x%04x, expected 0x%04x", got.olat, want))
	case o.on(got.gpio) != on:
		return o.failed(fmt.Errorf("was set %s and the pin reads back %s: look for a short circuit", word(on), word(!on)))
	}
	return nil
}

// Level is what the pin carries.
func (o *output) Level() (bool, error) {
	o.d.mu.Lock()
	defer o.d.mu.Unlock()
	err := o.d.restore()
	var got image
	if err == nil {
		got, err = o.d.look(brief)
	}
	if err != nil {
		return false, o.failed(err)
	}
	return o.on(got.gpio), nil
}

func (o *output) on(ports uint16) bool { return ports&o.bit != 0 != o.low }

func (o *output) drive(latch uint16, on bool) uint16 {
	if on != o.low {
		return latch | o.bit
	}
	return latch &^ o.bit
}

func (o *output) failed(err error) error { return o.d.errorf("output %s: %w", o.pin, err) }

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
