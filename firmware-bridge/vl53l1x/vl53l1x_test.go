package vl53l1x

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c/i2ctest"
	"pgregory.net/rapid"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
)

// rig is a counter whose outer sensor is at 0x29 and has a reset line, and whose inner one is moved to 0x2A.
type rig struct {
	fatal        func(format string, args ...any)
	bus          *sim.I2CBus
	outer, inner *sim.VL53L1X
	out          chan bridge.Signal
	ended        chan error
	stop         context.CancelFunc
}

const innerAddr = 0x2A

func prepare(t *testing.T, fatal func(format string, args ...any)) *rig {
	t.Helper()
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) }
	r := &rig{fatal: fatal, outer: sim.NewVL53L1X(clock), inner: sim.NewVL53L1X(clock),
		out: make(chan bridge.Signal, 400), ended: make(chan error, 1)}
	r.bus = sim.NewI2CBus("bus", r.outer, r.inner)
	return r
}

func (r *rig) run(t *testing.T, opts *Opts) {
	t.Helper()
	d, err := New("count", Sensor{Bus: r.bus, Reset: r.outer.XSHUT()}, Sensor{Bus: r.bus, Addr: innerAddr}, opts)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() { r.ended <- d.Run(ctx, r.out) }()
}

// begin runs a counter until it has learned.
func begin(t *testing.T, opts *Opts) *rig {
	t.Helper()
	r := prepare(t, t.Fatalf)
	r.run(t, opts)
	r.expect("online")
	return r
}

// walk puts a person before the named sensors, one state each time gap.
func (r *rig) walk(gap time.Duration, states string) {
	for _, s := range strings.Fields(states) {
		time.Sleep(gap)
		for letter, sensor := range map[string]*sim.VL53L1X{"O": r.outer, "I": r.inner} {
			mm := uint16(1000)
			if strings.Contains(s, letter) {
				mm = 450
			}
			sensor.SetDistance(mm)
		}
	}
}

// expect waits for these signals: in, out, online, or offline with a part of its cause.
func (r *rig) expect(want ...string) {
	for _, w := range want {
		select {
		case s := <-r.out:
			got := text(s.What)
			if s.Device != "count" || got != w && !(strings.HasPrefix(w, "offline ") && strings.HasPrefix(got, "offline vl53l1x: ") &&
				strings.Contains(got, strings.TrimPrefix(w, "offline "))) {
				r.fatal("signal %q, expected %q", got, w)
			}
		case <-time.After(time.Hour):
			r.fatal("nothing for an hour, expected %q", w)
		}
	}
}

func text(what any) string {
	switch w := what.(type) {
	case bridge.Passage:
		if w.In {
			return "in"
		}
		return "out"
	case bridge.Health:
		if w.Online {
			return "online"
		}
		return "offline " + w.Cause
	}
	return "?"
}

// end stops the counter and expects that it told nothing more.
func (r *rig) end() {
	time.Sleep(time.Second)
	r.stop()
	if err := <-r.ended; err != nil {
		r.fatal("ended with %v", err)
	}
	if len(r.out) > 0 {
		r.fatal("unexpected %v", text((<-r.out).What))
	}
}

const pace = 120 * time.Millisecond

func TestWalks(t *testing.T) {
	for _, c := range []struct{ what, walk, want string }{
		{"in", "O OI I -", "in"},
		{"out", "I OI O -", "out"},
		{"in and out", "O OI I - I OI O -", "in out"},
		{"turned back at the first sensor", "O -", ""},
		{"turned back before both", "O OI O -", ""},
		{"turned back at the second sensor", "O OI I OI O -", ""},
		{"two close behind each other", "O OI I OI O OI I -", "in in"},
		{"two apart", "O OI I - O OI I -", "in in"},
		{"somebody stands still, then goes in", "O OI OI OI OI OI OI OI OI OI OI OI OI OI OI OI OI OI OI OI I -", "in"},
		{"a door leaf that passes both at once", "OI -", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, nil)
				r.walk(pace, c.walk)
				r.expect(strings.Fields(c.want)...)
				r.end()
			})
		})
	}
}

