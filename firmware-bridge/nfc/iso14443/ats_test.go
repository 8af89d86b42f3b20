package iso14443

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

func TestParseATS(t *testing.T) {
	const fwt4 = 4833038 * time.Nanosecond
	for text, want := range map[string]ATS{
		"01":           {FSC: 32, FWT: fwt4},
		"0200":         {FSC: 16, FWT: fwt4},
		"020f":         {FSC: 4096, FWT: fwt4},
		"067577810280": {FSC: 64, FWT: 77328613, SFGT: 604129},  // DESFire
		"067777710280": {FSC: 128, FWT: 38664306, SFGT: 604129}, // NTAG 424 DNA
		"0328e0":       {FSC: 256, FWT: 4949031268},             // the longest
		"0328f0":       {FSC: 256, FWT: fwt4},                   // RFU
		"03280e":       {FSC: 256, FWT: 302064, SFGT: 4949031268},
		"03280f":       {FSC: 256, FWT: 302064}, // RFU
		"031877":       {FSC: 256, FWT: fwt4},   // TA only
		"034802":       {FSC: 256, FWT: fwt4},   // TC only
		"04080102":     {FSC: 256, FWT: fwt4},   // historical bytes only
	} {
		b, _ := hex.DecodeString(text)
		if got, err := ParseATS(b); err != nil || got != want {
			t.Errorf("%s: %+v and the error %v, expected %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "00", "02", "0275", "037577", "04757781", "0675778102", "020000"} {
		b, _ := hex.DecodeString(text)
		if got, err := ParseATS(b); !errors.Is(err, ErrDisturbed) {
			t.Errorf("%s: %+v and the error %v, expected %v", text, got, err, ErrDisturbed)
		}
	}
}

func FuzzParseATS(f *testing.F) {
	for _, text := range []string{"01", "067577810280", "0328e0", "0275"} {
		b, _ := hex.DecodeString(text)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ats, err := ParseATS(b)
		if err != nil {
			return
		}
		if ats.FSC < 16 || ats.FSC > 4096 || ats.FWT < 302*time.Microsecond || ats.FWT > 5*time.Second || ats.SFGT < 0 || ats.SFGT > 5*time.Second {
			t.Errorf("%x: %+v is out of range", b, ats)
		}
	})
}
