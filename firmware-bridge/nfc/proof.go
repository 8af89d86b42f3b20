package nfc

import "errors"

// The errors of a kind of card.
var (
	// ErrOtherKind means that the card has not what was asked for: it may be a good card of another kind.
	ErrOtherKind = errors.New("nfc: a card of another kind")
	// ErrProof means that the card claims to be of this kind and could not prove it: its key is wrong, its message forged
	// or one that was used before.
	ErrProof = errors.New("nfc: the card gave no proof")
)
