package bme680

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sensortest"
)

const address = 0x77

func write(b ...byte) i2ctest.IO          { return i2ctest.IO{Addr: address, W: b} }
func read(reg byte, b ...byte) i2ctest.IO { return i2ctest.IO{Addr: address, W: []byte{reg}, R: b} }

var (
	isBME    = read(0xD0, 0x61)
	variant  = read(0xF0, 0x00)
	restart  = write(0xE0, 0xB6)
	calibL   = read(0x8A, lowOfChip[:]...)
	calibH   = read(0xE1, highOfChip[:]...)
	calibG   = read(0x00, 0xFF, 0, 0, 0, 0)
	settings = write(0x64, 0x66, 0x70, 0x00, 0x71, 0x10, 0x72, 0x01, 0x75, 0x00)
	first    = write(0x5A, 193, 0x74, 0x55) // 320 °C at 25 °C of the air: 193.1
	force    = write(0x5A, 192, 0x74, 0x55) // 320 °C at 19.31 °C: 192.8
	busy     = read(0x1D, make([]byte, 15)...)
	kept     = read(0x70, 0x00, 0x10, 0x01, 0x00, 0x54)
	lost     = read(0x70, 0x00, 0x00, 0x00, 0x00, 0x00)
	setUp    = []i2ctest.IO{isBME, variant, restart, calibL, calibH, calibG, settings}
)

// results are those that the real chip gave: 393705, 480732, 16820, and 195 in range 9.
func results(status, flags byte) i2ctest.IO {
	return read(0x1D, status, 0, 0x60, 0x1E, 0x90, 0x75, 0x5D, 0xC0, 0x41, 0xB4, 0, 0, 0, 195>>2, 195&3<<6|flags|9)
}

func measured(gas bool) []any {
	m := []any{
		bridge.Measured{Quantity: "Air_Temperature_Sensor", Value: 19.31, Unit: "Cel"},
		bridge.Measured{Quantity: "Relative_Humidity_Sensor", Value: 25.2, Unit: "%"},
		bridge.Measured{Quantity: "Static_Pressure_Sensor", Value: 100977.5, Unit: "Pa"},
		bridge.Measured{Quantity: "Air_Quality_Sensor", Value: 20467, Unit: "Ohm"},
	}
	if !gas {
		return m[:3]
	}
	return m
}

