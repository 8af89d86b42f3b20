package sht4x

import (
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

var (
	reset   = write(0x94)
	serial  = write(0x89)
	number  = read(0xBE, 0xEF, 0x92, 0x00, 0x01, 0xB0)
	measure = write(0xFD)
)

func air(celsius, percent float64) []any {
	return []any{
		bridge.Measured{Quantity: "Air_Temperature_Sensor", Value: celsius, Unit: "Cel"},
		bridge.Measured{Quantity: "Relative_Humidity_Sensor", Value: percent, Unit: "%"},
	}
}

func start(t *testing.T, bus i2c.Bus) *sensortest.Running {
	t.Helper()
	dev, err := New(sensortest.ID, bus, 0x44, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return sensortest.Start(t, dev)
}

func TestStrangeAnswers(t *testing.T) {
	for what, c := range map[string]struct {
		ops   []i2ctest.IO
		check func(r *sensortest.Running)
	}{
		"nothing but ones, as from a dead bus": {
			[]i2ctest.IO{reset, serial, read(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)},
			func(r *sensortest.Running) {
				r.ExpectOffline("serial number, which each SHT4x has: word 1 has CRC 0xff")
			}},
		"a chip without a serial number": {
			[]i2ctest.IO{reset, serial, read(0, 0, 0x81, 0, 0, 0x81)},
			func(r *sensortest.Running) { r.ExpectOffline("found 0, expected another") }},
		"humidity is cropped": {
			[]i2ctest.IO{reset, serial, number, measure, read(0x66, 0x67, 0xA2, 0x00, 0x00, 0x81),
				measure, read(0x66, 0x67, 0xA2, 0xFF, 0xFF, 0xAC)},
			func(r *sensortest.Running) {
				r.ExpectOnline(air(25, 0)...)
				r.Expect(air(25, 100)...)
			}},
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

func TestOnVirtualWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, _, do := sensortest.Wires(t, "sht4x")
		began := time.Now()
		r := start(t, bus)
		r.ExpectOnline(air(21, 45)...)
		do("value sensor temperature -39.99", "value sensor humidity 0.01")
		r.Expect(air(-39.99, 0.01)...)
		do("value sensor temperature 124.99", "value sensor humidity 100")
		r.Expect(air(124.99, 100)...)
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+20*time.Millisecond {
			t.Errorf("three measurements took %v", took)
		}
		r.Stop()
	})
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct{ breaks, heals, cause string }{
		"bus":  {"fail sensor", "heal sensor", syscall.EIO.Error()},
		"heat": {"value sensor temperature 126", "value sensor temperature 21", "temperature of 126 °C is out of the chip's range"},
		"cold": {"value sensor temperature -41", "value sensor temperature 21", "temperature of -41 °C is out of the chip's range"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, addr, do := sensortest.Wires(t, "sht4x")
				dev, err := New(sensortest.ID, bus, addr, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				sensortest.ToldOnce(t, dev, sensortest.Fault{
					Break: func() { do(c.breaks) }, Heal: func() { do(c.heals) }, Cause: c.cause})
			})
		})
	}
}

// A chip that loses its power while it measures has nothing to tell afterwards.
func TestPowerCutWhileItMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, _, do := sensortest.Wires(t, "sht4x")
		r := start(t, bus)
		r.ExpectOnline(air(21, 45)...)
		time.Sleep(time.Minute - 10*time.Millisecond) // it was online after some 15 ms
		do("fail sensor", "heal sensor")
		r.ExpectOffline("nothing to read")
		r.ExpectOnline(air(21, 45)...)
		r.Stop()
	})
}

func TestAnotherChipAtTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, addr, _ := sensortest.Wires(t, "scd4x")
		r := start(t, moved{bus, addr})
		r.ExpectOffline("soft reset: ")
		r.Stop()
	})
}

// moved is a bus whose chip has another address.
type moved struct {
	i2c.Bus
	to uint16
}

func (m moved) Tx(_ uint16, w, r []byte) error { return m.Bus.Tx(m.to, w, r) }

func TestNewRefuses(t *testing.T) {
	bus := &i2ctest.Playback{}
	if _, err := New("s", bus, 0x47, time.Minute); err == nil || !strings.Contains(err.Error(), "0x47, read every 1m0s; expected 0x44") {
		t.Error(err)
	}
	if _, err := New("s", bus, 0x46, time.Millisecond); err == nil || !strings.Contains(err.Error(), "1s") {
		t.Error(err)
	}
}
