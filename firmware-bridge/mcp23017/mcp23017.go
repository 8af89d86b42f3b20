// Package mcp23017 drives inputs and outputs at the pins of a Microchip MCP23017 on an I²C bus (datasheet DS20001952,
// revision D). Registers are those of table 3-5, with IOCON.BANK = 0.
//
// It does not use periph's mcp23xxx (devices v3.7.4): that one makes a pin an output before its latch has the level that
// is wanted, believes its own cache instead of the chip, so that a chip that lost its power is never noticed, and leaves
// interrupts out.
//
// An output is off before it becomes one. Everything that is written is read back: latch, direction and the level of the
// port. A chip that lost its configuration is reported, and the next call gives it its configuration again, with all
// outputs off: whoever wants one on sets it again. It never remembers to switch something on later.
//
// Pins A7 and B7 can be outputs only: as inputs they may corrupt SDA (revision D, pin descriptions). Unused
// ones drive low, so nothing may be connected to them; other unused pins are inputs with their pull-up.
//
// Concurrency: one mutex guards the chip for a few short transactions at a time and is never held while waiting. Outputs
// belong to the gateway's loop, Inputs.Run to its own goroutine.
package mcp23017

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// The addresses, by the pins A2 … A0 (section 3.3.1).
const (
	firstAddress = 0x20
	lastAddress  = 0x27
)

// DefaultEvery is how often inputs are polled, DefaultDebounce how long a level must hold. IEC 60839-11-1 asks that an
// input of more than 400 ms is processed.
const (
	DefaultEvery    = 5 * time.Millisecond
	DefaultDebounce = 20 * time.Millisecond
)

// Opts says what the pins are for.
type Opts struct {
	Outputs []OutputOpts
	Inputs  []InputOpts
	Every   time.Duration // between two polls of the inputs, 1 ms … 100 ms; 0: DefaultEvery
}

// OutputOpts is a pin that drives something.
type OutputOpts struct {
	Pin       string // A0 … A7, B0 … B7
	ActiveLow bool   // the pin is low when the output is on
}

// InputOpts is a pin with a contact.
type InputOpts struct {
	ID        string // of the input, in its signals
	Pin       string // A0 … A6, B0 … B6
	ActiveLow bool   // the contact is active when the pin is low
	NoPullUp  bool   // the chip's pull-up of 100 kΩ is off
	// Debounce is how long a level must hold. 0 is DefaultDebounce; negative is none: a pulse that is over before it can
	// be read is told too, from what the chip captured.
	Debounce time.Duration
}

// Dev is one MCP23017.
type Dev struct {
	id       string
	every    time.Duration
	contacts []contact       // the inputs, as before their first sample
	outputs  map[string]bool // pin → active low

	dir, pull, ints, off uint16 // what the registers of both ports must hold; off is the latch with all outputs off

	mu       sync.Mutex
	bus      i2c.Dev
	sound    bool   // nothing went wrong since the configuration was last seen
	latch    uint16 // what the outputs are to be
	flagged  uint16 // inputs that changed since the source last looked,
	captured uint16 // and what they became
}

// New makes the chip at addr, 0x20 … 0x27, and switches all outputs off. A chip that is not there is no error here: each
// call tries again, and tells.
func New(id string, bus i2c.Bus, addr uint16, o Opts) (*Dev, error) {
	d := &Dev{id: id, every: o.Every, bus: i2c.Dev{Bus: bus, Addr: addr}, outputs: map[string]bool{}, dir: 0x7F7F, pull: 0x7F7F}
	if addr < firstAddress || addr > lastAddress {
		return nil, d.errorf("address 0x%02x; the chip has 0x%02x … 0x%02x, by its pins A2 … A0", addr, firstAddress, lastAddress)
	}
	if d.every == 0 {
		d.every = DefaultEvery
	}
	if d.every < time.Millisecond || d.every > 100*time.Millisecond {
		return nil, d.errorf("inputs polled every %v; expected 1 ms … 100 ms", d.every)
	}
	var used uint16
	take := func(name string) (uint16, error) {
		bit, err := pin(name)
		if err == nil && used&bit != 0 {
			err = fmt.Errorf("pin %s is used twice", name)
		}
		used |= bit
		return bit, err
	}
	for _, out := range o.Outputs {
		bit, err := take(out.Pin)
		if err != nil {
			return nil, d.errorf("%w", err)
		}
		d.outputs[out.Pin] = out.ActiveLow
		d.dir &^= bit
		d.pull &^= bit
		if out.ActiveLow {
			d.off |= bit
		}
	}
	for _, in := range o.Inputs {
		bit, err := take(in.Pin)
		if err == nil && d.dir&bit == 0 {
			err = fmt.Errorf("pin %s as the input %s: it can be an output only (DS20001952D); use another pin", in.Pin, in.ID)
		}
		if err == nil && in.ID == "" {
			err = fmt.Errorf("pin %s is an input without an ID", in.Pin)
		}
		if err != nil {
			return nil, d.errorf("%w", err)
		}
		d.ints |= bit
		if in.NoPullUp {
			d.pull &^= bit
		}
		wait := in.Debounce
		if wait == 0 {
			wait = DefaultDebounce
		}
		d.contacts = append(d.contacts, contact{id: in.ID, bit: bit, low: in.ActiveLow, wait: max(0, wait)})
	}
	d.latch = d.off
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.restore()
	return d, nil
}

