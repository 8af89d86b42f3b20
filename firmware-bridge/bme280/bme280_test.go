package bme280

import (
	"context"
	"math"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

const address = 0x76

func read(reg byte, b ...byte) i2ctest.IO {
	return i2ctest.IO{Addr: address, W: []byte{reg}, R: b}
}

// The coefficients and results of the example in Bosch's BMP280 datasheet (BST-BMP280-DS001, section 3.12), whose
// pressure and temperature parts are the same: 25.08 °C, 100653 Pa. Humidity has dig_H1 = 75, dig_H2 = 362,
// dig_H3 = 0, dig_H4 = 311, dig_H5 = 50, dig_H6 = 30 and the result 30000.
var (
	calibTP = read(0x88,
		0x70, 0x6B, 0x43, 0x67, 0x18, 0xFC, 0x7D, 0x8E, 0x43, 0xD6, 0xD0, 0x0B, 0x27,
		0x0B, 0x8C, 0x00, 0xF9, 0xFF, 0x8C, 0x3C, 0xF8, 0xC6, 0x70, 0x17, 0x00, 75)
	calibH  = read(0xE1, 0x6A, 0x01, 0x00, 0x13, 0x27, 0x03, 30)
	signsH  = read(0xE4, 0x13, 0x27, 0x03)
	config  = i2ctest.IO{Addr: address, W: []byte{0xF4, 0x24, 0xF2, 0x01, 0xF5, 0xA0, 0xF4, 0x24}}
	force   = i2ctest.IO{Addr: address, W: []byte{0xF4, 0x25}}
	idle    = read(0xF3, 0x00)
	busy    = read(0xF3, 0x08)
	results = read(0xF7, 0x65, 0x5A, 0xC0, 0x7E, 0xED, 0x00, 0x75, 0x30)
	kept    = read(0xF2, 0x01)
	lost    = read(0xF2, 0x00)
	isBME   = read(0xD0, 0x60)
)

// humidity is the formula of the BME280 datasheet's appendix A, in floating point, for the coefficients above.
func humidity(celsius, raw float64) float64 {
	fine := celsius*5120 - 76800
	h := (raw - (311*64 + 50.0/16384*fine)) * (362.0 / 65536 * (1 + 30.0/67108864*fine*(1+0)))
	return h * (1 - 75*h/524288)
}

func run(t *testing.T, bus i2c.Bus, every time.Duration) (out chan bridge.Signal, stop func()) {
	t.Helper()
	dev, err := New("air", bus, address, every)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := make(chan bridge.Signal), make(chan error, 1)
	go func() { ended <- dev.Run(ctx, out) }()
	return out, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func next(t *testing.T, out chan bridge.Signal) any {
	t.Helper()
	s := <-out
	if s.Device != "air" || s.At.After(time.Now()) {
		t.Errorf("signal %+v", s)
	}
	return s.What
}

func expectAir(t *testing.T, out chan bridge.Signal, celsius, percent, pascal float64) {
	t.Helper()
	for _, want := range []bridge.Measured{
		{Quantity: "Air_Temperature_Sensor", Value: celsius, Unit: "Cel"},
		{Quantity: "Relative_Humidity_Sensor", Value: percent, Unit: "%"},
		{Quantity: "Static_Pressure_Sensor", Value: pascal, Unit: "Pa"},
	} {
		got, ok := next(t, out).(bridge.Measured)
		if !ok || got.Quantity != want.Quantity || got.Unit != want.Unit || math.Abs(got.Value-want.Value) > 0.13 ||
			want.Unit == "Cel" && math.Abs(got.Value-want.Value) > 0.0051 {
			t.Errorf("measured %+v, expected %+v", got, want)
		}
	}
}

func expectOnline(t *testing.T, out chan bridge.Signal) {
	t.Helper()
	if got := next(t, out); got != (bridge.Health{Online: true}) {
		t.Errorf("told %+v, expected online", got)
	}
}

func expectOffline(t *testing.T, out chan bridge.Signal, cause string) {
	t.Helper()
	h, ok := next(t, out).(bridge.Health)
	if !ok || h.Online || !strings.Contains(h.Cause, cause) || !strings.HasPrefix(h.Cause, "bme280: ") {
		t.Errorf("told %+v, expected offline: bme280: %s", h, cause)
	}
}

func play(t *testing.T, ops []i2ctest.IO, check func(out chan bridge.Signal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{Ops: ops, DontPanic: true}
		out, stop := run(t, bus, time.Minute)
		check(out)
		stop()
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPlayback(t *testing.T) {
	setUp := []i2ctest.IO{isBME, calibTP, calibH, config, signsH}
	ops := append(append([]i2ctest.IO{}, setUp...), force, busy, busy, idle, results, kept, force, idle, results, lost)
	ops = append(append(ops, setUp...), force, idle, results, kept)
	percent := humidity(25.08, 30000)
	play(t, ops, func(out chan bridge.Signal) {
		expectOnline(t, out)
		expectAir(t, out, 25.08, percent, 100653.3)
		expectOffline(t, out, "lost its settings, as after a power cut: ctrl_hum is 0x00, expected 0x01")
		expectOnline(t, out)
		expectAir(t, out, 25.08, percent, 100653.3)
	})
}

func TestWrongChips(t *testing.T) {
	for what, c := range map[string]struct {
		ops   []i2ctest.IO
		cause string
	}{
		"another maker's": {[]i2ctest.IO{read(0xD0, 0x61)}, "unexpected chip id 61"},
		"BMP280": {[]i2ctest.IO{read(0xD0, 0x58), calibTP,
			{Addr: address, W: []byte{0xF4, 0x24, 0xF5, 0xA0, 0xF4, 0x24}}}, "the chip is a BMP280, expected a BME280"},
		"negative dig_H4": {[]i2ctest.IO{isBME, calibTP, calibH, config, read(0xE4, 0x80, 0, 0)}, "negative dig_H4"},
		"negative dig_H5": {[]i2ctest.IO{isBME, calibTP, calibH, config, read(0xE4, 0, 0, 0xFF)}, "negative dig_H4"},
	} {
		t.Run(what, func(t *testing.T) {
			play(t, c.ops, func(out chan bridge.Signal) { expectOffline(t, out, c.cause) })
		})
	}
}

// stuck answers each look at the status register with a measurement that goes on.
type stuck struct{ i2c.Bus }

func (s stuck) Tx(addr uint16, w, r []byte) error {
	err := s.Bus.Tx(addr, w, r)
	if len(w) == 1 && w[0] == 0xF3 {
		r[0] = 0x08
	}
	return err
}

func TestChipThatStaysBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, _ := wires(t)
		out, stop := run(t, stuck{bus}, time.Minute)
		expectOffline(t, out, "stays busy")
		stop()
	})
}

func wires(t *testing.T) (i2c.Bus, func(line string)) {
	t.Helper()
	w, err := sim.Open(&site.Gateway{ID: "gw", Sensors: []*site.Sensor{{ID: "air", Chip: "bme280"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bus, addr, err := w.I2C("air")
	if err != nil || addr != address {
		t.Fatal(addr, err)
	}
	return bus, func(line string) {
		t.Helper()
		if _, err := w.Do(t.Context(), line); err != nil {
			t.Error(err)
		}
	}
}

func TestOnVirtualWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, do := wires(t)
		out, stop := run(t, bus, 10*time.Second)
		expectOnline(t, out)
		expectAir(t, out, 21, 45, 101325)
		start := time.Now()
		for _, c := range []struct {
			celsius, percent, pascal float64
			set                      []string
		}{
			{-40, 45, 101325, []string{"temperature -40"}},
			{85, 45, 101325, []string{"Air_Temperature_Sensor 85"}},
			{23.46, 0, 30000, []string{"temperature 23.46", "humidity 0", "pressure 30000"}},
			{0, 100, 110000, []string{"temperature 0", "Relative_Humidity_Sensor 100", "Static_Pressure_Sensor 110000"}},
			{-0.01, 64, 98765.4, []string{"temperature -0.01", "humidity 64", "pressure 98765.4"}},
		} {
			for _, s := range c.set {
				do("value air " + s)
			}
			expectAir(t, out, c.celsius, c.percent, c.pascal)
		}
		if took := time.Since(start); took != 50*time.Second {
			t.Errorf("five measurements took %v", took)
		}
		stop()
	})
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		breaks, heals []string
		cause         string
	}{
		"bus":          {[]string{"fail air"}, []string{"heal air"}, syscall.EIO.Error()},
		"out of range": {[]string{"value air temperature 85.01"}, []string{"value air temperature 21"}, "temperature of 85.01 °C is out of the chip's range of -40 to 85"},
		"vacuum":       {[]string{"value air pressure 1"}, []string{"value air pressure 101325"}, "out of the chip's range of 30000 to 110000"},
		"power cut":    {[]string{"fail air", "heal air"}, nil, "lost its settings"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, do := wires(t)
				out, stop := run(t, bus, 10*time.Second)
				expectOnline(t, out)
				expectAir(t, out, 21, 45, 101325)
				for _, line := range c.breaks {
					do(line)
				}
				expectOffline(t, out, c.cause)
				if c.heals != nil {
					select {
					case s := <-out:
						t.Fatalf("told %+v while nothing changed", s)
					case <-time.After(time.Hour):
					}
					for _, line := range c.heals {
						do(line)
					}
				}
				healed := time.Now()
				expectOnline(t, out)
				if took := time.Since(healed); took > 16*time.Second {
					t.Errorf("back after %v", took)
				}
				expectAir(t, out, 21, 45, 101325)
				stop()
			})
		})
	}
}

func TestMissingAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, do := wires(t)
		do("fail air")
		out, stop := run(t, bus, 10*time.Second)
		expectOffline(t, out, syscall.EIO.Error())
		do("heal air")
		expectOnline(t, out)
		expectAir(t, out, 21, 45, 101325)
		stop()
	})
}

func TestNewRefuses(t *testing.T) {
	bus := &i2ctest.Playback{}
	if _, err := New("s", bus, 0x60, time.Minute); err == nil || !strings.Contains(err.Error(), "0x76 or 0x77") {
		t.Error(err)
	}
	if _, err := New("s", bus, 0x77, time.Millisecond); err == nil || !strings.Contains(err.Error(), "100ms") {
		t.Error(err)
	}
}
