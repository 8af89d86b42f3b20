package bridge

import (
	"math"

	"periph.io/x/conn/v3/physic"

	"kapija/internal/brick"
)

// Measured is one reading of a sensor. Drivers make it from unit types, by the functions below.
type Measured struct {
	Quantity string // Brick class, e.g. CO2_Level_Sensor
	Value    float64
	Unit     string // UCUM: Cel, %, Pa, [ppm], Ohm, 1
}

// AirTemperature is a temperature of the air, in Cel to a hundredth.
func AirTemperature(t physic.Temperature) Measured {
	return Measured{brick.AirTemperature, round(t.Celsius(), 100), brick.Celsius}
}

// Temperature is a temperature of something else than air, in Cel to a hundredth.
func Temperature(t physic.Temperature) Measured {
	return Measured{brick.Temperature, round(t.Celsius(), 100), brick.Celsius}
}

// RelativeHumidity is the humidity of the air, in % to a hundredth.
func RelativeHumidity(h physic.RelativeHumidity) Measured {
	return Measured{brick.RelativeHumidity, round(float64(h)/float64(physic.PercentRH), 100), brick.Percent}
}

// StaticPressure is the absolute pressure of the air, in Pa to a tenth.
func StaticPressure(p physic.Pressure) Measured {
	return Measured{brick.StaticPressure, round(float64(p)/float64(physic.Pascal), 10), brick.Pascal}
}

// CO2Level is a share of carbon dioxide in the air, in parts per million by volume.
func CO2Level(ppm uint16) Measured {
	return Measured{brick.CO2Level, float64(ppm), brick.PPM}
}

// GasResistance is the resistance of a metal oxide in the air, in Ohm: the more volatile organic compounds, the lower.
func GasResistance(r physic.ElectricResistance) Measured {
	return Measured{brick.GasResistance, round(float64(r)/float64(physic.Ohm), 1), brick.Ohm}
}

// Motion tells whether somebody moves.
func Motion(seen bool) Measured { return binary(brick.Motion, seen) }

// Presence tells whether somebody is there, moving or not.
func Presence(seen bool) Measured { return binary(brick.Occupancy, seen) }

// Leak tells whether there is water where none belongs.
func Leak(seen bool) Measured { return binary(brick.Leak, seen) }

func binary(quantity string, yes bool) Measured {
	m := Measured{Quantity: quantity, Unit: brick.One}
	if yes {
		m.Value = 1
	}
	return m
}

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }
