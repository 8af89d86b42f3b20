package event

// Quantities, as Brick classes (brickschema.org, version 1.4).
const (
	AirTemperature   = "Air_Temperature_Sensor"   // Cel
	RelativeHumidity = "Relative_Humidity_Sensor" // %
	CO2Level         = "CO2_Level_Sensor"         // [ppm]
)
