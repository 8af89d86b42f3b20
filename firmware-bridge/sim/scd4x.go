package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"kapija/firmware-bridge/sensirion"
	"kapija/internal/brick"
)

const (
	scd4xPeriod = 5 * time.Second        // one measurement, datasheet section 3.5.1
	scd4xStop   = 500 * time.Millisecond // deaf after stop_periodic_measurement, section 3.5.3
)

// fakeSCD4x is a Sensirion SCD40 or SCD41 (datasheet version 1.3, September 2022): 16-bit commands, and words with a
// CRC. It measures only after start_periodic_measurement, has the first result five seconds later, gives each result
// once, and refuses what the datasheet says it refuses.
type fakeSCD4x struct {
	air
	clock     func() time.Duration
	measuring bool
	next      time.Duration // when the next result is there
	deaf      time.Duration // until when it refuses everything
	answer    []byte        // what the next read gives
}

var scd4xSpans = map[string]span{
	brick.AirTemperature:   {-45, 130},
	brick.RelativeHumidity: {0, 100},
	brick.CO2Level:         {0, 65535},
}

func newSCD4x(clock func() time.Duration) chip {
	return &fakeSCD4x{clock: clock, air: newAir("scd4x", scd4xSpans)}
}

func (c *fakeSCD4x) address() uint16 { return 0x62 }

func (c *fakeSCD4x) powerOn() { c.measuring, c.answer, c.deaf = false, nil, 0 }

func (c *fakeSCD4x) tx(w, r []byte) error {
	if c.clock() < c.deaf {
		return errors.New("refused while it stops")
	}
	if len(w) > 0 {
		if len(w) != 2 {
			return fmt.Errorf("refused a command of %d bytes", len(w))
		}
		if err := c.command(binary.BigEndian.Uint16(w)); err != nil {
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

func (c *fakeSCD4x) command(code uint16) error {
	now := c.clock()
	switch code {
	case 0x21B1: // start_periodic_measurement
		if c.measuring {
			return errors.New("refused to start: it measures already")
		}
		c.measuring, c.next = true, now+scd4xPeriod
	case 0x3F86: // stop_periodic_measurement
		c.powerOn()
		c.deaf = now + scd4xStop
	case 0xE4B8: // get_data_ready_status
		status := uint16(0x8000)
		if c.measuring && now >= c.next {
			status = 0x8006
		}
		c.answer = sensirion.Encode(status)
	case 0xEC05: // read_measurement
		c.answer = nil
		if !c.measuring || now < c.next {
			return nil // the read that follows is refused
		}
		for c.next <= now {
			c.next += scd4xPeriod
		}
		c.answer = sensirion.Encode(
			uint16(math.Round(c.co2)),
			uint16(math.Round((c.temperature+45)/175*65535)),
			uint16(math.Round(c.humidity/100*65535)))
	default:
		return fmt.Errorf("refused the unknown command 0x%04x", code)
	}
	return nil
}
