package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/secrets"
	"kapija/internal/site"
)

// clockBase is what the edges' clock shows at Open: a Pi that has just booted.
const clockBase = time.Minute

// Opts is how the wires are laid. The zero value has every reader on two data lines, every input, output and detector on
// a line, every chip alone on its bus, and no socket.
type Opts struct {
	Wiring  *site.Wiring
	Secrets *secrets.Store // keys of OSDP readers, which are paired with what is there, and of cards
	Unboxed bool           // OSDP readers are as they come out of their box: in install mode, without a key
	Socket  string         // where commands are served until Close, and beside which the serial ports of buses appear
	Log     *slog.Logger
}

// Wires is the virtual hardware of one gateway: a bridge.Wires.
type Wires struct {
	gateway string
	clock   func() time.Duration

	// What drivers open, by ID.
	wiegands map[string]*lines // two data lines
	lines    map[string]*lines // one line: inputs, detectors, interrupts of expanders
	outputs  map[string]opened
	i2c      map[string]i2cPlace
	spi      map[string]spi.PortCloser
	serial   map[string]func() (bridge.Port, error)
	oneWires map[string]oneWirePlace

	// What commands reach, by ID.
	badges map[string]badged
	keys   map[string]typed
	fields map[string]*field
	levels map[string]levelled
	loops  map[string]*loopInput
	values map[string]valued
	shown  map[string]func() bool
	walks  map[string]walked
	pds    map[string]*pd
	faulty map[string]func(failed bool)

	closers []func()
	ctx     context.Context // done after Close
	cancel  context.CancelFunc
	server  *server // nil without a socket
	once    sync.Once

	mu      sync.Mutex // guards running against Close
	running sync.WaitGroup
}

type (
	// opened is an output that is opened once.
	opened interface{ open() (bridge.Output, error) }
	// badged is a reader that takes the bits of a card, and says when it has sent them.
	badged interface {
		badge(bits string) (end time.Duration, err error)
	}
	// typed is a keypad, which says when it has sent the keys.
	typed interface {
		press(keys string) (end time.Duration, err error)
	}
	// levelled is an input with an electrical level.
	levelled interface{ set(high bool) }
	// valued is a sensor.
	valued interface {
		set(quantity string, value float64) error
	}
	// walked is a counter that somebody passes.
	walked interface {
		walk(ctx context.Context, in bool) error
	}
)

type i2cPlace struct {
	bus  i2c.Bus
	addr uint16
}

type oneWirePlace struct {
	bus  onewire.Bus
	addr onewire.Address
}

// Open makes the wires of gw, all at rest. With a socket it serves commands there until Close; a socket file that a
// dead process left is replaced, one that somebody serves is an error. Without one Do drives the wires. Nil options are
// the zero ones.
func Open(gw *site.Gateway, opts *Opts) (*Wires, error) {
	var o Opts
	if opts != nil {
		o = *opts
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wiring == nil {
		o.Wiring = &site.Wiring{}
	}
	start := time.Now()
	w := &Wires{
		gateway: gw.ID, clock: func() time.Duration { return clockBase + time.Since(start) },
		wiegands: map[string]*lines{}, lines: map[string]*lines{}, outputs: map[string]opened{}, i2c: map[string]i2cPlace{}, spi: map[string]spi.PortCloser{},
		serial: map[string]func() (bridge.Port, error){}, oneWires: map[string]oneWirePlace{},
		badges: map[string]badged{}, keys: map[string]typed{}, fields: map[string]*field{}, levels: map[string]levelled{},
		loops: map[string]*loopInput{}, values: map[string]valued{}, shown: map[string]func() bool{}, walks: map[string]walked{},
		pds: map[string]*pd{}, faulty: map[string]func(bool){},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if o.Socket != "" { // before anything is put beside it
		l, err := listen(o.Socket)
		if err != nil {
			return nil, err
		}
		w.server = &server{wires: w, listener: l, conns: map[*net.UnixConn]bool{}}
	}
	layer := &layer{Opts: o, gw: gw, w: w, mcps: map[string]mcp{}, adcs: map[string]*ADS1115{}, tags: &tags{last: map[[7]byte]uint32{}}}
	if err := layer.lay(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if w.server != nil {
		w.server.done.Go(w.server.accept)
		o.Log.Info("virtual wires are open", slog.String("gateway", w.gateway), slog.String("socket", o.Socket))
	}
	return w, nil
}

// start runs f, which ends with the wires' context; false: they are closed.
func (w *Wires) start(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return false
	}
	w.running.Go(f)
	return true
}

// Wiegand opens the two data lines of a reader for falling edges.
func (w *Wires) Wiegand(reader string) (bridge.EdgeSource, error) {
	return openLines(w.wiegands, "reader", reader, w.gateway)
}

// Input opens one input line for both edges.
func (w *Wires) Input(id string) (bridge.EdgeSource, error) {
	return openLines(w.lines, "input", id, w.gateway)
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
	o, err := find(w.outputs, "output line", id, w.gateway)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	return o.open()
}

// I2C gives the bus of a device and its address.
func (w *Wires) I2C(id string) (i2c.Bus, uint16, error) {
	p, err := find(w.i2c, "I²C device", id, w.gateway)
	if err != nil {
		return nil, 0, fmt.Errorf("sim: %w", err)
	}
	return p.bus, p.addr, nil
}

// SPI opens the port of an NFC reader.
func (w *Wires) SPI(id string) (spi.PortCloser, error) {
	p, err := find(w.spi, "SPI device", id, w.gateway)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	return p, nil
}

// Serial opens the serial port of a device or of a bus of readers.
func (w *Wires) Serial(id string) (bridge.Port, error) {
	open, err := find(w.serial, "serial device", id, w.gateway)
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	return open()
}

// OneWire gives the bus of a sensor and its address.
func (w *Wires) OneWire(sensor string) (onewire.Bus, onewire.Address, error) {
	p, err := find(w.oneWires, "1-Wire sensor", sensor, w.gateway)
	if err != nil {
		return nil, 0, fmt.Errorf("sim: %w", err)
	}
	return p.bus, p.addr, nil
}

// Close ends the socket, the commands that are obeyed, and everything that was opened: blocked reads return os.ErrClosed.
func (w *Wires) Close() error {
	err := fmt.Errorf("sim: wires of gateway %s: %w", w.gateway, os.ErrClosed)
	w.once.Do(func() {
		w.mu.Lock()
		w.cancel()
		w.mu.Unlock()
		err = nil
		for _, of := range []map[string]*lines{w.wiegands, w.lines} {
			for _, l := range of {
				l.close()
			}
		}
		for _, c := range w.closers {
			c()
		}
		w.running.Wait()
		if w.server != nil { // last: with the socket gone, another process may put its own things beside it
			err = w.server.close()
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
