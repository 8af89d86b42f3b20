package edgetest_test

import (
	"fmt"
	"testing"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/edgetest"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

func TestVirtualWiresKeepTheContract(t *testing.T) {
	wires := func(t *testing.T) (*sim.Wires, func(command string)) {
		w, err := sim.Open(&site.Gateway{ID: "g", Readers: []*site.Reader{{ID: "r"}},
			Inputs: []*site.Input{{ID: "i", Active: "low"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		return w, func(command string) {
			if answer, err := w.Do(t.Context(), command); err != nil {
				t.Errorf("%s: %v %s", command, err, answer)
			}
		}
	}
	edgetest.Contract(t, edgetest.Maker{
		Wiegand: func(t *testing.T) (bridge.EdgeSource, func(int)) {
			w, do := wires(t)
			src, err := w.Wiegand("r")
			if err != nil {
				t.Fatal(err)
			}
			return src, func(line int) { do(fmt.Sprintf("wiegand r %d", line)) }
		},
		Input: func(t *testing.T) (bridge.EdgeSource, func(bool)) {
			w, do := wires(t)
			src, err := w.Input("i")
			if err != nil {
				t.Fatal(err)
			}
			return src, func(high bool) {
				level := 0
				if high {
					level = 1
				}
				do(fmt.Sprintf("level i %d", level))
			}
		},
	})
}
