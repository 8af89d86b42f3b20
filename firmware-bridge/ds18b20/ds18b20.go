// Package ds18b20 reads temperature from Maxim DS18B20 on a 1-Wire bus, of which several may share one. Headings are
// those of the datasheet "DS18B20", 19-7487 revision 6.
//
// It does not use periph's driver of the same name (devices v3.7.4): that one takes the zeros of a line that is short to
// ground for 0 °C, because their CRC is right; it writes the chip's EEPROM, alarm limits too, to change the resolution;
// it cannot be stopped while the chip converts; and it lets one sensor talk while another needs the line for its power.
//
// It never writes into a chip, and takes the resolution that the chip has. It never reports a temperature whose CRC is
// wrong, one outside the chip's range, or 85 °C: a chip holds that value after power-on, so that a true one cannot be
// told from it. All are failures.
//
// Concurrency: each Run owns one sensor; those that share a Bus may run at the same time. The bus below is borrowed.
package ds18b20

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/internal/brick"
)

// family is the lowest byte of a DS18B20's address ("64-Bit Lasered ROM Code").
const family = 0x28

// Commands ("ROM Commands" and "DS18B20 Function Commands").
const (
	matchROM        = 0x55
	convertT        = 0x44
	readScratchpad  = 0xBE
	readPowerSupply = 0xB4
)

const (
	conversion = 750 * time.Millisecond // at 12 bits, the longest ("Thermometer Resolution Configuration")
	shortest   = 2 * time.Second        // between measurements: more often, the chip warms itself
)

// limits are the chip's range ("Absolute Maximum Ratings" and "DC Electrical Characteristics").
var limits = poll.Limits{brick.Temperature: {Low: -55, High: 125}}

// Bus is a 1-Wire bus with the sensors that share it.
type Bus struct {
	bus  onewire.Bus
	turn chan struct{} // holds one token: the right to talk
}

// Share makes the bus that all its sensors are to be made with.
func Share(bus onewire.Bus) *Bus {
	b := &Bus{bus: bus, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// tx selects one chip, talks to it, and keeps the line silent and strongly pulled up for a while when hold is not 0.
func (b *Bus) tx(ctx context.Context, addr onewire.Address, command byte, r []byte, hold time.Duration) error {
	select {
	case <-b.turn:
		defer func() { b.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w := append(binary.LittleEndian.AppendUint64([]byte{matchROM}, uint64(addr)), command)
	if err := b.bus.Tx(w, r, onewire.Pullup(hold > 0)); err != nil {
		return err
	}
	if hold > 0 && !poll.Sleep(ctx, hold) {
		return ctx.Err()
	}
	return nil
}

// Opts is how a sensor is wired. The zero value has a supply of its own.
type Opts struct {
	// Parasitic says that the chip takes its power from the data line ("Powering the DS18B20"). The bus must then be able
	// to pull the line up strongly, which the Linux kernel does only for some of them.
	Parasitic bool
}

// Dev is one DS18B20: a bridge.Source.
type Dev struct {
	id        string
	bus       *Bus
	addr      onewire.Address
	every     time.Duration
	parasitic bool
	ready     bool // its supply was found as configured since the last failure
}

// New makes the source of the sensor at addr that measures every so often, at least 2 s apart. It does not touch the
// bus: a chip that is not there is a matter of health. Nil options are the zero ones.
func New(id string, bus *Bus, addr onewire.Address, every time.Duration, opts *Opts) (*Dev, error) {
	if f := byte(addr); f != family {
		return nil, fmt.Errorf("ds18b20: sensor %s: address %#016x has family 0x%02x; a DS18B20 has 0x%02x", id, addr, f, family)
	}
	if !onewire.CheckCRC(binary.LittleEndian.AppendUint64(nil, uint64(addr))) {
		return nil, fmt.Errorf("ds18b20: sensor %s: the last byte of address %#016x is not the CRC of the others: look for a "+
			"mistake in it", id, addr)
	}
	if every < shortest {
		return nil, fmt.Errorf("ds18b20: sensor %s: read every %v; at least %v are needed", id, every, shortest)
	}
	return &Dev{id: id, bus: bus, addr: addr, every: every, parasitic: opts != nil && opts.Parasitic}, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends Temperature until ctx is done, and a bridge.Health per change.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	return poll.Run(ctx, d.id, d.every, out, func(ctx context.Context) ([]bridge.Measured, error) {
		got, err := d.measure(ctx)
		if err != nil {
			d.ready = false
			return nil, fmt.Errorf("ds18b20: %w", err)
		}
		return got, nil
	})
}

func (d *Dev) measure(ctx context.Context) ([]bridge.Measured, error) {
	if !d.ready {
		if err := d.checkSupply(ctx); err != nil {
			return nil, err
		}
	}
	if err := d.convert(ctx); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	var pad [9]byte
	if err := d.bus.tx(ctx, d.addr, readScratchpad, pad[:], 0); err != nil {
		return nil, fmt.Errorf("read scratchpad: %w", err)
	}
	t, err := decode(pad)
	if err != nil {
		return nil, err
	}
	return limits.Check(bridge.Temperature(t))
}

// checkSupply asks the chip how it is powered: one on the data line answers with zeros.
func (d *Dev) checkSupply(ctx context.Context) error {
	var b [1]byte
	if err := d.bus.tx(ctx, d.addr, readPowerSupply, b[:], 0); err != nil {
		return fmt.Errorf("read power supply: %w", err)
	}
	if b[0] != 0xFF && !d.parasitic {
		return errors.New("the chip has no supply of its own, or the data line is short to ground: connect its VDD, or " +
			"configure parasitic power")
	}
	d.ready = true
	return nil
}

func (d *Dev) convert(ctx context.Context) error {
	if d.parasitic {
		return d.bus.tx(ctx, d.addr, convertT, nil, conversion)
	}
	if err := d.bus.tx(ctx, d.addr, convertT, nil, 0); err != nil {
		return err
	}
	if !poll.Sleep(ctx, conversion) {
		return ctx.Err()
	}
	return nil
}

// decode takes the scratchpad ("Memory"): the temperature in two bytes, two alarm limits, the configuration,
// three reserved bytes, the CRC.
func decode(pad [9]byte) (physic.Temperature, error) {
	if pad == [9]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF} {
		return 0, errors.New("no answer: check that the sensor is connected and its address is right")
	}
	if want := onewire.CalcCRC(pad[:8]); pad[8] != want {
		return 0, fmt.Errorf("the scratchpad has CRC 0x%02x, expected 0x%02x: the bus is disturbed, check its wiring and its "+
			"pull-up resistor", pad[8], want)
	}
	config := pad[4]
	if config&0x9F != 0x1F { // "Configuration Register": bit 7 is 0, bits 4 to 0 are 1
		return 0, fmt.Errorf("the configuration is 0x%02x, expected 0x1f, 0x3f, 0x5f or 0x7f: the data line is short to "+
			"ground, or the chip is no DS18B20", config)
	}
	raw := int16(binary.LittleEndian.Uint16(pad[:2]))
	raw &^= 1<<(3-config>>5) - 1 // what a lower resolution leaves undefined
	if raw == 85*16 {
		return 0, errors.New("85 °C is what the chip holds after power-on: it lost its power or could not convert; check its " +
			"supply and its pull-up resistor")
	}
	return physic.ZeroCelsius + physic.Temperature(raw)*physic.Kelvin/16, nil
}

var _ bridge.Source = (*Dev)(nil)
