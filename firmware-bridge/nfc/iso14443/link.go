// Package iso14443 is the protocol between a reader chip and one card of type A at 106 kbit/s: finding and selecting it
// (ISO/IEC 14443-3), and carrying APDUs to it in blocks (ISO/IEC 14443-4). Clauses and rules are those of ISO/IEC
// 14443-3:2011 and ISO/IEC 14443-4:2008.
//
// It walks no tree of colliding UIDs: two cards are nfc.ErrCollision, because a door would not know whom to believe. It
// uses no higher speed, no CID and no NAD.
//
// Concurrency: everything works in the goroutine of its caller and waits only as long as the chip does, and once for the
// card's start-up guard time. Frames are at most 64 bytes both ways, answers at most 65538; a block is repeated twice, and
// a card that keeps asking for more time is lost.
package iso14443

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/nfc"
)

// Link is a chip's way to the card. The chip adds and checks parity; the CRC is in the bytes.
type Link interface {
	// Frame sends tx and returns the card's answer. Bits is how many of the last byte's low bits go out, 0 means all 8.
	// The errors that are the card's are ErrNoAnswer, when none began within timeout after the last bit, ErrDisturbed,
	// and nfc.ErrCollision. Any other is the chip's or the caller's, and is handed on as it is.
	Frame(ctx context.Context, tx []byte, bits int, timeout time.Duration) ([]byte, error)
}

// The errors of a Link that are no fault of the chip.
var (
	ErrNoAnswer  = errors.New("iso14443: no answer")
	ErrDisturbed = errors.New("iso14443: answer with a wrong parity, CRC or length")
)

// isCards tells whether err came from the card or the air, and not from the chip.
func isCards(err error) bool {
	return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrDisturbed) || errors.Is(err, nfc.ErrCollision)
}

// CRC is CRC_A (ISO/IEC 14443-3, annex B): sent least significant byte first.
func CRC(b []byte) uint16 {
	crc := uint16(0x6363)
	for _, v := range b {
		v ^= byte(crc)
		v ^= v << 4
		crc = crc>>8 ^ uint16(v)<<8 ^ uint16(v)<<3 ^ uint16(v)>>4
	}
	return crc
}

// exchange sends a frame with its CRC and takes the CRC off the answer.
func exchange(ctx context.Context, l Link, tx []byte, timeout time.Duration) ([]byte, error) {
	crc := CRC(tx)
	rx, err := l.Frame(ctx, append(tx[:len(tx):len(tx)], byte(crc), byte(crc>>8)), 0, timeout)
	if err != nil {
		return nil, err
	}
	n := len(rx) - 2
	if n < 1 {
		return nil, fmt.Errorf("%w: %d bytes, expected at least one and a CRC", ErrDisturbed, len(rx))
	}
	if crc := CRC(rx[:n]); rx[n] != byte(crc) || rx[n+1] != byte(crc>>8) {
		return nil, fmt.Errorf("%w: CRC", ErrDisturbed)
	}
	return rx[:n], nil
}
