package sim

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/fakechip"
	"kapija/firmware-bridge/secrets"
	"kapija/internal/site"
)

// How long a card is held up, and how long after it the next one is.
const (
	held  = 400 * time.Millisecond
	apart = 600 * time.Millisecond // between two cards: a reader knows one again that comes sooner
)

// nfc lays a reader chip.
func (l *layer) nfc(id string, v site.ReaderWiring) {
	f := &field{secrets: l.Secrets, tags: l.tags, turn: newTurn()}
	var reset bridge.Output
	if v.Chip == "mfrc522" {
		c := fakechip.NewMFRC522()
		f.Field, reset = c.Field, c.ResetLine()
		l.w.spi[id] = c
	} else {
		c := fakechip.NewPN532()
		f.Field, reset = c.Field, c.ResetLine()
		l.w.spi[id] = c.SPI()
		l.w.i2c[id] = i2cPlace{c.I2C(), v.Address}
		l.w.serial[id] = func() (bridge.Port, error) { return c.Serial(), nil }
	}
	l.w.outputs[bridge.Reset(id)] = ready{reset}
	l.w.fields[id], l.w.faulty[id] = f, f.fail
	l.w.closers = append(l.w.closers, func() { f.Break(fakechip.High) })
}

// field is the field of an NFC reader.
type field struct {
	*fakechip.Field
	secrets *secrets.Store
	tags    *tags

	turn turn
	free time.Time // when the next card may be held up; of whose turn it is
}

func (f *field) fail(failed bool) {
	if failed {
		f.Break(fakechip.Low)
	} else {
		f.Break(fakechip.Sound)
	}
}

// tap holds a card up, after those that others hold up, and takes it away.
func (f *field) tap(ctx context.Context, card string) error {
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	c, err := f.card(card)
	if err == nil {
		err = wait(ctx, time.Until(f.free))
	}
	if err != nil {
		return err
	}
	f.Put(c)
	err = wait(ctx, held)
	f.Put()
	f.free = time.Now().Add(apart)
	return err
}

// card is a card by the text of a command: a UID in hexadecimal digits, with desfire: or ntag424: before it when it is
// one of the site's own.
func (f *field) card(text string) (fakecard.Card, error) {
	kind, digits, ok := strings.Cut(text, ":")
	if !ok {
		kind, digits = "", text
	}
	uid, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("card: a UID has hexadecimal digits")
	}
	if kind == "" {
		return fakecard.NewPlain(uid)
	}
	if len(uid) != 7 {
		return nil, fmt.Errorf("card: a UID of %d bytes; a %s has 7", len(uid), kind)
	}
	switch kind {
	case "desfire":
		o, err := f.secrets.DESFire()
		if err != nil {
			return nil, err
		}
		return fakecard.NewDESFire(fakecard.DESFireOpts{UID: [7]byte(uid), AID: o.AID, Master: o.Key, KeyNo: o.KeyNo, System: o.System}), nil
	case "ntag424":
		o, err := f.secrets.NTAG424()
		if err != nil && !errors.Is(err, secrets.ErrNoCounters) {
			return nil, err
		}
		return fakecard.NewNTAG424(fakecard.NTAG424Opts{
			UID: [7]byte(uid), Master: o.Key, MetaRead: o.MetaRead, System: o.System, Counter: f.tags.next([7]byte(uid)),
		}), nil
	}
	return nil, fmt.Errorf("card: kind %s; allowed are desfire, ntag424, or a UID alone", quote(kind))
}

// tags count how often each tag was read, at any reader.
type tags struct {
	mu   sync.Mutex
	last map[[7]byte]uint32
}

// next counts one reading. It begins at the time, in steps of ten seconds since 2026, so that a tag goes on after a restart
// behind where it was, and the 24 bits of its counter last for five years.
func (t *tags) next(uid [7]byte) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last[uid] == 0 {
		t.last[uid] = uint32(time.Since(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))/(10*time.Second)) & 0x7FFFFF
	}
	t.last[uid]++
	return t.last[uid]
}
