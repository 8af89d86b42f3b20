package edgetest_test

import (
	"testing"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/edgetest"
)

func TestLinesKeepTheContract(t *testing.T) {
	edgetest.Contract(t, edgetest.Maker{
		Wiegand: func(*testing.T) (bridge.EdgeSource, func(int)) {
			l := edgetest.NewLines(2, edgetest.Falling)
			return l, l.Pulse
		},
		Input: func(*testing.T) (bridge.EdgeSource, func(bool)) {
			l := edgetest.NewLines(1, edgetest.Both)
			return l, func(high bool) { l.Set(0, high) }
		},
	})
}
