package vl53l1x

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/i2c/i2ctest"

	bridge "kapija/firmware-bridge"
)

// line is a reset line that remembers.
type line struct{ was []bool }

func (l *line) Set(on bool) error    { l.was = append(l.was, on); return nil }
func (l *line) Level() (bool, error) { return l.was[len(l.was)-1], nil }

func write(addr uint16, b ...byte) i2ctest.IO { return i2ctest.IO{Addr: addr, W: b} }
func ask(addr uint16, reg uint16, answer ...byte) i2ctest.IO {
	return i2ctest.IO{Addr: addr, W: register(reg), R: answer}
}

func present(addr uint16) []i2ctest.IO {
	return []i2ctest.IO{ask(addr, 0x00E5, 0x03), ask(addr, 0x010F, 0xEA, 0xCC)}
}

// configured is a chip's start, at 20 ms: short distance, or long.
func configured(addr uint16, long bool) []i2ctest.IO {
	phasecal, valid, phases, timing := byte(0x14), byte(0x38), []byte{0x07, 0x05, 0x06, 0x06}, []byte{0x00, 0x51, 0x07, 0x00, 0x6E, 0x05}
	if long {
		phasecal, valid, phases, timing = 0x0A, 0xB8, []byte{0x0F, 0x0D, 0x0E, 0x0E}, []byte{0x00, 0x1E, 0x0F, 0x00, 0x22, 0x0D}
	}
	return []i2ctest.IO{
		write(addr, 0, 0x87, 0),
		write(addr, append([]byte{0, 0x2D}, block...)...),
		write(addr, 0, 0x87, 0x40),
		ask(addr, 0x31, 0x02),
		ask(addr, 0x31, 0x03),
		ask(addr, 0xDE, 0xFE, 0x50), // the low ten bits are 592
		write(addr, 0, 0x86, 1),
		write(addr, 0, 0x87, 0),
		write(addr, 0, 0x08, 0x09),
		write(addr, 0, 0x0B, 0),
		write(addr, 0, 0x4B, phasecal),
		write(addr, append([]byte{0, 0x5E}, timing...)...),
		write(addr, 0, 0x69, valid),
		write(addr, append([]byte{0, 0x78}, phases...)...),
		write(addr, 0, 0x6C, 0x00, 0x00, 0x3B, 0xA9), // 592 × 24 ms × 1.075
		ask(addr, 0x5E, timing...),
		write(addr, 0, 0x87, 0x40),
	}
}

func TestPlayback(t *testing.T) {
	if len(block) != 0x87-0x2D+1 {
		t.Fatalf("the block has %d bytes", len(block))
	}
	for _, long := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			bus := &i2ctest.Playback{DontPanic: true, Ops: slices.Concat(
				present(0x29), []i2ctest.IO{write(0x29, 0, 0x01, 0x2A)}, present(0x2A), configured(0x2A, long),
				present(0x29), configured(0x29, long),
				[]i2ctest.IO{
					ask(0x29, 0x31, 0x02), // the outer one has no measurement yet
					ask(0x2A, 0x31, 0x03), // the inner one has
					ask(0x2A, 0x89, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0xE8),
					write(0x2A, 0, 0x86, 1),
				})}
			var reset line
			opts := &Opts{Long: long, Budget: 20e6}
			d, err := New("count", Sensor{Bus: bus, Reset: &reset}, Sensor{Bus: bus, Addr: 0x2A}, opts)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			out, ended := make(chan bridge.Signal), make(chan error, 1)
			go func() { ended <- d.Run(ctx, out) }()
			<-out // offline: the playback is over
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(reset.was, []bool{true, false}) {
				t.Errorf("XSHUT was %v, expected on, then off", reset.was)
			}
			if e := d.eyes[1]; e.row != 1 || e.low != 1000 {
				t.Errorf("the inner sensor saw %+v, expected 1000 mm", e)
			}
		})
	}
}

func TestWrongChips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := modeOf(false, 20e6)
		if err != nil {
			t.Fatal(err)
		}
		dead := configured(0x29, false)[:6]
		dead[5] = ask(0x29, 0xDE, 0xFC, 0x00)
		for want, c := range map[string]struct {
			ops []i2ctest.IO
			do  func(c *chip) error
		}{
			"model 0xeeaa at 0x29, expected 0xeacc": {[]i2ctest.IO{ask(0x29, 0x00E5, 0x03), ask(0x29, 0x010F, 0xEE, 0xAA)},
				func(c *chip) error { return c.at(0x29) }},
			"it does not boot (status 0x02)":     {[]i2ctest.IO{ask(0x29, 0x00E5, 0x02)}, func(c *chip) error { return c.at(0x29) }},
			"calibration of the oscillator is 0": {dead, func(c *chip) error { return c.configure(t.Context()) }},
			"no first measurement after 100ms": {append(dead[:3:3], slices.Repeat([]i2ctest.IO{ask(0x29, 0x31, 0x02)}, 52)...),
				func(c *chip) error { return c.configure(t.Context()) }},
		} {
			bus := &i2ctest.Playback{DontPanic: true, Ops: c.ops}
			if err := c.do(&chip{bus: bus, addr: 0x29, mode: m}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, expected %q", err, want)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
