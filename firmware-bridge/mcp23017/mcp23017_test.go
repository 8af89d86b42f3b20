package mcp23017

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"periph.io/x/conn/v3/i2c/i2ctest"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
)

const addr = 0x21

var opts = Opts{
	Outputs: []OutputOpts{{Pin: "A0"}, {Pin: "B7", ActiveLow: true}},
	Inputs:  []InputOpts{{ID: "rex", Pin: "A1", ActiveLow: true}, {ID: "contact", Pin: "B0"}},
}

func write(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: addr, W: b} }

func look(b ...byte) i2ctest.IO { return i2ctest.IO{Addr: addr, W: []byte{0x0E}, R: b} }

// What the chip answers from INTF on: the pins change, the rest is constant.
func found(gpioA, gpioB, olatA, olatB byte, rest ...byte) []byte {
	return append([]byte{0, 0, 0, 0, gpioA, gpioB, olatA, olatB, 0x7E, 0x7F}, rest...)
}

var (
	asPowered  = append(append(make([]byte, 8), 0xFF, 0xFF), make([]byte, 12)...)
	configured = []byte{0, 0, 0x02, 0x01, 0, 0, 0, 0, 0x40, 0x40, 0x7E, 0x7F}
	start      = []i2ctest.IO{
		look(asPowered...),
		write(0x05, 0x00),                                     // BANK = 0
		write(0x0A, 0x40, 0x40, 0x7E, 0x7F),                   // IOCON, GPPU
		write(0x14, 0x00, 0x80),                               // the latch first,
		write(0x00, 0x7E, 0x7F, 0, 0, 0x02, 0x01, 0, 0, 0, 0), // then the direction
		look(found(0x7E, 0xFF, 0x00, 0x80, configured...)...),
	}
)

