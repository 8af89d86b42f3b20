package fakecard

import (
	"bytes"
	"fmt"

	"kapija/firmware-bridge/nfc"
)

// Plain is a card that has nothing but a UID, of 4, 7 or 10 bytes: a MIFARE Classic of 4 bytes, or a Type 2 tag.
type Plain struct{ uid []byte }

// NewPlain makes one.
func NewPlain(uid []byte) (*Plain, error) {
	if n := len(uid); n != 4 && n != 7 && n != 10 {
		return nil, fmt.Errorf("fakecard: a UID of %d bytes, expected 4, 7 or 10", n)
	}
	return &Plain{bytes.Clone(uid)}, nil
}

// Identity is the UID with the ATQA of its size (ISO/IEC 14443-3, 6.5.2).
func (p *Plain) Identity() nfc.Card {
	c := nfc.Card{UID: bytes.Clone(p.uid)}
	switch len(p.uid) {
	case 4:
		c.ATQA, c.SAK = 0x0004, 0x08
	case 7:
		c.ATQA = 0x0044
	case 10:
		c.ATQA = 0x0084
	}
	return c
}

// Answer is mute.
func (*Plain) Answer([]byte) []byte { return nil }
