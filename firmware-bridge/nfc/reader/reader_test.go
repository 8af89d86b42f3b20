package reader_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/reader"
)

func TestEachCardAtEachReader(t *testing.T) {
	other := func(o *fakecard.DESFireOpts) { o.AID[0]++ }
	seven := string(uid[:])
	for what, c := range map[string]struct {
		formats []string
		card    fakecard.Card
		want    got
	}{
		"a UID of 4 bytes":                     {all, plain(t, 0xDE, 0xAD, 0xBE, 0xEF), got{"uid-32", "\xDE\xAD\xBE\xEF", 32, ""}},
		"a UID of 7 bytes":                     {all, plain(t, uid[:]...), got{"uid-56", seven, 56, ""}},
		"a UID of 10 bytes":                    {all, plain(t, []byte("0123456789")...), got{"uid-80", "0123456789", 80, ""}},
		"a DESFire":                            {all, desfireCard(nil), got{"desfire", seven, 56, ""}},
		"an NTAG 424":                          {all, ntagCard(nil), got{"ntag424", seven, 56, ""}},
		"a DESFire with a random UID":          {all, desfireCard(func(o *fakecard.DESFireOpts) { o.RandomUID = true }), got{"desfire", seven, 56, ""}},
		"an NTAG 424 with a random UID":        {all, ntagCard(func(o *fakecard.NTAG424Opts) { o.RandomUID = true }), got{"ntag424", seven, 56, ""}},
		"a DESFire where its UID is enough":    {[]string{"uid-56"}, desfireCard(nil), got{"uid-56", seven, 56, ""}},
		"a DESFire of others, by its UID":      {all, desfireCard(other), got{"uid-56", seven, 56, ""}},
		"a DESFire of others, at a strong one": {strong, desfireCard(other), got{"", seven, 56, bridge.UnknownFormat}},
		"a weak card at a strong one":          {strong, plain(t, uid[:]...), got{"", seven, 56, bridge.UnknownFormat}},
		"an NTAG 424 where none is accepted":   {[]string{"desfire"}, ntagCard(nil), got{"", seven, 56, bridge.UnknownFormat}},
		"a length that is not accepted":        {[]string{"uid-56"}, plain(t, 1, 2, 3, 4), got{"", "\x01\x02\x03\x04", 32, bridge.UnknownFormat}},
		"a random UID is nobody's":             {all, plain(t, 8, 2, 3, 4), got{"", "\x08\x02\x03\x04", 32, bridge.UnknownFormat}},
	} {
		t.Run(what, func(t *testing.T) {
			on(t, c.formats, func(b *bench) {
				for range 3 {
					if told := b.show(c.card); !slices.Equal(told, []any{c.want}) {
						t.Errorf("told %v, expected %v", told, c.want)
					}
				}
				if s := b.dev.Stats(); s != (reader.Stats{Reads: 3}) {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestL31LeadingZerosAndLengthsStay(t *testing.T) {
	on(t, all, func(b *bench) {
		var seen []any
		for _, n := range []int{4, 7, 10} {
			for _, last := range []byte{0, 1, 0x10} {
				id := append(make([]byte, n-1), last)
				told := b.show(plain(t, id...))
				want := got{map[int]string{4: "uid-32", 7: "uid-56", 10: "uid-80"}[n], string(id), 8 * n, ""}
				if !slices.Equal(told, []any{want}) {
					t.Errorf("%x: told %v", id, told)
				}
				for _, s := range seen {
					if slices.Contains(told, s) {
						t.Errorf("%x: the same as another card", id)
					}
				}
				seen = append(seen, told...)
			}
		}
	})
}

func TestAHeldCardIsToldOnce(t *testing.T) {
	for what, card := range map[string]fakecard.Card{
		"plain": plain(t, uid[:]...), "desfire": desfireCard(nil), "ntag424": ntagCard(nil),
		"random": desfireCard(func(o *fakecard.DESFireOpts) { o.RandomUID = true }),
		"forged": desfireCard(func(o *fakecard.DESFireOpts) { o.RandomUID, o.Master[0] = true, 9 }),
		"nobody": desfireCard(func(o *fakecard.DESFireOpts) { o.RandomUID, o.AID[0] = true, 9 }),
	} {
		for _, switches := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				on(t, all, func(b *bench) {
					b.chip.do(func() { b.chip.switches = switches })
					reads := func(d time.Duration) (n int) {
						for _, told := range b.after(d) {
							if _, ok := told.(got); ok {
								n++
							}
						}
						return n
					}
					b.chip.put(card)
					if n := reads(10 * time.Minute); n != 1 {
						t.Errorf("%d reads in ten minutes", n)
					}
					// It is shaken: away, but for less than Away.
					for range 10 {
						b.chip.put()
						n := reads(reader.Away - 200*time.Millisecond)
						b.chip.do(func() { b.chip.cards = []fakecard.Card{card} })
						if n += reads(200 * time.Millisecond); n != 0 {
							t.Error("read again while it was shaken")
						}
					}
					b.chip.put()
					n := reads(reader.Away + 100*time.Millisecond)
					b.chip.put(card)
					if n += reads(time.Minute); n != 1 {
						t.Errorf("%d reads after it was away", n)
					}
				})
			})
		}
	}
}

func TestCardAfterCard(t *testing.T) {
	on(t, all, func(b *bench) {
		for n := range byte(20) {
			b.chip.put(plain(t, 1, 2, 3, n))
			b.expect("at once", 200*time.Millisecond, got{"uid-32", "\x01\x02\x03" + string(rune(n)), 32, ""})
		}
	})
}

func TestTwoCardsAtOnceSayNothing(t *testing.T) {
	one, two := plain(t, 1, 2, 3, 4), plain(t, 5, 6, 7, 8)
	first, second := got{"uid-32", "\x01\x02\x03\x04", 32, ""}, got{"uid-32", "\x05\x06\x07\x08", 32, ""}
	on(t, all, func(b *bench) {
		b.chip.put(one, two)
		b.expect("two", time.Minute)
		b.chip.put(one)
		b.expect("one of them stays", time.Minute, first)
		b.chip.put(one, two)
		b.expect("the other one comes back", time.Minute)
		b.chip.put(one)
		b.expect("the first one was told", time.Minute)
		b.chip.put(one, two)
		b.expect("once more", time.Minute)
		b.chip.put(two)
		b.expect("the other one stays", time.Minute, second)
		if s := b.dev.Stats(); s.Collisions != 3 || s.Reads != 2 || s.Failures != 0 {
			t.Errorf("counted %+v, expected 3 collisions", s)
		}
		// In a purse now the one is heard, now the other, now both.
		b.chip.put(one)
		b.expect("told anew", 200*time.Millisecond, first)
		for range 100 {
			for _, heard := range [][]fakecard.Card{{one, two}, {two}, {one, two}, {one}} {
				b.chip.put(heard...)
				b.expect("purse", 200*time.Millisecond)
			}
		}
	})
}

func TestFailedProof(t *testing.T) {
	nobody := got{"", string(uid[:]), 56, bridge.UnknownFormat}
	replayed := func() fakecard.Card { return ntagCard(func(o *fakecard.NTAG424Opts) { o.Counter = 7 }) }
	for what, c := range map[string]struct {
		before, card fakecard.Card
		cause        string
	}{
		"desfire with a wrong key": {card: desfireCard(func(o *fakecard.DESFireOpts) { o.Master[0]++ }),
			cause: "forged_card: desfire: nfc: the card gave no proof: status 91ae, it refuses our key (key 1, the card's own)"},
		"ntag424 with a wrong key": {card: ntagCard(func(o *fakecard.NTAG424Opts) { o.Master[0]++ }),
			cause: "forged_card: ntag424: nfc: the card gave no proof: the MAC of its message is wrong"},
		"a message that is used again": {before: replayed(), card: replayed(),
			cause: "forged_card: ntag424: nfc: the card gave no proof: its message, or a later one, was used before"},
	} {
		t.Run(what, func(t *testing.T) {
			on(t, all, func(b *bench) {
				if c.before != nil {
					b.show(c.before)
				}
				alert := bridge.Alert{Kind: bridge.Insecure, Active: true, Cause: c.cause}
				// Its UID would be accepted, and is not: it claimed more.
				if told := b.show(c.card); !slices.Equal(told, []any{nobody, alert}) {
					t.Errorf("told %+v", told)
				}
				again := func() fakecard.Card {
					if c.before != nil {
						return replayed()
					}
					return c.card
				}
				for range 20 {
					if told := b.show(again()); !slices.Equal(told, []any{nobody}) {
						t.Errorf("told %+v within a minute", told)
					}
				}
				b.after(time.Minute)
				if told := b.show(again()); !slices.Equal(told, []any{nobody, alert}) {
					t.Errorf("told %+v after a minute", told)
				}
				if s := b.dev.Stats(); s.Refused != 22 || s.Failures != 0 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestNoCauseHoldsAUID(t *testing.T) {
	on(t, all, func(b *bench) {
		for _, card := range []fakecard.Card{desfireCard(func(o *fakecard.DESFireOpts) { o.Master[0]++ }), ntagCard(func(o *fakecard.NTAG424Opts) { o.MetaRead[0]++ })} {
			for _, told := range b.show(card) {
				if a, ok := told.(bridge.Alert); ok && (strings.Contains(strings.ToLower(a.Cause), "a2b3") || strings.Contains(a.Cause, string(uid[:]))) {
					t.Error(a.Cause)
				}
			}
		}
	})
}

func TestACardThatLeavesMidwayIsTriedAgain(t *testing.T) {
	for at := 1; at <= 4; at++ {
		for format, card := range map[string]fakecard.Card{"desfire": desfireCard(nil), "ntag424": ntagCard(nil)} {
			on(t, []string{format, "uid-56"}, func(b *bench) {
				b.chip.do(func() { b.chip.leaves = at })
				b.chip.put(card)
				b.expect("it leaves", 10*time.Second)
				b.chip.do(func() { b.chip.leaves = 0 })
				b.expect("it stays", 200*time.Millisecond, got{format, string(uid[:]), 56, ""})
				if s := b.dev.Stats(); s.Lost < 50 || s.Failures != 0 || s.Refused != 0 {
					t.Errorf("counted %+v", s)
				}
			})
		}
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	for format, card := range map[string]fakecard.Card{"desfire": desfireCard(nil), "ntag424": ntagCard(nil)} {
		t.Run(format, func(t *testing.T) {
			on(t, []string{format, "uid-56"}, func(b *bench) {
				b.chip.do(func() { b.chip.garbles = 2 })
				if told := b.show(card); !slices.Equal(told, []any{got{format, string(uid[:]), 56, ""}}) {
					t.Errorf("told %+v after two", told)
				}
				b.chip.do(func() { b.chip.garbles = 3 })
				told := b.show(card)
				if len(told) != 2 || told[0] != (got{"", string(uid[:]), 56, bridge.UnknownFormat}) {
					t.Fatalf("told %+v after three", told)
				}
				if a, ok := told[1].(bridge.Alert); !ok || !strings.HasPrefix(a.Cause, "unproven_card: "+format) {
					t.Errorf("told %+v", told[1])
				}
				if s := b.dev.Stats(); s.Failures != 0 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

// Doubts about a card end when it leaves.
func TestDoubtsEndWithThePresentation(t *testing.T) {
	on(t, all, func(b *bench) {
		for n := range 5 {
			b.chip.do(func() { b.chip.garbles = 100 })
			b.chip.put(desfireCard(nil))
			for b.chip.counted().garbled < 2*(n+1) {
				b.after(time.Millisecond)
			}
			b.chip.put()
			b.expect("it is gone before it is refused", time.Second)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for want, o := range map[string]reader.Opts{
		"formats []: one or more of desfire, ntag424, uid-32, uid-56, uid-80 are expected": {},
		`formats ["wiegand-26", "uid-64"]`:                                                 {Formats: []string{"wiegand-26", "uid-32", "uid-64"}},
		"format desfire has no keys":                                                       {Formats: []string{"desfire"}},
		"format ntag424 has no keys":                                                       {Formats: []string{"uid-32", "ntag424"}},
	} {
		if _, err := reader.New("door-1", &chip{}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
}

// The bits that are told belong to the gateway: nothing changes them later.
func TestBitsAreNotShared(t *testing.T) {
	on(t, all, func(b *bench) {
		card := plain(t, 1, 2, 3, 4)
		b.chip.put(card)
		time.Sleep(time.Second)
		first := (<-b.out).What.(bridge.Read)
		clear(first.Bits)
		b.chip.put()
		b.after(time.Second)
		if told := b.show(card); len(told) != 1 || !bytes.Equal([]byte(told[0].(got).bits), []byte{1, 2, 3, 4}) {
			t.Errorf("told %+v", told)
		}
	})
}
