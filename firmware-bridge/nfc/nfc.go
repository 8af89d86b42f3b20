// Package nfc holds what contactless cards (ISO/IEC 14443) have in common: what a reader chip gives to the code above it,
// and what that code may do with a card. Chips are in mfrc522 and pn532, kinds of card in desfire and ntag424, the
// reader that joins one chip with the cards that a door accepts in package reader.
//
// It never decides about a card and never logs a UID or a key.
package nfc

import (
	"context"
	"errors"
)

// Card is one card in the field, after its anticollision.
type Card struct {
	UID  []byte // 4, 7 or 10 bytes, in the order of the anticollision (ISO/IEC 14443-3, 6.5.4); leading zeros count
	ATQA uint16 // ISO/IEC 14443-3, 6.5.2
	SAK  byte   // of the last cascade level; bit 0x20: the card speaks ISO/IEC 14443-4
}

// ISO14443Part4 says whether the card takes APDUs.
func (c Card) ISO14443Part4() bool { return c.SAK&0x20 != 0 }

// Chip is a reader chip with one antenna. It is used by one goroutine at a time.
type Chip interface {
	// Reset resets the chip, checks that it is the one that is expected, and sets it up. It is called first, and again
	// after each failure.
	Reset(ctx context.Context) error
	// Alive reads a register or the firmware's version back and compares it with what was set (L24). An error means that
	// the chip has to be reset.
	Alive(ctx context.Context) error
	// Poll looks for a card for about 20 ms. ErrNoCard means that there is none, ErrCollision that there are several.
	// The card is selected when it is returned, and ready for Exchange when it speaks ISO/IEC 14443-4.
	Poll(ctx context.Context) (Card, error)
	// Exchange sends one APDU to the selected card and returns its answer with the two status bytes. It deals with chaining,
	// waiting time extensions and retries (ISO/IEC 14443-4). ErrCardLost means that the card has gone.
	Exchange(ctx context.Context, apdu []byte) ([]byte, error)
	// Release ends the card's session (DESELECT or HLTA), so that it can be found anew.
	Release(ctx context.Context) error
}

// The errors of a Chip that are no fault of it.
var (
	ErrNoCard    = errors.New("nfc: no card in the field")
	ErrCollision = errors.New("nfc: more than one card in the field")
	ErrCardLost  = errors.New("nfc: the card has left the field")
)

// Exchanger is what code that talks to one card needs of a Chip.
type Exchanger interface {
	Exchange(ctx context.Context, apdu []byte) ([]byte, error)
}