// A flash has no direction, whenever it comes between the two sensors' measurements.
func TestFlashIsNobody(t *testing.T) {
	for ms := 50; ms < 110; ms += 3 {
		synctest.Test(t, func(t *testing.T) {
			r := begin(t, nil)
			for range 9 {
				r.walk(time.Duration(ms)*time.Millisecond, "OI -")
			}
			r.end()
		})
	}
}

func TestPassageIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, nil)
		r.walk(pace, "O OI I -")
		left := time.Now()
		s := <-r.out
		if late := s.At.Sub(left); text(s.What) != "in" || late < 0 || late > 65*time.Millisecond {
			t.Errorf("%v, %v after the person left", s, late)
		}
		r.end()
	})
}

func TestLongRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.outer.SetDistance(2400)
		r.inner.SetResult(0, noSignal) // nothing within 4 m
		r.run(t, &Opts{Long: true})
		r.expect("online")
		step := func(outer uint16, inner uint16) {
			time.Sleep(pace)
			r.outer.SetDistance(outer)
			r.inner.SetDistance(inner)
		}
		step(1750, 4000)
		step(1850, 2900) // within the outer one's hysteresis
		step(2400, 3100) // within the inner one's
		step(2400, 4000)
		r.expect("in")
		r.end()
	})
}

// People who walk at any pace are counted, each once; those who turn back are not.
func TestAnyPaceIsCounted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		visits := rapid.SliceOfN(rapid.SampledFrom([]string{"in", "out", "back", "outback"}), 1, 6).Draw(rt, "visits")
		gaps := rapid.SliceOfN(rapid.IntRange(80, 1500), len(visits), len(visits)).Draw(rt, "ms")
		spike := rapid.Bool().Draw(rt, "an outlier in between")
		fault := ""
		synctest.Test(t, func(t *testing.T) {
			r := prepare(t, func(format string, args ...any) {
				if fault == "" {
					fault = strings.TrimSpace(format)
				}
			})
			r.run(t, nil)
			r.expect("online")
			var want, got []string
			for i, v := range visits {
				gap := time.Duration(gaps[i]) * time.Millisecond
				r.walk(gap, map[string]string{"in": "O OI I -", "out": "I OI O -", "back": "O OI O -", "outback": "I OI O OI I -"}[v])
				if v == "in" || v == "out" {
					want = append(want, v)
				}
				if spike {
					time.Sleep(200 * time.Millisecond)
					r.inner.SetDistance(200)
					time.Sleep(20 * time.Millisecond) // less than one measurement
					r.inner.SetDistance(1000)
				}
				time.Sleep(200 * time.Millisecond)
			}
			for len(r.out) > 0 {
				got = append(got, text((<-r.out).What))
			}
			r.stop()
			<-r.ended
			if !slices.Equal(got, want) {
				fault = "counted " + strings.Join(got, " ") + ", expected " + strings.Join(want, " ")
			}
		})
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

func TestL07SomebodyAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.outer.SetDistance(450)
		r.run(t, nil)
		r.expect("online")
		r.walk(pace, "OI I -") // half a visit
		time.Sleep(2 * time.Second)
		r.walk(pace, "O OI I -")
		r.expect("in")
		r.end()
	})
}

func TestNeverStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.run(t, nil)
		for len(r.out) == 0 {
			r.walk(500*time.Millisecond, "O -")
		}
		r.expect("offline outer sensor: found the passage never still for 1 s in 30s", "online")
		r.end()
	})
}

func TestTooNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.inner.SetDistance(250)
		r.run(t, nil)
		r.expect("offline inner sensor: sees 250 mm far, expected an empty passage of 300 mm or more")
		for _, mm := range [][2]uint16{{450, 250}, {450, 100}, {1000, 100}, {1000, 250}} {
			time.Sleep(pace)
			r.outer.SetDistance(mm[0])
			r.inner.SetDistance(mm[1])
		}
		r.walk(pace, "-")
		r.expect("online") // and nobody was counted before
		r.walk(pace, "O OI I -")
		r.expect("in")
		r.end()
	})
}

