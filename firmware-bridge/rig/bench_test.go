package rig_test

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/brick"
	"kapija/internal/cardformat"
)

var everything = []string{"beams", "bme280", "bme680", "distance", "ds18b20", "expander-contact", "expander-rex", "ld2410", "leak", "line-contact",
	"loop-contact", "mfrc522", "osdp", "osdp-tamper", "pir", "pn532", "scd4x", "sht4x", "wiegand"}

func TestBenchComesUp(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		w := f.wires(t, false)
		d, err := f.open(t, w)
		if err != nil {
			t.Fatal(err)
		}
		for id, o := range d.Outputs {
			if on, err := o.Level(); on || err != nil && !strings.HasPrefix(id, "osdp-") {
				t.Errorf("L14 %s is on: %v, error %v, before anything runs", id, on, err)
			}
		}
		b := run(t, w, d)
		told := b.told(online)
		if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, everything) {
			t.Errorf("told of %q, expected %q", got, everything)
		}
		if got := d.IDs(); !slices.Equal(slices.Sorted(slices.Values(got)), everything) {
			t.Errorf("IDs %q, expected %q", got, everything)
		}
		for id, all := range told {
			want := []any{bridge.Health{Online: true}}
			if strings.HasSuffix(id, "contact") || id == "expander-rex" || id == "osdp-tamper" {
				want = append(want, bridge.Level{First: true}) // L07
			}
			if !slices.Equal(all, want) {
				t.Errorf("%s: told %+v, expected %+v", id, all, want)
			}
		}
		for id, on := range b.shown() {
			if level, err := d.Outputs[id].Level(); on || level || err != nil {
				t.Errorf("L14 %s: energised %v, read back %v, error %v", id, on, level, err)
			}
		}
	})
}

// L07 in each place: what was active before the gateway started is told as found.
func TestL07BenchInputsAtStart(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		w := f.wires(t, false)
		inputs := []string{"line-contact", "expander-contact", "loop-contact", "osdp-tamper"}
		for _, id := range inputs {
			if _, err := w.Do(t.Context(), "level "+id+" 1"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Do(t.Context(), "level expander-rex 0"); err != nil {
			t.Fatal(err)
		}
		told := f.run(t, w).told(online)
		for _, id := range append(inputs, "expander-rex") {
			if want := []any{bridge.Health{Online: true}, bridge.Level{Active: true, First: true}}; !slices.Equal(withoutAlerts(told[id]), want) {
				t.Errorf("%s: told %+v, expected %+v", id, told[id], want)
			}
		}
	})
}

func withoutAlerts(all []any) []any {
	return slices.DeleteFunc(slices.Clone(all), func(what any) bool { _, alert := what.(bridge.Alert); return alert })
}

func TestBenchReaders(t *testing.T) {
	bits := func(format string, facility, number uint64) string {
		b, n, err := cardformat.Encode(format, facility, number)
		if err != nil {
			t.Fatal(err)
		}
		return cardformat.String(b, n)
	}
	type read struct{ command, format, bits string }
	uid := func(digits string) string {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		return cardformat.String(raw, 8*len(raw))
	}
	var all []read
	for _, id := range []string{"wiegand", "osdp"} {
		for _, format := range []string{"wiegand-26", "wiegand-37"} {
			all = append(all, read{"wiegand " + id + " " + bits(format, 1, 99), format, bits(format, 1, 99)})
		}
		all = append(all, read{"keys " + id + " 1234#", bridge.FormatPIN, uid(hex.EncodeToString([]byte("1234")))})
	}
	for _, id := range []string{"mfrc522", "pn532"} {
		all = append(all, read{"card " + id + " 01020304", "uid-32", uid("01020304")}, // L31: zeros in front count
			read{"card " + id + " 0402030405060a", "uid-56", uid("0402030405060a")},
			read{"card " + id + " desfire:04a1b2c3d4e5f6", "desfire", uid("04a1b2c3d4e5f6")},
			read{"card " + id + " ntag424:04112233445566", "ntag424", uid("04112233445566")},
			read{"card " + id + " ntag424:04112233445566", "ntag424", uid("04112233445566")}) // its message is another one each time
	}
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		for _, r := range all {
			b.do("%s", r.command)
			told := b.told(time.Second)
			id := strings.Fields(r.command)[1]
			if len(told) != 1 || len(told[id]) != 1 {
				t.Errorf("%s at %s: told %+v, expected one reading there", r.format, id, told)
				continue
			}
			if got, ok := told[id][0].(bridge.Read); !ok || got.Format != r.format || cardformat.String(got.Bits, got.Len) != r.bits || got.Fault != bridge.NoFault {
				t.Errorf("%s at %s: found %T of format %q with fault %q, or other bits", r.format, id, told[id][0], got.Format, got.Fault)
			}
		}
	})
}

