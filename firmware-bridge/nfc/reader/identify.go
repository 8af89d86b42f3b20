package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
)

// errAgain means that the card answered in a way that a second try may heal.
var errAgain = errors.New("nfc: the card has to be tried again")

// tries is how often a card may give an answer that makes no sense before it is refused.
const tries = 3

// identify says what the card is. Refusal is why it failed its proof, for an operator; empty: it did not. The error is
// the chip's, nfc.ErrCardLost, or errAgain.
func (r *Reader) identify(ctx context.Context, card nfc.Card) (read bridge.Read, refusal string, err error) {
	nobody := bridge.Read{Bits: bytes.Clone(card.UID), Len: 8 * len(card.UID), Fault: bridge.UnknownFormat}
	for _, k := range r.kinds {
		x := &exchanger{chip: r.chip}
		uid, err := k.Identify(ctx, x, card)
		switch {
		case err == nil:
			return bridge.Read{Format: k.format, Bits: uid, Len: 8 * len(uid)}, "", nil
		case errors.Is(err, nfc.ErrCardLost):
			return read, "", err
		case x.failed:
			return read, "", err
		case errors.Is(err, nfc.ErrOtherKind):
			continue
		case errors.Is(err, nfc.ErrProof):
			return nobody, fmt.Sprintf("forged_card: %v", err), nil
		case !r.field.giveUp(card.UID):
			return read, "", errAgain
		default:
			return nobody, fmt.Sprintf("unproven_card: %v", err), nil
		}
	}
	if name := byLength[len(card.UID)]; slices.Contains(r.uids, name) && !isRandom(card.UID) {
		return bridge.Read{Format: name, Bits: nobody.Bits, Len: nobody.Len}, "", nil
	}
	return nobody, "", nil
}

// isRandom tells a UID that is made anew each time: four bytes of which the first is 08 (ISO/IEC 14443-3, 6.5.4).
func isRandom(uid []byte) bool { return len(uid) == 4 && uid[0] == 0x08 }

// exchanger tells a failure of the chip from an answer that made no sense.
type exchanger struct {
	chip   nfc.Chip
	failed bool
}

func (x *exchanger) Exchange(ctx context.Context, apdu []byte) ([]byte, error) {
	answer, err := x.chip.Exchange(ctx, apdu)
	x.failed = err != nil
	return answer, err
}
