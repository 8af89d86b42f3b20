// Package scd4x reads CO2, temperature and relative humidity from a Sensirion SCD40 or SCD41 on an I²C bus, in periodic
// measurement. Pages are those of the datasheet "SCD4x", version 1.3, September 2022.
//
// It does not use periph's driver of the same name (devices v3.7.4): that one reads without the pause that the chip
// needs after a command, never starts the measurement again after the chip lost power, turns each bus error into a
// timeout of six seconds, and sleeps without a way to stop it.
//
// It never reports a word whose CRC is wrong, nor a value outside the datasheet's range: both are failures. After any
// failure the measurement is stopped and started anew.
//
// Concurrency: Run owns the device; the bus is borrowed and may be shared.
package scd4x

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/i2c"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/internal/brick"
)

// Address is the only one the chip has (p. 7, table 8).
const Address = 0x62

// Commands (p. 8, table 9), most significant byte first.
var (
	startPeriodicMeasurement = []byte{0x21, 0xB1} // p. 9, section 3.5.1: a result every 5 s
	readMeasurement          = []byte{0xEC, 0x05} // p. 9, section 3.5.2: each result can be read once
	stopPeriodicMeasurement  = []byte{0x3F, 0x86} // p. 10, section 3.5.3: 500 ms deaf afterwards
	getDataReadyStatus       = []byte{0xE4, 0xB8} // p. 8 and section 3.8.2: the low 11 bits are 0 when there is no result
)

const (
	period    = 5 * time.Second        // p. 9
	execution = time.Millisecond       // p. 8: of the two commands that are answered
	stopping  = 500 * time.Millisecond // p. 10
	look      = 250 * time.Millisecond // between two questions whether a result is there
	patience  = 2*period + time.Second // no result for so long is a failure
)

// The ranges (pp. 3 and 4): output of CO2, and recommended conditions. A CO2 of 0 is no air; the chip gives it when it
// did not measure.
const (
	minPPM, maxPPM         = 1.0, 40_000.0
	minCelsius, maxCelsius = -10.0, 60.0
	minPercent, maxPercent = 0.0, 100.0
)

// Dev is one SCD4x: a bridge.Source.
type Dev struct {
	id      string
	bus     i2c.Dev
	every   time.Duration
	started bool
}

// New makes the source of the SCD4x at addr, which is Address, that is read every so often, at least 5 s apart. It does
// not touch the bus: a chip that is not there is a matter of health.
func New(id string, bus i2c.Bus, addr uint16, every time.Duration) (*Dev, error) {
	if addr != Address {
		return nil, fmt.Errorf("scd4x: sensor %s: address 0x%02x; the chip has 0x%02x", id, addr, Address)
	}
	if every < period {
		return nil, fmt.Errorf("scd4x: sensor %s: read every %v; the chip measures every %v", id, every, period)
	}
	return &Dev{id: id, bus: i2c.Dev{Bus: bus, Addr: addr}, every: every}, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends CO2Level, AirTemperature and RelativeHumidity until ctx is done, and a bridge.Health per change. The first
// measurement is there 5 s after the start.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	return poll.Run(ctx, d.id, d.every, out, func(ctx context.Context) ([]bridge.Measured, error) {
		got, err := d.measure(ctx)
		if err != nil {
			d.started = false
			return nil, fmt.Errorf("scd4x: %w", err)
		}
		return got, nil
	})
}

func (d *Dev) measure(ctx context.Context) ([]bridge.Measured, error) {
	if !d.started {
		if err := d.start(ctx); err != nil {
			return nil, err
		}
	}
	if err := d.await(ctx); err != nil {
		return nil, err
	}
	words, err := d.ask(ctx, "read_measurement", readMeasurement, 3)
	if err != nil {
		return nil, err
	}
	ppm := float64(words[0])
	celsius := round(-45 + 175*float64(words[1])/65535)
	percent := round(100 * float64(words[2]) / 65535)
	return []bridge.Measured{
			{Quantity: brick.CO2Level, Value: ppm, Unit: brick.PPM},
			{Quantity: brick.AirTemperature, Value: celsius, Unit: brick.Celsius},
			{Quantity: brick.RelativeHumidity, Value: percent, Unit: brick.Percent},
		}, errors.Join(
			within("CO2", ppm, minPPM, maxPPM, "ppm"),
			within("temperature", celsius, minCelsius, maxCelsius, "°C"),
			within("humidity", percent, minPercent, maxPercent, "%"))
}

// start begins the periodic measurement, from whatever state the chip is in.
func (d *Dev) start(ctx context.Context) error {
	if err := d.bus.Tx(stopPeriodicMeasurement, nil); err != nil {
		return fmt.Errorf("stop_periodic_measurement: %w", err)
	}
	if !poll.Sleep(ctx, stopping) {
		return ctx.Err()
	}
	if err := d.bus.Tx(startPeriodicMeasurement, nil); err != nil {
		return fmt.Errorf("start_periodic_measurement: %w", err)
	}
	d.started = true
	return nil
}

// await returns when there is a result.
func (d *Dev) await(ctx context.Context) error {
	for until := time.Now().Add(patience); ; {
		words, err := d.ask(ctx, "get_data_ready_status", getDataReadyStatus, 1)
		if err != nil {
			return err
		}
		if words[0]&0x07FF != 0 {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("no measurement for %v, expected one every %v: the chip was without power or is broken",
				patience, period)
		}
		if !poll.Sleep(ctx, look) {
			return ctx.Err()
		}
	}
}

// ask sends a command and reads n words, each followed by its CRC (p. 7, sections 3.2 and 3.3).
func (d *Dev) ask(ctx context.Context, name string, command []byte, n int) ([]uint16, error) {
	if err := d.bus.Tx(command, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !poll.Sleep(ctx, execution) {
		return nil, ctx.Err()
	}
	raw := make([]byte, 3*n)
	if err := d.bus.Tx(nil, raw); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	words, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return words, nil
}

// decode takes words with their CRC apart.
func decode(raw []byte) ([]uint16, error) {
	if len(raw)%3 != 0 {
		return nil, fmt.Errorf("%d bytes, expected words of 2 bytes with a CRC each", len(raw))
	}
	var words []uint16
	for i := 0; i < len(raw); i += 3 {
		if want := crc8(raw[i], raw[i+1]); raw[i+2] != want {
			return nil, fmt.Errorf("word %d has CRC 0x%02x, expected 0x%02x: the bus is disturbed, check its wiring",
				i/3+1, raw[i+2], want)
		}
		words = append(words, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return words, nil
}

// crc8 has polynomial 0x31 and starts with 0xFF; 0xBEEF gives 0x92 (p. 19, section 3.11).
func crc8(data ...byte) byte {
	crc := byte(0xFF)
	for _, b := range data {
		crc ^= b
		for range 8 {
			crc = crc<<1 ^ crc>>7*0x31
		}
	}
	return crc
}

func within(what string, value, low, high float64, unit string) error {
	if value >= low && value <= high {
		return nil
	}
	return fmt.Errorf("%s of %v %s is out of the chip's range of %v to %v: check the chip and its wiring",
		what, value, unit, low, high)
}

// round drops the digits behind the chip's resolution.
func round(v float64) float64 { return math.Round(v*100) / 100 }

var _ bridge.Source = (*Dev)(nil)
