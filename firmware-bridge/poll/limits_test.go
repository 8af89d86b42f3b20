package poll_test

import (
	"math"
	"slices"
	"testing"

	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
	"kapija/internal/brick"
)

func TestLimits(t *testing.T) {
	limits := poll.Limits{brick.AirTemperature: {Low: -40, High: 85}, brick.RelativeHumidity: {Low: 0, High: 100}}
	warm := func(celsius float64) bridge.Measured {
		return bridge.AirTemperature(physic.ZeroCelsius + physic.Temperature(celsius*float64(physic.Kelvin)))
	}
	for _, celsius := range []float64{-40, 0, 85} {
		want := []bridge.Measured{warm(celsius), bridge.RelativeHumidity(50 * physic.PercentRH)}
		if got, err := limits.Check(want...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v °C: %+v, %v", celsius, got, err)
		}
	}
	const hint = ": check the chip and its wiring"
	for want, readings := range map[string][]bridge.Measured{
		"temperature of 85.01 °C is out of the chip's range of -40 to 85" + hint:  {warm(85.01)},
		"temperature of -40.01 °C is out of the chip's range of -40 to 85" + hint: {warm(-40.01)},
		"temperature of NaN °C is out of the chip's range of -40 to 85" + hint:    {{Quantity: brick.AirTemperature, Value: math.NaN()}},
		"CO2 of 600 ppm is out of the chip's range of 0 to 0" + hint:              {bridge.CO2Level(600)},
		"temperature of 99 °C is out of the chip's range of -40 to 85" + hint +
			"\nhumidity of 101 % is out of the chip's range of 0 to 100" + hint: {warm(99), bridge.RelativeHumidity(101 * physic.PercentRH)},
	} {
		if got, err := limits.Check(readings...); got != nil || err == nil || err.Error() != want {
			t.Errorf("found %+v and %v, expected no reading and %s", got, err, want)
		}
	}
	if _, err := limits.Check(bridge.CO2Level(0)); err == nil {
		t.Error("a quantity without a range passes")
	}
}
