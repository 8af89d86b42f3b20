package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// ADS1115 is a TI ADS1115 (SBAS444): four inputs, single-shot conversions that take their time, and its registers.
// Comparator and continuous mode are not there.
type ADS1115 struct {
	addr  uint16
	clock func() time.Duration

	mu         sync.Mutex
	regs       [4]uint16
	at         byte
	volts      [4]float64
	until      time.Duration // when the conversion ends
	converting bool
	stuck      bool
}

// NewADS1115 makes a chip at an address of 0x48 … 0x4B, just powered, with 0 V at its inputs.
func NewADS1115(addr uint16, clock func() time.Duration) *ADS1115 {
	c := &ADS1115{addr: addr, clock: clock}
	c.reset()
	return c
}

// SetVoltage sets what is at input 0 … 3, in volts.
func (c *ADS1115) SetVoltage(channel int, volts float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.volts[channel] = volts
}

// SetLoop puts input 0 … 3 between a pull-up to the supply and a loop of so many ohms to ground: 0 is a short circuit,
// infinity a cut wire.
func (c *ADS1115) SetLoop(channel int, supply, pullUp, loop float64) {
	volts := supply
	if !math.IsInf(loop, 1) {
		volts = supply * loop / (loop + pullUp)
	}
	c.SetVoltage(channel, volts)
}

// Stick makes conversions never end, as with a broken oscillator.
func (c *ADS1115) Stick(stuck bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = stuck
}

func (c *ADS1115) address() uint16 { return c.addr }

func (c *ADS1115) set(quantity string, value float64) error {
	return check("ads1115", nil, quantity, value)
}

func (c *ADS1115) powerOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *ADS1115) reset() {
	c.regs = [4]uint16{0, 0x8583, 0x8000, 0x7FFF}
	c.at, c.converting = 0, false
}

// ads1115Rates are the conversions a second, by the bits DR (config register).
var ads1115Rates = [8]time.Duration{8, 16, 32, 64, 128, 250, 475, 860}

// ads1115Spans are the full scale in volts, by the bits PGA.
var ads1115Spans = [8]float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256}

func (c *ADS1115) tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.converting && !c.stuck && c.clock() >= c.until {
		c.convert()
	}
	switch len(w) {
	case 0:
		if len(r) == 0 {
			return errors.New("an empty transaction")
		}
	case 1, 3:
		if w[0] > 3 {
			return fmt.Errorf("refused register 0x%02x", w[0])
		}
		c.at = w[0]
		if len(w) == 3 {
			c.write(binary.BigEndian.Uint16(w[1:]))
		}
	default:
		return fmt.Errorf("refused a write of %d bytes", len(w))
	}
	v := c.regs[c.at]
	if c.at == 1 {
		v &= 0x7FFF
		if !c.converting {
			v |= 0x8000
		}
	}
	for i := range r {
		r[i] = byte(v >> (8 * (1 - i%2)))
	}
	return nil
}

func (c *ADS1115) write(v uint16) {
	switch c.at {
	case 0: // read only
	case 1:
		c.regs[1] = v
		if v&0x8000 != 0 && v&0x0100 != 0 && !c.converting {
			// The oscillator may be 10 % slow, and is.
			c.converting = true
			c.until = c.clock() + time.Second*11/10/ads1115Rates[v>>5&7]
		}
	default:
		c.regs[c.at] = v
	}
}

// convert ends a conversion.
func (c *ADS1115) convert() {
	c.converting = false
	mux := c.regs[1] >> 12 & 7
	volts := [4]float64{c.volts[0] - c.volts[1], c.volts[0] - c.volts[3], c.volts[1] - c.volts[3], c.volts[2] - c.volts[3]}[mux&3]
	if mux >= 4 {
		volts = c.volts[mux-4]
	}
	raw := math.Round(volts / ads1115Spans[c.regs[1]>>9&7] * 32768)
	c.regs[0] = uint16(int16(max(-32768, min(32767, raw))))
}

var _ chip = (*ADS1115)(nil)
