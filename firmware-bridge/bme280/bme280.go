// Package bme280 reads temperature, relative humidity and air pressure from a Bosch BME280 (datasheet BST-BME280-DS002,
// rev. 1.6) on an I²C bus, through periph's bmxx80 v3.7.4: forced mode, one sample of each quantity, no filter, as
// section 3.5.1 recommends for weather.
//
// That library reads and compensates well, but it trusts the chip. Here it is watched: it waits for the end of a
// measurement without limit, so transactions are counted; it sets the humidity's oversampling only once, and a chip
// that lost power in between answers with a made-up humidity, so that setting is read back after each measurement; it
// takes a BMP280 and misreads negative humidity coefficients, so both are refused. After any failure the chip is set
// up anew.
//
// It never reports a value outside the datasheet's range: that is a failure.
//
// Concurrency: Run owns the device; the bus is borrowed and may be shared.
package bme280

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/internal/brick"
)

// limits are the operating range (section 1, tables 2 to 4).
var limits = poll.Limits{
	brick.AirTemperature:   {Low: -40, High: 85},
	brick.RelativeHumidity: {Low: 0, High: 100},
	brick.StaticPressure:   {Low: 30_000, High: 110_000},
}

const (
	regCalibH4 = 0xE4 // dig_H4 and dig_H5 up to 0xE6 (section 4.2.2, table 16)
	regCtrlHum = 0xF2 // section 5.4.3; 0 after power-on

	shortest = 100 * time.Millisecond // between measurements; one takes 9.3 ms at most (appendix B)
)

// Dev is one BME280: a bridge.Source.
type Dev struct {
	id    string
	bus   *counted
	addr  uint16
	every time.Duration
	chip  *bmxx80.Dev // nil: to be set up
}

// New makes the source of the BME280 at addr, 0x76 or 0x77, that measures every so often, at least 100 ms apart. It
// does not touch the bus: a chip that is not there is a matter of health.
func New(id string, bus i2c.Bus, addr uint16, every time.Duration) (*Dev, error) {
	if addr != 0x76 && addr != 0x77 {
		return nil, fmt.Errorf("bme280: sensor %s: address 0x%02x; the chip has 0x76 or 0x77", id, addr)
	}
	if every < shortest {
		return nil, fmt.Errorf("bme280: sensor %s: read every %v; at least %v are needed", id, every, shortest)
	}
	return &Dev{id: id, bus: &counted{Bus: bus}, addr: addr, every: every}, nil
}

// ID is the sensor's ID.
func (d *Dev) ID() string { return d.id }

// Run sends AirTemperature, RelativeHumidity and StaticPressure until ctx is done, and a bridge.Health per change.
func (d *Dev) Run(ctx context.Context, out chan<- bridge.Signal) error {
	return poll.Run(ctx, d.id, d.every, out, func(context.Context) ([]bridge.Measured, error) {
		d.bus.left = transactions
		got, err := d.measure()
		if err != nil {
			d.chip = nil
			return nil, fmt.Errorf("bme280: %w", err)
		}
		return got, nil
	})
}

func (d *Dev) measure() ([]bridge.Measured, error) {
	if d.chip == nil {
		if err := d.setUp(); err != nil {
			return nil, err
		}
	}
	var env physic.Env
	if err := d.chip.Sense(&env); err != nil {
		return nil, d.bus.cause(err)
	}
	var hum [1]byte
	if err := d.bus.Tx(d.addr, []byte{regCtrlHum}, hum[:]); err != nil {
		return nil, err
	}
	if hum[0]&7 != byte(bmxx80.O1x) {
		return nil, fmt.Errorf("the chip lost its settings, as after a power cut: ctrl_hum is 0x%02x, expected 0x%02x",
			hum[0], byte(bmxx80.O1x))
	}
	return limits.Check(
		bridge.AirTemperature(env.Temperature),
		bridge.RelativeHumidity(env.Humidity),
		bridge.StaticPressure(env.Pressure))
}

func (d *Dev) setUp() error {
	chip, err := bmxx80.NewI2C(d.bus, d.addr, &bmxx80.Opts{
		Temperature: bmxx80.O1x, Humidity: bmxx80.O1x, Pressure: bmxx80.O1x})
	if err != nil {
		return d.bus.cause(err)
	}
	if name, _, _ := strings.Cut(chip.String(), "{"); name != "BME280" {
		return fmt.Errorf("the chip is a %s, expected a BME280: replace it or change the configuration", name)
	}
	var calib [3]byte
	if err := d.bus.Tx(d.addr, []byte{regCalibH4}, calib[:]); err != nil {
		return err
	}
	if calib[0]&0x80 != 0 || calib[2]&0x80 != 0 {
		return errors.New("the chip's humidity calibration has a negative dig_H4 or dig_H5, which cannot be read: " +
			"check the wiring or replace the chip")
	}
	d.chip = chip
	return nil
}

// transactions is how many one measurement may take, set-up and waiting included. A byte takes 90 µs at 100 kHz, a
// look at the status register 0.4 ms, so that this is some 80 ms.
const transactions = 200

// counted is a bus that refuses transactions after left of them, and keeps the cause of a failure.
type counted struct {
	i2c.Bus
	left   int
	failed error
}

func (c *counted) Tx(addr uint16, w, r []byte) error {
	if c.left == 0 {
		c.failed = errors.New("the chip stays busy and never finishes its measurement")
		return c.failed
	}
	c.left--
	c.failed = c.Bus.Tx(addr, w, r)
	return c.failed
}

// cause is the bus's own error, which the library does not wrap, or else err.
func (c *counted) cause(err error) error {
	if c.failed != nil {
		return c.failed
	}
	return err
}

var _ bridge.Source = (*Dev)(nil)
