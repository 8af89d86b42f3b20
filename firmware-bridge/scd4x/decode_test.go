package scd4x

import (
	"slices"
	"testing"
)

func TestChecksumOfTheDatasheet(t *testing.T) {
	if got := crc8(0xBE, 0xEF); got != 0x92 {
		t.Errorf("crc8(0xBEEF) is %#x, expected 0x92", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(measured.R)
	f.Add([]byte{0xBE, 0xEF, 0x92})
	f.Add([]byte{0xBE, 0xEF})
	f.Fuzz(func(t *testing.T, raw []byte) {
		words, err := decode(raw)
		if err != nil {
			return
		}
		var again []byte
		for _, w := range words {
			hi, lo := byte(w>>8), byte(w)
			again = append(again, hi, lo, crc8(hi, lo))
		}
		if !slices.Equal(again, raw) {
			t.Errorf("%x decodes to %x", raw, words)
		}
		if len(raw) > 0 {
			flipped := slices.Clone(raw)
			flipped[0] ^= 1
			if _, err := decode(flipped); err == nil {
				t.Error("a flipped bit is not noticed")
			}
		}
	})
}
