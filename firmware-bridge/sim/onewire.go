package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"periph.io/x/conn/v3/onewire"

	"kapija/internal/brick"
)

// OneWire is a 1-Wire bus with fake DS18B20: an onewire.Bus. What several chips answer at once is wired together: a bit
// is 1 when none pulls the line low.
type OneWire struct {
	name  string
	clock func() time.Duration

	mu      sync.Mutex
	sensors []*DS18B20
	failed  bool
	shorted bool
	closed  bool
}

// NewOneWire makes a bus without sensors.
func NewOneWire(name string, clock func() time.Duration) *OneWire {
	return &OneWire{name: name, clock: clock}
}

func (b *OneWire) String() string { return b.name }

// Fail makes each transaction fail, or ends that. The chips keep their power.
func (b *OneWire) Fail(failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = failed
}

// Short connects the line to ground, or ends that: whoever reads it finds zeros.
func (b *OneWire) Short(shorted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shorted = shorted
}

func (b *OneWire) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// Search gives the sensors that have power.
func (b *OneWire) Search(alarmOnly bool) ([]onewire.Address, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []onewire.Address
	for _, s := range b.sensors {
		if !s.dark && !alarmOnly {
			found = append(found, s.addr)
		}
	}
	return found, nil
}

// Tx is a reset, a selection of one chip or of all, and one command.
func (b *OneWire) Tx(w, r []byte, power onewire.Pullup) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("sim: %s: %w", b.name, os.ErrClosed)
	}
	if b.failed {
		return fmt.Errorf("sim: %s: %w", b.name, syscall.EIO)
	}
	for i := range r {
		r[i] = 0xFF
	}
	if b.shorted {
		clear(r)
		return nil
	}
	var all bool
	var one onewire.Address
	switch {
	case len(w) == 2 && w[0] == 0xCC: // skip ROM
		all = true
	case len(w) == 10 && w[0] == 0x55: // match ROM
		one = onewire.Address(binary.LittleEndian.Uint64(w[1:]))
	default:
		return fmt.Errorf("sim: %s: %d bytes that begin with 0x%02x; known are match ROM and skip ROM with a command of one "+
			"byte", b.name, len(w), w[0])
	}
	for _, s := range b.sensors {
		if s.dark {
			continue
		}
		s.settle(b.clock())
		if all || s.addr == one {
			s.obey(w[len(w)-1], r, power, b.clock())
		}
	}
	return nil
}

// DS18B20 is a Maxim DS18B20 (datasheet 19-7487 rev. 6) that converts with 12 bits.
type DS18B20 struct {
	bus       *OneWire
	addr      onewire.Address
	parasitic bool

	dark    bool
	pad     [8]byte
	done    time.Duration // when the conversion ends that runs; 0: none
	celsius float64
	noise   byte // is added to the CRC
}

// The range of the register, with 4 fractional bits.
var ds18b20Spans = map[string]span{brick.Temperature: {-2048, 2047}}

// NewDS18B20 connects a sensor, at 21 °C, whose supply is one of its own or the data line.
func NewDS18B20(bus *OneWire, addr onewire.Address, parasitic bool) *DS18B20 {
	s := &DS18B20{bus: bus, addr: addr, parasitic: parasitic, celsius: 21}
	s.powerOn()
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.sensors = append(bus.sensors, s)
	return s
}

// Set changes the temperature, in Cel. The words that mean air mean this sensor's too.
func (s *DS18B20) Set(quantity string, value float64) error {
	if quantity == brick.AirTemperature {
		quantity = brick.Temperature
	}
	if err := check("ds18b20", ds18b20Spans, quantity, value); err != nil {
		return err
	}
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.celsius = value
	return nil
}

// Fail takes the sensor's power, or gives it back.
func (s *DS18B20) Fail(failed bool) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.dark = failed
	s.powerOn()
}

// Disturb makes what the sensor answers have a wrong CRC, or ends that.
func (s *DS18B20) Disturb(disturbed bool) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.noise = 0
	if disturbed {
		s.noise = 1
	}
}

// powerOn is what the memory holds without a conversion: 85 °C, and the factory's settings.
func (s *DS18B20) powerOn() {
	s.done = 0
	s.pad = [8]byte{0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10}
}

// settle ends a conversion that is over. One on the data line's power needs it pulled up until then: whoever talks
// meanwhile makes it fail.
func (s *DS18B20) settle(now time.Duration) {
	switch {
	case s.done == 0:
	case now >= s.done:
		s.done = 0
		binary.LittleEndian.PutUint16(s.pad[:], uint16(int16(math.Round(s.celsius*16))))
	case s.parasitic:
		s.powerOn()
	}
}

func (s *DS18B20) obey(command byte, r []byte, power onewire.Pullup, now time.Duration) {
	switch command {
	case 0x44: // convert T
		if s.parasitic && power == onewire.WeakPullup {
			s.powerOn()
			return
		}
		s.done = now + 750*time.Millisecond
	case 0xBE: // read scratchpad
		for i, b := range append(s.pad[:], onewire.CalcCRC(s.pad[:])^s.noise) {
			if i < len(r) {
				r[i] &= b
			}
		}
	case 0xB4: // read power supply
		if s.parasitic {
			clear(r)
		}
	}
}

var _ onewire.Bus = (*OneWire)(nil)
