package sim

import "kapija/internal/brick"

// air is what there is to measure around a fake chip.
type air struct {
	kind  string          // of the chip, for errors
	spans map[string]span // what its registers can hold of each quantity that it measures

	temperature, humidity, pressure, co2, gas float64 // Cel, %, Pa, [ppm], Ohm
}

// newAir is a quiet room.
func newAir(kind string, spans map[string]span) air {
	return air{kind: kind, spans: spans, temperature: 21, humidity: 45, pressure: 101_325, co2: 600, gas: 100_000}
}

// set is the same method of chip.
func (a *air) set(quantity string, value float64) error {
	if err := check(a.kind, a.spans, quantity, value); err != nil {
		return err
	}
	*map[string]*float64{
		brick.AirTemperature: &a.temperature, brick.RelativeHumidity: &a.humidity, brick.StaticPressure: &a.pressure,
		brick.CO2Level: &a.co2, brick.GasResistance: &a.gas,
	}[quantity] = value
	return nil
}
