package ds18b20

import (
	"encoding/binary"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/onewire/onewiretest"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sensortest"
	"kapija/firmware-bridge/sim"
	"kapija/internal/brick"
)

const (
	addr1 = onewire.Address(0x7a00000131825228)
	addr2 = onewire.Address(0x4d00000131825328)
)

// op is one transaction with the sensor at addr1.
func op(command byte, pull onewire.Pullup, r ...byte) onewiretest.IO {
	return onewiretest.IO{W: []byte{0x55, 0x28, 0x52, 0x82, 0x31, 0x01, 0x00, 0x00, 0x7A, command}, R: r, Pull: pull}
}

var (
	ownSupply  = op(0xB4, onewire.WeakPullup, 0xFF)
	noSupply   = op(0xB4, onewire.WeakPullup, 0x00)
	convert    = op(0x44, onewire.WeakPullup)
	convertStr = op(0x44, onewire.StrongPullup)
)

// pad is a scratchpad with a right CRC.
func pad(raw int16, config byte) []byte {
	b := append(binary.LittleEndian.AppendUint16(nil, uint16(raw)), 0x4B, 0x46, config, 0xFF, 0x0C, 0x10)
	return append(b, onewire.CalcCRC(b))
}

func scratchpad(b ...byte) onewiretest.IO { return op(0xBE, onewire.WeakPullup, b...) }

func celsius(v float64) bridge.Measured {
	return bridge.Measured{Quantity: "Temperature_Sensor", Value: v, Unit: "Cel"}
}

// The pairs of the datasheet's "Temperature/Data Relationship", without the 85 °C of power-on.
func TestDecodesTheDatasheetsTable(t *testing.T) {
	for raw, want := range map[uint16]float64{0x07D0: 125, 0x0191: 25.0625, 0x00A2: 10.125, 0x0008: 0.5, 0: 0,
		0xFFF8: -0.5, 0xFF5E: -10.125, 0xFE6F: -25.0625, 0xFC90: -55} {
		got, err := decode([9]byte(pad(int16(raw), 0x7F)))
		if err != nil || got != physic.ZeroCelsius+physic.Temperature(want*float64(physic.Celsius)) {
			t.Errorf("0x%04x is %v, %v, expected %v °C", raw, got, err, want)
		}
	}
	for config, want := range map[byte]float64{0x1F: 25.5, 0x3F: 25.75, 0x5F: 25.875, 0x7F: 25.9375} {
		got, err := decode([9]byte(pad(0x019F, config)))
		if err != nil || got.Celsius() != want {
			t.Errorf("with configuration 0x%02x: %v, %v, expected %v °C", config, got, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(pad(0x0191, 0x7F))
	f.Add(pad(85*16, 0x7F))
	f.Add(make([]byte, 9))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) != 9 {
			return
		}
		got, err := decode([9]byte(raw))
		if err == nil && (onewire.CalcCRC(raw[:8]) != raw[8] || got == physic.ZeroCelsius+85*physic.Kelvin) {
			t.Errorf("%x is %v", raw, got)
		}
	})
}

