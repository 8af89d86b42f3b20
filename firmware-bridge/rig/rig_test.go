package rig_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/sim"
	"kapija/firmware-bridge/wiegand"
	"kapija/internal/cardformat"
	"kapija/internal/site"
)

func gateway() *site.Gateway {
	return &site.Gateway{
		ID:      "g1",
		Readers: []*site.Reader{{ID: "entry", Formats: []string{"wiegand-26", "wiegand-37"}}, {ID: "exit", Formats: []string{"wiegand-26"}}},
		Inputs: []*site.Input{{ID: "contact", Active: "high"}, {ID: "rex", Active: "low", Debounce: 50 * time.Millisecond},
			{ID: "outer", Active: "high"}, {ID: "inner", Active: "high"}},
		Outputs:  []*site.Output{{ID: "lock"}, {ID: "led"}},
		Counters: []*site.Counter{{ID: "count", Outer: "outer", Inner: "inner"}},
		Sensors:  []*site.Sensor{{ID: "air", Chip: "bme280", Every: time.Second}, {ID: "co2", Chip: "scd4x", Every: 5 * time.Second}},
	}
}

// bench is a rig over virtual wires, in a synctest bubble.
type bench struct {
	*testing.T
	wires   *sim.Wires
	devices *rig.Devices
	out     chan bridge.Signal
}

func start(t *testing.T) *bench {
	t.Helper()
	w, err := sim.Open(gateway(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := rig.Open(gateway(), w, rig.Opts{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t, w, d, make(chan bridge.Signal, 1024)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for _, s := range d.Sources {
		go func() { ended <- s.Run(ctx, b.out) }()
	}
	t.Cleanup(func() {
		cancel()
		for range d.Sources {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) do(format string, args ...any) {
	b.Helper()
	if answer, err := b.wires.Do(b.Context(), fmt.Sprintf(format, args...)); err != nil || answer != "ok" {
		b.Fatalf("%q: found %q and the error %v", fmt.Sprintf(format, args...), answer, err)
	}
}

// told waits d and returns what was told meanwhile, by device.
func (b *bench) told(d time.Duration) map[string][]any {
	time.Sleep(d)
	synctest.Wait()
	m := map[string][]any{}
	for len(b.out) > 0 {
		s := <-b.out
		if _, ok := s.What.(bridge.Measured); !ok {
			m[s.Device] = append(m[s.Device], s.What)
		}
	}
	return m
}

func TestEveryDeviceSaysThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		var ids []string
		for _, s := range b.devices.Sources {
			ids = append(ids, s.ID())
		}
		if want := []string{"entry", "exit", "contact", "rex", "count", "air", "co2"}; !slices.Equal(ids, want) {
			t.Errorf("found the sources %q, expected %q: barriers are the counter's alone", ids, want)
		}
		told := b.told(10 * time.Second)
		for _, id := range ids {
			if len(told[id]) == 0 || told[id][0] != (bridge.Health{Online: true}) {
				t.Errorf("%s: found %+v, expected that it is online", id, told[id])
			}
		}
		for id, o := range b.devices.Outputs {
			if on, err := o.Level(); on || err != nil {
				t.Errorf("L14 output %s is %v with the error %v, expected off", id, on, err)
			}
		}
		if len(b.devices.Outputs) != 2 {
			t.Errorf("found %d outputs, expected 2", len(b.devices.Outputs))
		}
	})
}

func TestSignalsComeFromTheWires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.told(10 * time.Second)
		bits, n, err := cardformat.Encode("wiegand-37", 1, 99)
		if err != nil {
			t.Fatal(err)
		}
		b.do("wiegand entry %s", cardformat.String(bits, n))
		b.do("level contact 1")
		b.do("level rex 0")
		for _, step := range []string{"outer 1", "inner 1", "outer 0", "inner 0"} {
			time.Sleep(100 * time.Millisecond)
			b.do("level %s", step)
		}
		told := b.told(time.Second)
		if len(told["entry"]) != 1 {
			t.Fatalf("entry: found %+v, expected a card", told["entry"])
		}
		if r, _ := told["entry"][0].(bridge.Read); r.Format != "wiegand-37" || cardformat.String(r.Bits, r.Len) != cardformat.String(bits, n) {
			t.Errorf("entry: found another card")
		}
		for id, want := range map[string]any{"contact": bridge.Level{Active: true}, "rex": bridge.Level{Active: true}, "count": bridge.Passage{In: true}} {
			if !slices.Equal(told[id], []any{want}) {
				t.Errorf("%s: found %+v, expected %+v", id, told[id], want)
			}
		}
		if len(told["exit"]) != 0 {
			t.Errorf("exit: found %+v, expected nothing", told["exit"])
		}
	})
}

// L25 for everything that hangs on lines: offline once with the cause, online when it is back, and the others go on.
func TestL25DeviceThatFailsIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.told(10 * time.Second)
		send := func() { b.do("wiegand entry 10101"); b.do("wiegand exit 10101") }
		send()
		b.told(time.Second)
		for _, id := range []string{"entry", "contact", "outer"} {
			b.do("fail %s", id)
		}
		told := b.told(time.Minute)
		for _, id := range []string{"entry", "contact", "count"} {
			if len(told[id]) != 1 {
				t.Fatalf("%s: found %+v, expected one word", id, told[id])
			}
			if h, _ := told[id][0].(bridge.Health); h.Online || !strings.Contains(h.Cause, "no such device") {
				t.Errorf("%s: found %+v, expected offline with its cause", id, h)
			}
		}
		send()
		if told := b.told(time.Second); len(told["exit"]) != 1 || len(told["entry"]) != 0 {
			t.Errorf("found %+v, expected the other reader to go on", told)
		}
		for _, id := range []string{"entry", "contact", "outer"} {
			b.do("heal %s", id)
		}
		told = b.told(2100 * time.Millisecond)
		for _, id := range []string{"entry", "contact", "count"} {
			if len(told[id]) == 0 || told[id][0] != (bridge.Health{Online: true}) {
				t.Errorf("%s: found %+v, expected that it is back", id, told[id])
			}
		}
		if want := (bridge.Level{First: true}); len(told["contact"]) != 2 || told["contact"][1] != want {
			t.Errorf("contact: found %+v, expected its level as found", told["contact"])
		}
		b.told(wiegand.Settle)
		send()
		b.told(time.Second)
		if s := b.devices.Stats("entry"); s.Frames != 2 {
			t.Errorf("counted %+v, expected 2 frames over both runs", s)
		}
		if s := b.devices.Stats("nobody"); s != (wiegand.Stats{}) {
			t.Errorf("counted %+v for nobody", s)
		}
	})
}

func TestDeviceThatIsMissingAtStartStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := sim.Open(gateway(), nil)
		if err != nil {
			t.Fatal(err)
		}
		taken, err := w.Wiegand("entry")
		if err != nil {
			t.Fatal(err)
		}
		d, err := rig.Open(gateway(), w, rig.Opts{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := make(chan bridge.Signal, 1024), make(chan error)
		go func() { ended <- d.Sources[0].Run(ctx, out) }()
		b := &bench{t, w, d, out}
		told := b.told(time.Minute)["entry"]
		if len(told) != 1 || told[0].(bridge.Health).Online {
			t.Fatalf("found %+v, expected offline once", told)
		}
		taken.Close()
		if told := b.told(2 * time.Second)["entry"]; !slices.Equal(told, []any{bridge.Health{Online: true}}) {
			t.Fatalf("found %+v, expected online", told)
		}
		cancel()
		<-ended
		w.Close()
	})
}

// broken are wires on which no output can be driven.
type broken struct{ bridge.Wires }

func (broken) Output(id string) (bridge.Output, error) {
	return nil, errors.New("output " + id + " is stuck")
}

func TestOpenNamesEverythingThatIsWrong(t *testing.T) {
	gw := gateway()
	gw.Readers[0].Formats = []string{"wiegand-27"}
	gw.Inputs[0].Active = "sometimes"
	gw.Counters[0].Inner = "outer"
	gw.Sensors[0].Chip = "nose"
	_, err := rig.Open(gw, broken{}, rig.Opts{})
	if err == nil {
		t.Fatal("no error, expected one")
	}
	for _, want := range []string{"g1", "lock is stuck", "led is stuck", "wiegand-27", "sometimes", "count", "nose", "bme280"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: expected %q in it", err, want)
		}
	}
}
