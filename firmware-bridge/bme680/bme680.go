// Package bme680 reads temperature, relative humidity, air pressure and the resistance of a heated metal oxide from a
// Bosch BME680 on an I²C bus, in forced mode. Sections and tables are those of the datasheet BST-BME680-DS001, revision
// 1.0, July 2017.
//
// A gas reading that the chip itself does not call valid and stable is left out; the others are told. What the
// resistance means is not judged here: it falls with volatile organic compounds, differs from chip to chip, and drifts
// for two days after a new chip is switched on.
//
// It never reports a value outside the datasheet's range, nor one from a chip that lost its settings: both are failures.
// After any failure the chip is reset and set up anew.
//
// Concurrency: Run owns the device; the bus is borrowed and may be shared.
package bme680

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/internal/brick"
)

// Registers (section 5.2, table 16).
const (
	regStatus   = 0x1D // meas_status_0, and the results up to 0x2B (sections 5.3.4 and 5.3.5)
	regResHeat  = 0x5A // res_heat_0 (section 5.3.3.2)
	regGasWait  = 0x64 // gas_wait_0 (section 5.3.3)
	regCtrlGas0 = 0x70 // heat_off, and the control registers up to 0x74
	regCtrlGas1 = 0x71 // run_gas, nb_conv
	regCtrlHum  = 0x72
	regCtrlMeas = 0x74
	regConfig   = 0x75
	regID       = 0xD0
	regReset    = 0xE0
	regVariant  = 0xF0 // not in the datasheet; Bosch's BME68x_SensorAPI reads it: 0 is a BME680, 1 a BME688
)

// Settings: the heater's, and those that the datasheet's quick start takes for the rest.
const (
	hotPlate = 320.0 // °C
	gasWait  = 38 | 1<<6
	runGas   = 0x10
	osrsHum  = 1              // 1 sample
	osrsMeas = 2<<5 | 5<<2    // 2 samples of temperature, 16 of pressure
	forced   = osrsMeas | 0x1 // mode: measure once

	chipID = 0x61
	reset  = 0xB6
)

// How long the chip takes.
const (
	starting  = 10 * time.Millisecond  // after a reset; 2 ms
	measuring = 200 * time.Millisecond // 45 ms for the samples above, and 4 · 38 ms that gasWait means
	look      = 10 * time.Millisecond  // between two questions whether the result is there
	patience  = 500 * time.Millisecond // no result for so long is a failure

	shortest = 3 * time.Second // between measurements: more often, the hot plate warms the chip
)

// limits are the operating range (section 1), and what the gas converter can give.
var limits = poll.Limits{
	brick.AirTemperature:   {Low: -40, High: 85},
	brick.RelativeHumidity: {Low: 0, High: 100},
	brick.StaticPressure:   {Low: 30_000, High: 110_000},
	brick.GasResistance:    {Low: 100, High: 15e6},
}

// Dev is one BME680: a bridge.Source.
type Dev struct {
	id    string
	bus   i2c.Dev
	every time.Duration

	calib   *calibration // nil: to be set up
	ambient float64      // the last temperature, Cel
}

// New makes the source of the BME680 at addr, 0x76 or 0x77, that measures every so often, at least 3 s apart. It does
// not touch the bus: a chip that is not there is a matter of health.
func New(id string, bus i2c.Bus, addr uint16, every time.Duration) (*Dev, error) {
	if addr != 0x76 && addr != 0x77 {
		return nil, fmt.Errorf("bme680: sensor %s: address 0x%02x; the chip has 0x76 or 0x77", id, addr)
	}
	if every < shortest {
		return nil, fmt.Errorf("bme680: sensor %s: read every %v; at least %v are needed", id, every, shortest)
	}
	return &Dev{id: id, bus: i2c.Dev{Bus: bus, Addr: addr}, every: every, ambient: 25}, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends AirTemperature, RelativeHumidity, StaticPressure and, when it is valid, GasResistance until ctx is done, and
// a bridge.Health per change.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	return poll.Run(ctx, d.id, d.every, out, func(ctx context.Context) ([]bridge.Measured, error) {
		got, err := d.measure(ctx)
		if err != nil {
			d.calib = nil
			return nil, fmt.Errorf("bme680: %w", err)
		}
		return got, nil
	})
}

func (d *Dev) measure(ctx context.Context) ([]bridge.Measured, error) {
	if d.calib == nil {
		if err := d.setUp(ctx); err != nil {
			return nil, err
		}
	}
	heat := d.calib.heater(hotPlate, d.ambient)
	if err := d.bus.Tx([]byte{regResHeat, heat, regCtrlMeas, forced}, nil); err != nil {
		return nil, err
	}
	r, err := d.await(ctx)
	if err != nil {
		return nil, err
	}
	celsius := d.calib.temperature(r.temperature)
	readings := []bridge.Measured{
		bridge.AirTemperature(physic.ZeroCelsius + physic.Temperature(celsius*float64(physic.Celsius))),
		bridge.RelativeHumidity(physic.RelativeHumidity(d.calib.humidity(r.humidity, celsius) * float64(physic.PercentRH))),
		bridge.StaticPressure(physic.Pressure(d.calib.pressure(r.pressure, celsius) * float64(physic.Pascal))),
	}
	if r.gasValid {
		ohm := d.calib.gas(r.gas, r.gasRange)
		readings = append(readings, bridge.GasResistance(physic.ElectricResistance(ohm*float64(physic.Ohm))))
	}
	readings, err = limits.Check(readings...)
	if err == nil {
		d.ambient = celsius
	}
	return readings, err
}

