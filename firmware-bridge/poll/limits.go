package poll

import (
	"errors"
	"fmt"

	bridge "kapija/firmware-bridge"
	"kapija/internal/brick"
)

// Limits is what a chip can measure, by the Brick class of the quantity.
type Limits map[string]Range

// Range is the least and the greatest value, in the unit of the reading.
type Range struct{ Low, High float64 }

// Check gives the readings, or an error that names each one that is out of its range. A quantity without a range is out
// of it.
func (l Limits) Check(readings ...bridge.Measured) ([]bridge.Measured, error) {
	var errs []error
	for _, m := range readings {
		if r, known := l[m.Quantity]; !known || !(m.Value >= r.Low && m.Value <= r.High) {
			name, unit := words(m)
			errs = append(errs, fmt.Errorf("%s of %v %s is out of the chip's range of %v to %v: check the chip and its wiring",
				name, m.Value, unit, r.Low, r.High))
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return readings, nil
}

// words are what people call the quantity and its unit.
func words(m bridge.Measured) (name, unit string) {
	switch m.Quantity {
	case brick.AirTemperature, brick.Temperature:
		return "temperature", "°C"
	case brick.RelativeHumidity:
		return "humidity", "%"
	case brick.StaticPressure:
		return "pressure", "Pa"
	case brick.CO2Level:
		return "CO2", "ppm"
	case brick.GasResistance:
		return "gas resistance", "Ω"
	}
	return m.Quantity, m.Unit
}
