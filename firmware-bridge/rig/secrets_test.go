package rig_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

// second adds an OSDP reader to the bus of the bench, with an LED and an input of its own.
func (f *full) second() {
	f.gw.Readers = append(f.gw.Readers, &site.Reader{ID: "osdp-two", Formats: []string{"wiegand-26"}})
	f.gw.Inputs = append(f.gw.Inputs, &site.Input{ID: "two-input", Active: "high"})
	f.gw.Outputs = append(f.gw.Outputs, &site.Output{ID: "two-relay"})
	f.wiring.Readers["osdp-two"] = site.ReaderWiring{OSDP: "rs485", Address: 1}
	f.wiring.Inputs["two-input"] = site.InputWiring{Reader: "osdp-two", Terminal: "1"}
	f.wiring.Outputs["two-relay"] = site.OutputWiring{Reader: "osdp-two", Terminal: "1"}
}

func card26(t *testing.T) string {
	t.Helper()
	b, n, err := cardformat.Encode("wiegand-26", 1, 99)
	if err != nil {
		t.Fatal(err)
	}
	return cardformat.String(b, n)
}

// lastHealth is the last word about the health of a device.
func lastHealth(told map[string][]any, id string) bridge.Health {
	if all := healths(told)[id]; len(all) > 0 {
		return all[len(all)-1]
	}
	return bridge.Health{Cause: "nothing was told"}
}

// One dead reader of two: the other one's cards come as before, and its output obeys.
func TestL29BenchWithOneDeadReader(t *testing.T) {
	f := newFull(t)
	f.second()
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		b.told(online)
		b.do("fail osdp")
		told := b.told(20 * time.Second)
		if lastHealth(told, "osdp").Online || len(told["osdp-two"]) > 0 {
			t.Fatalf("told %+v, expected the failed reader alone to be offline", told)
		}
		for range 20 {
			b.do("wiegand osdp-two %s", card26(t))
			if told := b.told(500 * time.Millisecond); len(told["osdp-two"]) != 1 || len(told) != 1 {
				t.Errorf("told %+v, expected one card at the reader that lives", told)
			}
		}
		b.do("level two-input 1")
		if err := b.devices.Outputs["two-relay"].Set(true); err != nil {
			t.Error(err)
		}
		if told := b.told(time.Second); !slices.Equal(told["two-input"], []any{bridge.Level{Active: true}}) || !b.shown()["two-relay"] {
			t.Errorf("told %+v, the relay is on: %v", told, b.shown()["two-relay"])
		}
		if err := b.devices.Outputs["osdp-led"].Set(true); err == nil {
			t.Error("the LED of a reader that is away is set without an error")
		}
	})
}

func TestOSDPReaderThatCannotBeUsedStopsNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		unboxed bool
		spoil   func(t *testing.T, file string)
		want    string
	}{
		"not paired": {true, nil, "not paired"},
		"damaged":    {false, func(t *testing.T, file string) { truncate(t, file, 20) }, "damaged"},
		"readable by others": {false, func(t *testing.T, file string) {
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "0600"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFull(t)
			f.second()
			synctest.Test(t, func(t *testing.T) {
				w := f.wires(t, c.unboxed)
				if c.spoil != nil {
					c.spoil(t, filepath.Join(f.learned, "osdp.json"))
				}
				b := f.run(t, w)
				told := b.told(online)
				for _, id := range []string{"osdp", "osdp-tamper"} {
					if all := healths(told)[id]; len(all) != 1 || all[0].Online || !strings.Contains(all[0].Cause, c.want) {
						t.Errorf("%s: told %+v, expected offline once because of %q", id, all, c.want)
					}
				}
				for _, id := range []string{"osdp-led", "osdp-buzzer"} {
					if _, err := b.devices.Outputs[id].Level(); err == nil {
						t.Errorf("%s: read back without an error", id)
					}
					if err := b.devices.Outputs[id].Set(false); err == nil {
						t.Errorf("%s: set without an error", id)
					}
				}
				if !slices.Contains(b.devices.IDs(), "osdp-tamper") {
					t.Error("the reader's input is forgotten")
				}
				if paired := !c.unboxed; lastHealth(told, "osdp-two").Online != paired || lastHealth(told, "two-input").Online != paired {
					t.Errorf("the other reader of the bus: told %+v", told["osdp-two"])
				}
				if !lastHealth(told, "wiegand").Online || !lastHealth(told, "pn532").Online {
					t.Error("the readers on other wires are not online")
				}
			})
		})
	}
}

func truncate(t *testing.T, file string, size int64) {
	t.Helper()
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
}

// A reader that may talk in clear is told as insecure, and only as long as it has no key.
func TestClearTextEndsWithTheKey(t *testing.T) {
	f := newFull(t)
	r := f.wiring.Readers["osdp"]
	r.Clear = true
	f.wiring.Readers["osdp"] = r
	insecure := func(told map[string][]any) int {
		n := 0
		for _, what := range told["osdp"] {
			if a, ok := what.(bridge.Alert); ok && a.Kind == bridge.Insecure && a.Active && strings.HasPrefix(a.Cause, "clear_text:") {
				n++
			}
		}
		return n
	}
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		told := b.told(online)
		if !lastHealth(told, "osdp").Online || insecure(told) != 1 {
			t.Errorf("without a key: told %+v, expected online and insecure", told["osdp"])
		}
		b.do("wiegand osdp %s", card26(t))
		if told := b.told(time.Second); len(told["osdp"]) != 1 {
			t.Errorf("told %+v, expected a card", told)
		}
	})
	r.Clear = false
	f.wiring.Readers["osdp"] = r
	if err := f.wires(t, false).Close(); err != nil { // pairs it
		t.Fatal(err)
	}
	r.Clear = true
	f.wiring.Readers["osdp"] = r
	synctest.Test(t, func(t *testing.T) {
		told := f.run(t, f.wires(t, false)).told(online)
		if !lastHealth(told, "osdp").Online || insecure(told) != 0 {
			t.Errorf("with a key: told %+v, expected online and secure", told["osdp"])
		}
	})
}

// Without the counters no tag can be told from a copy: tags are refused, and by their UIDs as well. Other cards go on.
func TestDamagedCountersStopTagsAlone(t *testing.T) {
	f := newFull(t)
	f.write(t, filepath.Join(f.learned, "cards.counters"), "not what it was")
	synctest.Test(t, func(t *testing.T) {
		b := f.run(t, f.wires(t, false))
		told := b.told(online)
		for _, id := range []string{"mfrc522", "pn532"} {
			alert, ok := told[id][0].(bridge.Alert)
			if !ok || alert.Kind != bridge.Insecure || !alert.Active || !strings.HasPrefix(alert.Cause, "no_counters:") || !lastHealth(told, id).Online {
				t.Errorf("%s: told %+v at start, expected what is wrong, and online", id, told[id])
			}
			for _, c := range []struct{ card, format string }{{"01020304", "uid-32"}, {"0402030405060a", "uid-56"}, {"desfire:04a1b2c3d4e5f6", "desfire"}, {"ntag424:04112233445566", ""}} {
				b.do("card %s %s", id, c.card)
				reads := b.reads(2*time.Second, id)
				if len(reads) != 1 || reads[0].Format != c.format || (c.format == "") != (reads[0].Fault == bridge.UnknownFormat) {
					t.Errorf("%s: %d readings for a card of format %q, or another one", id, len(reads), c.format)
				}
			}
		}
	})
}

func (b *bench) reads(d time.Duration, id string) (reads []bridge.Read) {
	for _, what := range b.told(d)[id] {
		if r, ok := what.(bridge.Read); ok {
			reads = append(reads, r)
		}
	}
	return reads
}

func TestNFCReaderWithoutKeysIsOffline(t *testing.T) {
	f := newFull(t)
	if err := os.Remove(filepath.Join(f.keys, "cards.yaml")); err != nil {
		t.Fatal(err)
	}
	f.gw.Readers[3].Formats = []string{"uid-56"} // pn532
	synctest.Test(t, func(t *testing.T) {
		told := f.run(t, f.wires(t, false)).told(online)
		if h := lastHealth(told, "mfrc522"); h.Online || !strings.Contains(h.Cause, "cards.yaml") {
			t.Errorf("told %+v, expected offline because there is no cards.yaml", h)
		}
		if !lastHealth(told, "pn532").Online {
			t.Errorf("the reader that needs no keys: told %+v", told["pn532"])
		}
	})
}

