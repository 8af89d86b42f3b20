package pn532

import (
	"fmt"

	"kapija/firmware-bridge/nfc"
)

// Flags of a status byte (section 7.1): more of the answer is to be fetched; the low bits are the error code.
const (
	statusMore = 0x40
	statusCode = 0x3F
)

// air are the error codes that the card or the air cause (section 7.1, p. 67).
var air = map[byte]string{
	0x01: "it does not answer",
	0x02: "CRC error",
	0x03: "parity error",
	0x04: "wrong number of bits",
	0x05: "framing error",
	0x06: "collision of bits",
	0x09: "its answer is too long",
	0x0B: "protocol error",
	0x13: "its data has another format than ISO/IEC 14443-4",
	0x23: "wrong check byte of the UID",
	0x2A: "another card has taken its place",
	0x2B: "it has disappeared",
}

// status makes an error of a status byte: of the card, nfc.ErrCardLost, or of the chip.
func status(s byte) error {
	code := s & statusCode
	what, is := air[code]
	switch {
	case code == 0:
		return nil
	case is:
		return fmt.Errorf("pn532: %w: %s (error 0x%02x)", nfc.ErrCardLost, what, code)
	case code == 0x27:
		return fmt.Errorf("pn532: error 0x%02x: the chip knows of no card: it was reset or lost power", code)
	case code == 0x0D:
		return fmt.Errorf("pn532: error 0x%02x: the chip is too hot: check its place and its power supply", code)
	}
	return fmt.Errorf("pn532: error 0x%02x of the chip", code)
}
