//go:build hil

package board_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/board"
	"kapija/firmware-bridge/edgetest"
	"kapija/internal/site"
)

func TestKernelKeepsTheContract(t *testing.T) {
	d0, d1, in := newLine(t), newLine(t), newLine(t)
	w := &site.Wiring{
		Readers: map[string]site.ReaderWiring{"r": {D0: name(d0), D1: name(d1), Pull: "up"}},
		Inputs:  map[string]site.InputWiring{"i": {Line: name(in), Pull: "up"}},
	}
	edgetest.Contract(t, edgetest.Maker{
		Wiegand: func(t *testing.T) (bridge.EdgeSource, func(int)) {
			src, err := open(t, w).Wiegand("r")
			if err != nil {
				t.Fatal(err)
			}
			return src, func(line int) { pulse(t, []int{d0, d1}[line]) }
		},
		Input: func(t *testing.T) (bridge.EdgeSource, func(bool)) {
			drive(t, in, true)
			src, err := open(t, w).Input("i")
			if err != nil {
				t.Fatal(err)
			}
			return src, func(high bool) { drive(t, in, high) }
		},
	})
}

func TestPulls(t *testing.T) {
	line := newLine(t)
	for pull, high := range map[string]bool{"up": true, "down": false} {
		drive(t, line, !high)
		src, err := open(t, &site.Wiring{Inputs: map[string]site.InputWiring{"i": {Line: name(line), Pull: pull}}}).Input("i")
		if err != nil {
			t.Fatal(err)
		}
		if l, err := src.Levels(); err != nil || l[0] != high {
			t.Errorf("pull %s: found %v and the error %v, expected %v", pull, l, err, high)
		}
		src.Close()
	}
}

func TestErrorsSayWhatThereIs(t *testing.T) {
	line, other := newLine(t), newLine(t)
	w := open(t, &site.Wiring{
		Readers: map[string]site.ReaderWiring{
			"busy": {D0: name(line), D1: name(other)}, "gone": {D0: "GPIO99", D1: name(other)}, "one": {D0: name(other), D1: name(other)},
		},
		Inputs:  map[string]site.InputWiring{"here": {Line: name(line)}, "odd": {Line: name(other), Pull: "sideways"}},
		Outputs: map[string]site.OutputWiring{"busy": {Line: name(line)}, "busylow": {Line: name(line), ActiveLow: true}},
		Sensors: map[string]site.SensorWiring{"air": {I2C: "/dev/i2c-7", Address: 0x76}},
	})
	here, err := w.Input("here")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	reader := func(id string) error { _, err := w.Wiegand(id); return err }
	input := func(id string) error { _, err := w.Input(id); return err }
	output := func(id string) error { _, err := w.Output(id); return err }
	_, _, noBus := w.I2C("air")
	_, noChip := board.Open(&site.Wiring{Chip: "pinctrl-none"})
	for _, c := range []struct {
		err  error
		want []string
	}{
		{reader("busy"), []string{name(line), `used by "kapija here"`, "stop that program"}},
		{reader("gone"), []string{"GPIO99", label, "GPIO0, GPIO1"}},
		{reader("one"), []string{"each needs its own"}},
		{reader("absent"), []string{"readers", "busy, gone, one"}},
		{input("odd"), []string{"sideways", "up, down or none"}},
		{output("busy"), []string{name(line), `used by "kapija here"`}},
		{output("busylow"), []string{name(line), `used by "kapija here"`}},
		{noBus, []string{"/dev/i2c-7", "found none", "dtparam"}},
		{noChip, []string{"pinctrl-none", label, "pinctrl-rp1"}},
	} {
		if c.err == nil {
			t.Errorf("no error, expected one with %q", c.want)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(c.err.Error(), want) {
				t.Errorf("%v: expected %q in it", c.err, want)
			}
		}
	}
	if !errors.Is(reader("busy"), unix.EBUSY) {
		t.Error("the cause EBUSY is not wrapped")
	}
}
