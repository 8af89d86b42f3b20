//go:build linux

package board

import (
	"errors"
	"os"
	"strings"
	"testing"

	"kapija/internal/site"
)

// The first is the worked example of Maxim's application note 27, whose CRC is A2. The others are sensors as the kernel and
// periph show them.
func TestROMAddress(t *testing.T) {
	for rom, want := range map[string]uint64{
		"02-00000001b81c": 0xA2_00000001B81C_02,
		"28-0316a2794bff": uint64(crc(0x28, 0xff, 0x4b, 0x79, 0xa2, 0x16, 0x03))<<56 | 0x0316A2794BFF_28,
		"28-0316A2794BFF": uint64(crc(0x28, 0xff, 0x4b, 0x79, 0xa2, 0x16, 0x03))<<56 | 0x0316A2794BFF_28,
	} {
		if got, err := romAddress(rom); err != nil || uint64(got) != want {
			t.Errorf("%s: found %#016x and the error %v, expected %#016x", rom, uint64(got), err, want)
		}
	}
	for _, rom := range []string{"", "28", "28-", "28-0316a2794bf", "28-0316a2794bff00", "280316a2794bff", "2-0316a2794bfff", "28-0316a2794bfg", "28-0316-a2794bff"} {
		if got, err := romAddress(rom); err == nil || !strings.Contains(err.Error(), "28-0316a2794bff") {
			t.Errorf("%q: found %#x and the error %v, expected an error with an example", rom, uint64(got), err)
		}
	}
}

// crc is the CRC of a 1-Wire address, bit by bit: x^8 + x^5 + x^4 + 1, least significant bit first.
func crc(b ...byte) (c byte) {
	for _, v := range b {
		for range 8 {
			mix := (c ^ v) & 1
			c >>= 1
			if mix != 0 {
				c ^= 0x8C
			}
			v >>= 1
		}
	}
	return c
}

func wires() *Wires {
	return &Wires{wiring: &site.Wiring{
		Gateway:   "gw",
		Buses:     map[string]site.BusWiring{"rs485": {Port: "/dev/no-such-port", Baud: 9600}},
		Expanders: map[string]site.ExpanderWiring{"io": {I2C: "/dev/no-such-bus", Address: 0x21, Line: "GPIO26", Pull: "up"}},
		Readers: map[string]site.ReaderWiring{"spi": {Chip: "mfrc522", SPI: "/dev/no-such-spi", Reset: "GPIO25"},
			"i2c": {Chip: "pn532", I2C: "/dev/no-such-bus", Address: 0x24}, "uart": {Chip: "pn532", UART: "/dev/no-such-uart"}},
		Inputs:  map[string]site.InputWiring{"contact": {Line: "GPIO5", Pull: "down"}},
		Outputs: map[string]site.OutputWiring{"lock": {Line: "GPIO6"}},
		Counters: map[string]site.CounterWiring{"count": {Outer: &site.Ranger{I2C: "/dev/no-such-bus", Address: 0x30, Reset: "GPIO23"},
			Inner: &site.Ranger{I2C: "/dev/no-such-bus", Address: 0x29}}},
		Sensors: map[string]site.SensorWiring{"air": {I2C: "/dev/no-such-bus", Address: 0x76}, "pir": {Line: "GPIO22", Pull: "none"},
			"water": {OneWire: "w1_bus_master1", ROM: "28-x"}, "pipe": {OneWire: "GPIO4", ROM: "28-0316a2794bff"},
			"radar": {UART: "/dev/no-such-uart"}},
	}, chip: &chip{label: "test", lines: []string{"GPIO5"}}}
}

