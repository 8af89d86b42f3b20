package sim

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"kapija/internal/brick"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// chip is a fake chip: its registers and what it measures.
type chip interface {
	address() uint16
	// tx is one transaction; its error is the chip's refusal to acknowledge.
	tx(w, r []byte) error
	// set changes what the chip measures; a quantity that it has not, or a number that its registers cannot hold, is
	// an error that says what is allowed.
	set(quantity string, value float64) error
	// powerOn forgets everything but the calibration and what there is to measure.
	powerOn()
}

var chips = map[string]func(clock func() time.Duration) chip{
	"bme280": newBME280,
	"bme680": newBME680,
	"scd4x":  newSCD4x,
	"sht4x":  newSHT4x,
}

// quantities are the names that a command may use, with what they mean.
var quantities = map[string]string{
	"temperature": brick.AirTemperature,
	"humidity":    brick.RelativeHumidity,
	"pressure":    brick.StaticPressure,
	"co2":         brick.CO2Level,
	"gas":         brick.GasResistance,
	"presence":    brick.Occupancy,
	"motion":      brick.Motion,
	"leak":        brick.Leak,

	brick.AirTemperature:   brick.AirTemperature,
	brick.RelativeHumidity: brick.RelativeHumidity,
	brick.StaticPressure:   brick.StaticPressure,
	brick.CO2Level:         brick.CO2Level,
	brick.GasResistance:    brick.GasResistance,
	brick.Temperature:      brick.Temperature,
	brick.Occupancy:        brick.Occupancy,
	brick.Motion:           brick.Motion,
	brick.Leak:             brick.Leak,
}

// span is what a chip's register can hold of one quantity.
type span struct{ low, high float64 }

// bus is an I²C bus with one chip: an i2c.Bus.
type bus struct {
	name string
	kind string // of the chip

	mu     sync.Mutex
	chip   chip
	failed bool
	closed bool
}

func (b *bus) String() string { return b.name }

// Tx is one transaction, with the errors that Linux gives.
func (b *bus) Tx(addr uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return fmt.Errorf("sim: %s: %w", b.name, os.ErrClosed)
	case b.failed:
		return fmt.Errorf("sim: %s: address 0x%02x: %w", b.name, addr, syscall.EIO)
	case addr != b.chip.address():
		return fmt.Errorf("sim: %s: address 0x%02x: %w", b.name, addr, syscall.ENXIO)
	}
	if err := b.chip.tx(w, r); err != nil {
		return fmt.Errorf("sim: %s: %s: %w", b.name, b.kind, err)
	}
	return nil
}

// SetSpeed does nothing: virtual wires have no speed.
func (b *bus) SetSpeed(physic.Frequency) error { return nil }

func (b *bus) set(quantity string, value float64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.chip.set(quantity, value)
}

func (b *bus) fail(failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed && !failed {
		b.chip.powerOn()
	}
	b.failed = failed
}

func (b *bus) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// check says whether a chip with these spans can measure the value.
func check(kind string, spans map[string]span, quantity string, value float64) error {
	s, ok := spans[quantity]
	if !ok {
		return fmt.Errorf("%s does not measure %s; it measures %s", kind, quantity, list(spans))
	}
	if !(value >= s.low && value <= s.high) {
		return fmt.Errorf("%s cannot hold %s %v; its register goes from %v to %v", kind, quantity, value, s.low, s.high)
	}
	return nil
}

var _ i2c.Bus = (*bus)(nil)
