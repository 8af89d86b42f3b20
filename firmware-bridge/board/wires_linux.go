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
	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/i2c/i2creg"
	_ "periph.io/x/host/v3/sysfs" // registers the I²C buses

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
	return &Wires{wiring: w, chip: c, buses: map[string]i2c.BusCloser{}}, nil
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
	l, err := wired(w, w.wiring.Inputs, "inputs", id)
	if err != nil {
		return nil, err
	}
	src, err := w.chip.edges("kapija "+id, l.Pull, true, l.Line)
	if err != nil {
		return nil, fmt.Errorf("board: input %s: %w", id, err)
	}
	return src, nil
}

// Output requests one line as an output that is off. Close sets it off and releases it.
func (w *Wires) Output(id string) (bridge.Output, error) {
	l, err := wired(w, w.wiring.Outputs, "outputs", id)
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

// I2C opens the bus of a sensor, once for all sensors on it, and says the sensor's address. Close closes it.
func (w *Wires) I2C(sensor string) (i2c.Bus, uint16, error) {
	b, err := wired(w, w.wiring.Sensors, "sensors", sensor)
	if err != nil {
		return nil, 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, 0, fmt.Errorf("board: sensor %s: %w", sensor, os.ErrClosed)
	}
	bus, ok := w.buses[b.Bus]
	if !ok {
		if bus, err = i2creg.Open(b.Bus); err != nil {
			return nil, 0, fmt.Errorf("board: sensor %s: bus %q: %w: found %s; on a Pi set dtparam=i2c_arm=on, and add the user to group i2c",
				sensor, b.Bus, err, busNames())
		}
		w.buses[b.Bus] = bus
		w.opened = append(w.opened, bus.Close)
	}
	return bus, b.Address, nil
}

// Close sets the outputs off and releases them, and closes the buses, the last opened first. It closes no edge source.
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

func busNames() string {
	var names []string
	for _, r := range i2creg.All() {
		names = append(names, r.Name)
	}
	return list(names)
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

// SPI opens the port of a device.
func (w *Wires) SPI(id string) (spi.PortCloser, error) {
	return nil, fmt.Errorf("board: gateway %s has no SPI device %q", w.wiring.Gateway, id)
}

// Serial opens the serial port of a device or of a bus of readers.
func (w *Wires) Serial(id string) (bridge.Port, error) {
	return nil, fmt.Errorf("board: gateway %s has no serial device %q", w.wiring.Gateway, id)
}

// OneWire opens the bus of a sensor.
func (w *Wires) OneWire(sensor string) (onewire.Bus, onewire.Address, error) {
	return nil, 0, fmt.Errorf("board: gateway %s has no 1-Wire sensor %q", w.wiring.Gateway, sensor)
}
