package vl53l1x

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// DefaultAddress is where a chip is after power-on (DS12385, section on the I²C address).
const DefaultAddress = 0x29

// Registers, by the names of ST's ultra lite driver (STSW-IMG009, described in UM2510). Addresses have 16 bits.
const (
	i2cSlaveDeviceAddress            = 0x0001
	vhvTimeoutMacropLoopBound        = 0x0008
	vhvInit                          = 0x000B
	defaultConfiguration             = 0x002D // the first register of the block
	gpioTioHVStatus                  = 0x0031
	phasecalTimeoutMacrop            = 0x004B
	rangeTimeoutMacropA              = 0x005E // A, VCSEL period A, B, VCSEL period B: 6 bytes
	rangeValidPhaseHigh              = 0x0069
	systemIntermeasurement           = 0x006C
	sdWoiSD0                         = 0x0078 // and SD_CONFIG__INITIAL_PHASE_SD0
	systemInterruptClear             = 0x0086
	systemModeStart                  = 0x0087
	resultRangeStatus                = 0x0089
	resultOscCalibrate               = 0x00DE
	firmwareSystemStatus             = 0x00E5
	identificationModel              = 0x010F
	model                     uint16 = 0xEACC
)

// block is what ST's driver writes to 0x2D … 0x87 at start; few of these registers are described. The pull-ups of SDA and
// GPIO go to AVDD (0x2E, 0x2F), the interrupt is active high (0x30), a new sample raises it (0x46), ranging is off (0x87).
var block = []byte{
	0x00, 0x01, 0x01, 0x01, 0x02, 0x00, 0x02, 0x08, 0x00, 0x08, 0x10, 0x01, 0x01, 0x00, 0x00, 0x00, // 0x2D
	0x00, 0xFF, 0x00, 0x0F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x0B, 0x00, 0x00, 0x02, 0x0A, 0x21, // 0x3D
	0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0xC8, 0x00, 0x00, 0x38, 0xFF, 0x01, 0x00, 0x08, 0x00, // 0x4D
	0x00, 0x01, 0xCC, 0x0F, 0x01, 0xF1, 0x0D, 0x01, 0x68, 0x00, 0x80, 0x08, 0xB8, 0x00, 0x00, 0x00, // 0x5D
	0x00, 0x0F, 0x89, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x0F, 0x0D, 0x0E, 0x0E, 0x00, // 0x6D
	0x00, 0x02, 0xC7, 0xFF, 0x9B, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, // 0x7D
}

// mode is a distance mode with its timing, as ST's driver sets them (SetDistanceMode, SetTimingBudgetInMs).
type mode struct {
	reach    int // mm: farther is nothing
	phasecal byte
	valid    byte
	phases   []byte // WOI_SD0, INITIAL_PHASE_SD0
	timing   []byte // timeout A, VCSEL period A, timeout B, VCSEL period B
	period   time.Duration
}

// idle is the pause between two measurements: the period must be longer than the timing budget.
const idle = 4 * time.Millisecond

func modeOf(long bool, budget time.Duration) (mode, error) {
	timeouts := map[time.Duration][2]uint16{
		20 * time.Millisecond: {0x0051, 0x006E}, 33 * time.Millisecond: {0x00D6, 0x006E}, 50 * time.Millisecond: {0x01AE, 0x01E8}}
	m := mode{reach: 1300, phasecal: 0x14, valid: 0x38, phases: []byte{0x07, 0x05, 0x06, 0x06}}
	vcselA, vcselB := byte(0x07), byte(0x05)
	if long {
		timeouts = map[time.Duration][2]uint16{
			20 * time.Millisecond: {0x001E, 0x0022}, 33 * time.Millisecond: {0x0060, 0x006E}, 50 * time.Millisecond: {0x00AD, 0x00C6}}
		m = mode{reach: 4000, phasecal: 0x0A, valid: 0xB8, phases: []byte{0x0F, 0x0D, 0x0E, 0x0E}}
		vcselA, vcselB = 0x0F, 0x0D
	}
	t, ok := timeouts[budget]
	if !ok {
		return m, fmt.Errorf("timing budget of %v; expected 20, 33 or 50 ms", budget)
	}
	m.timing = append(binary.BigEndian.AppendUint16(nil, t[0]), vcselA)
	m.timing = append(binary.BigEndian.AppendUint16(m.timing, t[1]), vcselB)
	m.period = budget + idle
	return m, nil
}

// chip is one VL53L1X.
type chip struct {
	bus   i2c.Bus
	addr  uint16 // where it is to be
	reset bridge.Output
	mode  mode
}

// bound is how long a chip may take to boot (1.2 ms by DS12385), and to calibrate itself.
const (
	bound = 100 * time.Millisecond
	pause = 2 * time.Millisecond
)

// start brings the chip from whatever state to measuring.
func (c *chip) start(ctx context.Context) error {
	if err := c.find(ctx); err != nil {
		return err
	}
	if err := c.configure(ctx); err != nil {
		return err
	}
	return c.write(systemModeStart, 0x40)
}

