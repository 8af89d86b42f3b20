package sim

import (
	"errors"
	"fmt"
	"math"
	"time"

	"kapija/firmware-bridge/sensirion"
	"kapija/internal/brick"
)

const (
	sht4xMeasuring = 8300 * time.Microsecond // one measurement of high precision, datasheet "Timings"
	sht4xReset     = time.Millisecond
)

// fakeSHT4x is a Sensirion SHT40, SHT41 or SHT45 (datasheet version 6): commands of one byte, and words with a CRC. It
// acknowledges nothing while it is busy, and gives each answer once.
type fakeSHT4x struct {
	air
	clock  func() time.Duration
	busy   time.Duration // until when it refuses everything
	answer []byte        // what the next read gives
}

var sht4xSpans = map[string]span{
	brick.AirTemperature:   {-45, 130},
	brick.RelativeHumidity: {-6, 119},
}

func newSHT4x(clock func() time.Duration) chip {
	return &fakeSHT4x{clock: clock, air: newAir("sht4x", sht4xSpans)}
}

func (c *fakeSHT4x) address() uint16 { return 0x44 }

func (c *fakeSHT4x) powerOn() { c.busy, c.answer = 0, nil }

func (c *fakeSHT4x) tx(w, r []byte) error {
	if c.clock() < c.busy {
		return errors.New("refused while it is busy")
	}
	if len(w) > 0 {
		if len(w) != 1 {
			return fmt.Errorf("refused a command of %d bytes", len(w))
		}
		if err := c.command(w[0]); err != nil {
			return err
		}
	}
	if len(r) > 0 {
		if len(c.answer) < len(r) {
			return errors.New("refused a read: there is nothing to read")
		}
		copy(r, c.answer)
		c.answer = nil
	}
	return nil
}

func (c *fakeSHT4x) command(code byte) error {
	switch code {
	case 0x94: // soft reset
		c.powerOn()
		c.busy = c.clock() + sht4xReset
	case 0x89: // read serial number
		c.answer = sensirion.Encode(0x1122, 0x3344)
	case 0xFD: // measure with high precision
		c.busy = c.clock() + sht4xMeasuring
		c.answer = sensirion.Encode(
			uint16(math.Round((c.temperature+45)/175*65535)),
			uint16(math.Round((c.humidity+6)/125*65535)))
	default:
		return fmt.Errorf("refused the unknown command 0x%02x", code)
	}
	return nil
}
