// Package brick names the quantities that sensors measure and their units, the same from chip to chart.
package brick

// The quantities that sensors measure, by their Brick class (https://brickschema.org/ontology/1.4). A barometer inside
// a building is a Static_Pressure_Sensor: its subclass Building_Air_Static_Pressure_Sensor usually means, in control
// systems, the difference to the outside, which no absolute barometer measures.
const (
	AirTemperature   = "Air_Temperature_Sensor"
	RelativeHumidity = "Relative_Humidity_Sensor"
	StaticPressure   = "Static_Pressure_Sensor" // absolute
	CO2Level         = "CO2_Level_Sensor"
	Temperature      = "Temperature_Sensor" // of something else than air
	GasResistance    = "Air_Quality_Sensor" // of a heated metal oxide: falls with volatile organic compounds
	Motion           = "Motion_Sensor"      // 1: somebody moves
	Occupancy        = "Occupancy_Sensor"   // 1: somebody is there
	Leak             = "Leak_Alarm"         // 1: there is water
)

// The units of these quantities, in UCUM (https://ucum.org/ucum).
const (
	Celsius = "Cel"
	Percent = "%"
	Pascal  = "Pa"
	PPM     = "[ppm]" // parts per million by volume
	Ohm     = "Ohm"
	One     = "1" // no unit: 0 or 1
)
