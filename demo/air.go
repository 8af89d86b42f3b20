package demo

import (
	"math"
	"math/rand/v2"
	"time"

	"kapija/internal/brick"
	"kapija/internal/event"
)

// air is the well-mixed air of one zone: people breathe out CO2 and heat, ventilation takes both away.
type air struct {
	volume  float64 // m³
	co2     float64 // ppm
	celsius float64
	humid   float64 // %
	rng     *rand.Rand
}

const (
	outdoorCO2 = 420   // ppm
	breath     = 0.018 // m³ CO2 per hour and person at desk work (EN 16798-1, annex B uses 20 l/h)
	airChanges = 1.2   // per hour
	roomHeight = 3.2   // m
)

func newAir(areaM2 float64, rng *rand.Rand) *air {
	return &air{volume: areaM2 * roomHeight, co2: outdoorCO2 + 30, celsius: 21, humid: 42, rng: rng}
}

// step lets time pass with that many people in the room.
func (a *air) step(d time.Duration, people int) {
	h := d.Hours()
	steady := outdoorCO2 + float64(people)*breath*1e6/(airChanges*a.volume)
	a.co2 = steady + (a.co2-steady)*math.Exp(-airChanges*h) + a.rng.NormFloat64()*2
	warm := 21 + float64(people)*40/a.volume
	a.celsius = warm + (a.celsius-warm)*math.Exp(-0.8*h) + a.rng.NormFloat64()*0.02
	damp := 42 + float64(people)*60/a.volume
	a.humid = damp + (a.humid-damp)*math.Exp(-airChanges*h) + a.rng.NormFloat64()*0.1
	a.co2, a.humid = max(outdoorCO2-20, a.co2), min(max(a.humid, 15), 95)
}

// readings is what a chip shows of this air: nothing when it measures something else.
func (a *air) readings(chip string) []event.Reading {
	climate := []event.Reading{
		{Quantity: brick.AirTemperature, Value: round(a.celsius, 2), Unit: brick.Celsius},
		{Quantity: brick.RelativeHumidity, Value: round(a.humid, 1), Unit: brick.Percent},
	}
	switch chip {
	case "bme280", "bme680", "sht4x":
		return climate
	case "scd4x":
		return append(climate, event.Reading{Quantity: brick.CO2Level, Value: round(a.co2, 0), Unit: brick.PPM})
	}
	return nil
}

func round(v float64, digits int) float64 {
	f := math.Pow10(digits)
	return math.Round(v*f) / f
}