// find waits until the chip has booted, and moves it to its address when it is at the default one.
func (c *chip) find(ctx context.Context) error {
	for until := time.Now().Add(bound); ; {
		err := c.at(DefaultAddress)
		if c.addr != DefaultAddress {
			if err == nil {
				err = c.bus.Tx(DefaultAddress, append(register(i2cSlaveDeviceAddress), byte(c.addr)), nil)
			}
			if moved := c.at(c.addr); err == nil || moved == nil {
				err = moved
			} else {
				err = fmt.Errorf("%w, %w", err, moved)
			}
		}
		if err == nil {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("no VL53L1X: %w; check its power, its wiring and its XSHUT line", err)
		}
		if !poll.Sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}

// at tells whether there is a VL53L1X at an address that has booted.
func (c *chip) at(addr uint16) error {
	var booted [1]byte
	if err := c.bus.Tx(addr, register(firmwareSystemStatus), booted[:]); err != nil {
		return err
	}
	if booted[0]&1 == 0 {
		return fmt.Errorf("it does not boot (status 0x%02x)", booted[0])
	}
	var id [2]byte
	if err := c.bus.Tx(addr, register(identificationModel), id[:]); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint16(id[:]); got != model {
		return fmt.Errorf("model 0x%04x at 0x%02x, expected 0x%04x", got, addr, model)
	}
	return nil
}

// configure does what SensorInit, SetDistanceMode, SetTimingBudgetInMs and SetInterMeasurementInMs of ST's driver do.
func (c *chip) configure(ctx context.Context) error {
	if err := c.writeAll([]setting{{systemModeStart, []byte{0}}, {defaultConfiguration, block}, {systemModeStart, []byte{0x40}}}); err != nil {
		return err
	}
	for until := time.Now().Add(bound); ; {
		ready, err := c.ready()
		if err != nil {
			return err
		}
		if ready {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("no first measurement after %v: the chip is broken", bound)
		}
		if !poll.Sleep(ctx, pause) {
			return ctx.Err()
		}
	}
	osc, err := c.read(resultOscCalibrate, 2)
	if err != nil {
		return err
	}
	clock := binary.BigEndian.Uint16(osc) & 0x3FF
	if clock == 0 {
		return errors.New("calibration of the oscillator is 0: the chip is broken")
	}
	period := uint32(float64(clock) * float64(c.mode.period/time.Millisecond) * 1.075)
	if err := c.writeAll([]setting{
		{systemInterruptClear, []byte{1}},
		{systemModeStart, []byte{0}},
		{vhvTimeoutMacropLoopBound, []byte{0x09}}, // two bounds
		{vhvInit, []byte{0}},                      // begin with the voltage of the last temperature
		{phasecalTimeoutMacrop, []byte{c.mode.phasecal}},
		{rangeTimeoutMacropA, c.mode.timing},
		{rangeValidPhaseHigh, []byte{c.mode.valid}},
		{sdWoiSD0, c.mode.phases},
		{systemIntermeasurement, binary.BigEndian.AppendUint32(nil, period)},
	}); err != nil {
		return err
	}
	return c.intact()
}

// intact reads the timing back: a chip that lost its power has another one.
func (c *chip) intact() error {
	got, err := c.read(rangeTimeoutMacropA, len(c.mode.timing))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, c.mode.timing) {
		return fmt.Errorf("timing reads back % x, expected % x: the chip lost its configuration, check its power", got, c.mode.timing)
	}
	return nil
}

// ready tells whether there is a measurement: the interrupt's level, which is active high.
func (c *chip) ready() (bool, error) {
	got, err := c.read(gpioTioHVStatus, 1)
	return err == nil && got[0]&1 != 0, err
}

// take reads a measurement and lets the next one come: the range status as the chip writes it, and the distance in mm.
func (c *chip) take() (status byte, mm int, err error) {
	got, err := c.read(resultRangeStatus, 15)
	if err != nil {
		return 0, 0, err
	}
	return got[0] & 0x1F, int(binary.BigEndian.Uint16(got[13:])), c.write(systemInterruptClear, 1)
}

type setting struct {
	reg    uint16
	values []byte
}

func (c *chip) writeAll(settings []setting) error {
	for _, s := range settings {
		if err := c.write(s.reg, s.values...); err != nil {
			return err
		}
	}
	return nil
}

func (c *chip) write(reg uint16, values ...byte) error {
	if err := c.tx(append(register(reg), values...), nil); err != nil {
		return fmt.Errorf("write to register 0x%04x: %w", reg, err)
	}
	return nil
}

func (c *chip) read(reg uint16, n int) ([]byte, error) {
	got := make([]byte, n)
	if err := c.tx(register(reg), got); err != nil {
		return nil, fmt.Errorf("read of register 0x%04x: %w", reg, err)
	}
	return got, nil
}

// tx makes a transaction once more when it fails: at hundreds a second, one that is disturbed is no news.
func (c *chip) tx(w, r []byte) error {
	if c.bus.Tx(c.addr, w, r) == nil {
		return nil
	}
	return c.bus.Tx(c.addr, w, r)
}

func register(reg uint16) []byte { return []byte{byte(reg >> 8), byte(reg)} }