func TestBenchInputsAndCounters(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		for id, idle := range map[string]int{"line-contact": 0, "expander-contact": 0, "expander-rex": 1, "loop-contact": 0, "osdp-tamper": 0} {
			for _, active := range []bool{true, false} {
				level := idle
				if active {
					level = 1 - idle
				}
				b.do("level %s %d", id, level)
				told := b.told(time.Second)
				if got := withoutAlerts(told[id]); !slices.Equal(got, []any{bridge.Level{Active: active}}) || len(told) > 2 {
					t.Errorf("%s: told %+v, expected active %v there alone", id, told, active)
				}
			}
		}
		for _, state := range []string{"cut", "short"} {
			b.do("loop loop-contact %s", state)
			if got := healths(b.told(time.Second))["loop-contact"]; len(got) != 1 || got[0].Online {
				t.Errorf("a loop that is %s: told %+v, expected offline", state, got)
			}
			b.do("loop loop-contact sound")
			if got := b.told(5 * time.Second)["loop-contact"]; !slices.Equal(got, []any{bridge.Health{Online: true}, bridge.Level{First: true}}) {
				t.Errorf("a loop that was %s: told %+v, expected online and its level", state, got)
			}
		}
		for _, id := range []string{"beams", "distance"} {
			for _, in := range []bool{true, false, false, true} {
				way := map[bool]string{true: "in", false: "out"}[in]
				b.do("walk %s %s", id, way)
				if told := b.told(2 * time.Second); len(told) != 1 || !slices.Equal(told[id], []any{bridge.Passage{In: in}}) {
					t.Errorf("%s: told %+v, expected one passage %s", id, told, way)
				}
			}
		}
	})
}

// Each quantity of each sensor, with its value before and after it changed.
func TestBenchSensors(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		for _, c := range []struct {
			sensor, word, quantity string
			value, tolerance       float64
		}{
			{"bme280", "temperature", brick.AirTemperature, 30, 0.2}, {"bme280", "humidity", brick.RelativeHumidity, 60, 1}, {"bme280", "pressure", brick.StaticPressure, 99000, 50},
			{"bme680", "temperature", brick.AirTemperature, 30, 0.2}, {"bme680", "humidity", brick.RelativeHumidity, 60, 1}, {"bme680", "pressure", brick.StaticPressure, 99000, 50},
			{"bme680", "gas", brick.GasResistance, 50000, 3000},
			{"scd4x", "co2", brick.CO2Level, 1234, 1}, {"scd4x", "temperature", brick.AirTemperature, 30, 0.2}, {"scd4x", "humidity", brick.RelativeHumidity, 60, 1},
			{"sht4x", "temperature", brick.AirTemperature, 30, 0.2}, {"sht4x", "humidity", brick.RelativeHumidity, 60, 1},
			{"ds18b20", "temperature", brick.Temperature, 30, 0.1},
			{"ld2410", "presence", brick.Occupancy, 1, 0}, {"pir", "motion", brick.Motion, 1, 0}, {"leak", "leak", brick.Leak, 1, 0},
		} {
			b.do("value %s %s %v", c.sensor, c.word, c.value)
			got, ok := b.measured(25 * time.Second)[c.sensor+" "+c.quantity]
			if !ok || got < c.value-c.tolerance || got > c.value+c.tolerance {
				t.Errorf("%s %s: found %v, %v, expected %v", c.sensor, c.quantity, got, ok, c.value)
			}
		}
	})
}

// measured waits d and returns the last value of each sensor and quantity.
func (b *bench) measured(d time.Duration) map[string]float64 {
	time.Sleep(d)
	synctest.Wait()
	m := map[string]float64{}
	for len(b.out) > 0 {
		s := <-b.out
		if v, ok := s.What.(bridge.Measured); ok {
			m[s.Device+" "+v.Quantity] = v.Value
		}
	}
	return m
}

func TestBenchOutputs(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		if len(b.devices.Outputs) != 6 {
			t.Fatalf("found %d outputs, expected 6", len(b.devices.Outputs))
		}
		for id, o := range b.devices.Outputs {
			for _, on := range []bool{true, false} {
				err := o.Set(on)
				time.Sleep(time.Second) // an OSDP reader is told in its turn
				level, failed := o.Level()
				if err != nil || failed != nil || level != on {
					t.Errorf("%s set %v: read back %v, errors %v and %v", id, on, level, err, failed)
				}
				for other, shows := range b.shown() {
					if want := on && other == id; shows != want {
						t.Errorf("%s set %v: %s shows %v", id, on, other, shows)
					}
				}
			}
		}
	})
}
