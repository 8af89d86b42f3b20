package site

import (
	"maps"
	"slices"
)

// How a chip is connected.
const (
	byI2C     = "i2c"
	bySPI     = "spi"
	byUART    = "uart"
	byOneWire = "onewire"
	byLine    = "line"
)

// part is a chip that there is a driver for.
type part struct {
	ways      []string // how it may be connected
	addresses []uint16 // on an I²C bus
}

// sensorChips are the chips of sensors: BME280 datasheet 6.2, BME680 6.2, SCD4x table 8, SHT4x table "device address",
// and what has no address.
var sensorChips = map[string]part{
	"bme280":  {[]string{byI2C}, []uint16{0x76, 0x77}},
	"bme680":  {[]string{byI2C}, []uint16{0x76, 0x77}},
	"scd4x":   {[]string{byI2C}, []uint16{0x62}},
	"sht4x":   {[]string{byI2C}, []uint16{0x44, 0x45, 0x46}},
	"ds18b20": {[]string{byOneWire}, nil},
	"ld2410":  {[]string{byUART}, nil},
	"pir":     {[]string{byLine}, nil},
	"leak":    {[]string{byLine}, nil},
}

// readerChips are the chips of NFC readers: PN532 user manual 6.2.
var readerChips = map[string]part{
	"mfrc522": {[]string{bySPI}, nil},
	"pn532":   {[]string{byI2C, bySPI, byUART}, []uint16{0x24}},
}

// expanderChips add inputs and outputs: MCP23017 DS20001952 3.3.1, ADS1115 SBAS444 table "ADDR pin".
var expanderChips = map[string]part{
	mcp23017: {[]string{byI2C}, []uint16{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27}},
	ads1115:  {[]string{byI2C}, []uint16{0x48, 0x49, 0x4A, 0x4B}},
}

const (
	mcp23017 = "mcp23017"
	ads1115  = "ads1115"
	vl53l1x  = "vl53l1x"
)

// expanderPins are the names of an expander's inputs and outputs.
var expanderPins = map[string][]string{
	mcp23017: {"A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"},
	ads1115:  {"0", "1", "2", "3"},
}

// outputsOnly are the pins of an mcp23017 that may not be inputs: those may corrupt SDA (DS20001952D, pin description).
var outputsOnly = []string{"A7", "B7"}

// counterChips are the chips of people counters that have no light barriers.
var counterChips = []string{vl53l1x}

func names(parts map[string]part) []string { return slices.Sorted(maps.Keys(parts)) }
