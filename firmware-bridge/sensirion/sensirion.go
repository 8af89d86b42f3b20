// Package sensirion is what Sensirion's I²C sensors have in common: commands whose answer is fetched after a pause, and
// words of 16 bits, each followed by its CRC. Sections are those of the datasheet "SCD4x", version 1.3, September 2022;
// the datasheet of the SHT4x says the same.
//
// It never hands on a word whose CRC is wrong.
//
// Concurrency: functions without state; the bus is borrowed.
package sensirion

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"

	"kapija/firmware-bridge/poll"
)

// Ask sends a command, waits, and reads n words (sections 3.2 and 3.3). It ends early with the error of ctx.
func Ask(ctx context.Context, chip conn.Conn, command []byte, wait time.Duration, n int) ([]uint16, error) {
	if err := chip.Tx(command, nil); err != nil {
		return nil, err
	}
	if !poll.Sleep(ctx, wait) {
		return nil, ctx.Err()
	}
	raw := make([]byte, 3*n)
	if err := chip.Tx(nil, raw); err != nil {
		return nil, err
	}
	return Decode(raw)
}

// Decode takes words with their CRC apart.
func Decode(raw []byte) ([]uint16, error) {
	if len(raw)%3 != 0 {
		return nil, fmt.Errorf("%d bytes, expected words of 2 bytes with a CRC each", len(raw))
	}
	var words []uint16
	for i := 0; i < len(raw); i += 3 {
		if want := crc8(raw[i], raw[i+1]); raw[i+2] != want {
			return nil, fmt.Errorf("word %d has CRC 0x%02x, expected 0x%02x: the bus is disturbed, check its wiring",
				i/3+1, raw[i+2], want)
		}
		words = append(words, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return words, nil
}

// Encode is the inverse of Decode.
func Encode(words ...uint16) []byte {
	var raw []byte
	for _, w := range words {
		hi, lo := byte(w>>8), byte(w)
		raw = append(raw, hi, lo, crc8(hi, lo))
	}
	return raw
}

// Temperature is what a word means, -45 to 130 °C (section 3.5.2).
func Temperature(word uint16) physic.Temperature {
	return physic.ZeroCelsius - 45*physic.Kelvin + 175*physic.Kelvin*physic.Temperature(word)/0xFFFF
}

// Humidity is what a word means, from low for 0 to high for 0xFFFF, to the nearest hundredth of a percent: the chips'
// resolution.
func Humidity(word uint16, low, high physic.RelativeHumidity) physic.RelativeHumidity {
	const hundredth = physic.PercentRH / 100
	const step = 0xFFFF * int64(hundredth)
	steps := (int64(high-low)*int64(word) + step/2) / step
	return low + physic.RelativeHumidity(steps)*hundredth
}

// crc8 has polynomial 0x31 and starts with 0xFF; 0xBEEF gives 0x92 (p. 19, section 3.11).
func crc8(data ...byte) byte {
	crc := byte(0xFF)
	for _, b := range data {
		crc ^= b
		for range 8 {
			crc = crc<<1 ^ crc>>7*0x31
		}
	}
	return crc
}