// The line of a reset is low while the device is held in it: off, its level from the start, lets the device run.
func TestLinesOfOutputs(t *testing.T) {
	w := wires()
	for id, want := range map[string]site.OutputWiring{
		"lock":              {Line: "GPIO6"},
		"spi.reset":         {Line: "GPIO25", ActiveLow: true},
		"i2c.reset":         {ActiveLow: true}, // it has none: the chip has no line without a name
		"count.outer.reset": {Line: "GPIO23", ActiveLow: true},
		"count.inner.reset": {ActiveLow: true},
	} {
		if got, err := w.outputLine(id); err != nil || got != want {
			t.Errorf("%s: found %+v and the error %v, expected %+v", id, got, err, want)
		}
	}
	for id, want := range map[string]string{"siren": "found lock", "siren.reset": "found i2c, spi, uart", "count.middle.reset": "readers", "": "outputs"} {
		if _, err := w.outputLine(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: found the error %v, expected %q in it", id, err, want)
		}
	}
}

func TestLinesOfInputs(t *testing.T) {
	w := wires()
	for id, want := range map[string][2]string{"contact": {"GPIO5", "down"}, "io": {"GPIO26", "up"}, "pir": {"GPIO22", "none"}} {
		if line, pull, err := w.inputLine(id); err != nil || [2]string{line, pull} != want {
			t.Errorf("%s: found %s, %s and the error %v, expected %v", id, line, pull, err, want)
		}
	}
	if _, _, err := w.inputLine("window"); err == nil || !strings.Contains(err.Error(), "found contact") {
		t.Errorf("found the error %v", err)
	}
}

func TestPlacesOnI2C(t *testing.T) {
	w := wires()
	for id, want := range map[string]uint16{"io": 0x21, "i2c": 0x24, "count.outer": 0x30, "count.inner": 0x29, "air": 0x76} {
		if bus, addr, err := w.i2cPlace(id); err != nil || bus != "/dev/no-such-bus" || addr != want {
			t.Errorf("%s: found %s %#x and the error %v, expected %#x", id, bus, addr, err, want)
		}
	}
}

// What is not there says what is missing, and what to try.
func TestErrorsOfBuses(t *testing.T) {
	w := wires()
	i2c := func(id string) error { _, _, err := w.I2C(id); return err }
	spi := func(id string) error { _, err := w.SPI(id); return err }
	serial := func(id string) error { _, err := w.Serial(id); return err }
	oneWire := func(id string) error { _, _, err := w.OneWire(id); return err }
	for _, c := range []struct {
		err  error
		want []string
	}{
		{i2c("air"), []string{"air", "/dev/no-such-bus", "dtparam=i2c_arm=on"}},
		{i2c("spi"), []string{"spi has no i2c"}}, // and gets no other bus
		{i2c("nose"), []string{`"nose"`, "sensors"}},
		{spi("spi"), []string{"/dev/no-such-spi", "dtparam=spi=on"}},
		{spi("i2c"), []string{"i2c has no spi"}},
		{spi("nose"), []string{`"nose"`, "readers"}},
		{serial("rs485"), []string{"/dev/no-such-port"}},
		{serial("uart"), []string{"/dev/no-such-uart"}},
		{serial("radar"), []string{"/dev/no-such-uart"}},
		{serial("nose"), []string{`"nose"`, "sensors"}},
		{oneWire("water"), []string{"water", `"28-x"`}},
		{oneWire("pipe"), []string{"pipe", `"GPIO4"`, "w1_bus_master1"}},
		{oneWire("nose"), []string{`"nose"`, "sensors"}},
	} {
		for _, want := range c.want {
			if c.err == nil || !strings.Contains(c.err.Error(), want) {
				t.Errorf("found the error %v, expected %q in it", c.err, want)
			}
		}
	}
}

func TestClosedWiresOpenNothing(t *testing.T) {
	w := wires()
	var order []int
	for i := range 3 {
		if err := w.keep(func() error { order = append(order, i); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if len(order) != 3 || order[0] != 2 || order[2] != 0 {
		t.Errorf("closed in the order %v, expected the last opened first", order)
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, _, err := w.I2C("air"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("I2C: %v", err)
	}
	if _, _, err := w.OneWire("pipe"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("OneWire: %v", err)
	}
	if err := w.keep(func() error { order = append(order, 9); return nil }); !errors.Is(err, os.ErrClosed) || order[len(order)-1] != 9 {
		t.Errorf("keep: %v; what came too late was closed: %v", err, order)
	}
}