func TestL07BlockedWhenLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.run(t, nil)
		for range 3 { // the outer sensor learns, the inner one cannot
			r.walk(500*time.Millisecond, "I -")
		}
		r.walk(0, "O")
		r.expect("online", "offline the outer sensor is blocked")
		r.walk(pace, "-")
		r.expect("online")
		r.end()
	})
}

func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, &Opts{Blocked: 10 * time.Second})
		r.walk(pace, "I")
		at := time.Now()
		r.expect("offline the inner sensor is blocked: something has been nearer than 800 mm for longer than 10s")
		if after := time.Since(at); after < 10*time.Second || after > 11*time.Second {
			t.Errorf("told after %v", after)
		}
		time.Sleep(time.Minute)
		r.walk(pace, "OI O -") // what was under way does not count
		r.expect("online")
		r.walk(pace, "O OI I -")
		r.expect("in")
		r.end()
	})
}

func TestL25FailuresAreToldOnceAndHeal(t *testing.T) {
	for what, c := range map[string]struct {
		breaks, heals func(r *rig)
		want          string
	}{
		"bus": {func(r *rig) { r.bus.Fail(true) }, func(r *rig) { r.bus.Fail(false) }, syscall.EIO.Error()},
		"inner without power": {func(r *rig) { r.bus.Power(r.inner, false) }, func(r *rig) { r.bus.Power(r.inner, true) },
			"inner sensor: read of register 0x0031: sim: bus: address 0x2a: " + syscall.ENXIO.Error()},
		"outer without power": {func(r *rig) { r.bus.Power(r.outer, false) }, func(r *rig) { r.bus.Power(r.outer, true) },
			"outer sensor: read of register 0x0031: sim: bus: address 0x29: " + syscall.ENXIO.Error()},
		"no measurements": {func(r *rig) { r.inner.Freeze(true) }, func(r *rig) { r.inner.Freeze(false) }, "inner sensor: no measurement for 24"},
		"window dirty": {func(r *rig) { r.outer.SetResult(0, noisy) }, func(r *rig) { r.outer.SetDistance(1000) },
			"outer sensor: 40 measurements in a row are unusable (range status 6): clean its window"},
		"hardware": {func(r *rig) { r.outer.SetResult(0, 3) }, func(r *rig) { r.outer.SetDistance(1000) }, "outer sensor: range status 3"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, nil)
				r.walk(pace, "O OI")
				c.breaks(r)
				r.expect("offline " + c.want)
				time.Sleep(10 * time.Minute)
				r.walk(pace, "I -")
				c.breaks(r)
				synctest.Wait()
				if len(r.out) > 0 {
					t.Errorf("unexpected %v", text((<-r.out).What))
				}
				c.heals(r)
				r.expect("online")
				r.walk(pace, "O OI I -")
				r.expect("in")
				r.end()
			})
		})
	}
}

func TestDisturbedTransactionsAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, nil)
		r.bus.Disturb(3)
		time.Sleep(time.Minute)
		r.walk(pace, "O OI I -")
		r.expect("in")
		r.end()
	})
}

// A chip that lost its power for a moment is found, whichever it is, also when it comes back at the other one's address.
func TestL26PowerLossIsFound(t *testing.T) {
	for what, which := range map[string]func(r *rig) []*sim.VL53L1X{
		"inner": func(r *rig) []*sim.VL53L1X { return []*sim.VL53L1X{r.inner} },
		"outer": func(r *rig) []*sim.VL53L1X { return []*sim.VL53L1X{r.outer} },
		"both":  func(r *rig) []*sim.VL53L1X { return []*sim.VL53L1X{r.outer, r.inner} },
	} {
		t.Run("L26 "+what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, nil)
				for _, c := range which(r) {
					r.bus.Power(c, false)
					r.bus.Power(c, true)
				}
				r.expect("offline sensor: ", "online")
				r.walk(pace, "I OI O -")
				r.expect("out")
				r.end()
			})
		})
	}
	t.Run("L26 only the timing is lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := begin(t, nil)
			if err := r.bus.Tx(innerAddr, []byte{0, 0x5E, 1, 2}, nil); err != nil {
				t.Fatal(err)
			}
			r.expect("offline inner sensor: timing reads back 01 02 07 00 6e 05, expected 00 51 07 00 6e 05", "online")
			r.end()
		})
	})
}

