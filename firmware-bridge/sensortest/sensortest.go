// Package sensortest runs a sensor in a test, on virtual wires or on a bus that plays bytes back, and checks what it
// tells. It is for tests only, which call it in a synctest bubble.
//
// Concurrency: the sensor runs in a goroutine of its own and hands over one signal at a time; the rest is called from the
// test's goroutine.
package sensortest

import (
	"context"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// ID is that of the sensor on the wires that Wires makes.
const ID = "sensor"

// Wires are virtual wires with one chip that is named as in the site's configuration. Each command is one of package
// sim, for the sensor ID.
func Wires(t *testing.T, chip string) (bus i2c.Bus, addr uint16, do func(commands ...string)) {
	t.Helper()
	w, err := sim.Open(&site.Gateway{ID: "gw", Sensors: []*site.Sensor{{ID: ID, Chip: chip}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bus, addr, err = w.I2C(ID); err != nil {
		t.Fatal(err)
	}
	return bus, addr, func(commands ...string) {
		t.Helper()
		for _, c := range commands {
			if _, err := w.Do(t.Context(), c); err != nil {
				t.Fatalf("%s: %v", c, err)
			}
		}
	}
}

// Running is a sensor that runs.
type Running struct {
	t      *testing.T
	id     string
	out    chan bridge.Signal
	ended  chan error
	cancel func()
}

// Start runs a sensor.
func Start(t *testing.T, dev bridge.Source) *Running {
	t.Helper()
	return start(t, dev, 0)
}

func start(t *testing.T, dev bridge.Source, buffer int) *Running {
	ctx, cancel := context.WithCancel(t.Context())
	r := &Running{t: t, id: dev.ID(), out: make(chan bridge.Signal, buffer), ended: make(chan error, 1), cancel: cancel}
	go func() { r.ended <- dev.Run(ctx, r.out) }()
	return r
}

// Next waits for what the sensor tells next.
func (r *Running) Next() any {
	r.t.Helper()
	s := <-r.out
	if s.Device != r.id || s.At.After(time.Now()) {
		r.t.Errorf("signal %+v, expected one of %s that is not in the future", s, r.id)
	}
	return s.What
}

// Expect waits for these signals, in this order.
func (r *Running) Expect(signals ...any) {
	r.t.Helper()
	for _, want := range signals {
		if got := r.Next(); got != want {
			r.t.Errorf("told %+v, expected %+v", got, want)
		}
	}
}

// ExpectOnline waits until it says that it is online, and then for these signals.
func (r *Running) ExpectOnline(signals ...any) {
	r.t.Helper()
	r.Expect(append([]any{bridge.Health{Online: true}}, signals...)...)
}

// ExpectOffline waits until it says that it is offline, with a cause that contains this.
func (r *Running) ExpectOffline(cause string) {
	r.t.Helper()
	got := r.Next()
	if h, ok := got.(bridge.Health); !ok || h.Online || !strings.Contains(h.Cause, cause) {
		r.t.Errorf("told %+v, expected offline: …%s…", got, cause)
	}
}

// Stop ends the sensor, which must return nil.
func (r *Running) Stop() {
	r.t.Helper()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run ended with %v, expected nil", err)
	}
}

// Fault is one way to fail.
type Fault struct {
	Break, Heal func() // a nil Heal: it heals by itself
	Cause       string // a part of what the sensor must say
}

// ToldOnce breaks a sensor for an hour: it says once that it is offline, with the cause, measures nothing until it says
// once that it is online again, and measures then. It must be read once a minute at least.
func ToldOnce(t *testing.T, dev bridge.Source, f Fault) {
	t.Helper()
	r := start(t, dev, 10_000)
	time.Sleep(63 * time.Second) // between two readings
	f.Break()
	time.Sleep(time.Hour)
	if f.Heal != nil {
		f.Heal()
	}
	time.Sleep(3 * time.Minute)
	r.Stop()
	close(r.out)
	var health []bridge.Health
	readings := 0
	for s := range r.out {
		switch what := s.What.(type) {
		case bridge.Health:
			health, readings = append(health, what), 0
		case bridge.Measured:
			readings++
			if len(health) == 2 {
				t.Errorf("measured %+v while offline", what)
			}
		}
	}
	if len(health) != 3 || !health[0].Online || health[1].Online || !health[2].Online {
		t.Fatalf("health %+v, expected online, offline, online", health)
	}
	if !strings.Contains(health[1].Cause, f.Cause) {
		t.Errorf("cause %q, expected %q", health[1].Cause, f.Cause)
	}
	if readings == 0 {
		t.Error("measured nothing after it came back")
	}
}
