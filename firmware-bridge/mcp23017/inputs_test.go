package mcp23017

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/edgetest"
	"kapija/firmware-bridge/sim"
)

const ms = time.Millisecond

// rig is a chip whose inputs run in a synctest bubble: rex at A1, active low, and contact at B0.
type rig struct {
	*testing.T
	bus   *sim.I2CBus
	chip  *sim.MCP23017
	d     *Dev
	line  *edgetest.Lines
	out   chan bridge.Signal
	ended chan error
	stop  context.CancelFunc
}

func prepare(t *testing.T, o Opts, byInt bool) *rig {
	t.Helper()
	r := &rig{T: t, out: make(chan bridge.Signal, 1000), ended: make(chan error, 1)}
	r.bus, r.chip = fake(t)
	if byInt {
		r.line = edgetest.NewLines(1, edgetest.Both)
		r.chip.OnInt(func(high bool) { r.line.Set(0, high) })
	}
	d, err := New("x1", r.bus, addr, o)
	if err != nil {
		t.Fatal(err)
	}
	r.d = d
	return r
}

func (r *rig) run() {
	var ctx context.Context
	ctx, r.stop = context.WithCancel(r.Context())
	var line bridge.EdgeSource
	if r.line != nil {
		line = r.line
	}
	in := r.d.Inputs(line)
	go func() { r.ended <- in.Run(ctx, r.out) }()
	synctest.Wait()
}

func (r *rig) rex(pressed bool) { r.chip.SetPin(1, !pressed) }
func (r *rig) contact(on bool)  { r.chip.SetPin(8, on) }

// expect checks what was told since, as "device what".
func (r *rig) expect(want ...string) []bridge.Signal {
	r.Helper()
	synctest.Wait()
	var got []bridge.Signal
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

// each runs a test polled, and by INT.
func each(t *testing.T, o Opts, test func(r *rig)) {
	for _, byInt := range []bool{false, true} {
		t.Run(fmt.Sprintf("by INT: %v", byInt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(prepare(t, o, byInt)) })
		})
	}
}

func TestL07LevelsAreToldAsFound(t *testing.T) {
	for _, on := range []bool{false, true} {
		each(t, opts, func(r *rig) {
			r.rex(on)
			r.contact(on)
			r.run()
			level := map[bool]string{false: "off first", true: "on first"}[on]
			r.expect("rex online", "contact online", "rex "+level, "contact "+level)
			time.Sleep(time.Minute)
			r.end()
		})
	}
}

func begin(r *rig) {
	r.Helper()
	r.rex(false)
	r.contact(false)
	r.run()
	r.expect("rex online", "contact online", "rex off first", "contact off first")
	time.Sleep(time.Second)
}

func TestDebounce(t *testing.T) {
	each(t, opts, func(r *rig) {
		begin(r)
		r.rex(true)
		at := time.Now()
		time.Sleep(19 * ms)
		r.expect()
		time.Sleep(12 * ms)
		if got := r.expect("rex on"); len(got) == 1 {
			if late := got[0].At.Sub(at); late < 0 || late > 5*ms {
				t.Errorf("stamped %v after the change", late)
			}
		}
		for range 30 { // bounces
			r.rex(false)
			time.Sleep(12 * ms)
			r.rex(true)
			time.Sleep(7 * ms)
		}
		r.rex(false)
		r.expect()
		time.Sleep(31 * ms)
		r.expect("rex off")
		for range 10 { // glitches
			r.contact(true)
			time.Sleep(8 * ms)
			r.contact(false)
			time.Sleep(40 * ms)
		}
		r.end()
	})
}

func TestShortPulsesAreCaptured(t *testing.T) {
	o := opts
	o.Inputs = []InputOpts{{ID: "rex", Pin: "A1", ActiveLow: true, Debounce: -1}, {ID: "contact", Pin: "B0"}}
	each(t, o, func(r *rig) {
		begin(r)
		for range 3 {
			time.Sleep(ms)
			r.rex(true)
			r.rex(false) // over before anybody can read
			at := time.Now()
			time.Sleep(6 * ms)
			got := r.expect("rex on", "rex off")
			if r.line != nil && len(got) == 2 && !got[0].At.Equal(at) {
				t.Errorf("stamped %v, happened %v", got[0].At, at)
			}
		}
		// A read of the gateway's loop in between takes nothing away.
		for range 3 {
			time.Sleep(ms)
			r.rex(true)
			r.rex(false)
			if err := set(r.d, "A0", true); err != nil {
				t.Error(err)
			}
			time.Sleep(6 * ms)
			r.expect("rex on", "rex off")
		}
		// Nor when the pulse ends after that read and before the next poll.
		time.Sleep(ms)
		r.d.mu.Lock()
		r.rex(true)
		_, err := r.d.look(brief)
		r.rex(false)
		r.d.mu.Unlock()
		time.Sleep(6 * ms)
		if r.expect("rex on", "rex off"); err != nil {
			t.Error(err)
		}
		r.contact(true)
		r.contact(false)
		time.Sleep(time.Second)
		r.end()
	})
}

