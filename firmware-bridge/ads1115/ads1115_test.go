package ads1115

import (
	"context"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
)

const (
	addr = 0x49
	ms   = time.Millisecond
)

// convert is one conversion of a channel with its result.
func convert(channel int, raw uint16) []i2ctest.IO {
	high := byte(0x43 | channel<<4)
	return []i2ctest.IO{
		{Addr: addr, W: []byte{1, high | 0x80, 0xC3}},
		{Addr: addr, W: []byte{1}, R: []byte{high, 0xC3}}, // not yet
		{Addr: addr, W: []byte{1}, R: []byte{high | 0x80, 0xC3}},
		{Addr: addr, W: []byte{0}, R: []byte{byte(raw >> 8), byte(raw)}},
	}
}

func TestPlayback(t *testing.T) {
	for what, c := range map[string]struct {
		ops  [][]i2ctest.IO
		want []string
	}{
		// 13200 × 125 µV = 1.65 V; 17600: 2.2 V
		"two channels": {[][]i2ctest.IO{convert(0, 13200), convert(3, 17600), convert(0, 13200), convert(3, 17600)},
			[]string{"door online", "door off first", "vault online", "vault on first"}},
		"a negative voltage is none": {[][]i2ctest.IO{convert(0, 0xFFFE), convert(3, 17600), convert(0, 0xFFFE)},
			[]string{"door offline ads1115: x2: channel 0: the loop is short-circuited: found -0.00 V; expected 1.49 … 1.81 V when normal, " +
				"2.05 … 2.34 V when active: look for bare wires that touch, or water"}},
		"another chip": {[][]i2ctest.IO{convert(0, 0)[:1], {{Addr: addr, W: []byte{1}, R: []byte{0xFF, 0xFF}}}},
			[]string{"door offline ads1115: x2: configuration reads back 0xffff, expected 0xc3c3: the chip lost its power, or another " +
				"one is at its address", "vault offline …"}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &i2ctest.Playback{DontPanic: true}
				for _, ops := range c.ops {
					bus.Ops = append(bus.Ops, ops...)
				}
				r := run(t, bus, [4]Channel{0: {ID: "door"}, 3: {ID: "vault"}}, len(c.want))
				r.stop()
				if err := <-r.ended; err != nil {
					t.Error(err)
				}
				r.expect(c.want...)
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

type rig struct {
	*testing.T
	out   chan bridge.Signal
	kept  []bridge.Signal
	ended chan error
	stop  context.CancelFunc
	bus   *sim.I2CBus
	chip  *sim.ADS1115
}

// run runs a chip until it told n signals.
func run(t *testing.T, bus i2c.Bus, channels [4]Channel, n int) *rig {
	t.Helper()
	d, err := New("x2", bus, addr, channels)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, out: make(chan bridge.Signal, 1000), ended: make(chan error, 1)}
	if n > 0 {
		r.out = make(chan bridge.Signal)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() { r.ended <- d.Run(ctx, r.out) }()
	for range n {
		r.kept = append(r.kept, <-r.out)
	}
	return r
}

var four = [4]Channel{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}

// fake is a chip with four sound loops, of which the first is active.
func fake(t *testing.T, channels [4]Channel) *rig {
	start := time.Now()
	chip := sim.NewADS1115(addr, func() time.Duration { return time.Since(start) })
	bus := sim.NewI2CBus("bus", chip)
	loops := []float64{9400, 4700, 4700, 4700}
	for i, ohms := range loops {
		chip.SetLoop(i, 3.3, 4700, ohms)
	}
	r := run(t, bus, channels, 0)
	r.bus, r.chip = bus, chip
	return r
}

func (r *rig) loop(channel int, ohms float64) { r.chip.SetLoop(channel, 3.3, 4700, ohms) }

func (r *rig) expect(want ...string) []bridge.Signal {
	r.Helper()
	synctest.Wait()
	got := r.kept
	r.kept = nil
	for len(r.out) > 0 {
		got = append(got, <-r.out)
	}
	for i := range max(len(got), len(want)) {
		found, expected := "nothing", "nothing"
		if i < len(got) {
			found = got[i].Device + " " + text(got[i].What)
		}
		if i < len(want) {
			expected = want[i]
		}
		if found != expected && !(strings.HasSuffix(expected, "…") && strings.HasPrefix(found, strings.TrimSuffix(expected, "…"))) {
			r.Errorf("signal %d: found %q, expected %q", i, found, expected)
		}
	}
	return got
}

func text(what any) string {
	switch w := what.(type) {
	case bridge.Level:
		s := "off"
		if w.Active {
			s = "on"
		}
		if w.First {
			s += " first"
		}
		return s
	case bridge.Health:
		if w.Online {
			return "online"
		}
		return "offline " + w.Cause
	}
	return fmt.Sprintf("%+v", what)
}

func (r *rig) end() {
	r.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Error(err)
	}
	r.expect()
}

func (r *rig) begin() {
	r.Helper()
	time.Sleep(100 * ms)
	r.expect("a online", "a on first", "b online", "b off first", "c online", "c off first", "d online", "d off first")
}

func TestL07LevelsAreToldAsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, four)
		r.begin()
		time.Sleep(time.Minute)
		r.end()
	})
}

func TestFourChannelsWithin400ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, four)
		r.begin()
		for i := range 50 {
			time.Sleep(time.Duration(i) * 7 * ms)
			on, ohms := "on", 9400.0
			if i%2 == 1 {
				on, ohms = "off", 4700
			}
			r.loop(2, ohms)
			at := time.Now()
			time.Sleep(19 * ms)
			r.expect()
			time.Sleep(62 * ms)
			if got := r.expect("c " + on); len(got) == 1 && (got[0].At.Before(at) || got[0].At.Sub(at) > 25*ms) {
				t.Errorf("stamped %v after the change", got[0].At.Sub(at))
			}
		}
		r.end()
	})
}

func TestGlitchesAreNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, four)
		r.begin()
		for range 20 {
			for _, ohms := range []float64{9400, 0, math.Inf(1), 7000} {
				r.loop(1, ohms)
				time.Sleep(18 * ms)
				r.loop(1, 4700)
				time.Sleep(50 * ms)
			}
		}
		r.loop(1, 7000) // between, for less than 100 ms
		time.Sleep(90 * ms)
		r.loop(1, 4700)
		time.Sleep(time.Second)
		r.end()
	})
}

func TestL25LoopFaultsAreToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		ohms float64
		want string
	}{
		"cut":     {math.Inf(1), "is cut: found 3.30 V; expected 1.49 … 1.81 V when normal, 2.05 … 2.34 V when active: look for a loose"},
		"short":   {30, "is short-circuited: found 0.02 V, which is 30 Ω; expected"},
		"between": {6500, "is at a voltage that no state has: found 1.92 V, which is 65"},
		"beyond":  {30_000, "is at a voltage that no state has: found 2.85 V, which is 29"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := fake(t, four)
				r.begin()
				r.loop(1, c.ohms)
				time.Sleep(200 * ms)
				r.expect("b offline ads1115: x2: channel 1: the loop " + c.want + "…")
				time.Sleep(time.Minute)
				r.expect()
				r.loop(1, 9400)
				time.Sleep(100 * ms)
				r.expect("b online", "b on first")
				r.end()
			})
		})
	}
	t.Run("cut, then short", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := fake(t, four)
			r.begin()
			r.loop(0, math.Inf(1))
			time.Sleep(100 * ms)
			r.loop(0, 0)
			time.Sleep(100 * ms)
			r.expect("a offline ads1115: x2: channel 0: the loop is cut…", "a offline ads1115: x2: channel 0: the loop is short-circuited…")
			r.end()
		})
	})
}

func TestL25ChipFailuresAreToldOncePerInput(t *testing.T) {
	for what, c := range map[string]struct {
		breaks, heals func(r *rig)
		want          string
	}{
		"bus":        {func(r *rig) { r.bus.Fail(true) }, func(r *rig) { r.bus.Fail(false) }, syscall.EIO.Error()},
		"no power":   {func(r *rig) { r.bus.Power(r.chip, false) }, func(r *rig) { r.bus.Power(r.chip, true) }, syscall.ENXIO.Error()},
		"oscillator": {func(r *rig) { r.chip.Stick(true) }, func(r *rig) { r.chip.Stick(false) }, "no result after 10ms"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := fake(t, four)
				r.begin()
				r.loop(3, 0)
				time.Sleep(100 * ms)
				r.expect("d offline …")
				c.breaks(r)
				time.Sleep(time.Hour)
				got := r.expect("a offline …", "b offline …", "c offline …", "d offline …")
				for _, s := range got {
					if cause := s.What.(bridge.Health).Cause; !strings.HasPrefix(cause, "ads1115: x2: ") || !strings.Contains(cause, c.want) {
						t.Errorf("cause %q, expected %q", cause, c.want)
					}
				}
				c.heals(r)
				time.Sleep(3 * time.Second)
				r.expect("a online", "a on first", "b online", "b off first", "c online", "c off first",
					"d offline ads1115: x2: channel 3: the loop is short…")
				c.breaks(r)
				time.Sleep(time.Minute)
				r.expect("a offline …", "b offline …", "c offline …", "d offline …")
				r.end()
			})
		})
	}
}

func TestL26PowerLossDuringAConversionIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, [4]Channel{{ID: "a"}})
		time.Sleep(100 * ms)
		r.expect("a online", "a on first")
		time.Sleep(time.Until(time.Now().Truncate(20 * ms).Add(21 * ms))) // rounds begin at multiples of 20 ms
		r.bus.Power(r.chip, false)
		r.bus.Power(r.chip, true)
		time.Sleep(time.Second)
		r.expect("a offline ads1115: x2: configuration reads back 0x8583, expected 0xc3c3…", "a online", "a on first")
		r.end()
	})
}

func TestDisturbedTransactionsAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, four)
		r.bus.Disturb(3)
		r.begin()
		time.Sleep(time.Minute)
		r.end()
	})
}

// A chip that answers every now and then is offline once.
func TestL25FlappingIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, four)
		r.begin()
		for range 100 {
			r.bus.Fail(true)
			time.Sleep(50 * ms)
			r.bus.Fail(false)
			time.Sleep(10 * ms)
		}
		r.bus.Fail(true)
		time.Sleep(time.Minute)
		r.expect("a offline …", "b offline …", "c offline …", "d offline …")
		r.end()
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		chip := sim.NewADS1115(addr, func() time.Duration { return time.Since(start) })
		r := run(t, sim.NewI2CBus("bus", chip), four, 1)
		time.Sleep(time.Minute)
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for want, c := range map[string]struct {
		addr uint16
		ch   Channel
	}{
		"0x48 … 0x4b":                     {0x4C, Channel{ID: "a"}},
		"expected 1 … 4":                  {addr, Channel{}},
		"input a: debounce 5ms; expected": {addr, Channel{ID: "a", Debounce: 5 * ms}},
		"input a: supply of":              {addr, Channel{ID: "a", Loop: Loop{Supply: physic.MilliVolt}}},
	} {
		if _, err := New("x2", nil, c.addr, [4]Channel{1: c.ch}); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "ads1115: x2: ") {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}
