// Package desfire proves who a MIFARE DESFire card is: EV1 and later, an application with AES keys, mutual
// authentication, and the card's real UID over the session that was authenticated. Commands are the native ones wrapped
// in APDUs of ISO/IEC 7816-4: 90 INS 00 00. Their source is the public application notes and examples of EV1; NXP's full
// data sheet is not public.
//
// # The keys of a card
//
// Each card has one application of the site, with these AES keys:
//   - key KeyNo: the card's own, made from Opts.Key by AN10922 with UID, application and system identifier as the input.
//     It alone proves a card. A key that was read out of one card opens nothing for another one.
//   - key IdentifyNo, only on cards with a random UID: Opts.Identify, the same on all cards. It gets the real UID out,
//     without which the card's own key cannot be made, and proves nothing: the card is then authenticated anew with its
//     own key. Who has this key can recognise the site's cards, and cannot make one.
//   - the application's master key (0) is needed to make cards only, and is not known to a gateway.
//
// The credential is the UID that the card gave in the session with its own key, never that of the anticollision.
//
// It never writes to a card, never logs a UID or a key, and never repeats an authentication that failed.
//
// Concurrency: an App is not changed after New; it may identify several cards at the same time.
package desfire

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

// Opts is the site's application on its cards.
type Opts struct {
	AID    [3]byte  // as on the air: the least significant byte first
	Key    keys.Key // the master of the cards' own keys
	KeyNo  byte     // of the card's own key: 0 … 13
	System []byte   // system identifier, input of AN10922: up to 21 bytes

	Identify   keys.Key // the zero Key: cards with a random UID are refused
	IdentifyNo byte     // 0 … 13, not KeyNo
}

const maxKeys = 14 // of one application

// uidSize is that of every DESFire card; one with a random UID shows four bytes instead, of which the first is 08
// (ISO/IEC 14443-3, 6.5.4).
const uidSize = 7

// App recognises the cards of a site.
type App struct {
	opts   Opts
	random func([]byte) // fills with random bytes
}

// New checks the options.
func New(o Opts) (*App, error) {
	switch {
	case o.AID == [3]byte{}:
		return nil, errors.New("desfire: application 000000 is the card itself: the site's own application is expected")
	case o.Key.Zero():
		return nil, errors.New("desfire: no master key, or the factory's: a random key is expected")
	case o.KeyNo >= maxKeys || o.IdentifyNo >= maxKeys:
		return nil, fmt.Errorf("desfire: keys %d and %d: an application has the keys 0 to %d", o.KeyNo, o.IdentifyNo, maxKeys-1)
	case !o.Identify.Zero() && o.IdentifyNo == o.KeyNo:
		return nil, fmt.Errorf("desfire: key %d is both the card's own and the one that identifies: two keys are expected", o.KeyNo)
	case !o.Identify.Zero() && keys.Equal(o.Identify[:], o.Key[:]):
		return nil, errors.New("desfire: the key that identifies is the master key: two random keys are expected")
	}
	if _, err := o.Key.Diversify(make([]byte, uidSize), o.AID[:], o.System); err != nil {
		return nil, fmt.Errorf("desfire: %w", err)
	}
	o.System = bytes.Clone(o.System)
	return &App{opts: o, random: func(b []byte) { _, _ = rand.Read(b) }}, nil
}

// Format hides the keys from every verb of fmt.
func (*App) Format(f fmt.State, _ rune) { fmt.Fprint(f, "desfire.App(secret)") }

// Identify authenticates the card and returns its UID: seven bytes. The errors wrap nfc.ErrOtherKind when the card has
// no such application, nfc.ErrProof when it is not the card that it claims to be, and what Exchange gives.
func (a *App) Identify(ctx context.Context, x nfc.Exchanger, card nfc.Card) ([]byte, error) {
	if !card.ISO14443Part4() {
		return nil, fmt.Errorf("desfire: %w: it takes no APDU", nfc.ErrOtherKind)
	}
	c := link{ctx, x}
	if err := c.selectApplication(a.opts.AID); err != nil {
		return nil, err
	}
	claimed := card.UID
	switch {
	case len(claimed) == uidSize:
	case a.opts.Identify.Zero():
		return nil, fmt.Errorf("desfire: %w: a random UID, and no key is set that identifies such cards", nfc.ErrOtherKind)
	default:
		var err error
		if claimed, err = a.uid(c, a.opts.IdentifyNo, a.opts.Identify); err != nil {
			return nil, fmt.Errorf("%w (key %d, which identifies)", err, a.opts.IdentifyNo)
		}
	}
	own, err := a.opts.Key.Diversify(claimed, a.opts.AID[:], a.opts.System)
	if err != nil {
		return nil, fmt.Errorf("desfire: %w", err)
	}
	uid, err := a.uid(c, a.opts.KeyNo, own)
	if err != nil {
		return nil, fmt.Errorf("%w (key %d, the card's own)", err, a.opts.KeyNo)
	}
	if !keys.Equal(uid, claimed) {
		return nil, fmt.Errorf("desfire: %w: its UID is not the one that its key belongs to", nfc.ErrProof)
	}
	return uid, nil
}

// uid authenticates with a key and asks for the UID in the session.
func (a *App) uid(c link, number byte, key keys.Key) ([]byte, error) {
	var mine [keys.Size]byte
	a.random(mine[:])
	session, err := c.authenticate(number, key, mine)
	if err != nil {
		return nil, err
	}
	return c.cardUID(session)
}