func TestAddresses(t *testing.T) {
	t.Run("a chip that was moved by an earlier process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := begin(t, nil)
			r.end()
			r.run(t, nil)
			r.expect("online")
			r.walk(pace, "O OI I -")
			r.expect("in")
			r.end()
		})
	})
	t.Run("XSHUT is not connected", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := prepare(t, t.Fatalf)
			d, err := New("count", Sensor{Bus: r.bus, Reset: sim.NewVL53L1X(func() time.Duration { return 0 }).XSHUT()},
				Sensor{Bus: r.bus, Addr: innerAddr}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			r.stop = cancel
			go func() { r.ended <- d.Run(ctx, r.out) }()
			r.expect("offline outer sensor: no VL53L1X: sim: bus: address 0x29: " + syscall.ENXIO.Error() + "; check its power")
			r.end()
		})
	})
	t.Run("two buses, no reset", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := prepare(t, t.Fatalf)
			outer, inner := sim.NewI2CBus("bus 0", r.outer), sim.NewI2CBus("bus 1", r.inner)
			d, err := New("count", Sensor{Bus: outer}, Sensor{Bus: inner}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			r.stop = cancel
			go func() { r.ended <- d.Run(ctx, r.out) }()
			r.expect("online")
			inner.Power(r.inner, false)
			inner.Power(r.inner, true)
			r.expect("offline inner sensor: ", "online")
			r.walk(pace, "O OI I -")
			r.expect("in")
			r.end()
		})
	})
	t.Run("the inner one has the reset line", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := prepare(t, t.Fatalf)
			d, err := New("count", Sensor{Bus: r.bus, Addr: 0x2B}, Sensor{Bus: r.bus, Addr: innerAddr, Reset: r.inner.XSHUT()}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			r.stop = cancel
			go func() { r.ended <- d.Run(ctx, r.out) }()
			r.expect("online")
			r.walk(pace, "O OI I -")
			r.expect("in")
			r.end()
		})
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, t.Fatalf)
		r.out = make(chan bridge.Signal)
		r.run(t, nil)
		time.Sleep(10 * time.Second)
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	bus, other := &i2ctest.Playback{}, sim.NewI2CBus("other")
	reset := sim.NewVL53L1X(func() time.Duration { return 0 }).XSHUT()
	for want, c := range map[string]struct {
		outer, inner Sensor
		o            Opts
	}{
		"neither has a reset line":      {Sensor{Bus: bus}, Sensor{Bus: bus, Addr: 0x2A}, Opts{}},
		"that of the inner one not":     {Sensor{Bus: bus, Reset: reset}, Sensor{Bus: bus}, Opts{}},
		"that of the outer one not":     {Sensor{Bus: bus}, Sensor{Bus: bus, Addr: 0x2A, Reset: reset}, Opts{}},
		"expected two addresses":        {Sensor{Bus: bus, Addr: 0x2A, Reset: reset}, Sensor{Bus: bus, Addr: 0x2A}, Opts{}},
		"inner sensor: bus playback, a": {Sensor{Bus: other}, Sensor{Bus: bus, Addr: 0x78}, Opts{}},
		"outer sensor: bus <nil>":       {Sensor{}, Sensor{Bus: bus}, Opts{}},
		"timing budget of 15ms":         {Sensor{Bus: other}, Sensor{Bus: bus}, Opts{Budget: 15 * time.Millisecond}},
		"blocked after 10ms":            {Sensor{Bus: other}, Sensor{Bus: bus}, Opts{Blocked: 10 * time.Millisecond}},
	} {
		if _, err := New("c", c.outer, c.inner, &c.o); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "vl53l1x: counter c: ") {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}
