// Package fakecard holds virtual contactless cards that behave as the real ones do, for tests and for virtual wires:
// what a fake reader chip finds in its field. Each derives its keys and computes its answers on its own, by another way
// than the code that it tests.
//
// It never takes part in a real door: its keys are the caller's, and it keeps them in plain sight.
//
// Concurrency: a card is used by one goroutine at a time, as in one field.
package fakecard

import "kapija/firmware-bridge/nfc"

// Card is a card above its anticollision.
type Card interface {
	// Identity is what the anticollision finds. It stays the same while the card has power.
	Identity() nfc.Card
	// Answer takes one APDU and returns the card's answer with its two status bytes, also for what it refuses. A card
	// that speaks no ISO/IEC 14443-4 returns nil: it stays mute.
	Answer(apdu []byte) []byte
}

// Powered is a Card that forgets something when it leaves the field: its session, or its random UID. A fake chip calls
// PowerOn when the card is brought into the field.
type Powered interface {
	Card
	PowerOn()
}
