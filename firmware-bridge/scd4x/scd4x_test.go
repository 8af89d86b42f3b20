package scd4x

import (
	"context"
	"slices"
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

func write(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: Address, W: b} }
func read(b ...byte) i2ctest.IO  { return i2ctest.IO{Addr: Address, R: b} }

var (
	stop     = write(0x3F, 0x86)
	begin    = write(0x21, 0xB1)
	ready    = write(0xE4, 0xB8)
	fetch    = write(0xEC, 0x05)
	notYet   = read(0x80, 0x00, 0xA2)
	there    = read(0x80, 0x06, 0x04)
	measured = read(0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C) // 500 ppm, 25 °C, 37 % (p. 9)
)

// runUntil runs a sensor on bus until it told n signals.
func runUntil(t *testing.T, bus i2c.Bus, every time.Duration, n int) []any {
	t.Helper()
	dev, err := New("co2", bus, Address, every)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := make(chan bridge.Signal), make(chan error, 1)
	go func() { ended <- dev.Run(ctx, out) }()
	var got []any
	for range n {
		s := <-out
		if s.Device != "co2" || s.At.After(time.Now()) {
			t.Errorf("signal %+v", s)
		}
		got = append(got, s.What)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return got
}

func cause(t *testing.T, what any) string {
	t.Helper()
	h, ok := what.(bridge.Health)
	if !ok || h.Online {
		t.Fatalf("signal %+v, expected offline", what)
	}
	return h.Cause
}

func air(ppm, celsius, percent float64) []any {
	return []any{
		bridge.Measured{Quantity: "CO2_Level_Sensor", Value: ppm, Unit: "[ppm]"},
		bridge.Measured{Quantity: "Air_Temperature_Sensor", Value: celsius, Unit: "Cel"},
		bridge.Measured{Quantity: "Relative_Humidity_Sensor", Value: percent, Unit: "%"},
	}
}

func TestPlayback(t *testing.T) {
	online := bridge.Health{Online: true}
	good := append([]any{online}, air(500, 25, 37)...)
	for what, c := range map[string]struct {
		ops   []i2ctest.IO
		n     int
		check func(t *testing.T, got []any)
	}{
		"measures when there is a result": {
			[]i2ctest.IO{stop, begin, ready, notYet, ready, notYet, ready, there, fetch, measured}, 4,
			func(t *testing.T, got []any) {
				if !slices.Equal(got, good) {
					t.Errorf("told %+v", got)
				}
			}},
		"a wrong CRC is a failure, and it starts anew": {
			[]i2ctest.IO{stop, begin, ready, there, fetch, read(0x01, 0xF5, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C),
				stop, begin, ready, there, fetch, measured}, 5,
			func(t *testing.T, got []any) {
				if c := cause(t, got[0]); !strings.Contains(c, "scd4x: read_measurement: word 1 has CRC 0x33, expected") {
					t.Error(c)
				}
				if !slices.Equal(got[1:], good) {
					t.Errorf("told %+v", got)
				}
			}},
		"a wrong CRC of the status": {
			[]i2ctest.IO{stop, begin, ready, read(0, 0, 0)}, 1,
			func(t *testing.T, got []any) {
				if c := cause(t, got[0]); !strings.Contains(c, "get_data_ready_status: word 1 has CRC 0x00, expected 0x81") {
					t.Error(c)
				}
			}},
		"nothing but ones, as from a dead bus": {
			[]i2ctest.IO{stop, begin, ready, read(0xFF, 0xFF, 0xFF)}, 1,
			func(t *testing.T, got []any) {
				if c := cause(t, got[0]); !strings.Contains(c, "expected 0xac") {
					t.Error(c)
				}
			}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &i2ctest.Playback{Ops: c.ops, DontPanic: true}
				c.check(t, runUntil(t, bus, time.Minute, c.n))
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// wires has one scd4x on virtual wires.
func wires(t *testing.T) (*sim.Wires, i2c.Bus, func(line string)) {
	t.Helper()
	w, err := sim.Open(&site.Gateway{ID: "gw", Sensors: []*site.Sensor{{ID: "co2", Chip: "scd4x"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bus, addr, err := w.I2C("co2")
	if err != nil || addr != Address {
		t.Fatal(addr, err)
	}
	return w, bus, func(line string) {
		t.Helper()
		if _, err := w.Do(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnVirtualWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, bus, do := wires(t)
		start := time.Now()
		got := runUntil(t, bus, 30*time.Second, 4)
		if !slices.Equal(got[1:], air(600, 21, 45)) {
			t.Errorf("told %+v", got)
		}
		if took := time.Since(start); took < 5500*time.Millisecond || took > 6*time.Second {
			t.Errorf("first result after %v", took)
		}
		do("value co2 co2 1234")
		do("value co2 temperature -3.5")
		do("value co2 humidity 99.9")
		// It measures already: started by somebody who is gone.
		if got := runUntil(t, bus, 30*time.Second, 4); !slices.Equal(got[1:], air(1234, -3.5, 99.9)) {
			t.Errorf("told %+v", got)
		}
	})
}

func TestPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, bus, _ := wires(t)
		start := time.Now()
		runUntil(t, bus, 30*time.Second, 1+3*10)
		if took := time.Since(start); took < 270*time.Second || took > 271*time.Second {
			t.Errorf("ten results took %v", took)
		}
	})
}

func TestL25EachFailureIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		breaks, heals []string
		want          string
	}{
		"bus":          {[]string{"fail co2"}, []string{"heal co2"}, syscall.EIO.Error()},
		"power cut":    {[]string{"fail co2", "heal co2"}, nil, "no measurement for 11s"},
		"out of range": {[]string{"value co2 co2 40001"}, []string{"value co2 co2 600"}, "CO2 of 40001 ppm is out of the chip's range of 1 to 40000"},
		"no air":       {[]string{"value co2 co2 0"}, []string{"value co2 co2 600"}, "CO2 of 0 ppm"},
		"heat":         {[]string{"value co2 temperature 61"}, []string{"value co2 temperature 21"}, "temperature of 61 °C is out"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, bus, do := wires(t)
				dev, err := New("co2", bus, Address, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				out := make(chan bridge.Signal, 1000)
				go func() {
					defer close(out)
					_ = dev.Run(ctx, out)
				}()
				run := func(commands []string) {
					for _, c := range commands {
						do(c)
					}
				}
				time.Sleep(63 * time.Second) // between two readings
				run(c.breaks)
				time.Sleep(time.Hour)
				run(c.heals)
				time.Sleep(time.Minute)
				cancel()
				var health []bridge.Health
				after := 0
				for s := range out {
					switch what := s.What.(type) {
					case bridge.Health:
						health = append(health, what)
						after = 0
					case bridge.Measured:
						after++
						if len(health) == 2 {
							t.Errorf("measured %+v while offline", what)
						}
					}
				}
				if len(health) != 3 || !health[0].Online || health[1].Online || !health[2].Online {
					t.Fatalf("health %+v, expected online, offline, online", health)
				}
				if !strings.Contains(health[1].Cause, c.want) {
					t.Errorf("cause %q, expected %q", health[1].Cause, c.want)
				}
				if after < 3*4 {
					t.Errorf("%d measurements after it came back", after)
				}
			})
		})
	}
}

func TestMissingAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, bus, do := wires(t)
		do("fail co2")
		go func() {
			time.Sleep(time.Hour)
			do("heal co2")
		}()
		got := runUntil(t, bus, 5*time.Second, 5)
		if c := cause(t, got[0]); !strings.Contains(c, "stop_periodic_measurement") {
			t.Error(c)
		}
		if got[1] != (bridge.Health{Online: true}) {
			t.Errorf("told %+v", got)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	bus := &i2ctest.Playback{}
	if _, err := New("s", bus, 0x63, time.Minute); err == nil || !strings.Contains(err.Error(), "0x62") {
		t.Error(err)
	}
	if _, err := New("s", bus, Address, time.Second); err == nil || !strings.Contains(err.Error(), "5s") {
		t.Error(err)
	}
}
