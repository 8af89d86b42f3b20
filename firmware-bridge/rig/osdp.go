package rig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/secrets"
	"kapija/internal/site"
)

// readerBus is one RS-485 bus while its readers and their parts are gathered: all must be known before it is made.
type readerBus struct {
	opts    osdp.Opts
	readers []*osdp.Reader
	ids     []string  // of its readers, and of the inputs at them
	bus     *osdp.Bus // nil: not made, or configured wrongly
}

// busReader is one reader of a bus.
type busReader struct {
	*osdp.Reader
	on *readerBus
}

func (b *build) osdpReader(r *site.Reader, v site.ReaderWiring) error {
	formats, err := b.Formats.Select(r.Formats)
	if err != nil {
		return fmt.Errorf("reader %s: %w", r.ID, err)
	}
	wiring, ok := b.Wiring.Buses[v.OSDP]
	if !ok {
		return fmt.Errorf("reader %s: bus %q is not in the wiring", r.ID, v.OSDP)
	}
	dev := &osdp.Reader{ID: r.ID, Address: byte(v.Address), Formats: formats, Inputs: map[int]string{}}
	switch p, err := b.Secrets.Reader(r.ID); {
	case err == nil: // once it has a key, it is never talked to in clear
		dev.Key, dev.Pending = p.Key, p.Pending
		if p.Key != nil {
			dev.Known = &p.ID
		}
	case errors.Is(err, secrets.ErrNotPaired):
		dev.ClearText = v.Clear
	default:
		b.ill(r.ID, err)
		return nil
	}
	bus := b.buses[v.OSDP]
	if bus == nil {
		bus = &readerBus{opts: osdp.Opts{Baud: wiring.Baud}}
		if b.Capture != nil {
			bus.opts.Capture = b.Capture(v.OSDP)
		}
		b.buses[v.OSDP] = bus
	}
	bus.readers = append(bus.readers, dev)
	bus.ids = append(bus.ids, r.ID)
	b.osdp[r.ID] = busReader{dev, bus}
	return nil
}

func (b *build) readerInput(in *site.Input, v site.InputWiring) error {
	at, ok := b.osdp[v.Reader]
	if cause := b.ills[v.Reader]; cause != nil {
		b.ill(in.ID, fmt.Errorf("reader %s, which it is at: %w", v.Reader, cause))
		return nil
	}
	if !ok {
		return fmt.Errorf("input %s: reader %q: expected an OSDP reader of this gateway", in.ID, v.Reader)
	}
	n, isNumber := number(v.Terminal)
	var taken string
	switch {
	case v.Terminal == "tamper":
		taken, at.Tamper = at.Tamper, in.ID
	case isNumber:
		taken, at.Inputs[n] = at.Inputs[n], in.ID
	default:
		return fmt.Errorf("input %s: terminal %q of reader %s: expected tamper, or 0 to %d", in.ID, v.Terminal, v.Reader, lastTerminal)
	}
	if taken != "" {
		return fmt.Errorf("input %s: terminal %s of reader %s is that of input %s", in.ID, v.Terminal, v.Reader, taken)
	}
	at.on.ids = append(at.on.ids, in.ID)
	return nil
}

// readerOutput gives a part of a reader.
func (b *build) readerOutput(id string, v site.OutputWiring) (bridge.Output, error) {
	at, ok := b.osdp[v.Reader]
	if cause := b.ills[v.Reader]; cause != nil {
		return illOutput{fmt.Errorf("output %s: reader %s, which it is at: %w", id, v.Reader, cause)}, nil
	}
	if !ok {
		return nil, fmt.Errorf("output %s: reader %q: expected an OSDP reader of this gateway", id, v.Reader)
	}
	n, isNumber := number(v.Terminal)
	switch bus := at.on.bus; {
	case !isNumber && v.Terminal != "led" && v.Terminal != "buzzer":
		return nil, fmt.Errorf("output %s: terminal %q of reader %s: expected led, buzzer, or 0 to %d", id, v.Terminal, v.Reader, lastTerminal)
	case bus == nil:
		return nil, nil // told at the bus
	case isNumber:
		return bus.Output(v.Reader, n), nil
	case v.Terminal == "led":
		return bus.LED(v.Reader), nil
	default:
		return bus.Buzzer(v.Reader), nil
	}
}

// lastTerminal is the highest number of a reader's inputs and outputs.
const lastTerminal = 7

func number(terminal string) (int, bool) {
	n, err := strconv.Atoi(terminal)
	return n, err == nil && n >= 0 && n <= lastTerminal
}

// makeBuses makes the buses, once everything at them is known.
func (b *build) makeBuses() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(b.buses)) {
		bus := b.buses[id]
		for _, r := range bus.readers {
			bus.opts.Readers = append(bus.opts.Readers, *r)
		}
		var err error
		bus.bus, err = osdp.New(id, func() (bridge.Port, error) { return b.w.Serial(id) }, bus.opts)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (r *readerBus) add(d *Devices) {
	d.ids = append(d.ids, r.ids...)
	d.Sources = append(d.Sources, r.bus)
}

// ill is a device that cannot be used as it is configured. It says so, and stops no other.
type ill struct {
	id    string
	cause error
}

var _ bridge.Source = ill{}

func (i ill) ID() string { return i.id }

// Run tells that the device is offline, and waits for the end.
func (i ill) Run(ctx context.Context, out chan<- bridge.Signal) error {
	select {
	case out <- bridge.Signal{Device: i.id, At: time.Now(), What: bridge.Health{Cause: i.cause.Error()}}:
		<-ctx.Done()
	case <-ctx.Done():
	}
	return nil
}

// illOutput is an output of a device that cannot be used.
type illOutput struct{ cause error }

var _ bridge.Output = illOutput{}

func (i illOutput) Set(bool) error       { return i.cause }
func (i illOutput) Level() (bool, error) { return false, i.cause }
