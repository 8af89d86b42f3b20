package bme680

import (
	"encoding/binary"
	"errors"
)

// calibration is what the factory measured of one chip (section 3.3, and the memory addresses beside each parameter).
// The formulas are the datasheet's in floating point; Bosch's published driver BME68x_SensorAPI has the same.
type calibration struct {
	t1, t2, t3                              float64
	p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 float64
	h1, h2, h3, h4, h5, h6, h7              float64
	g1, g2, g3                              float64
	heatRange, heatValue, switching         float64
}

// The blocks of registers that hold the calibration.
const (
	regCalibLow  = 0x8A // up to 0xA0: temperature and pressure
	regCalibHigh = 0xE1 // up to 0xEE: humidity, temperature, heater
	regCalibHeat = 0x00 // up to 0x04: heater

	lenCalibLow  = 0xA0 - regCalibLow + 1
	lenCalibHigh = 0xEE - regCalibHigh + 1
	lenCalibHeat = 0x04 - regCalibHeat + 1
)

// parse takes the three blocks. A calibration that no chip leaves the factory with is an error.
func parse(low [lenCalibLow]byte, high [lenCalibHigh]byte, heat [lenCalibHeat]byte) (*calibration, error) {
	unsigned := func(at []byte) float64 { return float64(binary.LittleEndian.Uint16(at)) }
	signed := func(at []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(at))) }
	short := func(b byte) float64 { return float64(int8(b)) }
	l := func(reg int) []byte { return low[reg-regCalibLow:] }
	h := func(reg int) []byte { return high[reg-regCalibHigh:] }
	c := &calibration{
		t1: unsigned(h(0xE9)),
		t2: signed(l(0x8A)),
		t3: short(l(0x8C)[0]),

		p1:  unsigned(l(0x8E)),
		p2:  signed(l(0x90)),
		p3:  short(l(0x92)[0]),
		p4:  signed(l(0x94)),
		p5:  signed(l(0x96)),
		p6:  short(l(0x99)[0]),
		p7:  short(l(0x98)[0]),
		p8:  signed(l(0x9C)),
		p9:  signed(l(0x9E)),
		p10: float64(l(0xA0)[0]),

		h1: float64(uint16(h(0xE3)[0])<<4 | uint16(h(0xE2)[0]&0x0F)),
		h2: float64(uint16(h(0xE1)[0])<<4 | uint16(h(0xE2)[0]>>4)),
		h3: short(h(0xE4)[0]),
		h4: short(h(0xE5)[0]),
		h5: short(h(0xE6)[0]),
		h6: float64(h(0xE7)[0]),
		h7: short(h(0xE8)[0]),

		g1: short(h(0xED)[0]),
		g2: signed(h(0xEB)),
		g3: short(h(0xEE)[0]),

		heatRange: float64(heat[0x02] >> 4 & 3),
		heatValue: short(heat[0x00]),
		switching: float64(int8(heat[0x04]) >> 4),
	}
	if c.t1 == 0 || c.t1 == 0xFFFF || c.t2 == 0 || c.t2 == -1 || c.p1 == 0 || c.p1 == 0xFFFF || c.h2 == 0 || c.h2 == 0xFFF {
		return nil, errors.New("the chip's calibration is blank: par_t1, par_t2, par_p1 or par_h2 is all zeros or all ones; " +
			"check the wiring or replace the chip")
	}
	return c, nil
}

// temperature gives Cel.
func (c *calibration) temperature(raw uint32) float64 {
	x := float64(raw)/16384 - c.t1/1024
	return (x*c.t2 + x*x/64*c.t3*16) / 5120
}

// pressure gives Pa.
func (c *calibration) pressure(raw uint32, celsius float64) float64 {
	x := celsius*5120/2 - 64000
	offset := (x*x*c.p6/131072+x*c.p5*2)/4 + c.p4*65536
	scale := (1 + (c.p3*x*x/16384+c.p2*x)/524288/32768) * c.p1
	p := (1048576 - float64(raw) - offset/4096) * 6250 / scale
	q := p / 256
	return p + (c.p9*p*p/(1<<31)+p*c.p8/32768+q*q*q*c.p10/131072+c.p7*128)/16
}

// humidity gives %, from 0 to 100.
func (c *calibration) humidity(raw uint16, celsius float64) float64 {
	x := float64(raw) - (c.h1*16 + c.h3/2*celsius)
	y := x * c.h2 / 262144 * (1 + c.h4/16384*celsius + c.h5/1048576*celsius*celsius)
	return min(max(0, y+(c.h6/16384+c.h7/2097152*celsius)*y*y), 100)
}

// What the 16 ranges of the gas converter deviate, in percent (section 3.4.1).
var (
	deviation1 = [16]float64{5: -1, 7: -0.8, 10: -0.2, 11: -0.5, 13: -1}
	deviation2 = [16]float64{4: 0.1, 5: 0.7, 7: -0.8, 8: -0.1}
)

// gas gives Ohm, for 10 bits of the converter and its range of 4 bits (section 3.4.1).
func (c *calibration) gas(raw uint16, convRange byte) float64 {
	x := (1340 + 5*c.switching) * (1 + deviation1[convRange]/100)
	full := 8e6 / float64(uint32(1)<<convRange) / (1 + deviation2[convRange]/100)
	return full * x / (x + float64(raw) - 512)
}

// heater gives the value of res_heat_x for a temperature of the hot plate, at most 400 °C (section 3.3.5, table 11).
func (c *calibration) heater(target, ambient float64) byte {
	r := (c.g1/16+49)*(1+(c.g2/32768*0.0005+0.00235)*target) + c.g3/1024*ambient
	return byte(min(max(0, 3.4*(r*4/(4+c.heatRange)/(1+c.heatValue*0.002)-25)), 255))
}
