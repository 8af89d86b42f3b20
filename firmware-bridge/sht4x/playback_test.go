package sht4x

import (
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c/i2ctest"

	"kapija/firmware-bridge/sensortest"
)

func write(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: 0x44, W: b} }
func read(b ...byte) i2ctest.IO  { return i2ctest.IO{Addr: 0x44, R: b} }

// 25 °C, and 0x5EB9: -6 + 125 · 24249 / 65535 = 40.25 %.
func TestPlayback(t *testing.T) {
	reset, serial, measure := write(0x94), write(0x89), write(0xFD)
	number, result := read(0xBE, 0xEF, 0x92, 0x00, 0x01, 0xB0), read(0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C)
	disturbed := read(0x66, 0x67, 0xA2, 0x5E, 0xB8, 0x3C)
	synctest.Test(t, func(t *testing.T) {
		bus := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{
			reset, serial, number, measure, result, measure, disturbed, // set up once; a wrong CRC is a failure,
			reset, serial, number, measure, result}} // and it starts anew
		dev, err := New(sensortest.ID, bus, 0x44, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r := sensortest.Start(t, dev)
		r.ExpectOnline(air(25, 40.25)...)
		r.ExpectOffline("sht4x: measurement: word 2 has CRC 0x3c, expected 0x0d")
		r.ExpectOnline(air(25, 40.25)...)
		r.Stop()
		if err := bus.Close(); err != nil { // it was not asked for everything
			t.Error(err)
		}
	})
}
