package rig

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"

	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/ads1115"
	"kapija/firmware-bridge/mcp23017"
	"kapija/internal/site"
)

// expander is a chip with inputs and outputs while its devices are gathered: all must be known before it is made.
type expander struct {
	w      bridge.Wires
	id     string
	wiring site.ExpanderWiring

	opts     mcp23017.Opts
	channels [4]ads1115.Channel
	ids      []string // of its inputs
	wrong    bool     // it is configured wrongly

	mu  sync.Mutex
	dev *mcp23017.Dev // nil: not made yet
}

const (
	chipMCP23017 = "mcp23017"
	chipADS1115  = "ads1115"
)

func (b *build) expander(id string) (*expander, error) {
	if e, ok := b.expanders[id]; ok {
		return e, nil
	}
	v, ok := b.Wiring.Expanders[id]
	if !ok {
		return nil, fmt.Errorf("expander %q is not in the wiring", id)
	}
	if v.Chip != chipMCP23017 && v.Chip != chipADS1115 {
		return nil, fmt.Errorf("expander %s: chip %q: expected %s or %s", id, v.Chip, chipMCP23017, chipADS1115)
	}
	e := &expander{w: b.w, id: id, wiring: v}
	b.expanders[id] = e
	return e, nil
}

func (b *build) expanderInput(in *site.Input, v site.InputWiring) error {
	e, err := b.expander(v.Expander)
	if err != nil {
		return fmt.Errorf("input %s: %w", in.ID, err)
	}
	if e.wiring.Chip == chipMCP23017 {
		e.ids = append(e.ids, in.ID)
		e.opts.Inputs = append(e.opts.Inputs, mcp23017.InputOpts{
			ID: in.ID, Pin: v.Pin, ActiveLow: in.Active == "low", NoPullUp: v.Pull == "none", Debounce: in.Debounce,
		})
		return nil
	}
	n, err := strconv.Atoi(v.Pin)
	if err != nil || n < 0 || n >= len(e.channels) {
		return fmt.Errorf("input %s: pin %q of an %s: expected 0 to %d", in.ID, v.Pin, chipADS1115, len(e.channels)-1)
	}
	if by := e.channels[n].ID; by != "" {
		return fmt.Errorf("input %s: pin %d of expander %s is that of input %s", in.ID, n, e.id, by)
	}
	loop := ads1115.Loop{ActiveClosed: in.Active == "low"}
	if l := v.Loop; l != nil {
		loop.PullUp = physic.ElectricResistance(l.PullUp) * physic.Ohm
		loop.Series = physic.ElectricResistance(l.Series) * physic.Ohm
		loop.Parallel = physic.ElectricResistance(l.Parallel) * physic.Ohm
	}
	e.ids = append(e.ids, in.ID)
	e.channels[n] = ads1115.Channel{ID: in.ID, Loop: loop, Debounce: max(in.Debounce, ads1115.DefaultDebounce)}
	return nil
}

// expanderOutputs gathers the outputs at expanders.
func (b *build) expanderOutputs() error {
	var errs []error
	for _, o := range b.gw.Outputs {
		v := b.Wiring.Outputs[o.ID]
		if v.Expander == "" {
			continue
		}
		e, err := b.expander(v.Expander)
		if err == nil && e.wiring.Chip != chipMCP23017 {
			err = fmt.Errorf("expander %s: an %s has no outputs", e.id, e.wiring.Chip)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("output %s: %w", o.ID, err))
			continue
		}
		e.opts.Outputs = append(e.opts.Outputs, mcp23017.OutputOpts{Pin: v.Pin, ActiveLow: v.ActiveLow})
	}
	return errors.Join(errs...)
}

// checkExpanders says which expanders are configured wrongly, once everything at them is known.
func (b *build) checkExpanders() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(b.expanders)) {
		e := b.expanders[id]
		var err error
		if e.wiring.Chip == chipMCP23017 {
			_, err = mcp23017.New(id, noBus{}, e.wiring.Address, e.opts)
		} else {
			_, err = ads1115.New(id, noBus{}, e.wiring.Address, e.channels)
		}
		e.wrong = err != nil
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// noBus lets the settings of a chip be checked before its bus is opened.
type noBus struct{}

func (noBus) String() string                  { return "no bus" }
func (noBus) Tx(uint16, []byte, []byte) error { return errors.New("no bus") }
func (noBus) SetSpeed(physic.Frequency) error { return nil }

// expanderOutput gives one output of an expander; nil when what is wrong has been told.
func (b *build) expanderOutput(id string, v site.OutputWiring) (bridge.Output, error) {
	e := b.expanders[v.Expander]
	if e == nil || e.wrong || e.wiring.Chip != chipMCP23017 {
		return nil, nil
	}
	dev, err := e.open()
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", id, err)
	}
	out, err := dev.Output(v.Pin)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", id, err)
	}
	return newPatient(out), nil
}

// open makes the mcp23017, once.
func (e *expander) open() (*mcp23017.Dev, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dev != nil {
		return e.dev, nil
	}
	bus, addr, err := e.w.I2C(e.id)
	if err != nil {
		return nil, err
	}
	e.dev, err = mcp23017.New(e.id, bus, addr, e.opts)
	return e.dev, err
}

// add adds the source of its inputs.
func (e *expander) add(d *Devices) {
	if len(e.ids) == 0 {
		return
	}
	d.ids = append(d.ids, e.ids...)
	open := e.openInputs
	if e.wiring.Chip == chipADS1115 {
		open = e.openChannels
	}
	d.Sources = append(d.Sources, &link{id: e.id, ids: e.ids, open: open})
}

func (e *expander) openInputs() (bridge.Source, []io.Closer, error) {
	dev, err := e.open()
	if err != nil {
		return nil, nil, err
	}
	if e.wiring.Line == "" {
		return dev.Inputs(nil), nil, nil
	}
	line, err := e.w.Input(e.id) // the line of INT
	if err != nil {
		return nil, nil, err
	}
	return dev.Inputs(line), []io.Closer{line}, nil
}

func (e *expander) openChannels() (bridge.Source, []io.Closer, error) {
	bus, addr, err := e.w.I2C(e.id)
	if err != nil {
		return nil, nil, err
	}
	dev, err := ads1115.New(e.id, bus, addr, e.channels)
	return dev, nil, err
}
