package sim_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

var gateway = &site.Gateway{
	ID:      "gw1",
	Readers: []*site.Reader{{ID: "r1"}, {ID: "r2"}},
	Inputs:  []*site.Input{{ID: "contact", Active: "high"}, {ID: "rex", Active: "low"}},
	Outputs: []*site.Output{{ID: "strike"}, {ID: "led"}},
	Sensors: []*site.Sensor{{ID: "air", Chip: "bme280"}, {ID: "co2", Chip: "scd4x"}},
}

func open(t *testing.T) *sim.Wires {
	t.Helper()
	w, err := sim.Open(gateway, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func do(t *testing.T, w *sim.Wires, line string) string {
	t.Helper()
	got, err := w.Do(t.Context(), line)
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
	return got
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestL07InitialLevels(t *testing.T) {
	w := open(t)
	for id, inactive := range map[string]bool{"contact": false, "rex": true} {
		if got := must(must(w.Input(id))(t).Levels())(t); !slices.Equal(got, []bool{inactive}) {
			t.Errorf("%s: %v, expected its inactive level %v", id, got, inactive)
		}
	}
	if got := do(t, w, "outputs"); got != `{"led":false,"strike":false}` {
		t.Errorf("outputs %s", got)
	}
}

func TestL26OutputsAreReadBack(t *testing.T) {
	w := open(t)
	out := must(w.Output("strike"))(t)
	level := func(want bool) {
		t.Helper()
		if got := must(out.Level())(t); got != want {
			t.Errorf("level %v, expected %v", got, want)
		}
	}
	level(false)
	if err := out.Set(true); err != nil {
		t.Error(err)
	}
	level(true)
	if got := do(t, w, "outputs"); got != `{"led":false,"strike":true}` {
		t.Errorf("outputs %s", got)
	}
	do(t, w, "fail strike")
	level(false)
	for _, on := range []bool{true, false} {
		if err := out.Set(on); err == nil || !strings.Contains(err.Error(), "reads back") {
			t.Errorf("set %v of a failed output: %v", on, err)
		}
	}
	do(t, w, "heal strike")
	if err := out.Set(true); err != nil {
		t.Error(err)
	}
	_ = w.Close()
	if err := out.Set(true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Wiegand("r1"))(t)
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := src.ReadEdges(make([]bridge.Edge, 1)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("blocked read: %v", err)
			}
		})
		all.Go(func() {
			if _, err := w.Do(t.Context(), "wiegand r2 "+strings.Repeat("0", 200)); err == nil {
				t.Error("a frame that was cut off is ok")
			}
		})
		synctest.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if err := w.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if _, err := w.Input("rex"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("open after Close: %v", err)
		}
		if _, err := w.Do(t.Context(), "outputs"); err == nil {
			t.Error("a command after Close is obeyed")
		}
		bus, addr, _ := w.I2C("air")
		if err := bus.Tx(addr, []byte{0xD0}, make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("bus after Close: %v", err)
		}
	})
}

func TestUnknownDevicesAndBadSites(t *testing.T) {
	w := open(t)
	_, reader := w.Wiegand("r9")
	_, input := w.Input("r1")
	_, output := w.Output("")
	_, _, sensor := w.I2C("x")
	for want, err := range map[string]error{"r1, r2": reader, "contact, rex": input, "led, strike": output, "air, co2": sensor} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected the list %s", err, want)
		}
	}
	for want, gw := range map[string]*site.Gateway{
		"high and low": {ID: "g", Inputs: []*site.Input{{ID: "i", Active: "up"}}},
		"bme280":       {ID: "g", Sensors: []*site.Sensor{{ID: "s", Chip: "dht22"}}},
	} {
		if _, err := sim.Open(gw, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %s", err, want)
		}
	}
}

func TestBusErrors(t *testing.T) {
	w := open(t)
	bus, addr, err := w.I2C("air")
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 1)
	if err := bus.Tx(addr, []byte{0xD0}, id); err != nil || id[0] != 0x60 {
		t.Errorf("chip id %#x, %v", id, err)
	}
	if err := bus.Tx(addr+1, []byte{0xD0}, id); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("wrong address: %v", err)
	}
	do(t, w, "fail air")
	if err := bus.Tx(addr, []byte{0xD0}, id); !errors.Is(err, syscall.EIO) {
		t.Errorf("failed: %v", err)
	}
	do(t, w, "heal air")
	if err := bus.Tx(addr, []byte{0xD0}, id); err != nil {
		t.Errorf("healed: %v", err)
	}
}
