package sim

import (
	"errors"
	"math"
	"time"

	"kapija/internal/brick"
)

// fakeBME280 is a Bosch BME280 (datasheet BST-BME280-DS002 rev. 1.6): a map of 256 byte registers, read from any
// address on, and written in pairs of address and value (section 6.2). Its calibration (section 4.2.2, table 16) is
// chosen so that the compensation (section 4.2.3) is linear and has an exact inverse:
//
//	dig_T1 = 32768, dig_T2 = 16384  →  t_fine = raw - 2¹⁹,       °C = t_fine / 5120
//	dig_P1 = 50000                  →  Pa = (2²⁰ - raw) / 8
//	dig_H2 = 128                    →  % = raw / 512
//
// and all other coefficients are 0.
type fakeBME280 struct {
	air
	regs [256]byte
}

var bme280Spans = map[string]span{
	brick.AirTemperature:   {-102.4, 102.3},
	brick.RelativeHumidity: {0, 100},
	brick.StaticPressure:   {1, 131072},
}

func newBME280(func() time.Duration) chip {
	c := &fakeBME280{air: newAir("bme280", bme280Spans)}
	c.powerOn()
	return c
}

func (c *fakeBME280) address() uint16 { return 0x76 }

func (c *fakeBME280) powerOn() {
	c.regs = [256]byte{
		0xD0: 0x60,             // id, section 5.4.1
		0x89: 32768 >> 8,       // dig_T1, little-endian
		0x8B: 16384 >> 8,       // dig_T2
		0x8E: 50000 & 0xFF,     // dig_P1
		0x8F: 50000 >> 8,       //
		0xE1: 128,              // dig_H2
		0xF7: 0x80, 0xFA: 0x80, // results before the first measurement, section 5.4.7
		0xFD: 0x80,
	}
}

func (c *fakeBME280) tx(w, r []byte) error {
	if len(w) == 0 {
		return errors.New("read without a register address")
	}
	if len(r) > 0 {
		if c.regs[0xF4]&3 == 3 {
			c.measure()
		}
		for i := range r {
			r[i] = c.regs[w[0]+byte(i)]
		}
		return nil
	}
	if len(w)%2 != 0 {
		return errors.New("a write is pairs of register and value")
	}
	for i := 0; i < len(w); i += 2 {
		c.write(w[i], w[i+1])
	}
	return nil
}

func (c *fakeBME280) write(reg, value byte) {
	switch reg {
	case 0xE0: // reset, section 5.4.2
		if value == 0xB6 {
			c.powerOn()
		}
	case 0xF2, 0xF5: // ctrl_hum, config
		c.regs[reg] = value
	case 0xF4: // ctrl_meas, section 5.4.5: mode 1 and 2 measure once and sleep again
		c.regs[reg] = value
		if mode := value & 3; mode == 1 || mode == 2 {
			c.measure()
			c.regs[reg] &^= 3
		}
	}
}

// measure fills the result registers; what is not oversampled is skipped and reads 0x80000 or 0x8000 (section 5.4).
func (c *fakeBME280) measure() {
	raw20 := func(on bool, raw float64) (byte, byte, byte) {
		n := uint32(0x80000)
		if on {
			n = uint32(math.Round(raw))
		}
		return byte(n >> 12), byte(n >> 4), byte(n << 4)
	}
	// The compensation drops the three lowest bits of the temperature.
	t := math.Round((c.temperature*5120+1<<19)/8) * 8
	c.regs[0xF7], c.regs[0xF8], c.regs[0xF9] = raw20(c.regs[0xF4]>>2&7 != 0, 1<<20-c.pressure*8)
	c.regs[0xFA], c.regs[0xFB], c.regs[0xFC] = raw20(c.regs[0xF4]>>5 != 0, t)
	h := uint16(0x8000)
	if c.regs[0xF2]&7 != 0 {
		h = uint16(math.Round(c.humidity * 512))
	}
	c.regs[0xFD], c.regs[0xFE] = byte(h>>8), byte(h)
}
