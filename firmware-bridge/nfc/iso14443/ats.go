package iso14443

import (
	"fmt"
	"time"
)

// ATS is what a card says of itself in its answer to select (ISO/IEC 14443-4, 5.2), as far as a reader needs it.
type ATS struct {
	FSC  int           // longest frame that the card takes, in bytes with its CRC: 16 … 4096
	FWT  time.Duration // longest time until it begins to answer: 302 µs … 4.95 s
	SFGT time.Duration // how long it needs before the first frame: 0 … 4.95 s
}

// fsc is by FSCI (5.1, table 1; the values above 256 are of the 2016 edition); what is RFU means the largest.
var fsc = [16]int{16, 24, 32, 40, 48, 64, 96, 128, 256, 512, 1024, 2048, 4096, 4096, 4096, 4096}

// carrier is the frequency of the field in Hz.
const carrier = 13_560_000

// frameTime is (256 × 16 / fc) × 2^n (5.2.5 and 7.2).
func frameTime(n byte) time.Duration { return time.Duration(4096<<n) * time.Second / carrier }

// Bits of T0 (5.2.3): which interface bytes follow.
const (
	hasTA = 0x10
	hasTB = 0x20
	hasTC = 0x40
)

// ParseATS takes an ATS without its CRC. Historical bytes are passed over.
func ParseATS(b []byte) (ATS, error) {
	ats := ATS{FSC: fsc[2], FWT: frameTime(4)} // the defaults of 5.2.3 and 5.2.5
	if len(b) == 0 || int(b[0]) != len(b) {
		return ATS{}, fmt.Errorf("%w: ATS of %d bytes that states another length", ErrDisturbed, len(b))
	}
	if len(b) == 1 {
		return ats, nil
	}
	t0, rest := b[1], b[2:]
	ats.FSC = fsc[t0&0x0F]
	for _, has := range []byte{hasTA, hasTB, hasTC} {
		if t0&has == 0 {
			continue
		}
		if len(rest) == 0 {
			return ATS{}, fmt.Errorf("%w: ATS without the interface bytes that it announces", ErrDisturbed)
		}
		if has == hasTB {
			if fwi := rest[0] >> 4; fwi < 15 { // 15 is RFU and means the default
				ats.FWT = frameTime(fwi)
			}
			if sfgi := rest[0] & 0x0F; sfgi > 0 && sfgi < 15 { // 0: none needed; 15 is RFU and means none
				ats.SFGT = frameTime(sfgi)
			}
		}
		rest = rest[1:]
	}
	return ats, nil
}
