package iso14443

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/nfc"
)

// Commands of ISO/IEC 14443-3: 6.4.1 (WUPA), 6.4.2 and 6.5.3 (SEL and NVB), 6.4.3 (HLTA).
const (
	wupa        = 0x52 // 7 bits; unlike REQA (0x26) it also wakes a card that was halted
	selCascade1 = 0x93 // 0x95 and 0x97 for the second and third level
	nvbNone     = 0x20 // no bit of the UID is known
	nvbAll      = 0x70 // SELECT: all are
	cascadeTag  = 0x88 // in place of the first UID byte: more follows at the next level
	sakCascade  = 0x04 // in SAK: the UID is not complete (6.5.3)
	hltaCommand = 0x50
)

// answerTime is how long to wait for an answer of ISO/IEC 14443-3. The card begins it after 1236/fc = 91 µs at most (6.2.1).
const answerTime = time.Millisecond

// Activate wakes whatever is in the field, halted or not, and selects it when it is one card. What cannot be read is
// nfc.ErrNoCard, with its reason.
func Activate(ctx context.Context, l Link) (nfc.Card, error) {
	atqa, err := wake(ctx, l)
	if err != nil {
		return nfc.Card{}, notRead("WUPA", err)
	}
	card := nfc.Card{ATQA: atqa}
	for level := range 3 {
		part, sak, err := selectLevel(ctx, l, byte(selCascade1+2*level))
		if err != nil {
			return nfc.Card{}, notRead(fmt.Sprintf("cascade level %d", level+1), err)
		}
		if sak&sakCascade == 0 {
			card.UID, card.SAK = append(card.UID, part...), sak
			return card, nil
		}
		card.UID = append(card.UID, part[1:]...)
	}
	return nfc.Card{}, notRead("cascade level 3", fmt.Errorf("%w: the UID does not end", ErrDisturbed))
}

// wake asks twice: a card that was left in a state other than IDLE and HALT takes the first WUPA as an error, goes back
// and stays silent (6.3).
func wake(ctx context.Context, l Link) (uint16, error) {
	var rx []byte
	var err error
	for range 2 {
		if rx, err = l.Frame(ctx, []byte{wupa}, 7, answerTime); !errors.Is(err, ErrNoAnswer) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	if len(rx) != 2 {
		return 0, fmt.Errorf("%w: ATQA of %d bytes, expected 2", ErrDisturbed, len(rx))
	}
	return uint16(rx[1])<<8 | uint16(rx[0]), nil
}

// selectLevel gives the four bytes of one cascade level, with the cascade tag, and the card's SAK.
func selectLevel(ctx context.Context, l Link, sel byte) (part []byte, sak byte, err error) {
	uid, err := l.Frame(ctx, []byte{sel, nvbNone}, 0, answerTime)
	if err != nil {
		return nil, 0, err
	}
	if len(uid) != 5 || uid[0]^uid[1]^uid[2]^uid[3] != uid[4] {
		return nil, 0, fmt.Errorf("%w: UID with a wrong check byte (BCC)", ErrDisturbed)
	}
	rx, err := exchange(ctx, l, append([]byte{sel, nvbAll}, uid...), answerTime)
	if err != nil {
		return nil, 0, err
	}
	if len(rx) != 1 {
		return nil, 0, fmt.Errorf("%w: SAK of %d bytes, expected 1", ErrDisturbed, len(rx))
	}
	last := sel == selCascade1+4
	if more := rx[0]&sakCascade != 0; !last && more != (uid[0] == cascadeTag) {
		return nil, 0, fmt.Errorf("%w: SAK and UID disagree on whether the UID is complete", ErrDisturbed)
	}
	return uid[:4], rx[0], nil
}

// notRead makes what the card did wrong a card that is not there: the next look may read it.
func notRead(doing string, err error) error {
	switch {
	case errors.Is(err, nfc.ErrCollision), !isCards(err):
		return err
	case doing == "WUPA" && errors.Is(err, ErrNoAnswer):
		return nfc.ErrNoCard
	}
	return fmt.Errorf("iso14443: %s: %w: %w", doing, nfc.ErrNoCard, err)
}

// Halt sends the selected card to sleep until the next Activate. Whether it heard is not known: it does not answer
// (6.4.3). An error is the chip's.
func Halt(ctx context.Context, l Link) error {
	_, err := exchange(ctx, l, []byte{hltaCommand, 0x00}, answerTime)
	if err == nil || isCards(err) {
		return nil
	}
	return err
}
