package sensirion

import (
	"math"
	"slices"
	"testing"

	"periph.io/x/conn/v3/physic"

	bridge "kapija/firmware-bridge"
)

func TestChecksumOfTheDatasheet(t *testing.T) {
	if got := crc8(0xBE, 0xEF); got != 0x92 {
		t.Errorf("crc8(0xBEEF) is %#x, expected 0x92", got)
	}
}

// Each word's reading is that of the datasheets' formulas in floating point.
func TestReadingOfEachWord(t *testing.T) {
	for word := range 0x10000 {
		share := float64(word) / 65535
		for what, c := range map[string]struct {
			got  bridge.Measured
			want float64
		}{
			"°C":            {bridge.AirTemperature(Temperature(uint16(word))), -45 + 175*share},
			"% of an SCD4x": {bridge.RelativeHumidity(Humidity(uint16(word), 0, 100*physic.PercentRH)), 100 * share},
			"% of an SHT4x": {bridge.RelativeHumidity(Humidity(uint16(word), -6*physic.PercentRH, 119*physic.PercentRH)), -6 + 125*share},
		} {
			if want := math.Round(c.want*100) / 100; c.got.Value != want {
				t.Fatalf("0x%04x is %v %s, expected %v", word, c.got.Value, what, want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C})
	f.Add([]byte{0xBE, 0xEF, 0x92})
	f.Add([]byte{0xBE, 0xEF})
	f.Fuzz(func(t *testing.T, raw []byte) {
		words, err := Decode(raw)
		if err != nil {
			return
		}
		if !slices.Equal(Encode(words...), raw) {
			t.Errorf("%x decodes to %x", raw, words)
		}
		if len(raw) > 0 {
			flipped := slices.Clone(raw)
			flipped[0] ^= 1
			if _, err := Decode(flipped); err == nil {
				t.Error("a flipped bit is not noticed")
			}
		}
	})
}
