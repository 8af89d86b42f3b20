package site

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// benchPlaces is where everything of the bench is.
const benchPlaces = `
beam-inner: GPIO19 (pin 35)
beam-outer: GPIO18 (pin 12)
bme280: /dev/i2c-1 0x76
bme680: /dev/i2c-1 0x77
distance: outer /dev/i2c-1 0x30, reset GPIO23 (pin 16); inner /dev/i2c-1 0x31, reset GPIO24 (pin 18)
ds18b20: w1_bus_master1 28-0316a2794bff
expander-contact: expander io, pin A0
expander-lock: expander io, pin B0
expander-rex: expander io, pin A1
io: /dev/i2c-1 0x20, INT GPIO26 (pin 37)
ld2410: /dev/ttyAMA0
leak: GPIO27 (pin 13)
line-contact: GPIO16 (pin 36)
line-lock: GPIO21 (pin 40), on is low
loop-contact: expander loops, pin 0
loops: /dev/i2c-1 0x48
mfrc522: /dev/spidev0.0, reset GPIO25 (pin 22)
osdp: bus rs485, address 0
osdp-buzzer: reader osdp, terminal buzzer
osdp-led: reader osdp, terminal led
osdp-tamper: reader osdp, terminal tamper
pir: GPIO22 (pin 15)
pn532: /dev/ttyAMA5
rs485: /dev/ttyUSB0
scd4x: /dev/i2c-1 0x62
sht4x: /dev/i2c-1 0x44
wiegand: D0 GPIO5 (pin 29), D1 GPIO6 (pin 31)
wiegand-buzzer: GPIO17 (pin 11)
wiegand-led: GPIO20 (pin 38)
`

func TestPlacesOfTheBench(t *testing.T) {
	d, err := Load(filepath.Join(configs, "bench.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := LoadWiring(filepath.Join(configs, "gateways", "bench-gw-bench.yaml"), d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ids := range [][]string{keysOf(w.Readers), keysOf(w.Inputs), keysOf(w.Outputs), keysOf(w.Counters), keysOf(w.Sensors), keysOf(w.Expanders), keysOf(w.Buses)} {
		for _, id := range ids {
			got = append(got, id+": "+w.Place(id))
		}
	}
	slices.Sort(got)
	want := strings.Split(strings.TrimSpace(benchPlaces), "\n")
	slices.Sort(want)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("found\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func keysOf[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func TestPlaceOfWhatIsSeldom(t *testing.T) {
	w := &Wiring{
		Readers:  map[string]ReaderWiring{"i2c": {Chip: "pn532", I2C: "/dev/i2c-1", Address: 0x24, Reset: "GPIO99"}},
		Outputs:  map[string]OutputWiring{"pin": {Expander: "io", Pin: "B1", ActiveLow: true}},
		Counters: map[string]CounterWiring{"half": {Outer: &Ranger{I2C: "/dev/i2c-1"}}},
	}
	for id, want := range map[string]string{
		"i2c":   "/dev/i2c-1 0x24, reset GPIO99", // no pin of the header
		"pin":   "expander io, pin B1, on is low",
		"half":  "",
		"other": "",
	} {
		if got := w.Place(id); got != want {
			t.Errorf("%s: found %q, expected %q", id, got, want)
		}
	}
}

// Each line has a pin of its own among the 40, and none has the pins of power and ground.
func TestHeaderPins(t *testing.T) {
	power := []int{1, 2, 4, 6, 9, 14, 17, 20, 25, 30, 34, 39}
	line := map[int]string{}
	for name, pin := range headerPins {
		if pin < 1 || pin > 40 || slices.Contains(power, pin) || line[pin] != "" {
			t.Errorf("%s at pin %d, where %q is", name, pin, line[pin])
		}
		line[pin] = name
	}
	if len(line) != 28 {
		t.Errorf("found %d lines, expected 28", len(line))
	}
}
