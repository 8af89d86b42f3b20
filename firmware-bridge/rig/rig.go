// Package rig joins the devices of one gateway: it makes the drivers that the site's configuration names over the wires
// that it is given, be they a Pi's or virtual ones.
//
// Each source opens its lines when it runs, and opens them anew when they fail: it says once that the device is offline,
// with the cause, and tries again after a quarter of a second, then at growing intervals of up to two seconds. A device
// that is missing at start therefore stops no other.
//
// It never decides anything. Each source hands its signals on one by one, with no queue of its own, and has released
// its lines when its Run returns. Outputs and buses are those of the wires: Devices has nothing to close, and bridge.Wires.Close ends the rest.
package rig

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/beam"
	"kapija/firmware-bridge/bme280"
	"kapija/firmware-bridge/input"
	"kapija/firmware-bridge/scd4x"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/site"
)

// Devices is what hangs on one gateway.
type Devices struct {
	Sources []bridge.Source          // readers, inputs, counters, sensors, each in the order of the configuration
	Outputs map[string]bridge.Output // by ID, all off

	readers map[string]*reader
}

// Open makes the devices of a gateway. Outputs are opened now, and are off; sources open when they run. An input that
// belongs to a counter is the counter's alone. The error names every output that cannot be driven and every device that
// is configured wrongly.
func Open(gw *site.Gateway, w bridge.Wires) (*Devices, error) {
	d := &Devices{Outputs: map[string]bridge.Output{}, readers: map[string]*reader{}}
	var errs []error
	for _, o := range gw.Outputs {
		out, err := w.Output(o.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.Outputs[o.ID] = out
	}
	errs = append(errs, d.addReaders(gw, w), d.addInputs(gw, w), d.addCounters(gw, w), d.addSensors(gw, w))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("rig: gateway %s: %w", gw.ID, err)
	}
	return d, nil
}

// Stats is what the Wiegand reader of this ID counted since the start of the process, over all its runs; zero when
// there is no such reader. It may be called from any goroutine.
func (d *Devices) Stats(id string) wiegand.Stats {
	r, ok := d.readers[id]
	if !ok {
		return wiegand.Stats{}
	}
	return r.stats()
}

func (d *Devices) addReaders(gw *site.Gateway, w bridge.Wires) error {
	var errs []error
	for _, r := range gw.Readers {
		if _, err := wiegand.NewDecoder(r.Formats, 0); err != nil {
			errs = append(errs, fmt.Errorf("reader %s: %w", r.ID, err))
			continue
		}
		read := &reader{}
		d.readers[r.ID] = read
		d.add(r.ID, func() (bridge.Source, []bridge.EdgeSource, error) {
			lines, err := w.Wiegand(r.ID)
			if err != nil {
				return nil, nil, err
			}
			dev, err := wiegand.New(r.ID, lines, r.Formats)
			read.follow(dev)
			return dev, []bridge.EdgeSource{lines}, err
		})
	}
	return errors.Join(errs...)
}

func (d *Devices) addInputs(gw *site.Gateway, w bridge.Wires) error {
	counted := map[string]bool{}
	for _, c := range gw.Counters {
		counted[c.Outer], counted[c.Inner] = true, true
	}
	var errs []error
	for _, in := range gw.Inputs {
		if in.Active != "high" && in.Active != "low" {
			errs = append(errs, fmt.Errorf("input %s: active %q: expected high or low", in.ID, in.Active))
			continue
		}
		if counted[in.ID] {
			continue
		}
		d.add(in.ID, func() (bridge.Source, []bridge.EdgeSource, error) {
			line, err := w.Input(in.ID)
			if err != nil {
				return nil, nil, err
			}
			dev, err := input.New(in.ID, line, input.Opts{ActiveLow: in.Active == "low", Debounce: in.Debounce})
			return dev, []bridge.EdgeSource{line}, err
		})
	}
	return errors.Join(errs...)
}

func (d *Devices) addCounters(gw *site.Gateway, w bridge.Wires) error {
	inputs := map[string]*site.Input{}
	for _, in := range gw.Inputs {
		inputs[in.ID] = in
	}
	var errs []error
	for _, c := range gw.Counters {
		outerInput, innerInput := inputs[c.Outer], inputs[c.Inner]
		if outerInput == nil || innerInput == nil || c.Outer == c.Inner {
			errs = append(errs, fmt.Errorf("counter %s: barriers %q and %q: expected two inputs of this gateway", c.ID, c.Outer, c.Inner))
			continue
		}
		opts := &beam.Opts{OuterLow: outerInput.Active == "low", InnerLow: innerInput.Active == "low"}
		d.add(c.ID, func() (bridge.Source, []bridge.EdgeSource, error) {
			outer, err := w.Input(c.Outer)
			if err != nil {
				return nil, nil, err
			}
			inner, err := w.Input(c.Inner)
			if err != nil {
				return nil, []bridge.EdgeSource{outer}, err
			}
			dev, err := beam.New(c.ID, outer, inner, opts)
			return dev, []bridge.EdgeSource{outer, inner}, err
		})
	}
	return errors.Join(errs...)
}

func (d *Devices) addSensors(gw *site.Gateway, w bridge.Wires) error {
	chips := map[string]func(s *site.Sensor) (bridge.Source, error){
		"bme280": func(s *site.Sensor) (bridge.Source, error) {
			bus, addr, err := w.I2C(s.ID)
			if err != nil {
				return nil, err
			}
			return bme280.New(s.ID, bus, addr, s.Every)
		},
		"scd4x": func(s *site.Sensor) (bridge.Source, error) {
			bus, addr, err := w.I2C(s.ID)
			if err != nil {
				return nil, err
			}
			return scd4x.New(s.ID, bus, addr, s.Every)
		},
	}
	var errs []error
	for _, s := range gw.Sensors {
		make, known := chips[s.Chip]
		if !known {
			errs = append(errs, fmt.Errorf("sensor %s: chip %q: expected one of %q", s.ID, s.Chip, slices.Sorted(maps.Keys(chips))))
			continue
		}
		d.add(s.ID, func() (bridge.Source, []bridge.EdgeSource, error) {
			dev, err := make(s)
			return dev, nil, err
		})
	}
	return errors.Join(errs...)
}

func (d *Devices) add(id string, open func() (bridge.Source, []bridge.EdgeSource, error)) {
	d.Sources = append(d.Sources, &link{id: id, open: open})
}