func TestL25BusErrorIsToldOncePerInput(t *testing.T) {
	each(t, opts, func(r *rig) {
		begin(r)
		r.bus.Fail(true)
		time.Sleep(time.Hour)
		cause := "offline mcp23017: x1: read: sim: bus: address 0x21: " + syscall.EIO.Error()
		r.expect("rex "+cause, "contact "+cause)
		r.rex(true)
		r.bus.Fail(false)
		time.Sleep(3 * time.Second)
		r.expect("rex online", "contact online", "rex on first", "contact off first")
		r.end()
	})
}

func TestL26PowerLossIsFoundByTheInputs(t *testing.T) {
	for what, o := range map[string]Opts{
		"with outputs":    opts,
		"without outputs": {Inputs: opts.Inputs},
	} {
		t.Run("L26 "+what, func(t *testing.T) {
			each(t, o, func(r *rig) {
				begin(r)
				r.bus.Power(r.chip, false)
				r.bus.Power(r.chip, true)
				time.Sleep(time.Second)
				r.expect("rex offline mcp23017: x1: directions read back 0xffff, expected 0x7f…", "contact offline …", "rex online", "contact online",
					"rex off first", "contact off first")
				if err := r.d.check(); err != nil {
					t.Error(err)
				}
				r.rex(true)
				time.Sleep(40 * ms)
				r.expect("rex on")
				r.end()
			})
		})
	}
	t.Run("L26 only the pull-ups are gone", func(t *testing.T) {
		each(t, opts, func(r *rig) {
			begin(r)
			if err := r.bus.Tx(addr, []byte{0x0C, 0, 0}, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			r.expect("rex offline …", "contact offline …", "rex online", "contact online", "rex off first", "contact off first")
			r.end()
		})
	})
}

func TestMissingINTEdgesAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, opts, true)
		begin(r)
		r.line.Lose(1)
		r.contact(true)
		time.Sleep(200 * ms) // less than the 400 ms of IEC 60839-11-1
		r.expect("contact on")
		r.end()
	})
}

func TestFailedINTLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, opts, true)
		begin(r)
		r.line.Fail(syscall.ENODEV)
		if err := <-r.ended; !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "x1: line of INT") {
			t.Error(err)
		}
		r.expect("rex offline mcp23017: x1: line of INT…", "contact offline …")
	})
}

func TestFullChannelEndsWithContext(t *testing.T) {
	each(t, opts, func(r *rig) {
		r.out = make(chan bridge.Signal)
		r.run()
		time.Sleep(time.Second)
		if err := set(r.d, "A0", true); err != nil {
			t.Errorf("an output while the inputs wait: %v", err)
		}
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestDisturbedTransactionsAreNoNews(t *testing.T) {
	each(t, opts, func(r *rig) {
		begin(r)
		r.bus.Disturb(3)
		for range 50 {
			if err := set(r.d, "A0", true); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * ms)
		}
		r.rex(true)
		time.Sleep(150 * ms)
		r.expect("rex on")
		r.end()
	})
}

// A bus that works every now and then is not told of all the time.
func TestL25FlappingIsTamed(t *testing.T) {
	each(t, opts, func(r *rig) {
		begin(r)
		for range 600 {
			r.bus.Fail(true)
			time.Sleep(50 * ms)
			r.bus.Fail(false)
			time.Sleep(50 * ms)
		}
		if n := len(r.out); n == 0 || n > 2*3*40 { // a minute, 2 inputs, at most 3 signals each 1.5 s
			t.Errorf("%d signals", n)
		}
		for len(r.out) > 0 {
			<-r.out
		}
		time.Sleep(time.Minute)
		for len(r.out) > 0 {
			<-r.out
		}
		r.end()
	})
}

// Whatever a contact does, no level is told twice, none that held for less than the debounce time, and the last one told
// is the contact's once it is still.
func TestL13TheLastWordIsThePinsLevel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pauses := rapid.SliceOfN(rapid.IntRange(0, 60_000), 1, 40).Draw(rt, "pauses in µs")
		byInt := rapid.Bool().Draw(rt, "by INT")
		fault := ""
		synctest.Test(t, func(t *testing.T) {
			r := prepare(t, opts, byInt)
			begin(r)
			level, held := false, false
			for _, pause := range pauses {
				level = !level
				r.contact(level)
				time.Sleep(time.Duration(pause) * time.Microsecond)
				held = held || level && pause >= 20_000
			}
			time.Sleep(time.Second)
			r.stop()
			<-r.ended
			told := false
			for len(r.out) > 0 && fault == "" {
				s := <-r.out
				l, ok := s.What.(bridge.Level)
				if !ok || l.Active == told || l.First || s.Device != "contact" {
					fault = fmt.Sprintf("found %+v after %v", s, told)
				}
				told = l.Active
				if told && !held && !level {
					fault = "a level that never held is told"
				}
			}
			if told != level && fault == "" {
				fault = fmt.Sprintf("the last level told is %v, the pin's is %v", told, level)
			}
		})
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}
