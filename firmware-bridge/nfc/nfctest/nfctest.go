// Package nfctest holds what the tests of the kinds of card share: a card that plays APDUs back, and one that answers
// without a chip in between.
package nfctest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakecard"
)

// Step is one exchange in hexadecimal digits, spaces allowed: the APDU that is expected, and the answer to it. Lost
// says that the card leaves the field instead of answering.
type Step struct {
	Sent, Answer string
	Lost         bool
}

// Playback is a card that expects these steps and nothing else.
type Playback struct {
	Steps []Step
	next  int
}

// Exchange plays the next step. An APDU that is not the expected one is an error.
func (p *Playback) Exchange(_ context.Context, apdu []byte) ([]byte, error) {
	if p.next == len(p.Steps) {
		return nil, fmt.Errorf("nfctest: sent %x, expected nothing more", apdu)
	}
	step := p.Steps[p.next]
	p.next++
	want, err := Bytes(step.Sent)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(apdu, want) {
		return nil, fmt.Errorf("nfctest: step %d: sent %x, expected %x", p.next, apdu, want)
	}
	if step.Lost {
		return nil, nfc.ErrCardLost
	}
	return Bytes(step.Answer)
}

// Close is an error when steps are left over.
func (p *Playback) Close() error {
	if left := len(p.Steps) - p.next; left > 0 {
		return fmt.Errorf("nfctest: %d of %d steps were not played", left, len(p.Steps))
	}
	return nil
}

// Direct is a card without a chip in between. Each APDU passes through Change, when there is one, which may replace the
// answer.
type Direct struct {
	Card   fakecard.Card
	Change func(apdu, answer []byte) ([]byte, error)
}

// Exchange asks the card.
func (d Direct) Exchange(_ context.Context, apdu []byte) ([]byte, error) {
	answer := d.Card.Answer(apdu)
	if d.Change != nil {
		return d.Change(apdu, answer)
	}
	return answer, nil
}

// Bytes reads hexadecimal digits, spaces allowed.
func Bytes(text string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		return nil, fmt.Errorf("nfctest: %q: %w", text, err)
	}
	return b, nil
}
