package rig

import (
	"errors"
	"fmt"
	"io"
	"sync"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/beam"
	"kapija/firmware-bridge/input"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/site"
)

// What is on lines: Wiegand readers, contacts, light barriers.

func (b *build) wiegandReader(r *site.Reader) error {
	formats, err := b.Formats.Select(r.Formats)
	opts := wiegand.Opts{Formats: formats, Keypad: wiegand.Keypad(r.Keypad), KeypadFacility: uint8(r.KeypadFacility)}
	if err == nil {
		_, err = wiegand.NewDecoder(opts, 0)
	}
	if err != nil {
		return fmt.Errorf("reader %s: %w", r.ID, err)
	}
	read := &reader{}
	b.d.readers[r.ID] = read
	b.add(r.ID, func() (bridge.Source, []io.Closer, error) {
		lines, err := b.w.Wiegand(r.ID)
		if err != nil {
			return nil, nil, err
		}
		dev, err := wiegand.New(r.ID, lines, opts)
		read.follow(dev)
		return dev, []io.Closer{lines}, err
	})
	return nil
}

// reader adds up what a Wiegand reader counts over all its runs.
type reader struct {
	mu     sync.Mutex
	before wiegand.Stats
	now    *wiegand.Reader // nil: it never ran
}

func (r *reader) follow(dev *wiegand.Reader) {
	if dev == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.before = r.before.Add(r.now.Stats())
	}
	r.now = dev
}

func (r *reader) stats() wiegand.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return r.before
	}
	return r.before.Add(r.now.Stats())
}

func (b *build) lineInput(in *site.Input) {
	b.add(in.ID, func() (bridge.Source, []io.Closer, error) {
		line, err := b.w.Input(in.ID)
		if err != nil {
			return nil, nil, err
		}
		dev, err := input.New(in.ID, line, input.Opts{ActiveLow: in.Active == "low", Debounce: in.Debounce})
		return dev, []io.Closer{line}, err
	})
}

func (b *build) counters() error {
	var errs []error
	for _, c := range b.gw.Counters {
		if c.Chip == "" {
			errs = append(errs, b.beamCounter(c))
		} else {
			errs = append(errs, b.rangeCounter(c))
		}
	}
	return errors.Join(errs...)
}

func (b *build) beamCounter(c *site.Counter) error {
	inputs := map[string]*site.Input{}
	for _, in := range b.gw.Inputs {
		inputs[in.ID] = in
	}
	outerInput, innerInput := inputs[c.Outer], inputs[c.Inner]
	if outerInput == nil || innerInput == nil || c.Outer == c.Inner {
		return fmt.Errorf("counter %s: barriers %q and %q: expected two inputs of this gateway", c.ID, c.Outer, c.Inner)
	}
	for _, id := range []string{c.Outer, c.Inner} {
		if v := b.Wiring.Inputs[id]; v.Expander != "" || v.Reader != "" {
			return fmt.Errorf("counter %s: barrier %s: expected a line: only lines have the kernel's time", c.ID, id)
		}
	}
	opts := &beam.Opts{OuterLow: outerInput.Active == "low", InnerLow: innerInput.Active == "low"}
	b.add(c.ID, func() (bridge.Source, []io.Closer, error) {
		outer, err := b.w.Input(c.Outer)
		if err != nil {
			return nil, nil, err
		}
		inner, err := b.w.Input(c.Inner)
		if err != nil {
			return nil, []io.Closer{outer}, err
		}
		dev, err := beam.New(c.ID, outer, inner, opts)
		return dev, []io.Closer{outer, inner}, err
	})
	return nil
}
