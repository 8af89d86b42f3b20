package technician_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/technician"
	"kapija/internal/site"
)

const within = 10 * time.Second

func TestCheckOfABenchThatIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		start := time.Now()
		all, err := technician.Check(t.Context(), b.Config, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > within {
			t.Errorf("it took %v, expected that it ends when all have told", took)
		}
		var got []string
		for _, f := range all {
			if !f.OK || f.Try != "" {
				t.Errorf("%s: found %q, try %q, expected that it is well", f.ID, f.Found, f.Try)
			}
			got = append(got, strings.Join([]string{f.Kind, f.ID, f.Found}, " | "))
			place := b.Rig.Wiring.Place(f.ID)
			if f.ID == "beams" {
				place = "GPIO18 (pin 12) and GPIO19 (pin 35)"
			}
			if f.Place != place || place == "" {
				t.Errorf("%s: its place is %q, expected %q", f.ID, f.Place, place)
			}
		}
		const want = `reader | wiegand | both data lines are high, as they are at rest
reader | osdp | answers
reader | mfrc522 | answers
reader | pn532 | answers
input | line-contact | not active
input | expander-contact | not active
input | expander-rex | not active
input | loop-contact | not active
input | osdp-tamper | not active
counter | beams | answers
counter | distance | answers
output | line-lock | off, and reads back off
output | wiegand-led | off, and reads back off
output | wiegand-buzzer | off, and reads back off
output | expander-lock | off, and reads back off
output | osdp-led | off, and its reader answers
output | osdp-buzzer | off, and its reader answers
sensor | bme280 | Air Temperature 21 °C, Relative Humidity 45 %, Static Pressure 101325 Pa
sensor | bme680 | Air Temperature 21 °C, Relative Humidity 45 %, Static Pressure 101325 Pa, Air Quality 100000 Ω
sensor | scd4x | CO2 Level 600 ppm, Air Temperature 21 °C, Relative Humidity 45 %
sensor | sht4x | Air Temperature 21 °C, Relative Humidity 45 %
sensor | ds18b20 | Temperature 21 °C
sensor | ld2410 | Occupancy no
sensor | pir | its line can be read; it warms up for 30 s: wave at it under kapija-gateway watch
sensor | leak | Leak Alarm no`
		if got := strings.Join(got, "\n"); got != want {
			t.Errorf("found:\n%s\nexpected:\n%s", got, want)
		}
	})
}

// Each fault is found where it is, said in words that a technician can use, and hides nothing else.
func TestCheckFindsFaults(t *testing.T) {
	type finding struct {
		id    string
		found string // part of it
		try   string // part of it; empty: found says it
	}
	for name, c := range map[string]struct {
		do   []string
		want []finding
	}{
		"D0 is stuck":         {[]string{"stick wiegand d0"}, []finding{{"wiegand", "D0 is low", "short to ground"}}},
		"D1 is stuck":         {[]string{"stick wiegand d1"}, []finding{{"wiegand", "D1 is low", "D1: look for a broken wire"}}},
		"no power at reader":  {[]string{"stick wiegand both"}, []finding{{"wiegand", "both data lines are low", "powered"}}},
		"lines are gone":      {[]string{"fail wiegand"}, []finding{{"wiegand", "no such device", "wiring file"}}},
		"an OSDP reader":      {[]string{"fail osdp"}, []finding{{"osdp", "no answer for 8 s: check its power", ""}, {"osdp-tamper", "no answer", ""}, {"osdp-led", "offline", "reader that it is at"}, {"osdp-buzzer", "offline", "reader that it is at"}}},
		"MFRC522":             {[]string{"fail mfrc522"}, []finding{{"mfrc522", "check power, wiring", ""}}},
		"PN532":               {[]string{"fail pn532"}, []finding{{"pn532", "check power, wiring", ""}}},
		"an input":            {[]string{"fail line-contact"}, []finding{{"line-contact", "no such device", "wiring file"}}},
		"a barrier":           {[]string{"fail beam-inner"}, []finding{{"beams", "no such device", "wiring file"}}},
		"a counter's bus":     {[]string{"fail distance"}, []finding{{"distance", "check its power", "address jumpers"}}},
		"an expander":         {[]string{"fail io"}, []finding{{"expander-contact", "0x20", "address jumpers"}, {"expander-rex", "0x20", "address jumpers"}, {"expander-lock", "0x20", "address jumpers"}}},
		"the loops' chip":     {[]string{"fail loops"}, []finding{{"loop-contact", "0x48", "address jumpers"}}},
		"a loop is cut":       {[]string{"loop loop-contact cut"}, []finding{{"loop-contact", "the loop is cut", ""}}},
		"a loop is short":     {[]string{"loop loop-contact short"}, []finding{{"loop-contact", "short", ""}}},
		"an output is stuck":  {[]string{"fail line-lock"}, []finding{{"line-lock", "reads back on although it is off", "short"}}},
		"BME280":              {[]string{"fail bme280"}, []finding{{"bme280", "input/output error", "bus is disturbed"}}},
		"SCD4x":               {[]string{"fail scd4x"}, []finding{{"scd4x", "input/output error", "bus is disturbed"}}},
		"DS18B20":             {[]string{"fail ds18b20"}, []finding{{"ds18b20", "check that the sensor is connected", ""}}},
		"LD2410":              {[]string{"fail ld2410"}, []finding{{"ld2410", "no such file", "port is not there"}}},
		"PIR":                 {[]string{"fail pir"}, []finding{{"pir", "no such device", "wiring file"}}},
		"an open case":        {[]string{"level osdp-tamper 1"}, []finding{{"osdp", "tamper: the reader says that it was opened", ""}}},
		"a downgraded reader": {[]string{"osdp osdp downgrade -1"}, []finding{{"osdp", "insecure: ", ""}}},
		"two at once":         {[]string{"fail sht4x", "fail leak"}, []finding{{"sht4x", "0x44", "disturbed"}, {"leak", "no such device", "wiring file"}}},
		"mended":              {[]string{"fail bme280", "heal bme280", "fail wiegand", "heal wiegand", "stick wiegand both", "stick wiegand none"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.do(c.do...)
				found := b.check(within)
				for _, w := range c.want {
					f := found[w.id]
					delete(found, w.id)
					if f.OK || !strings.Contains(f.Found, w.found) || !strings.Contains(f.Try, w.try) || w.try == "" && f.Try != "" {
						t.Errorf("%s: found OK %v, %q, try %q; expected %q, try %q", w.id, f.OK, f.Found, f.Try, w.found, w.try)
					}
				}
				for id, f := range found {
					if !f.OK {
						t.Errorf("%s: found %q, expected that it is well", id, f.Found)
					}
				}
				if on := b.outputs(); on != "" && on != "line-lock" {
					t.Errorf("on are %s, expected that nothing is switched on", on)
				}
			})
		})
	}
}

func TestCheckShowsLevelsAndReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.do("level line-contact 1", "loop loop-contact sound", "level loop-contact 1", "level expander-rex 0", "value scd4x co2 1234",
			"value leak leak 1", "value ld2410 presence 1", "value ds18b20 temperature -7.5")
		found := b.check(within)
		for id, want := range map[string]string{
			"line-contact": "active", "loop-contact": "active", "expander-rex": "active", "expander-contact": "not active",
			"scd4x": "CO2 Level 1234 ppm", "leak": "Leak Alarm yes", "ld2410": "Occupancy yes", "ds18b20": "Temperature -7.5 °C",
		} {
			if f := found[id]; !f.OK || !strings.HasPrefix(f.Found, want) {
				t.Errorf("%s: found %+v, expected %q", id, f, want)
			}
		}
	})
}

// A device that comes late is waited for, and one that is away for a moment is not given up.
func TestCheckWaitsForDevicesThatAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.do("fail sht4x", "fail line-contact", "fail osdp", "fail wiegand")
		time.AfterFunc(5*time.Second, func() { b.do("heal sht4x", "heal line-contact", "heal osdp") })
		time.AfterFunc(7*time.Second, func() { b.do("heal wiegand") }) // all others have told by then
		for id, f := range b.check(within) {
			if !f.OK {
				t.Errorf("%s: found %q, expected that it is well", id, f.Found)
			}
		}
	})
}

func TestCheckSaysWhatHasNotBeenMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		found := newBench(t, nil).check(3 * time.Second)
		if f := found["scd4x"]; f.OK || !strings.Contains(f.Try, "--for") {
			t.Errorf("found %+v, expected that a CO2 sensor needs longer", f)
		}
	})
}

func TestCheckThatIsInterruptedFindsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if all, err := technician.Check(ctx, b.Config, within); !errors.Is(err, context.DeadlineExceeded) || all != nil {
			t.Errorf("found %v and the error %v", all, err)
		}
	})
}

// Whoever forgot the gateway that still runs is told so: for each line, and for the outputs that hold everything up.
func TestBusyLinesSayThatTheGatewayRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		for _, open := range []func(string) error{
			func(string) error { _, err := b.wires.Wiegand("wiegand"); return err },
			func(string) error { _, err := b.wires.Input("line-contact"); return err },
			func(string) error { _, err := b.wires.Serial("rs485"); return err },
		} {
			if err := open(""); err != nil {
				t.Fatal(err)
			}
		}
		found := b.check(within)
		for _, id := range []string{"wiegand", "line-contact", "osdp"} {
			if f := found[id]; f.OK || !strings.Contains(f.Try, "stop the gateway first") {
				t.Errorf("%s: found %+v", id, f)
			}
		}
		// The outputs are open until the wires are closed.
		for name, again := range map[string]func() error{
			"check": func() error { _, err := technician.Check(t.Context(), b.Config, within); return err },
			"watch": func() error { return technician.Watch(t.Context(), b.Config, false, nil) },
			"pulse": func() error { return technician.Pulse(t.Context(), b.Config, b.door("line"), time.Second, nil) },
		} {
			if err := again(); err == nil || !strings.Contains(err.Error(), "line-lock") || !strings.Contains(err.Error(), "stop the gateway first") {
				t.Errorf("%s: found %v", name, err)
			}
		}
	})
}

func TestCheckWithoutWiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		gateway := *b.Gateway
		gateway.Readers = gateway.Readers[:1]
		gateway.Counters = gateway.Counters[:1]
		b.Gateway, b.Rig.Wiring = &gateway, nil
		b.rewire(t)
		for id, f := range b.check(within) {
			if !f.OK || f.Place != "virtual" {
				t.Errorf("%s: found %+v", id, f)
			}
		}
	})
}

func TestDoors(t *testing.T) {
	building := &site.Building{Doors: []*site.Door{{ID: "b", Gateway: "g"}, {ID: "c", Gateway: "h"}, {ID: "a", Gateway: "g"}}}
	if got := strings.Join(technician.Doors(building, &site.Gateway{ID: "g"}), " "); got != "a b" {
		t.Errorf("found %q", got)
	}
}
