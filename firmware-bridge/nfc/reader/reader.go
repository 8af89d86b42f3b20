// Package reader joins a reader chip with the kinds of card that a door accepts: a bridge.Source that sends one
// bridge.Read per card that is presented.
//
// Of a card the strongest configured format is tried first: desfire, ntag424, then the bare UID. A card that claims a
// strong format and cannot prove it is refused, and never taken by its UID instead.
//
// What is sent for a card:
//   - Format and bits, when it is of a configured format. The bits are those of the UID, in the order of the
//     anticollision, leading zeros kept.
//   - bridge.UnknownFormat and the bits of its UID, when it is of none, when its UID is a random one, or when it failed
//     its proof. The last also gives a bridge.Alert, bridge.Insecure, at most one a minute.
//
// A card is presented once until it was away for Away; one that leaves before it was read is tried again in silence
// while it is there. Two cards at the same time give nothing, and are counted.
//
// It never decides about a card, and never logs a UID; the causes of its signals hold none.
//
// Concurrency: Run owns the chip and works in one goroutine; a full channel makes it wait, and cards that come and go
// meanwhile are not seen. It remembers up to four cards in the field.
package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
)

// Away is how long a card must not be seen before it counts as presented anew.
const Away = 500 * time.Millisecond

const (
	pause    = 50 * time.Millisecond // between two looks for a card
	watchdog = time.Second           // between two questions whether the chip lives (L24)
	quiet    = time.Minute           // between two alerts
)

// The formats: names as in package cardformat.
const (
	formatDESFire = "desfire"
	formatNTAG424 = "ntag424"
)

// byLength are the formats of bare UIDs, by the number of their bytes.
var byLength = map[int]string{4: "uid-32", 7: "uid-56", 10: "uid-80"}

// Kind is a kind of card that proves who it is: a desfire.App or an ntag424.App.
type Kind interface {
	// Identify returns the card's proven UID. Its errors wrap nfc.ErrOtherKind, nfc.ErrProof, or what Exchange gave.
	Identify(context.Context, nfc.Exchanger, nfc.Card) ([]byte, error)
}

// Opts says which cards a reader accepts.
type Opts struct {
	Formats []string // of desfire, ntag424, uid-32, uid-56, uid-80; their order does not matter
	DESFire Kind     // needed for desfire
	NTAG424 Kind     // needed for ntag424
}

// Stats counts what a reader saw since it was made.
type Stats struct {
	Reads      uint64 // sent, with or without a fault
	Refused    uint64 // of these, cards that failed their proof
	Lost       uint64 // cards that left before they were read
	Collisions uint64 // times that several cards came at once
	Failures   uint64 // of the chip
}

// Reader is one reader chip.
type Reader struct {
	id    string
	chip  nfc.Chip
	kinds []kind // the strongest first
	uids  []string

	field   field
	alerted time.Time

	mu    sync.Mutex
	stats Stats
}

type kind struct {
	format string
	Kind
}

var _ bridge.Source = (*Reader)(nil)

// New makes a reader. It does not touch the chip: one that is not there is a matter of health. The error names every
// format that is not known, or lacks its keys.
func New(id string, chip nfc.Chip, o Opts) (*Reader, error) {
	r := &Reader{id: id, chip: chip}
	for _, k := range []kind{{formatDESFire, o.DESFire}, {formatNTAG424, o.NTAG424}} {
		if !slices.Contains(o.Formats, k.format) {
			continue
		}
		if k.Kind == nil {
			return nil, fmt.Errorf("nfc: reader %s: format %s has no keys", id, k.format)
		}
		r.kinds = append(r.kinds, k)
	}
	var unknown []string
	for _, name := range o.Formats {
		switch name {
		case formatDESFire, formatNTAG424:
		case byLength[4], byLength[7], byLength[10]:
			r.uids = append(r.uids, name)
		default:
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 || len(o.Formats) == 0 {
		return nil, fmt.Errorf("nfc: reader %s: formats [%s]: one or more of %s, %s, %s, %s, %s are expected", id,
			strings.Join(unknown, ", "), formatDESFire, formatNTAG424, byLength[4], byLength[7], byLength[10])
	}
	return r, nil
}

// ID is the reader's ID.
func (r *Reader) ID() string { return r.id }

// Stats is what the reader counted so far. It may be called at any time.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

func (r *Reader) count(what func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what(&r.stats)
}

// look is one look for a card and all that follows from it. Its error is the chip's.
func (r *Reader) look(ctx context.Context, out chan<- bridge.Signal) error {
	card, err := r.chip.Poll(ctx)
	now := time.Now()
	switch {
	case errors.Is(err, nfc.ErrCollision):
		if r.field.several(now) {
			r.count(func(s *Stats) { s.Collisions++ })
		}
		return nil
	case errors.Is(err, nfc.ErrNoCard), errors.Is(err, nfc.ErrCardLost):
		r.field.empty(now)
		return nil
	case err != nil:
		return err
	}
	if !r.field.shows(card.UID, now) {
		if err := r.present(ctx, out, card, now); err != nil {
			return err
		}
	}
	if err := r.chip.Release(ctx); err != nil && !errors.Is(err, nfc.ErrCardLost) {
		return err
	}
	return nil
}

// present reads a card that was not there before, and tells what it is.
func (r *Reader) present(ctx context.Context, out chan<- bridge.Signal, card nfc.Card, now time.Time) error {
	read, refusal, err := r.identify(ctx, card)
	switch {
	case errors.Is(err, nfc.ErrCardLost):
		r.count(func(s *Stats) { s.Lost++ })
		return nil
	case errors.Is(err, errAgain):
		return nil
	case err != nil:
		return err
	}
	told := read.Format + string(read.Bits)
	if read.Fault != bridge.NoFault && isRandom(card.UID) {
		told = "" // a chip that switches its field makes the same card look like another one
	}
	if !r.field.tell(card.UID, told, time.Now()) {
		return nil
	}
	r.count(func(s *Stats) { s.Reads++ })
	r.send(ctx, out, now, read)
	if refusal == "" {
		return nil
	}
	r.count(func(s *Stats) { s.Refused++ })
	if r.alerted.IsZero() || now.Sub(r.alerted) >= quiet {
		r.alerted = now
		r.send(ctx, out, now, bridge.Alert{Kind: bridge.Insecure, Active: true, Cause: refusal})
	}
	return nil
}

func (r *Reader) send(ctx context.Context, out chan<- bridge.Signal, at time.Time, what any) {
	select {
	case out <- bridge.Signal{Device: r.id, At: at, What: what}:
	case <-ctx.Done():
	}
}