func (d *Dev) errorf(format string, args ...any) error {
	return fmt.Errorf("mcp23017: %s: "+format, append([]any{d.id}, args...)...)
}

// pin gives the bit of a pin in a pair of registers.
func pin(name string) (uint16, error) {
	if len(name) == 2 && name[1] >= '0' && name[1] <= '7' {
		if port := strings.IndexByte("AB", name[0]); port >= 0 {
			return 1 << (8*port + int(name[1]-'0')), nil
		}
	}
	return 0, fmt.Errorf("pin %q; the chip has A0 … A7 and B0 … B7", name)
}

// Register addresses of port A with BANK = 0; port B follows each.
const (
	iodir = 0x00
	iocon = 0x0A // and GPPU
	intf  = 0x0E
	olat  = 0x14

	ioconBank1 = 0x05 // IOCON with BANK = 1; GPINTENB with BANK = 0
	mirror     = 0x40 // IOCON.MIRROR: INTA and INTB are one
)

// image is what one read found: the registers from INTF on, over the end of the address pointer, which then goes on with
// the first (section 3.2). INTF is read before GPIO, whose read clears it (section 3.6).
type image struct {
	intf, intcap, gpio, olat, iodir uint16
	rest                            [12]byte // IPOL … GPPU
}

var errLost = errors.New("the chip lost its configuration; check its power and its RESET pin")

// brief is how many bytes of the image are read to know the pins, full to know the whole configuration.
const (
	brief = 10
	full  = 22
)

// look reads the chip, keeps what it captured for the source, and says whether it has its configuration. A chip that has
// not is not sound any more.
func (d *Dev) look(size int) (image, error) {
	var raw [full]byte
	if err := d.tx([]byte{intf}, raw[:size]); err != nil {
		d.sound = false
		return image{}, fmt.Errorf("read: %w", err)
	}
	pair := func(i int) uint16 { return binary.LittleEndian.Uint16(raw[i:]) }
	got := image{intf: pair(0), intcap: pair(2), gpio: pair(4), olat: pair(6), iodir: pair(8), rest: [12]byte(raw[brief:])}
	if got.iodir != d.dir {
		d.sound = false
		return got, fmt.Errorf("directions read back 0x%04x, expected 0x%04x: %w", got.iodir, d.dir, errLost)
	}
	if want := d.configuration(); size == full && got.rest != want {
		d.sound = false
		return got, fmt.Errorf("registers 0x02 … 0x0D read back % x, expected % x: %w", got.rest, want, errLost)
	}
	news := got.intf & d.ints &^ d.flagged // the first change counts
	d.captured = d.captured&^news | got.intcap&news
	d.flagged |= news
	return got, nil
}

// configuration is what IPOL … GPPU must hold. Inputs interrupt when they change (INTCON is 0).
func (d *Dev) configuration() [12]byte {
	var c [12]byte
	binary.LittleEndian.PutUint16(c[2:], d.ints)
	c[8], c[9] = mirror, mirror
	binary.LittleEndian.PutUint16(c[10:], d.pull)
	return c
}

// restore makes the chip sound. A chip that kept its configuration, as after a disturbance of the bus, keeps its outputs;
// one that did not gets it, with all outputs off.
func (d *Dev) restore() error {
	if d.sound {
		return nil
	}
	got, err := d.look(full)
	if errors.Is(err, errLost) {
		d.flagged, d.latch = 0, d.off
		if err = d.configure(); err == nil {
			got, err = d.look(full)
		}
	}
	if err == nil && got.olat != d.latch {
		err = d.write(olat, pair(d.latch)...)
	}
	d.sound = err == nil
	return err
}

// configure writes everything, whichever layout the registers have: first to where IOCON is when BANK is 1, which with
// BANK = 0 switches the interrupts of port B off. Latches get their level before pins become outputs (section 3.5.1).
func (d *Dev) configure() error {
	c := d.configuration()
	for _, w := range [][]byte{
		{ioconBank1, 0},
		append([]byte{iocon}, c[8:]...),
		append([]byte{olat}, pair(d.off)...),
		append(append([]byte{iodir}, pair(d.dir)...), c[:8]...),
	} {
		if err := d.write(w[0], w[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dev) write(reg byte, values ...byte) error {
	if err := d.tx(append([]byte{reg}, values...), nil); err != nil {
		d.sound = false
		return fmt.Errorf("write to register 0x%02x: %w", reg, err)
	}
	return nil
}

// tx makes a transaction once more when it fails: at hundreds a second, one that is disturbed is no news. A bus that is
// stuck takes a second to say so, and is not asked again while the gateway's loop may wait.
func (d *Dev) tx(w, r []byte) error {
	err := d.bus.Tx(w, r)
	if err == nil || errors.Is(err, syscall.ETIMEDOUT) {
		return err
	}
	return d.bus.Tx(w, r)
}

func pair(v uint16) []byte { return []byte{byte(v), byte(v >> 8)} }
