package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// clockBase is what the edges' clock shows at Open: a Pi that has just booted.
const clockBase = time.Minute

// Wires is the virtual hardware of one gateway: a bridge.Wires.
type Wires struct {
	gateway string
	readers map[string]*lines
	inputs  map[string]*lines
	outputs map[string]*output
	sensors map[string]*bus
	clock   func() time.Duration

	ctx    context.Context // done after Close
	cancel context.CancelFunc
	server *server // nil without a socket
	once   sync.Once
}

// Open makes the wires of gw, all at rest. With a socket it serves commands there until Close; a socket file that a
// dead process left is replaced, one that somebody serves is an error. An empty socket serves none: Do drives the
// wires. A nil log logs nothing.
func Open(gw *site.Gateway, socket string, log *slog.Logger) (*Wires, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	start := time.Now()
	w := &Wires{
		gateway: gw.ID,
		readers: map[string]*lines{},
		inputs:  map[string]*lines{},
		outputs: map[string]*output{},
		sensors: map[string]*bus{},
		clock:   func() time.Duration { return clockBase + time.Since(start) },
	}
	for _, r := range gw.Readers {
		w.readers[r.ID] = newLines("reader "+r.ID, w.clock, false, true, true)
	}
	for _, in := range gw.Inputs {
		if in.Active != "high" && in.Active != "low" {
			return nil, fmt.Errorf("sim: input %s is active %q; allowed are high and low", in.ID, in.Active)
		}
		w.inputs[in.ID] = newLines("input "+in.ID, w.clock, true, in.Active == "low")
	}
	for _, out := range gw.Outputs {
		w.outputs[out.ID] = &output{name: "output " + out.ID}
	}
	for _, s := range gw.Sensors {
		newChip, known := chips[s.Chip]
		if !known {
			return nil, fmt.Errorf("sim: sensor %s has chip %q; known are %s", s.ID, s.Chip, list(chips))
		}
		w.sensors[s.ID] = &bus{name: "bus of sensor " + s.ID, kind: s.Chip, chip: newChip(w.clock)}
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if socket != "" {
		var err error
		if w.server, err = serve(w, socket, log); err != nil {
			w.cancel()
			return nil, err
		}
	}
	return w, nil
}

// Wiegand opens the two data lines of a reader for falling edges.
func (w *Wires) Wiegand(reader string) (bridge.EdgeSource, error) {
	return openLines(w.readers, "reader", reader, w.gateway)
}

// Input opens one input line for both edges.
func (w *Wires) Input(id string) (bridge.EdgeSource, error) {
	return openLines(w.inputs, "input", id, w.gateway)
}

func openLines(of map[string]*lines, what, id, gateway string) (bridge.EdgeSource, error) {
	l, err := find(of, what, id, gateway)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	r, err := l.open()
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Output opens one output, which is off.
func (w *Wires) Output(id string) (bridge.Output, error) {
	o, err := find(w.outputs, "output", id, w.gateway)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	if err := o.open(); err != nil {
		return nil, err
	}
	return o, nil
}

// I2C gives the bus of a sensor, which is alone on it, and the address: 0x76 for a bme280, 0x62 for an scd4x.
func (w *Wires) I2C(sensor string) (i2c.Bus, uint16, error) {
	b, err := find(w.sensors, "sensor", sensor, w.gateway)
	if err != nil {
		return nil, 0, fmt.Errorf("sim: %w", err)
	}
	return b, b.chip.address(), nil
}

// Close ends the socket and everything that was opened: blocked reads return os.ErrClosed.
func (w *Wires) Close() error {
	err := fmt.Errorf("sim: wires of gateway %s: %w", w.gateway, os.ErrClosed)
	w.once.Do(func() {
		w.cancel()
		err = nil
		if w.server != nil {
			err = w.server.close()
		}
		for _, l := range w.readers {
			l.close()
		}
		for _, l := range w.inputs {
			l.close()
		}
		for _, o := range w.outputs {
			o.close()
		}
		for _, b := range w.sensors {
			b.close()
		}
	})
	return err
}

// find looks an ID up, or says which there are.
func find[T any](of map[string]T, what, id, gateway string) (T, error) {
	got, ok := of[id]
	if !ok {
		return got, fmt.Errorf("no %s %q at gateway %s; it has %s", what, id, gateway, list(of))
	}
	return got, nil
}

func list[T any](of map[string]T) string {
	if len(of) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(of)), ", ")
}

var (
	_ bridge.Wires = (*Wires)(nil)
	_ io.Closer    = (*Wires)(nil)

	errClosed = errors.New("the wires are closed")
)

// SPI opens the port of a device.
func (w *Wires) SPI(id string) (spi.PortCloser, error) {
	return nil, fmt.Errorf("sim: gateway %s has no SPI device %q", w.gateway, id)
}

// Serial opens the serial port of a device or of a bus of readers.
func (w *Wires) Serial(id string) (bridge.Port, error) {
	return nil, fmt.Errorf("sim: gateway %s has no serial device %q", w.gateway, id)
}

// OneWire gives the bus of a sensor, which is alone on it.
func (w *Wires) OneWire(sensor string) (onewire.Bus, onewire.Address, error) {
	return nil, 0, fmt.Errorf("sim: gateway %s has no 1-Wire sensor %q", w.gateway, sensor)
}
