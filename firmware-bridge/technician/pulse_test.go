package technician_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/technician"
	"kapija/internal/site"
)

// pulsed is what a Pulse said, and which outputs were on at the end.
type pulsed struct {
	said []string
	err  error
	on   string
}

// pulse runs Pulse, and during at the time that is given.
func (b *bench) pulse(ctx context.Context, door string, at time.Duration, during func()) pulsed {
	b.Helper()
	var p pulsed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.err = technician.Pulse(ctx, b.Config, b.door(door), 3*time.Second, func(s string) { p.said = append(p.said, s) })
	}()
	time.Sleep(at)
	during()
	<-ended
	p.on = b.outputs()
	return p
}

func (b *bench) expectOn(want string) func() {
	return func() {
		b.Helper()
		if on := b.outputs(); on != want {
			b.Errorf("on are %q, expected %q", on, want)
		}
	}
}

// failSafe makes the lock of a door one that is free without power.
func failSafe(b *site.Building, _ *site.Gateway, _ *site.Wiring) {
	for _, d := range b.Doors {
		d.Fail = site.FailSafe
	}
}

// readerRelay moves the lock of a door to a relay of the OSDP reader.
func readerRelay(_ *site.Building, _ *site.Gateway, w *site.Wiring) {
	w.Outputs["line-lock"] = site.OutputWiring{Reader: "osdp", Terminal: "0"}
}

func TestPulse(t *testing.T) {
	for name, c := range map[string]struct {
		door   string
		change func(*site.Building, *site.Gateway, *site.Wiring)
		ready  time.Duration // until it is released, at most
		during string        // what is on meanwhile
		after  string        // on after it
		said   []string
	}{
		"strike":                {"line", nil, 0, "line-lock", "", []string{"line is released for 3s: line-lock is on", "line is locked again"}},
		"magnet":                {"line", failSafe, time.Second, "", "line-lock", []string{"line is locked", "line is released for 3s: line-lock is off", "line is locked again, and free when this ends: it fails safe"}},
		"strike at an expander": {"expander", nil, 0, "expander-lock", "", []string{"expander is released for 3s: expander-lock is on", "expander is locked again"}},
		"magnet at an expander": {"expander", failSafe, time.Second, "", "expander-lock", nil},
		"strike at a reader":    {"line", readerRelay, 500 * time.Millisecond, "line-lock", "", []string{"line is released for 3s: line-lock is on", "line is locked again"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.change)
				p := b.pulse(t.Context(), c.door, c.ready+2*time.Second, b.expectOn(c.during))
				steps := slices.DeleteFunc(p.said, func(s string) bool {
					return strings.HasPrefix(s, c.door+"-contact") || strings.HasPrefix(s, c.door+"-rex")
				})
				if p.err != nil || p.on != c.after || c.said != nil && !slices.Equal(steps, c.said) {
					t.Errorf("found %+v, expected on: %q, said: %q", p, c.after, c.said)
				}
			})
		})
	}
}

func TestPulseTellsTheContactMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		p := b.pulse(t.Context(), "line", time.Second, func() { b.do("level line-contact 1", "level expander-contact 1") })
		said := strings.Join(p.said, "\n")
		if p.err != nil || !strings.Contains(said, "line-contact: active") || strings.Contains(said, "expander-contact") {
			t.Errorf("%v, found:\n%s", p.err, said)
		}
	})
}

// The lock is locked again whatever happens, also when a reader's bus has to carry it.
func TestPulseThatIsInterruptedLocksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*site.Building, *site.Gateway, *site.Wiring)
		during string
		after  string
	}{
		"strike":             {nil, "line-lock", ""},
		"magnet":             {failSafe, "", "line-lock"},
		"strike at a reader": {readerRelay, "line-lock", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.change)
				ctx, interrupt := context.WithCancel(t.Context())
				p := b.pulse(ctx, "line", 2500*time.Millisecond, func() {
					b.expectOn(c.during)()
					interrupt()
				})
				if p.err == nil || !strings.Contains(p.err.Error(), "interrupted") || p.on != c.after {
					t.Errorf("found %+v, expected on: %q", p, c.after)
				}
				if last := p.said[len(p.said)-1]; !strings.Contains(last, "locked again") {
					t.Errorf("found %q", last)
				}
			})
		})
	}
}

func TestPulseSaysWhatDoesNotMove(t *testing.T) {
	for name, c := range map[string]struct {
		door   string
		change func(*site.Building, *site.Gateway, *site.Wiring)
		fail   string
		want   []string
	}{
		"L26 a line that is stuck":      {"line", nil, "line-lock", []string{"door line", "reads back", "try: something else drives this line"}},
		"L26 an expander without power": {"expander", nil, "io", []string{"door expander", "0x20", "try: nothing answers at this address"}},
		"a magnet's line that is stuck": {"line", failSafe, "line-lock", []string{"door line", "reads back", "locking it first"}},
		"a reader that does not answer": {"line", readerRelay, "osdp", []string{"door line", "offline", "look at the reader that it is at"}},
		"a lock that is not an output":  {"line", func(b *site.Building, _ *site.Gateway, _ *site.Wiring) { b.Doors[0].Lock = "none" }, "", []string{"none", "no output of gateway gw-bench"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.change)
				if c.fail != "" {
					b.do("fail " + c.fail)
				}
				p := b.pulse(t.Context(), c.door, 0, func() {})
				if p.err == nil {
					t.Fatal("no error")
				}
				for _, w := range c.want {
					if !strings.Contains(p.err.Error(), w) {
						t.Errorf("%v: expected %q in it", p.err, w)
					}
				}
				if said := strings.Join(p.said, "\n"); strings.Contains(said, "released") {
					t.Errorf("found %s", said)
				}
			})
		})
	}
}

func TestTwoPulsesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		p := b.pulse(t.Context(), "line", time.Second, func() {
			err := technician.Pulse(t.Context(), b.Config, b.door("expander"), time.Second, func(string) {})
			if err == nil || !strings.Contains(err.Error(), "stop the gateway first") {
				t.Errorf("the second: found %v", err)
			}
			b.expectOn("line-lock")()
		})
		if p.err != nil || p.on != "" {
			t.Errorf("the first: found %+v", p)
		}
	})
}
