// Package rig joins the devices of one gateway: it makes the drivers that the site's configuration names over the wires
// that it is given, be they a Pi's or virtual ones. What a device is comes from the district, where it is connected from
// the wiring.
//
// Each source opens its wires when it runs, and opens them anew when they fail: it says once that the device is offline,
// with the cause, and tries again after a quarter of a second, then at growing intervals of up to two seconds. A device
// that is missing at start therefore stops no other.
//
// It never decides anything. Each source hands its signals on one by one, with no queue of its own, and has released
// what it opened when its Run returns. Outputs and shared buses are those of the wires: Devices has nothing to close, and
// bridge.Wires.Close ends the rest.
package rig

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

// Opts is what the district's gateway does not say. The zero value has every reader on two data lines, every input,
// output and detector on a line, and no secrets.
type Opts struct {
	Wiring  *site.Wiring
	Formats *cardformat.Set
	Secrets *secrets.Store
	Capture func(bus string) io.Writer // where the frames of a bus of OSDP readers are written, one line each; nil, or gives nil: nowhere
}

// Devices is what hangs on one gateway.
type Devices struct {
	Sources []bridge.Source          // readers, inputs, counters, sensors; some share a source
	Outputs map[string]bridge.Output // by ID, all off

	ids     []string
	readers map[string]*reader
}

// IDs are the devices that tell their health: readers, inputs, counters and sensors, without the inputs of counters.
func (d *Devices) IDs() []string { return slices.Clone(d.ids) }

// Open makes the devices of a gateway. Outputs are opened now, and are off; sources open when they run. An input that
// belongs to a counter is the counter's alone. The error names every output that cannot be driven and every device that
// is configured wrongly; what was opened by then is the wires' to close. A device whose secrets cannot be used is no
// error: it is offline for good, with everything that is at it.
func Open(gw *site.Gateway, w bridge.Wires, o Opts) (*Devices, error) {
	if o.Wiring == nil {
		o.Wiring = &site.Wiring{}
	}
	b := &build{
		Opts: o, gw: gw, w: w, expanders: map[string]*expander{}, buses: map[string]*readerBus{},
		osdp: map[string]busReader{}, ills: map[string]error{},
		d: &Devices{Outputs: map[string]bridge.Output{}, readers: map[string]*reader{}},
	}
	// What is shared is made when everything at it is known.
	err := errors.Join(b.readers(), b.inputs(), b.counters(), b.sensors(), b.expanderOutputs(), b.makeBuses(), b.checkExpanders(), b.outputs())
	if err != nil {
		return nil, fmt.Errorf("rig: gateway %s: %w", gw.ID, err)
	}
	b.shared()
	return b.d, nil
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

// build is the devices of one gateway while they are made.
type build struct {
	Opts
	gw *site.Gateway
	w  bridge.Wires
	d  *Devices

	expanders map[string]*expander
	buses     map[string]*readerBus
	osdp      map[string]busReader
	ills      map[string]error // why a device cannot be used
}

// add adds a device with a source of its own.
func (b *build) add(id string, open opener) {
	b.d.ids = append(b.d.ids, id)
	b.d.Sources = append(b.d.Sources, &link{id: id, ids: []string{id}, open: open})
}

// ill adds a device that cannot be used, and that stops no other.
func (b *build) ill(id string, cause error) {
	b.ills[id] = cause
	b.d.ids = append(b.d.ids, id)
	b.d.Sources = append(b.d.Sources, ill{id, cause})
}

// shared adds the sources that several devices share: expanders and buses of readers.
func (b *build) shared() {
	for _, id := range slices.Sorted(maps.Keys(b.expanders)) {
		b.expanders[id].add(b.d)
	}
	for _, id := range slices.Sorted(maps.Keys(b.buses)) {
		b.buses[id].add(b.d)
	}
}

func (b *build) outputs() error {
	var errs []error
	for _, o := range b.gw.Outputs {
		out, err := b.output(o.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.d.Outputs[o.ID] = out
	}
	return errors.Join(errs...)
}

func (b *build) output(id string) (bridge.Output, error) {
	switch v := b.Wiring.Outputs[id]; {
	case v.Expander != "":
		return b.expanderOutput(id, v)
	case v.Reader != "":
		return b.readerOutput(id, v)
	}
	return b.w.Output(id)
}

func (b *build) inputs() error {
	counted := map[string]bool{}
	for _, c := range b.gw.Counters {
		counted[c.Outer], counted[c.Inner] = true, true
	}
	var errs []error
	for _, in := range b.gw.Inputs {
		if in.Active != "high" && in.Active != "low" {
			errs = append(errs, fmt.Errorf("input %s: active %q: expected high or low", in.ID, in.Active))
			continue
		}
		if counted[in.ID] {
			continue
		}
		switch v := b.Wiring.Inputs[in.ID]; {
		case v.Expander != "":
			errs = append(errs, b.expanderInput(in, v))
		case v.Reader != "":
			errs = append(errs, b.readerInput(in, v))
		default:
			b.lineInput(in)
		}
	}
	return errors.Join(errs...)
}
