package sim

import (
	"errors"
	"math"
	"time"

	"kapija/internal/brick"
)

const bme680Sampling = 43 * time.Millisecond // temperature, pressure and humidity; heating comes after it

// fakeBME680 is a Bosch BME680 (datasheet BST-BME680-DS001 rev. 1.0): a map of 256 byte registers, read from any address
// on, and written in pairs of address and value (section 6.2). Its calibration is chosen so that the compensation is
// linear and has an exact inverse:
//
//	par_t1 = 32768, par_t2 = 16384  →  °C = (raw - 2¹⁹) / 5120
//	par_p1 = 50000                  →  Pa = (2²⁰ - raw) / 8
//	par_h2 = 512                    →  % = raw / 512
//
// and all others of these are 0; the heater's are a real chip's. A gas resistance of 0 is a hot plate that does not get
// hot.
type fakeBME680 struct {
	air
	clock func() time.Duration
	regs  [256]byte
	done  time.Duration // when the measurement ends that runs; 0: none
}

var bme680Spans = map[string]span{
	brick.AirTemperature:   {-102.4, 102.3},
	brick.RelativeHumidity: {0, 127},
	brick.StaticPressure:   {1, 131071},
	brick.GasResistance:    {0, 12e6},
}

func newBME680(clock func() time.Duration) chip {
	c := &fakeBME680{clock: clock, air: newAir("bme680", bme680Spans)}
	c.powerOn()
	return c
}

func (c *fakeBME680) address() uint16 { return 0x77 }

func (c *fakeBME680) powerOn() {
	c.done = 0
	c.regs = [256]byte{
		0x02: 1 << 4,           // res_heat_range
		0x1F: 0x80, 0x22: 0x80, // results before the first measurement, table 16
		0x25: 0x80,
		0x8B: 16384 >> 8,                     // par_t2, little-endian
		0x8E: 50000 & 0xFF, 0x8F: 50000 >> 8, // par_p1
		0xD0: 0x61,                         // id
		0xE1: 512 >> 4,                     // par_h2
		0xEA: 32768 >> 8,                   // par_t1
		0xEB: 0xAF, 0xEC: 0xE8, 0xED: 0xE2, // par_g2, par_g1
		0xEE: 18, // par_g3
	}
}

func (c *fakeBME680) tx(w, r []byte) error {
	if len(w) == 0 {
		return errors.New("read without a register address")
	}
	if c.done != 0 && c.clock() >= c.done {
		c.measure()
	}
	if len(r) > 0 {
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

func (c *fakeBME680) write(reg, value byte) {
	switch {
	case reg == 0xE0: // reset
		if value == 0xB6 {
			c.powerOn()
		}
	case reg == 0x74: // ctrl_meas: mode 1 measures once and sleeps again
		c.regs[reg] = value
		if value&3 == 1 {
			wait := c.regs[0x64] // gas_wait_0: 6 bits, times a power of 4
			heating := time.Duration(wait&0x3F) * time.Millisecond << (wait >> 6 * 2)
			c.done = c.clock() + bme680Sampling + heating
			c.regs[0x1D] = 0x60 // measuring
		}
	case reg >= 0x50 && reg <= 0x75:
		c.regs[reg] = value
	}
}

// measure fills the result registers; what is not oversampled is skipped and keeps its value of the reset.
func (c *fakeBME680) measure() {
	c.done = 0
	c.regs[0x74] &^= 3
	c.regs[0x1D] = 0x80 // new_data_0
	raw20 := func(at int, on bool, raw float64) {
		n := uint32(0x80000)
		if on {
			n = uint32(math.Round(raw))
		}
		c.regs[at], c.regs[at+1], c.regs[at+2] = byte(n>>12), byte(n>>4), byte(n<<4)
	}
	raw20(0x1F, c.regs[0x74]>>2&7 != 0, 1<<20-c.pressure*8)
	raw20(0x22, c.regs[0x74]>>5 != 0, c.temperature*5120+1<<19)
	h := uint16(0x8000)
	if c.regs[0x72]&7 != 0 {
		h = uint16(math.Round(c.humidity * 512))
	}
	c.regs[0x25], c.regs[0x26] = byte(h>>8), byte(h)
	c.regs[0x2A], c.regs[0x2B] = 0, 0
	heated := c.regs[0x71]&0x10 != 0 && c.regs[0x70]&8 == 0 && c.regs[0x5A] != 0 && c.regs[0x64] != 0
	if heated {
		raw, gasRange := gasRaw(c.gas)
		c.regs[0x2A], c.regs[0x2B] = byte(raw>>2), byte(raw<<6)|0x20|gasRange
		if c.gas > 0 {
			c.regs[0x2B] |= 0x10 // heat_stab_r
		}
	}
}

// The constants of the gas converter's ranges (section 3.4.1).
var (
	constArray1 = [16]float64{1, 1, 1, 1, 1, 0.99, 1, 0.992, 1, 1, 0.998, 0.995, 1, 0.99, 1, 1}
	constArray2 = [16]float64{8000000, 4000000, 2000000, 1000000, 499500.4995, 248262.1648, 125000, 63004.03226,
		31281.28128, 15625, 7812.5, 3906.25, 1953.125, 976.5625, 488.28125, 244.140625}
)

// gasRaw is the inverse of gas_res = var1 · const_array2 / (gas_adc - 512 + var1), with var1 = 1340 · const_array1, in
// the first range whose 10 bits can hold it.
func gasRaw(ohm float64) (raw uint16, gasRange byte) {
	for i := range constArray2 {
		var1 := 1340 * constArray1[i]
		adc := math.Round(512 + var1*(constArray2[i]/ohm-1))
		if adc >= 0 && adc <= 1023 {
			return uint16(adc), byte(i)
		}
	}
	return 1023, 15
}