func TestConfigurationIsCheckedAtOnce(t *testing.T) {
	f := newFull(t)
	f.second()
	f.gw.Readers = append(f.gw.Readers, &site.Reader{ID: "stray", Formats: []string{"wiegand-26"}}, &site.Reader{ID: "mute", Formats: []string{"uid-99"}})
	f.wiring.Readers["stray"] = site.ReaderWiring{OSDP: "rs232"}
	f.wiring.Readers["mute"] = site.ReaderWiring{Chip: "mfrc522", SPI: "/dev/spidev0.1"}
	f.wiring.Readers["osdp-two"] = site.ReaderWiring{OSDP: "rs485", Address: 0} // that of osdp
	f.wiring.Expanders["dim"] = site.ExpanderWiring{Chip: "pcf8574"}
	f.wiring.Expanders["far"] = site.ExpanderWiring{Chip: "ads1115", Address: 0x20}
	for id, v := range map[string]site.InputWiring{
		"in-dim": {Expander: "dim", Pin: "A0"}, "in-none": {Expander: "nowhere", Pin: "A0"}, "in-a7": {Expander: "io", Pin: "A7"},
		"in-loop": {Expander: "loops", Pin: "4"}, "in-twice": {Expander: "loops", Pin: "0"}, "in-far": {Expander: "far", Pin: "0"},
		"in-reader": {Reader: "wiegand", Terminal: "0"}, "in-terminal": {Reader: "osdp", Terminal: "8"}, "in-same": {Reader: "osdp", Terminal: "tamper"},
	} {
		f.gw.Inputs = append(f.gw.Inputs, &site.Input{ID: id, Active: "high"})
		f.wiring.Inputs[id] = v
	}
	for id, v := range map[string]site.OutputWiring{
		"out-none": {Expander: "nowhere", Pin: "B1"}, "out-loops": {Expander: "loops", Pin: "1"}, "out-reader": {Reader: "mfrc522", Terminal: "led"},
		"out-terminal": {Reader: "osdp", Terminal: "siren"},
	} {
		f.gw.Outputs = append(f.gw.Outputs, &site.Output{ID: id})
		f.wiring.Outputs[id] = v
	}
	f.gw.Counters[1].Chip = "vl6180"
	f.wiring.Inputs["beam-inner"] = site.InputWiring{Expander: "io", Pin: "B3"}
	_, err := rig.Open(f.gw, noWires{}, rig.Opts{Wiring: f.wiring, Formats: f.district.Formats, Secrets: f.secrets(t)})
	if err == nil {
		t.Fatal("no error, expected many")
	}
	for _, want := range []string{
		`reader stray: bus "rs232"`, "uid-99", "two readers have address 0", `expander dim: chip "pcf8574"`, `input in-none: expander "nowhere"`,
		"in-a7", `input in-loop: pin "4"`, "input in-twice: pin 0 of expander loops is that of input loop-contact", "0x20",
		`input in-reader: reader "wiegand"`, `input in-terminal: terminal "8"`, "input in-same: terminal tamper of reader osdp is that of input osdp-tamper",
		`output out-none: expander "nowhere"`, "output out-loops: expander loops: an ads1115 has no outputs", `output out-reader: reader "mfrc522"`,
		`output out-terminal: terminal "siren"`, "counter distance: chip", "counter beams: barrier beam-inner",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q in the error\n%v", want, err)
		}
	}
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	if len(slices.Compact(slices.Clone(lines))) != len(lines) {
		t.Errorf("something is told twice in\n%v", err)
	}
}

// noWires are wires that have outputs and nothing else.
type noWires struct{ bridge.Wires }

func (noWires) Output(string) (bridge.Output, error) { return nil, nil }

func TestCaptureOfABus(t *testing.T) {
	f := newFull(t)
	synctest.Test(t, func(t *testing.T) {
		w := f.wires(t, false)
		var frames bytes.Buffer
		var asked []string
		d, err := rig.Open(f.gw, w, rig.Opts{Wiring: f.wiring, Formats: f.district.Formats, Secrets: f.secrets(t),
			Capture: func(bus string) io.Writer { asked = append(asked, bus); return &frames }})
		if err != nil {
			t.Fatal(err)
		}
		run(t, w, d).told(5 * time.Second)
		if !slices.Equal(asked, []string{"rs485"}) || bytes.Count(frames.Bytes(), []byte("\n")) < 10 {
			t.Errorf("asked for the buses %q, and captured %d lines", asked, bytes.Count(frames.Bytes(), []byte("\n")))
		}
	})
}