func start(t *testing.T, bus i2c.Bus) *sensortest.Running {
	t.Helper()
	dev, err := New(sensortest.ID, bus, address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return sensortest.Start(t, dev)
}

func TestPlayback(t *testing.T) {
	all := results(0x80, 0x30)
	for what, c := range map[string]struct {
		ops   []i2ctest.IO
		check func(r *sensortest.Running)
	}{
		"waits for the result, and is set up once": {
			slices.Concat(setUp, []i2ctest.IO{first, busy, results(0x60, 0), results(0xC0, 0x30), all, kept, force, all, kept}),
			func(r *sensortest.Running) {
				r.ExpectOnline(measured(true)...)
				r.Expect(measured(true)...)
			}},
		"gas that is not valid or not stable is left out": {
			slices.Concat(setUp, []i2ctest.IO{first, results(0x80, 0x20), kept, force, results(0x80, 0x10), kept, force, all, kept}),
			func(r *sensortest.Running) {
				r.ExpectOnline(measured(false)...)
				r.Expect(measured(false)...)
				r.Expect(measured(true)...)
			}},
		"lost settings, and it starts anew": {
			slices.Concat(setUp, []i2ctest.IO{first, all, lost}, setUp, []i2ctest.IO{first, all, kept}),
			func(r *sensortest.Running) {
				r.ExpectOffline("bme680: the chip lost its settings, as after a power cut: ctrl_gas_1, ctrl_hum and ctrl_meas are " +
					"0x00, 0x00 and 0x00, expected 0x10, 0x01 and 0x54")
				r.ExpectOnline(measured(true)...)
			}},
		"another maker's or model's chip": {
			[]i2ctest.IO{read(0xD0, 0x60)},
			func(r *sensortest.Running) { r.ExpectOffline("ID is 0x60, expected 0x61") }},
		"a BME688": {
			[]i2ctest.IO{isBME, read(0xF0, 0x01)},
			func(r *sensortest.Running) { r.ExpectOffline("it is a BME688") }},
		"no calibration": {
			[]i2ctest.IO{isBME, variant, restart, read(0x8A, make([]byte, 23)...), calibH, calibG},
			func(r *sensortest.Running) { r.ExpectOffline("calibration is blank") }},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &i2ctest.Playback{Ops: c.ops, DontPanic: true}
				r := start(t, bus)
				c.check(r)
				r.Stop()
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func expect(t *testing.T, r *sensortest.Running, celsius, percent, pascal, ohm float64) {
	t.Helper()
	for _, want := range []struct {
		value, within float64
	}{{celsius, 0}, {percent, 0}, {pascal, 0.1}, {ohm, ohm / 500}} {
		got, ok := r.Next().(bridge.Measured)
		if !ok || math.Abs(got.Value-want.value) > want.within {
			t.Errorf("told %+v, expected %v", got, want.value)
		}
	}
}

func TestOnVirtualWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, _, do := sensortest.Wires(t, "bme680")
		began := time.Now()
		r := start(t, bus)
		r.ExpectOnline()
		expect(t, r, 21, 45, 101325, 100_000)
		for _, ohm := range []float64{200, 1e3, 4999, 12_345, 54_321, 270_000, 543_210, 11e6} {
			do(fmt.Sprintf("value sensor gas %g", ohm))
			expect(t, r, 21, 45, 101325, ohm)
		}
		do("value sensor temperature -39.99", "value sensor humidity 99.99", "value sensor pressure 30000.5", "value sensor gas 5000")
		expect(t, r, -39.99, 99.99, 30000.5, 5000)
		do("value sensor gas 0", "value sensor temperature 85", "value sensor humidity 0", "value sensor pressure 110000")
		r.Expect(
			bridge.Measured{Quantity: "Air_Temperature_Sensor", Value: 85, Unit: "Cel"},
			bridge.Measured{Quantity: "Relative_Humidity_Sensor", Value: 0, Unit: "%"},
			bridge.Measured{Quantity: "Static_Pressure_Sensor", Value: 110000, Unit: "Pa"})
		do("value sensor gas 5000", "value sensor temperature 21", "value sensor humidity 45", "value sensor pressure 101325")
		expect(t, r, 21, 45, 101325, 5000)
		if took := time.Since(began); took < 11*time.Minute || took > 11*time.Minute+250*time.Millisecond {
			t.Errorf("twelve measurements took %v", took)
		}
		r.Stop()
	})
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		breaks, heals []string
		cause         string
	}{
		"bus":    {[]string{"fail sensor"}, []string{"heal sensor"}, syscall.EIO.Error()},
		"heat":   {[]string{"value sensor temperature 86"}, []string{"value sensor temperature 21"}, "temperature of 86 °C is out of the chip's range"},
		"vacuum": {[]string{"value sensor pressure 1"}, []string{"value sensor pressure 101325"}, "of 30000 to 110000"},
		// The next measurement runs without the settings that were lost.
		"power cut": {[]string{"fail sensor", "heal sensor"}, nil, "lost its settings"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, addr, do := sensortest.Wires(t, "bme680")
				dev, err := New(sensortest.ID, bus, addr, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				sensortest.ToldOnce(t, dev, sensortest.Fault{
					Break: func() { do(c.breaks...) }, Heal: func() { do(c.heals...) }, Cause: c.cause})
			})
		})
	}
}

func TestPowerCutWhileItMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, _, do := sensortest.Wires(t, "bme680")
		r := start(t, bus)
		r.ExpectOnline()
		expect(t, r, 21, 45, 101325, 100_000)
		time.Sleep(time.Minute - 110*time.Millisecond) // it was online after some 210 ms
		do("fail sensor", "heal sensor")
		r.ExpectOffline("no measurement for 500ms, expected one after 200ms")
		r.ExpectOnline()
		expect(t, r, 21, 45, 101325, 100_000)
		r.Stop()
	})
}

func TestNewRefuses(t *testing.T) {
	bus := &i2ctest.Playback{}
	if _, err := New("s", bus, 0x78, time.Minute); err == nil || !strings.Contains(err.Error(), "0x76 or 0x77") {
		t.Error(err)
	}
	if _, err := New("s", bus, 0x76, time.Second); err == nil || !strings.Contains(err.Error(), "3s") {
		t.Error(err)
	}
}