func TestPlayback(t *testing.T) {
	good := scratchpad(pad(0x0191, 0x7F)...)
	wrong := pad(0x0191, 0x7F)
	wrong[8]++
	for what, c := range map[string]struct {
		opts  Opts
		ops   []onewiretest.IO
		check func(r *sensortest.Running)
	}{
		"measures, asked for its supply once": {Opts{},
			[]onewiretest.IO{ownSupply, convert, good, convert, good},
			func(r *sensortest.Running) {
				r.ExpectOnline(celsius(25.06))
				r.Expect(celsius(25.06))
			}},
		"parasitic power has a strong pull-up": {Opts{Parasitic: true},
			[]onewiretest.IO{noSupply, convertStr, good},
			func(r *sensortest.Running) { r.ExpectOnline(celsius(25.06)) }},
		"parasitic power that nobody configured": {Opts{},
			[]onewiretest.IO{noSupply},
			func(r *sensortest.Running) { r.ExpectOffline("ds18b20: the chip has no supply of its own") }},
		"a wrong CRC is a failure, and it starts anew": {Opts{},
			[]onewiretest.IO{ownSupply, convert, scratchpad(wrong...), ownSupply, convert, good},
			func(r *sensortest.Running) {
				r.ExpectOffline("the scratchpad has CRC")
				r.ExpectOnline(celsius(25.06))
			}},
		"85 °C is no measurement": {Opts{},
			[]onewiretest.IO{ownSupply, convert, scratchpad(pad(85*16, 0x7F)...)},
			func(r *sensortest.Running) { r.ExpectOffline("85 °C is what the chip holds after power-on") }},
		"next to 85 °C is one": {Opts{},
			[]onewiretest.IO{ownSupply, convert, scratchpad(pad(85*16+1, 0x7F)...)},
			func(r *sensortest.Running) { r.ExpectOnline(celsius(85.06)) }},
		"no answer": {Opts{},
			[]onewiretest.IO{ownSupply, convert, scratchpad(slices.Repeat([]byte{0xFF}, 9)...)},
			func(r *sensortest.Running) { r.ExpectOffline("no answer") }},
		"zeros, whose CRC is right": {Opts{Parasitic: true},
			[]onewiretest.IO{noSupply, convertStr, scratchpad(make([]byte, 9)...)},
			func(r *sensortest.Running) {
				r.ExpectOffline("the configuration is 0x00, expected 0x1f, 0x3f, 0x5f or 0x7f")
			}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &onewiretest.Playback{Ops: c.ops, DontPanic: true}
				dev, err := New(sensortest.ID, Share(bus), addr1, time.Minute, &c.opts)
				if err != nil {
					t.Fatal(err)
				}
				r := sensortest.Start(t, dev)
				c.check(r)
				r.Stop()
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func newBus() *sim.OneWire {
	began := time.Now()
	return sim.NewOneWire("bus", func() time.Duration { return time.Second + time.Since(began) })
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	set := func(v float64) func(*sim.OneWire, *sim.DS18B20) {
		return func(_ *sim.OneWire, s *sim.DS18B20) {
			if err := s.Set(brick.Temperature, v); err != nil {
				panic(err)
			}
		}
	}
	for what, c := range map[string]struct {
		breaks, heals func(*sim.OneWire, *sim.DS18B20)
		cause         string
	}{
		"bus": {func(b *sim.OneWire, _ *sim.DS18B20) { b.Fail(true) },
			func(b *sim.OneWire, _ *sim.DS18B20) { b.Fail(false) }, syscall.EIO.Error()},
		"power cut": {func(_ *sim.OneWire, s *sim.DS18B20) { s.Fail(true) },
			func(_ *sim.OneWire, s *sim.DS18B20) { s.Fail(false) }, "no answer"},
		"short": {func(b *sim.OneWire, _ *sim.DS18B20) { b.Short(true) },
			func(b *sim.OneWire, _ *sim.DS18B20) { b.Short(false) }, "short to ground"},
		"disturbed": {func(_ *sim.OneWire, s *sim.DS18B20) { s.Disturb(true) },
			func(_ *sim.OneWire, s *sim.DS18B20) { s.Disturb(false) }, "the scratchpad has CRC"},
		"heat": {set(125.0625), set(21), "temperature of 125.06 °C is out of the chip's range of -55 to 125"},
		"cold": {set(-56), set(21), "temperature of -56 °C is out of the chip's range"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := newBus()
				chip := sim.NewDS18B20(bus, addr1, false)
				dev, err := New(sensortest.ID, Share(bus), addr1, 10*time.Second, nil)
				if err != nil {
					t.Fatal(err)
				}
				sensortest.ToldOnce(t, dev, sensortest.Fault{
					Break: func() { c.breaks(bus, chip) }, Heal: func() { c.heals(bus, chip) }, Cause: c.cause})
			})
		})
	}
}

func TestPowerCutWhileItConverts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := newBus()
		chip := sim.NewDS18B20(bus, addr1, false)
		dev, err := New(sensortest.ID, Share(bus), addr1, time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := sensortest.Start(t, dev)
		r.ExpectOnline(celsius(21))
		time.Sleep(time.Minute - 500*time.Millisecond) // it was online after 750 ms
		chip.Fail(true)
		chip.Fail(false)
		r.ExpectOffline("85 °C is what the chip holds after power-on")
		r.ExpectOnline(celsius(21))
		r.Stop()
	})
}

// Two sensors take their power from one line: neither may talk while the other converts.
func TestSeveralOnOneBus(t *testing.T) {
	for what, parasitic := range map[string]bool{"own supply": false, "parasitic": true} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := newBus()
				shared := Share(bus)
				var running []*sensortest.Running
				for i, addr := range []onewire.Address{addr1, addr2} {
					chip := sim.NewDS18B20(bus, addr, parasitic)
					if err := chip.Set(brick.Temperature, float64(10+i)); err != nil {
						t.Fatal(err)
					}
					dev, err := New([]string{"one", "two"}[i], shared, addr, 2*time.Second, &Opts{Parasitic: parasitic})
					if err != nil {
						t.Fatal(err)
					}
					running = append(running, sensortest.Start(t, dev))
				}
				for _, r := range running {
					r.ExpectOnline()
				}
				for range 10 {
					for i, r := range running {
						r.Expect(celsius(float64(10 + i)))
					}
				}
				for _, r := range running {
					r.Stop()
				}
			})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	bus := Share(newBus())
	for want, c := range map[string]struct {
		addr  onewire.Address
		every time.Duration
	}{
		"has family 0x10; a DS18B20 has 0x28": {0x6d00000131825210, time.Minute},
		"is not the CRC of the others":        {addr1 ^ 1<<20, time.Minute},
		"at least 2s are needed":              {addr1, time.Second},
	} {
		if _, err := New("s", bus, c.addr, c.every, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}
