package technician

import (
	"strconv"
	"strings"

	bridge "kapija/firmware-bridge"
	"kapija/internal/brick"
)

var units = map[string]string{brick.Celsius: "°C", brick.PPM: "ppm", brick.Ohm: "Ω"}

// reading is a measured value as people read it: CO2 Level 600 ppm.
func reading(m bridge.Measured) string {
	name := strings.ReplaceAll(strings.TrimSuffix(m.Quantity, "_Sensor"), "_", " ")
	if m.Unit == brick.One {
		if m.Value == 0 {
			return name + " no"
		}
		return name + " yes"
	}
	unit, ok := units[m.Unit]
	if !ok {
		unit = m.Unit
	}
	return name + " " + strconv.FormatFloat(m.Value, 'f', -1, 64) + " " + unit
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
