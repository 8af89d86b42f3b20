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
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/firmware-bridge/sensirion"
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

// limits are the ranges (pp. 3 and 4): output of CO2, and recommended conditions. A CO2 of 0 is no air; the chip gives it
// when it did not measure.
var limits = poll.Limits{
	brick.CO2Level:         {Low: 1, High: 40_000},
	brick.AirTemperature:   {Low: -10, High: 60},
	brick.RelativeHumidity: {Low: 0, High: 100},
}

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
	return limits.Check(
		bridge.CO2Level(words[0]),
		bridge.AirTemperature(sensirion.Temperature(words[1])),
		bridge.RelativeHumidity(sensirion.Humidity(words[2], 0, 100*physic.PercentRH)))
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

// ask sends a command that is answered.
func (d *Dev) ask(ctx context.Context, name string, command []byte, n int) ([]uint16, error) {
	words, err := sensirion.Ask(ctx, &d.bus, command, execution, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return words, nil
}

var _ bridge.Source = (*Dev)(nil)
