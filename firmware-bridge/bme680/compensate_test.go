package bme680

import (
	"math"
	"testing"
)

// The calibration of one real chip, and below what it measured, from the tests of github.com/elixir-sensors/bmp280.
var (
	lowOfChip = [lenCalibLow]byte{
		0x8A - regCalibLow: 0xB2, 0x66, // t2 26290
		0x8C - regCalibLow: 3,          // t3
		0x8E - regCalibLow: 0x43, 0x8A, // p1 35395
		0x90 - regCalibLow: 0x5B, 0xD7, // p2 -10405
		0x92 - regCalibLow: 88,         // p3
		0x94 - regCalibLow: 0xE4, 0x12, // p4 4836
		0x96 - regCalibLow: 0x8A, 0xFF, // p5 -118
		0x98 - regCalibLow: 26,         // p7
		0x99 - regCalibLow: 30,         // p6
		0x9C - regCalibLow: 0x03, 0xFD, // p8 -765
		0x9E - regCalibLow: 0xD9, 0xF2, // p9 -3367
		0xA0 - regCalibLow: 30, // p10
	}
	highOfChip = [lenCalibHigh]byte{
		0xE1 - regCalibHigh: 0x3F, 0xDD, 0x2C, // h2 1021, h1 717
		0xE5 - regCalibHigh: 45, 20, 120, 0x9C, // h4, h5, h6, h7 -100
		0xE9 - regCalibHigh: 0x53, 0x66, // t1 26195
		0xEB - regCalibHigh: 0xAF, 0xE8, // g2 -5969
		0xED - regCalibHigh: 0xE2, // g1 -30
		0xEE - regCalibHigh: 18,   // g3
	}
)

func chip(t *testing.T, heat [lenCalibHeat]byte) *calibration {
	t.Helper()
	c, err := parse(lowOfChip, highOfChip, heat)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	want := calibration{
		t1: 26195, t2: 26290, t3: 3,
		p1: 35395, p2: -10405, p3: 88, p4: 4836, p5: -118, p6: 30, p7: 26, p8: -765, p9: -3367, p10: 30,
		h1: 717, h2: 1021, h3: 0, h4: 45, h5: 20, h6: 120, h7: -100,
		g1: -30, g2: -5969, g3: 18, heatRange: 2, heatValue: -56, switching: -3,
	}
	if got := *chip(t, [lenCalibHeat]byte{0xC8, 0, 0xEF, 0, 0xDF}); got != want {
		t.Errorf("found %+v, expected %+v", got, want)
	}
}

func TestBlankCalibration(t *testing.T) {
	for what, blank := range map[string]byte{"zeros": 0, "ones": 0xFF} {
		for _, p := range []struct {
			name string
			regs []byte
		}{{"t1", []byte{0xE9, 0xEA}}, {"t2", []byte{0x8A, 0x8B}}, {"p1", []byte{0x8E, 0x8F}}, {"h2", []byte{0xE1, 0xE2}}} {
			low, high := lowOfChip, highOfChip
			for _, reg := range p.regs {
				if reg >= regCalibHigh {
					high[reg-regCalibHigh] = blank
				} else {
					low[reg-regCalibLow] = blank
				}
			}
			if _, err := parse(low, high, [lenCalibHeat]byte{}); err == nil {
				t.Errorf("%s of %s: no error, expected one", p.name, what)
			}
		}
	}
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > within {
		t.Errorf("%s is %v, expected %v", what, got, want)
	}
}

func TestWhatARealChipMeasured(t *testing.T) {
	c := chip(t, [lenCalibHeat]byte{})
	celsius := c.temperature(480_732)
	near(t, "temperature", celsius, 19.3113, 0.0001)
	near(t, "pressure", c.pressure(393_705, celsius), 100_977.52, 0.01)
	near(t, "humidity", c.humidity(16820, celsius), 25.2, 0.05)
	near(t, "gas resistance", c.gas(195, 9), 20467.2644, 0.6) // they compute with integers
}

// The values are those of the datasheet's other formulas, in integers, worked out apart from this package.
func TestFormulasInIntegers(t *testing.T) {
	c := chip(t, [lenCalibHeat]byte{})
	for _, v := range []struct {
		temperature, pressure uint32
		humidity              uint16
		celsius, pa, percent  float64
	}{
		{480_732, 393_705, 16820, 19.31, 100_973, 25.200},
		{330_000, 450_000, 19000, -27.93, 84_145, 34.050},
		{560_000, 300_000, 24000, 44.16, 122_299, 73.196},
		{620_000, 380_000, 14000, 62.98, 110_812, 12.945},
	} {
		celsius := c.temperature(v.temperature)
		near(t, "temperature", celsius, v.celsius, 0.0051)
		near(t, "pressure", c.pressure(v.pressure, celsius), v.pa, 10)
		near(t, "humidity", c.humidity(v.humidity, celsius), v.percent, 0.05)
	}
	near(t, "humidity", c.humidity(60_000, 20), 100, 0)
	near(t, "humidity", c.humidity(0, 20), 0, 0)

	for _, v := range []struct {
		target, ambient float64
		heatRange, val  byte
		want            float64
	}{
		{320, 25, 0, 0, 191},
		{320, 25, 1, 40, 119},
		{200, 25, 3, 0xD8, 59},
	} {
		c := chip(t, [lenCalibHeat]byte{v.val, 0, v.heatRange << 4, 0, 0})
		near(t, "res_heat", float64(c.heater(v.target, v.ambient)), v.want, 1) // they drop what ambient does
	}
	if cold, hot := c.heater(320, -40), c.heater(320, 85); cold != 188 || hot != 196 {
		t.Errorf("res_heat is %d at -40 °C and %d at 85 °C, expected 188 and 196", cold, hot)
	}
}

// The values are those of section 3.4.1 with its tables of constants, which are not those of this package.
func TestGasRanges(t *testing.T) {
	for _, v := range []struct {
		raw       uint16
		convRange byte
		switching int8
		ohm       float64
	}{
		{0, 0, 0, 12_946_859.9},
		{512, 5, 3, 248_262.16},
		{700, 7, -8, 54_987.818},
		{333, 4, -1, 576_845.30},
		{612, 8, 2, 29_123.951},
		{1023, 15, 0, 176.74146},
	} {
		c := chip(t, [lenCalibHeat]byte{4: byte(v.switching << 4)})
		near(t, "gas resistance", c.gas(v.raw, v.convRange), v.ohm, v.ohm*1e-6)
	}
	for convRange, ohm := range []float64{9503546.1, 4751773, 2375886.5, 1187943.3, 593378.25, 295482.31, 148492.91,
		74958.829, 37160.387, 18561.613, 9284.3036, 4644.7901, 2320.2017, 1162.3074, 580.05042, 290.02521} {
		near(t, "gas resistance", chip(t, [lenCalibHeat]byte{}).gas(300, byte(convRange)), ohm, ohm*1e-6)
	}
}
