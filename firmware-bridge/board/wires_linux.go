package board

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/host/v3/netlink"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

var initPeriph = sync.OnceValue(func() error {
	_, err := driverreg.Init()
	return err
})

// Wires is the hardware of one gateway.
type Wires struct {
	wiring *site.Wiring
	chip   *chip

	mu     sync.Mutex
	opened []func() error // closes an output or a bus
	buses  map[string]i2c.BusCloser
	wires  map[string]*netlink.OneWire
	closed bool
}

var _ bridge.Wires = (*Wires)(nil)

// Open finds the GPIO chip that the wiring names. It requests no line yet. The error says which chips there are and
// what to try.
func Open(w *site.Wiring) (bridge.Wires, error) {
	if err := initPeriph(); err != nil {
		return nil, fmt.Errorf("board: starting periph's drivers: %w", err)
	}
	c, err := findChip(w.Chip)
	if err != nil {
		return nil, err
	}
	return &Wires{wiring: w, chip: c, buses: map[string]i2c.BusCloser{}, wires: map[string]*netlink.OneWire{}}, nil
}

// Wiegand requests both data lines of a reader in one request for falling edges. The source closes them.
func (w *Wires) Wiegand(reader string) (bridge.EdgeSource, error) {
	d, err := wired(w, w.wiring.Readers, "readers", reader)
	if err != nil {
		return nil, err
	}
	if d.D0 == d.D1 {
		return nil, fmt.Errorf("board: reader %s: D0 and D1 are both line %q: each needs its own", reader, d.D0)
	}
	src, err := w.chip.edges("kapija "+reader, d.Pull, false, d.D0, d.D1)
	if err != nil {
		return nil, fmt.Errorf("board: reader %s: %w", reader, err)
	}
	return src, nil
}

// Input requests one line for both edges. The source closes it.
func (w *Wires) Input(id string) (bridge.EdgeSource, error) {
	line, pull, err := w.inputLine(id)
	if err != nil {
		return nil, err
	}
	src, err := w.chip.edges("kapija "+id, pull, true, line)
	if err != nil {
		return nil, fmt.Errorf("board: input %s: %w", id, err)
	}
	return src, nil
}

func (w *Wires) inputLine(id string) (line, pull string, err error) {
	if s, ok := w.wiring.Sensors[id]; ok {
		return s.Line, s.Pull, nil
	}
	if e, ok := w.wiring.Expanders[id]; ok {
		return e.Line, e.Pull, nil
	}
	in, err := wired(w, w.wiring.Inputs, "inputs", id)
	return in.Line, in.Pull, err
}

// Output requests one line as an output that is off. Close sets it off and releases it.
func (w *Wires) Output(id string) (bridge.Output, error) {
	l, err := w.outputLine(id)
	if err != nil {
		return nil, err
	}
	o, err := w.chip.output("kapija "+id, l)
	if err != nil {
		return nil, fmt.Errorf("board: output %s: %w", id, err)
	}
	if err := w.keep(func() error { return errors.Join(o.Set(false), o.line.Close()) }); err != nil {
		return nil, err
	}
	return o, nil
}

// outputLine finds an output's line, or that of the reset of a device, which is low while it is held in reset.
func (w *Wires) outputLine(id string) (site.OutputWiring, error) {
	device, reset := strings.CutSuffix(id, bridge.Reset(""))
	if !reset {
		return wired(w, w.wiring.Outputs, "outputs", id)
	}
	if r := w.ranger(device); r != nil {
		return site.OutputWiring{Line: r.Reset, ActiveLow: true}, nil
	}
	r, err := wired(w, w.wiring.Readers, "readers", device)
	return site.OutputWiring{Line: r.Reset, ActiveLow: true}, err
}

// ranger finds one of a counter's distance sensors, COUNTER.outer or COUNTER.inner; nil when there is none.
func (w *Wires) ranger(device string) *site.Ranger {
	counter, side, _ := strings.Cut(device, ".")
	switch c := w.wiring.Counters[counter]; side {
	case "outer":
		return c.Outer
	case "inner":
		return c.Inner
	}
	return nil
}

// Close sets the outputs off and releases them, and closes the buses, the last opened first. It closes no edge source,
// no SPI port and no serial port.
func (w *Wires) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("board: %w", os.ErrClosed)
	}
	w.closed = true
	var errs []error
	for _, c := range slices.Backward(w.opened) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (w *Wires) keep(closer func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.Join(fmt.Errorf("board: %w", os.ErrClosed), closer())
	}
	w.opened = append(w.opened, closer)
	return nil
}

func wired[T any](w *Wires, section map[string]T, name, id string) (T, error) {
	v, ok := section[id]
	if !ok {
		return v, fmt.Errorf("board: no %q under %s in the wiring of gateway %s: found %s; add it there", id, name,
			w.wiring.Gateway, list(slices.Sorted(maps.Keys(section))))
	}
	return v, nil
}

func list(names []string) string {
	const most = 60
	switch n := len(names); {
	case n == 0:
		return "none"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
