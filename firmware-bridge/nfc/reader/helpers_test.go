package reader_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/desfire"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/keys"
	"kapija/firmware-bridge/nfc/ntag424"
	"kapija/firmware-bridge/nfc/reader"
)

var (
	master   = keys.Key{0x3C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	shared   = keys.Key{0x5A, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	aid      = [3]byte{0x4B, 0x41, 0xF5}
	uid      = [7]byte{0x04, 0, 0xA2, 0xB3, 0xC4, 0xD5, 0x80}
	all      = []string{"uid-32", "uid-56", "uid-80", "ntag424", "desfire"}
	strong   = []string{"desfire", "ntag424"}
	errChip  = errors.New("chip: spi: input/output error")
	errQuiet = errors.New("chip: register 0x14 holds 0x00, expected 0x83")
)

// chip is a field with cards, and a chip over it that can fail.
type chip struct {
	mu       sync.Mutex
	cards    []fakecard.Card
	selected fakecard.Card
	switches bool // its field goes off and on for each look
	leaves   int  // the card leaves at this exchange of each session, from 1 on
	garbles  int  // so many answers are cut short

	broken error // each call fails
	deaf   error // each exchange fails
	quiet  bool  // it finds no card and only Alive notices (L24)

	exchanges int
	calls     calls
}

type calls struct{ resets, asked, garbled int }

func (c *chip) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *chip) counted() calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

func (c *chip) put(cards ...fakecard.Card) {
	c.do(func() {
		for _, card := range cards {
			if p, ok := card.(fakecard.Powered); ok {
				p.PowerOn()
			}
		}
		c.cards = cards
	})
}

func (c *chip) Reset(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.resets++
	return c.broken
}

func (c *chip) Alive(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.asked++
	if c.quiet {
		return errQuiet
	}
	return c.broken
}

func (c *chip) Poll(context.Context) (nfc.Card, error) {
	time.Sleep(20 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.selected, c.exchanges = nil, 0
	switch {
	case c.broken != nil:
		return nfc.Card{}, c.broken
	case c.quiet || len(c.cards) == 0:
		return nfc.Card{}, nfc.ErrNoCard
	case len(c.cards) > 1:
		return nfc.Card{}, nfc.ErrCollision
	}
	c.selected = c.cards[0]
	if p, ok := c.selected.(fakecard.Powered); ok && c.switches {
		p.PowerOn()
	}
	return c.selected.Identity(), nil
}

func (c *chip) Exchange(_ context.Context, apdu []byte) ([]byte, error) {
	time.Sleep(5 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exchanges++
	switch {
	case c.broken != nil:
		return nil, c.broken
	case c.deaf != nil:
		return nil, c.deaf
	case c.selected == nil || len(c.cards) == 0 || c.exchanges == c.leaves:
		c.selected = nil
		return nil, nfc.ErrCardLost
	}
	answer := c.selected.Answer(apdu)
	if answer == nil {
		return nil, nfc.ErrCardLost
	}
	if c.garbles > 0 && len(answer) > 2 {
		c.garbles--
		c.calls.garbled++
		answer = answer[1:]
	}
	return answer, nil
}

func (c *chip) Release(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.selected == nil {
		return nfc.ErrCardLost
	}
	c.selected = nil
	return c.broken
}

func opts(t testing.TB, formats ...string) reader.Opts {
	t.Helper()
	d, err := desfire.New(desfire.Opts{AID: aid, Key: master, KeyNo: 1, Identify: shared, IdentifyNo: 2})
	if err != nil {
		t.Fatal(err)
	}
	n, err := ntag424.New(ntag424.Opts{Key: master, MetaRead: shared, Counters: ntag424.NewStore(0)})
	if err != nil {
		t.Fatal(err)
	}
	return reader.Opts{Formats: formats, DESFire: d, NTAG424: n}
}

func plain(t testing.TB, uid ...byte) fakecard.Card {
	t.Helper()
	p, err := fakecard.NewPlain(uid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func desfireCard(change func(*fakecard.DESFireOpts)) fakecard.Card {
	o := fakecard.DESFireOpts{UID: uid, AID: aid, Master: master, KeyNo: 1, Identify: shared, IdentifyNo: 2}
	if change != nil {
		change(&o)
	}
	return fakecard.NewDESFire(o)
}

func ntagCard(change func(*fakecard.NTAG424Opts)) fakecard.Card {
	o := fakecard.NTAG424Opts{UID: uid, Master: master, MetaRead: shared}
	if change != nil {
		change(&o)
	}
	return fakecard.NewNTAG424(o)
}

// got is a bridge.Read that can be compared.
type got struct {
	format string
	bits   string
	len    int
	fault  bridge.Fault
}

func (g got) String() string { return fmt.Sprintf("%q %x/%d %q", g.format, g.bits, g.len, g.fault) }

// bench is a reader that runs over a chip.
type bench struct {
	t    *testing.T
	chip *chip
	dev  *reader.Reader
	out  chan bridge.Signal
}

// on runs a reader in a bubble until f returns. It is online and has looked around by then.
func on(t *testing.T, formats []string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, chip: &chip{}, out: make(chan bridge.Signal, 10_000)}
		var err error
		if b.dev, err = reader.New("door-1", b.chip, opts(t, formats...)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.dev.Run(ctx, b.out) }()
		if first := b.after(time.Second); len(first) != 1 || first[0] != (bridge.Health{Online: true}) {
			t.Errorf("told %+v at the start", first)
		}
		f(b)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// after lets time pass and returns what was told meanwhile: got, bridge.Alert and bridge.Health.
func (b *bench) after(d time.Duration) (told []any) {
	b.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	for {
		select {
		case s := <-b.out:
			if s.Device != "door-1" || s.At.After(time.Now()) {
				b.t.Errorf("signal %+v", s)
			}
			if r, ok := s.What.(bridge.Read); ok {
				told = append(told, got{r.Format, string(r.Bits), r.Len, r.Fault})
			} else {
				told = append(told, s.What)
			}
		default:
			return told
		}
	}
}

// expect lets time pass and compares what was told.
func (b *bench) expect(what string, d time.Duration, want ...any) {
	b.t.Helper()
	if told := b.after(d); !slices.Equal(told, want) {
		b.t.Errorf("%s: told %v, expected %v", what, told, want)
	}
}

// show puts cards into the field for a second and takes them away for one.
func (b *bench) show(cards ...fakecard.Card) []any {
	b.t.Helper()
	b.chip.put(cards...)
	told := b.after(time.Second)
	b.chip.put()
	if later := b.after(time.Second); len(later) > 0 {
		b.t.Errorf("told %+v after the card was gone", later)
	}
	return told
}