func TestPlayback(t *testing.T) {
	for what, c := range map[string]struct {
		ops []i2ctest.IO
		do  func(t *testing.T, d *Dev)
	}{
		"start": {nil, func(*testing.T, *Dev) {}},
		"set and level": {[]i2ctest.IO{
			write(0x14, 0x01, 0x80), look(found(0x7F, 0xFF, 0x01, 0x80)...),
			write(0x14, 0x01, 0x00), look(found(0x7F, 0x7F, 0x01, 0x00)...),
			look(found(0x7F, 0x7F, 0x01, 0x00)...),
		}, func(t *testing.T, d *Dev) {
			if err := errors.Join(out(t, d, "A0").Set(true), out(t, d, "B7").Set(true)); err != nil {
				t.Error(err)
			}
			if on, err := out(t, d, "B7").Level(); err != nil || !on {
				t.Error(on, err)
			}
		}},
		"a latch that does not hold": {[]i2ctest.IO{
			write(0x14, 0x01, 0x80), look(found(0x7E, 0xFF, 0x00, 0x80)...),
		}, func(t *testing.T, d *Dev) {
			if err := out(t, d, "A0").Set(true); err == nil || !strings.Contains(err.Error(), "latch reads back 0x8000, expected 0x8001") {
				t.Error(err)
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			bus := &i2ctest.Playback{Ops: append(append([]i2ctest.IO{}, start...), c.ops...), DontPanic: true}
			d, err := New("x1", bus, addr, opts)
			if err != nil {
				t.Fatal(err)
			}
			c.do(t, d)
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func out(t *testing.T, d *Dev, pin string) bridge.Output {
	t.Helper()
	o, err := d.Output(pin)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// fake is a chip on a bus that checks after each transaction what must always hold, and records it.
func fake(t *testing.T) (*sim.I2CBus, *sim.MCP23017) {
	chip := sim.NewMCP23017(addr)
	return sim.NewI2CBus("bus", chip), chip
}

// pins are the levels of the two outputs' pins, A0 and B7, and whether the chip drives them.
func expectPins(t *testing.T, chip *sim.MCP23017, a0, b7, driven bool) {
	t.Helper()
	gotA0, drivenA0 := chip.Pin(0)
	gotB7, drivenB7 := chip.Pin(15)
	if gotA0 != a0 || gotB7 != b7 || drivenA0 != driven || drivenB7 != driven {
		t.Errorf("A0 %v (driven: %v), B7 %v (driven: %v); expected %v, %v, driven: %v", gotA0, drivenA0, gotB7, drivenB7, a0, b7, driven)
	}
}

// watched fails a test when a pin drives what nobody asked for, at any time.
type watched struct {
	*sim.I2CBus
	t    *testing.T
	chip *sim.MCP23017
	on   bool // A0 may be on
}

func (w *watched) Tx(addr uint16, out, in []byte) error {
	err := w.I2CBus.Tx(addr, out, in)
	if high, driven := w.chip.Pin(0); driven && high && !w.on {
		w.t.Errorf("after the transaction % x output A0 is on", out)
	}
	if high, driven := w.chip.Pin(15); driven && !high {
		w.t.Errorf("after the transaction % x output B7, which is active low, is on", out)
	}
	return err
}

func TestL14OutputsAreOffBeforeTheyAreOutputs(t *testing.T) {
	for what, before := range map[string][][]byte{
		"after power-on":                             nil,
		"latches left on by somebody, as inputs":     {{0x14, 0xFF, 0x00}},
		"registers in the other layout":              {{0x0A, 0x80}},
		"other layout, no sequence":                  {{0x0A, 0xA0}},
		"other layout, latches on, interrupts on":    {{0x14, 0xFF, 0x00}, {0x04, 0xFF, 0xFF}, {0x0A, 0xBF}},
		"polarity, defaults and open drain are set":  {{0x02, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x3E}},
		"an earlier process left it as it should be": {{0x0A, 0x40, 0x40, 0x7E, 0x7F}, {0x14, 0x00, 0x80}, {0x00, 0x7E, 0x7F, 0, 0, 2, 1, 0, 0, 0, 0}},
	} {
		t.Run(what, func(t *testing.T) {
			bus, chip := fake(t)
			for _, w := range before {
				if err := bus.Tx(addr, w, nil); err != nil {
					t.Fatal(err)
				}
			}
			w := &watched{bus, t, chip, false}
			d, err := New("x1", w, addr, opts)
			if err != nil {
				t.Fatal(err)
			}
			expectPins(t, chip, false, true, true)
			w.on = true
			if err := out(t, d, "A0").Set(true); err != nil {
				t.Error(err)
			}
			expectPins(t, chip, true, true, true)
		})
	}
	t.Run("an earlier process left an output on", func(t *testing.T) {
		bus, chip := fake(t)
		d, _ := New("x1", bus, addr, opts)
		if err := out(t, d, "A0").Set(true); err != nil {
			t.Fatal(err)
		}
		if _, err := New("x1", bus, addr, opts); err != nil {
			t.Fatal(err)
		}
		expectPins(t, chip, false, true, true)
	})
}

func TestL26PowerLossIsFound(t *testing.T) {
	for what, c := range map[string]struct {
		find func(d *Dev) error
		next func(d *Dev) error
		a0   bool
	}{
		"by Set, restored by Set": {func(d *Dev) error { return set(d, "A0", true) }, func(d *Dev) error { return set(d, "A0", true) }, true},
		"by Set of another, restored by Level": {func(d *Dev) error { return set(d, "B7", false) },
			func(d *Dev) error { return level(d, "A0", false) }, false},
		"by Level, restored by Level": {func(d *Dev) error { return level(d, "A0", true) }, func(d *Dev) error { return level(d, "A0", false) }, false},
		"by switching off":            {func(d *Dev) error { return set(d, "A0", false) }, func(d *Dev) error { return set(d, "B7", false) }, false},
	} {
		t.Run("L26 "+what, func(t *testing.T) {
			bus, chip := fake(t)
			w := &watched{bus, t, chip, true}
			d, _ := New("x1", w, addr, opts)
			if err := set(d, "A0", true); err != nil {
				t.Fatal(err)
			}
			bus.Power(chip, false)
			bus.Power(chip, true)
			if high, driven := chip.Pin(0); driven || high {
				t.Fatal("the fake came back as it was")
			}
			err := c.find(d)
			if err == nil || !strings.Contains(err.Error(), "lost its configuration") || !strings.HasPrefix(err.Error(), "mcp23017: x1: output ") {
				t.Errorf("found %v, expected an error that says so", err)
			}
			w.on = c.a0
			if err := c.next(d); err != nil {
				t.Errorf("not restored: %v", err)
			}
			expectPins(t, chip, c.a0, true, true)
			if err := d.check(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("L26 without power", func(t *testing.T) {
		bus, chip := fake(t)
		d, _ := New("x1", bus, addr, opts)
		bus.Power(chip, false)
		for range 3 {
			if err := set(d, "A0", true); !errors.Is(err, syscall.ENXIO) {
				t.Errorf("error %v, expected %v", err, syscall.ENXIO)
			}
		}
		bus.Power(chip, true)
		if err := level(d, "A0", false); err != nil {
			t.Errorf("what could not be switched on is not switched on later: %v", err)
		}
	})
}

// check tells whether the whole configuration is there.
func (d *Dev) check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.look(full)
	return err
}

func set(d *Dev, pin string, on bool) error {
	o, err := d.Output(pin)
	if err != nil {
		return err
	}
	return o.Set(on)
}

func level(d *Dev, pin string, want bool) error {
	o, err := d.Output(pin)
	if err != nil {
		return err
	}
	on, err := o.Level()
	if err == nil && on != want {
		return errors.New("the level is not what is expected")
	}
	return err
}

func TestBusErrorKeepsOutputs(t *testing.T) {
	bus, chip := fake(t)
	d, _ := New("x1", bus, addr, opts)
	if err := set(d, "A0", true); err != nil {
		t.Fatal(err)
	}
	bus.Fail(true)
	for _, err := range []error{set(d, "B7", true), level(d, "A0", true)} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("error %v, expected %v", err, syscall.EIO)
		}
	}
	bus.Fail(false)
	expectPins(t, chip, true, true, true)
	if err := errors.Join(level(d, "A0", true), level(d, "B7", false)); err != nil {
		t.Error(err)
	}
	for _, known := range []bool{false, true} {
		if err := set(d, "A0", true); err != nil {
			t.Fatal(err)
		}
		bus.Fail(true)
		if known && level(d, "A0", true) == nil {
			t.Error("read on a dead bus")
		}
		if err := set(d, "A0", false); err == nil {
			t.Error("switched off on a dead bus")
		}
		bus.Fail(false)
		if err := level(d, "A0", false); err != nil {
			t.Errorf("what could not be switched off is switched off later: %v", err)
		}
	}
}

func TestShortCircuit(t *testing.T) {
	bus, chip := fake(t)
	d, _ := New("x1", bus, addr, opts)
	chip.Jam(0, false)
	if err := set(d, "A0", true); err == nil || !strings.Contains(err.Error(), "output A0: was set on and the pin reads back off") {
		t.Error(err)
	}
	if err := set(d, "B7", true); err != nil {
		t.Errorf("another output: %v", err)
	}
	chip.ReleasePin(0)
	if err := set(d, "A0", true); err != nil {
		t.Error(err)
	}
}

func TestMissingAtStart(t *testing.T) {
	bus, chip := fake(t)
	bus.Power(chip, false)
	d, err := New("x1", bus, addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := set(d, "A0", true); !errors.Is(err, syscall.ENXIO) {
		t.Error(err)
	}
	bus.Power(chip, true)
	if err := set(d, "A0", true); err != nil {
		t.Error(err)
	}
	expectPins(t, chip, true, true, true)
}

func TestUnusedPins(t *testing.T) {
	bus, chip := fake(t)
	if _, err := New("x1", bus, addr, Opts{Inputs: []InputOpts{{ID: "i", Pin: "B1", NoPullUp: true}}}); err != nil {
		t.Fatal(err)
	}
	for pin := range 16 {
		high, driven := chip.Pin(pin)
		if last := pin%8 == 7; driven != last || high != (!last && pin != 9) {
			t.Errorf("pin %d: high %v, driven %v", pin, high, driven)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	bus, _ := fake(t)
	for want, c := range map[string]struct {
		addr uint16
		o    Opts
	}{
		"0x20 … 0x27":      {0x28, Opts{}},
		"1 ms … 100 ms":    {addr, Opts{Every: 1}},
		"used twice":       {addr, Opts{Outputs: []OutputOpts{{Pin: "A1"}}, Inputs: []InputOpts{{ID: "i", Pin: "A1"}}}},
		"A0 … A7":          {addr, Opts{Outputs: []OutputOpts{{Pin: "C1"}}}},
		`pin "A8"`:         {addr, Opts{Outputs: []OutputOpts{{Pin: "A8"}}}},
		"an output only":   {addr, Opts{Inputs: []InputOpts{{ID: "i", Pin: "B7"}}}},
		"without an ID":    {addr, Opts{Inputs: []InputOpts{{Pin: "B1"}}}},
		`there are ["A2"]`: {addr, Opts{Outputs: []OutputOpts{{Pin: "A2"}}}},
	} {
		d, err := New("x1", bus, c.addr, c.o)
		if err == nil {
			_, err = d.Output("B2")
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "mcp23017: x1: ") {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}
