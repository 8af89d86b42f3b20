//go:build hil

package board_test

import (
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// A chip's reset is low while it is held in it. It is high as soon as the line drives at all, and at the end.
func TestL14ResetLines(t *testing.T) {
	reader, sensor := newLine(t), newLine(t)
	w := open(t, &site.Wiring{
		Readers:  map[string]site.ReaderWiring{"nfc": {Chip: "mfrc522", SPI: "/dev/spidev0.0", Reset: name(reader)}},
		Counters: map[string]site.CounterWiring{"count": {Outer: &site.Ranger{I2C: "/dev/i2c-1", Address: 0x30, Reset: name(sensor)}, Inner: &site.Ranger{I2C: "/dev/i2c-1", Address: 0x29}}},
	})
	for id, line := range map[string]int{bridge.Reset("nfc"): reader, bridge.Reset("count.outer"): sensor} {
		o, err := w.Output(id)
		if err != nil {
			t.Fatal(err)
		}
		if on, err := o.Level(); on || err != nil || !level(t, line) {
			t.Errorf("%s at start: %v, error %v, the line is high: %v; expected off and high", id, on, err, level(t, line))
		}
		for _, on := range []bool{true, false, true} {
			if err := o.Set(on); err != nil {
				t.Error(err)
			}
			if level(t, line) == on {
				t.Errorf("%s set %v: the line is high: %v", id, on, level(t, line))
			}
		}
		if _, err := w.Output(id); err == nil {
			t.Errorf("%s is opened twice", id)
		}
	}
	if _, err := w.Output(bridge.Reset("count.inner")); err == nil {
		t.Error("a reset line that is not connected is opened")
	}
}

// INT of an expander is an input like any other: its level as found, and its edges, by the kernel's time.
func TestInterruptOfAnExpander(t *testing.T) {
	line := newLine(t)
	drive(t, line, true)
	src, err := open(t, &site.Wiring{Expanders: map[string]site.ExpanderWiring{
		"io": {Chip: "mcp23017", I2C: "/dev/i2c-1", Address: 0x20, Line: name(line), Pull: "up"},
	}}).Input("io")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if l, err := src.Levels(); err != nil || len(l) != 1 || !l[0] {
		t.Fatalf("levels %v, error %v, expected high", l, err)
	}
	pulse(t, line)
	if err := src.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var got []bridge.Edge
	for len(got) < 2 {
		var edges [4]bridge.Edge
		n, err := src.ReadEdges(edges[:])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, edges[:n]...)
	}
	if got[0].Rising || !got[1].Rising || got[1].Seq != 2 || got[1].At < got[0].At {
		t.Errorf("found the edges %+v, expected down and up", got)
	}
}
