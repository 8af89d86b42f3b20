// Package sht4x reads temperature and relative humidity from a Sensirion SHT40, SHT41 or SHT45 on an I²C bus, by single
// measurements of high precision. Titles are sections of the datasheet "SHT4x", version 6, February 2023.
//
// It never reports a word whose CRC is wrong, nor a temperature out of range: both are failures, after which the chip is
// reset and asked for its serial number anew. Run owns the device; the bus is borrowed and may be shared.
package sht4x

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/firmware-bridge/sensirion"
	"kapija/internal/brick"
)

// The commands ("Command Overview"), and how long the chip takes for them ("Timings"), with a margin.
var (
	measureHighPrecision, measuring = []byte{0xFD}, 10 * time.Millisecond // 8.3 ms
	readSerialNumber, answering     = []byte{0x89}, time.Millisecond
	softReset, resetting            = []byte{0x94}, 2 * time.Millisecond // 1 ms
)

// shortest is often enough for air, and too seldom to warm the chip.
const shortest = time.Second

// limits are the operating range ("Humidity and Temperature Sensor Specifications").
var limits = poll.Limits{brick.AirTemperature: {Low: -40, High: 125}, brick.RelativeHumidity: {Low: 0, High: 100}}

// Dev is one SHT4x: a bridge.Source.
type Dev struct {
	id    string
	bus   i2c.Dev
	every time.Duration
	ready bool // it was reset and told its serial number since the last failure
}

// New makes the source of the SHT4x at addr, 0x44, 0x45 or 0x46 ("Device Overview"), that measures every so often, at
// least 1 s apart. It does not touch the bus: a chip that is not there is a matter of health.
func New(id string, bus i2c.Bus, addr uint16, every time.Duration) (*Dev, error) {
	if addr < 0x44 || addr > 0x46 || every < shortest {
		return nil, fmt.Errorf("sht4x: sensor %s: address 0x%02x, read every %v; expected 0x44, 0x45 or 0x46, and at least %v", id, addr, every, shortest)
	}
	return &Dev{id: id, bus: i2c.Dev{Bus: bus, Addr: addr}, every: every}, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends AirTemperature and RelativeHumidity until ctx is done, and a bridge.Health per change.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	return poll.Run(ctx, d.id, d.every, out, func(ctx context.Context) ([]bridge.Measured, error) {
		got, err := d.measure(ctx)
		if d.ready = err == nil; !d.ready {
			return nil, fmt.Errorf("sht4x: %w", err)
		}
		return got, nil
	})
}

func (d *Dev) measure(ctx context.Context) ([]bridge.Measured, error) {
	if !d.ready {
		if err := d.start(ctx); err != nil {
			return nil, err
		}
	}
	words, err := sensirion.Ask(ctx, &d.bus, measureHighPrecision, measuring, 2)
	if err != nil {
		return nil, fmt.Errorf("measurement: %w", err)
	}
	// The humidity may go a little below 0 % and above 100 %, and is cropped then ("Conversion of Signal Output").
	humidity := sensirion.Humidity(words[1], -6*physic.PercentRH, 119*physic.PercentRH)
	return limits.Check(bridge.AirTemperature(sensirion.Temperature(words[0])),
		bridge.RelativeHumidity(min(max(0, humidity), 100*physic.PercentRH)))
}

// start brings the chip into a known state. What tells it from another one is that it obeys commands of one byte and has
// a serial number with two right CRCs.
func (d *Dev) start(ctx context.Context) error {
	if err := d.bus.Tx(softReset, nil); err != nil {
		return fmt.Errorf("soft reset: %w", err)
	}
	if !poll.Sleep(ctx, resetting) {
		return ctx.Err()
	}
	serial, err := sensirion.Ask(ctx, &d.bus, readSerialNumber, answering, 2)
	if err == nil && serial[0] == 0 && serial[1] == 0 {
		err = errors.New("found 0, expected another: it is no SHT4x; replace it or change the configuration")
	}
	if err != nil {
		return fmt.Errorf("serial number, which each SHT4x has: %w", err)
	}
	return nil
}
