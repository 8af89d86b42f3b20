// Package ntag424 proves who an NTAG 424 DNA tag is by its SUN message: at each reading the tag writes its UID and a
// counter, enciphered, and a MAC over both into the link of its NDEF file. Sources: data sheet NT4H2421Gx, rev. 3.0,
// section 9.3, Secure Dynamic Messaging; application note AN12196.
//
// # The keys of a tag
//
//   - SDMMetaRead: Opts.MetaRead, the same on all tags of a site. It hides the UID on the air and proves nothing.
//   - SDMFileRead: the tag's own, made from Opts.Key by AN10922 with UID and system identifier as the input. It proves
//     the message.
//
// Only AES mode is taken, and only PICC data that hold UID and counter; LRP is refused.
//
// # What a SUN message does not prove
//
// A message is good until a later one was seen here. Somebody who held a reader to the tag may show at a door what was
// read, before its owner comes again, or at the door of a gateway with other counters. Cards for higher levels of
// security are those of package desfire.
//
// It never writes to a tag and never logs a UID or a key.
//
// Concurrency: an App is not changed after New, and a Store has a lock: both may serve several readers at the same time.
package ntag424

import (
	"context"
	"errors"
	"fmt"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

// Opts is how a site makes its tags.
type Opts struct {
	Key      keys.Key // the master of the tags' own SDMFileRead keys
	MetaRead keys.Key // SDMMetaRead, of all tags
	System   []byte   // system identifier, input of AN10922: up to 24 bytes
	Counters Counters

	// The names of the link's parameters; empty: picc_data and cmac.
	PICC, MAC string
	// MACFrom is the parameter with whose value the text begins that the MAC covers, up to the value of the MAC itself.
	// Empty: it covers UID and counter alone.
	MACFrom string
}

// Counters holds the last counter of each tag.
type Counters interface {
	// Advance keeps the counter of a tag, which must be greater than the last one; otherwise its error wraps ErrReplay.
	// When it returns nil the counter is kept for good. Any error means that the tag is refused.
	Advance(ID, uint32) error
}

// ID stands for a tag in Counters. It is made from UID and key and shows neither.
type ID [keys.Size]byte

// ErrReplay means that this or a later message of the tag was seen before.
var ErrReplay = fmt.Errorf("ntag424: %w: its message, or a later one, was used before", nfc.ErrProof)

// App recognises the tags of a site.
type App struct{ opts Opts }

// New checks the options.
func New(o Opts) (*App, error) {
	switch {
	case o.Key.Zero() || o.MetaRead.Zero():
		return nil, errors.New("ntag424: a key is missing, or the factory's: a random master key and a random SDMMetaRead key are expected")
	case keys.Equal(o.Key[:], o.MetaRead[:]):
		return nil, errors.New("ntag424: the SDMMetaRead key is the master key: two random keys are expected")
	case o.Counters == nil:
		return nil, errors.New("ntag424: no counters: without them a message could be used again")
	}
	if _, err := o.Key.Diversify(make([]byte, uidSize), o.System); err != nil {
		return nil, fmt.Errorf("ntag424: %w", err)
	}
	return &App{o.filled()}, nil
}

func (o Opts) filled() Opts {
	if o.PICC == "" {
		o.PICC = "picc_data"
	}
	if o.MAC == "" {
		o.MAC = "cmac"
	}
	o.System = append([]byte(nil), o.System...)
	return o
}

// Format hides the keys from every verb of fmt.
func (*App) Format(f fmt.State, _ rune) { fmt.Fprint(f, "ntag424.App(secret)") }

// Identify reads and verifies the tag's message and returns its UID: seven bytes. The errors wrap nfc.ErrOtherKind when
// the card has no such message, nfc.ErrProof when the message is not good, ErrReplay among them, and what Exchange and
// Counters give.
func (a *App) Identify(ctx context.Context, x nfc.Exchanger, card nfc.Card) ([]byte, error) {
	if !card.ISO14443Part4() {
		return nil, fmt.Errorf("ntag424: %w: it takes no APDU", nfc.ErrOtherKind)
	}
	file, err := readNDEF(ctx, x)
	if err != nil {
		return nil, err
	}
	link, err := uri(file)
	if err != nil {
		return nil, err
	}
	m, err := a.opts.verify(link)
	if err != nil {
		return nil, err
	}
	// A tag with a random UID shows four bytes in the anticollision.
	if len(card.UID) == uidSize && !keys.Equal(card.UID, m.uid[:]) {
		return nil, fmt.Errorf("ntag424: %w: its message is that of another tag", nfc.ErrProof)
	}
	if err := a.opts.Counters.Advance(m.id, m.counter); err != nil {
		return nil, err
	}
	return m.uid[:], nil
}