// setUp brings the chip from whatever state it is in to one that measures as asked.
func (d *Dev) setUp(ctx context.Context) error {
	var id, variant [1]byte
	if err := d.read(regID, id[:]); err != nil {
		return err
	}
	if id[0] != chipID {
		return fmt.Errorf("the chip's ID is 0x%02x, expected 0x%02x: it is no BME680; replace it or change the configuration",
			id[0], chipID)
	}
	if err := d.read(regVariant, variant[:]); err != nil {
		return err
	}
	if variant[0] != 0 {
		return fmt.Errorf("the chip's variant is %d, expected 0: it is a BME688, whose gas results are others; replace it "+
			"by a BME680", variant[0])
	}
	if err := d.bus.Tx([]byte{regReset, reset}, nil); err != nil {
		return err
	}
	if !poll.Sleep(ctx, starting) {
		return ctx.Err()
	}
	var low [lenCalibLow]byte
	var high [lenCalibHigh]byte
	var heat [lenCalibHeat]byte
	err := errors.Join(d.read(regCalibLow, low[:]), d.read(regCalibHigh, high[:]), d.read(regCalibHeat, heat[:]))
	if err != nil {
		return err
	}
	calib, err := parse(low, high, heat)
	if err != nil {
		return err
	}
	settings := []byte{regGasWait, gasWait, regCtrlGas0, 0, regCtrlGas1, runGas, regCtrlHum, osrsHum, regConfig, 0}
	if err := d.bus.Tx(settings, nil); err != nil {
		return err
	}
	d.calib = calib
	return nil
}

// result is one measurement, not compensated.
type result struct {
	pressure, temperature uint32 // 20 bits
	humidity              uint16
	gas                   uint16 // 10 bits
	gasRange              byte
	gasValid              bool
}

// await gives the result when it is there and the settings that it was measured with are still those of setUp.
func (d *Dev) await(ctx context.Context) (result, error) {
	until := time.Now().Add(patience)
	for pause := measuring; ; pause = look {
		if !poll.Sleep(ctx, pause) {
			return result{}, ctx.Err()
		}
		var b [0x2B - regStatus + 1]byte
		if err := d.read(regStatus, b[:]); err != nil {
			return result{}, err
		}
		const newData, gasMeasuring, busy = 0x80, 0x40, 0x20 // sections 5.3.5.1 to 5.3.5.3
		if b[0]&(newData|gasMeasuring|busy) == newData {
			return decode(b), d.checkSettings()
		}
		if time.Now().After(until) {
			return result{}, fmt.Errorf("no measurement for %v, expected one after %v: the chip was without power or is broken",
				patience, measuring)
		}
	}
}

// decode takes the registers from meas_status_0 on (sections 5.3.4.1 to 5.3.4.4).
func decode(b [0x2B - regStatus + 1]byte) result {
	const gasValid, heatStable = 0x20, 0x10 // sections 5.3.5.5 and 5.3.5.6
	raw20 := func(b []byte) uint32 { return uint32(b[0])<<12 | uint32(b[1])<<4 | uint32(b[2])>>4 }
	lsb := b[0x2B-regStatus]
	return result{
		pressure:    raw20(b[0x1F-regStatus:]),
		temperature: raw20(b[0x22-regStatus:]),
		humidity:    uint16(b[0x25-regStatus])<<8 | uint16(b[0x26-regStatus]),
		gas:         uint16(b[0x2A-regStatus])<<2 | uint16(lsb>>6),
		gasRange:    lsb & 0x0F,
		gasValid:    lsb&(gasValid|heatStable) == gasValid|heatStable,
	}
}

// checkSettings notices a chip that was without power: it has none of the settings then, and makes values up.
func (d *Dev) checkSettings() error {
	var b [5]byte
	if err := d.read(regCtrlGas0, b[:]); err != nil {
		return err
	}
	if b[1]&0x1F != runGas || b[2]&7 != osrsHum || b[4] != osrsMeas {
		return fmt.Errorf("the chip lost its settings, as after a power cut: ctrl_gas_1, ctrl_hum and ctrl_meas are 0x%02x, "+
			"0x%02x and 0x%02x, expected 0x%02x, 0x%02x and 0x%02x", b[1], b[2], b[4], runGas, osrsHum, osrsMeas)
	}
	return nil
}

func (d *Dev) read(reg byte, b []byte) error { return d.bus.Tx([]byte{reg}, b) }

var _ bridge.Source = (*Dev)(nil)
