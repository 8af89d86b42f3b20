package nfc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakechip"
	"kapija/firmware-bridge/nfc/mfrc522"
	"kapija/firmware-bridge/nfc/pn532"
)

// subject is one chip on one kind of wires, with the hand on what is behind them.
type subject struct {
	*testing.T
	chip  nfc.Chip
	field *fakechip.Field
}

// chips are all there are.
var chips = map[string]func(*testing.T) subject{
	"mfrc522 on spi": func(t *testing.T) subject {
		fake := fakechip.NewMFRC522()
		dev, err := mfrc522.New(fake, fake.ResetLine())
		if err != nil {
			t.Fatal(err)
		}
		return subject{t, dev, fake.Field}
	},
	"mfrc522 without a reset line": func(t *testing.T) subject {
		fake := fakechip.NewMFRC522()
		dev, err := mfrc522.New(fake, nil)
		if err != nil {
			t.Fatal(err)
		}
		return subject{t, dev, fake.Field}
	},
	"pn532 on i2c": func(t *testing.T) subject {
		fake := fakechip.NewPN532()
		dev, err := pn532.NewI2C(fake.I2C(), pn532.Address, nil)
		if err != nil {
			t.Fatal(err)
		}
		return subject{t, dev, fake.Field}
	},
	"pn532 on spi": func(t *testing.T) subject {
		fake := fakechip.NewPN532()
		dev, err := pn532.NewSPI(fake.SPI(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return subject{t, dev, fake.Field}
	},
	"pn532 on a serial port": func(t *testing.T) subject {
		fake := fakechip.NewPN532()
		return subject{t, pn532.NewUART(fake.Serial(), fake.ResetLine()), fake.Field}
	},
}

// each runs a check on every chip, with a clock of its own. The chip was reset.
func each(t *testing.T, check func(s subject)) {
	for name, open := range chips {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				s.do("reset", s.chip.Reset(t.Context()))
				check(s)
			})
		})
	}
}

func (s subject) do(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func (s subject) poll() (nfc.Card, error) { return s.chip.Poll(s.Context()) }

// finds polls and expects exactly this card.
func (s subject) finds(want nfc.Card) {
	s.Helper()
	got, err := s.poll()
	if err != nil || !bytes.Equal(got.UID, want.UID) || got.ATQA != want.ATQA || got.SAK != want.SAK {
		s.Fatalf("found %+v and the error %v, expected %+v", got, err, want)
	}
}

func (s subject) expect(want error, err error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error %v, expected %v", err, want)
	}
}

// card is one above its anticollision: it answers an APDU with its own bytes turned round, as often as the APDU's last
// two bytes say, and 90 00. It counts how often it lost its power.
type card struct {
	nfc.Card
	powered int
	seen    int
}

func (c *card) Identity() nfc.Card { return c.Card }
func (c *card) PowerOn()           { c.powered++ }

func (c *card) Answer(apdu []byte) []byte {
	if !c.ISO14443Part4() {
		return nil
	}
	c.seen++
	return append(want(apdu), 0x90, 0x00)
}

func want(apdu []byte) []byte {
	n := len(apdu)
	times := int(apdu[n-2])<<8 | int(apdu[n-1])
	out := make([]byte, 0, times*n)
	for range times {
		for i := range apdu {
			out = append(out, apdu[n-1-i])
		}
	}
	return out
}

// apdu has n bytes and makes a card answer with that many times as many.
func apdu(n, times int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	b[n-2], b[n-1] = byte(times>>8), byte(times)
	return b
}

// exchange sends an APDU and expects the right answer.
func (s subject) exchange(apdu []byte) {
	s.Helper()
	got, err := s.chip.Exchange(s.Context(), apdu)
	if err != nil || !bytes.Equal(got, append(want(apdu), 0x90, 0x00)) {
		s.Fatalf("answer of %d bytes and the error %v, expected %d bytes", len(got), err, len(want(apdu))+2)
	}
}

func smart(uid ...byte) *card { return &card{Card: nfc.Card{UID: uid, ATQA: 0x0344, SAK: 0x20}} }
func plain(uid ...byte) *card { return &card{Card: nfc.Card{UID: uid, ATQA: 0x0004, SAK: 0x08}} }

func TestEveryKindOfUID(t *testing.T) {
	for name, uid := range map[string][]byte{
		"4 bytes":                      {0x12, 0x34, 0x56, 0x78},
		"7 bytes":                      {0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66},
		"7 bytes, with a cascade tag":  {0x04, 0x11, 0x22, 0x33, 0x88, 0x88, 0x88},
		"10 bytes":                     {0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		"10 bytes, with a cascade tag": {0x04, 1, 2, 3, 4, 5, 0x88, 7, 8, 9},
		"L31 leading zeros":            {0x00, 0x00, 0x00, 0x01},
		"L31 only zeros":               {0x00, 0x00, 0x00, 0x00},
		"L31 leading zeros of 7":       {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01},
		"L31 leading zeros of 10":      {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s subject) {
				for _, c := range []*card{smart(uid...), plain(uid...)} {
					s.field.Put(c)
					s.finds(c.Card)
					s.do("release", s.chip.Release(s.Context()))
				}
			})
		})
	}
}

func TestFieldChanges(t *testing.T) {
	each(t, func(s subject) {
		a, b, p := smart(0x04, 1, 2, 3, 4, 5, 6), smart(0x04, 1, 2, 3, 4, 5, 7), plain(1, 2, 3, 4)
		for range 3 {
			s.field.Put()
			_, err := s.poll()
			s.expect(nfc.ErrNoCard, err)
			s.do("alive without a card", s.chip.Alive(s.Context()))
			s.field.Put(a, b)
			for range 3 {
				_, err = s.poll()
				s.expect(nfc.ErrCollision, err)
			}
			s.field.Put(a)
			s.finds(a.Card)
			s.exchange(apdu(5, 1))
			s.do("alive with a card", s.chip.Alive(s.Context()))
			s.exchange(apdu(5, 1))
			s.field.Put(a, p)
			_, err = s.poll()
			s.expect(nfc.ErrCollision, err)
			s.field.Put(p)
			s.finds(p.Card)
		}
	})
}

func TestFoundAnew(t *testing.T) {
	for name, c := range map[string]*card{"smart": smart(0x04, 1, 2, 3, 4, 5, 6), "plain": plain(1, 2, 3, 4)} {
		t.Run(name, func(t *testing.T) {
			each(t, func(s subject) {
				s.field.Put(c)
				for range 5 { // released
					s.finds(c.Card)
					s.do("release", s.chip.Release(s.Context()))
					s.do("second release", s.chip.Release(s.Context()))
				}
				for range 5 { // not released
					s.finds(c.Card)
				}
				s.do("reset", s.chip.Reset(s.Context()))
				s.finds(c.Card)
			})
		})
	}
}

func TestAPDUs(t *testing.T) {
	for _, slow := range []int{0, 1, 7} {
		for _, size := range [][2]int{{2, 1}, {5, 1}, {60, 1}, {61, 1}, {62, 2}, {63, 1}, {122, 1}, {250, 1}, {253, 1},
			{255, 1}, {260, 2}, {261, 1}, {1000, 3}, {16, 200}} {
			t.Run(fmt.Sprintf("%d bytes, answer of %d times as many, %d extensions", size[0], size[1], slow), func(t *testing.T) {
				each(t, func(s subject) {
					c := smart(0x04, 1, 2, 3, 4, 5, 6)
					s.field.Put(c)
					s.field.Slow(slow)
					s.finds(c.Card)
					for range 3 { // the block numbers go on
						s.exchange(apdu(size[0], size[1]))
					}
					if c.seen != 3 {
						s.Errorf("the card has seen %d APDUs, expected 3", c.seen)
					}
				})
			})
		}
	}
}

func TestExchangeWithoutCard(t *testing.T) {
	each(t, func(s subject) {
		exchange := func() {
			s.Helper()
			_, err := s.chip.Exchange(s.Context(), apdu(5, 1))
			s.expect(nfc.ErrCardLost, err)
		}
		exchange()
		p := plain(1, 2, 3, 4)
		s.field.Put(p)
		s.finds(p.Card)
		exchange()
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		s.finds(c.Card)
		s.do("release", s.chip.Release(s.Context()))
		exchange()
	})
}

// A card may leave after any number of frames: it is lost or not there, and the chip is well.
func TestCardLeaves(t *testing.T) {
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		done := false
		for n := 0; !done; n++ {
			s.field.Put(c)
			s.field.LeaveAfter(n)
			_, err := s.poll()
			if err == nil {
				var got []byte
				a := apdu(200, 2)
				if got, err = s.chip.Exchange(s.Context(), a); err == nil {
					done = bytes.Equal(got, append(want(a), 0x90, 0x00))
				} else {
					s.expect(nfc.ErrCardLost, err)
				}
				s.do("release", s.chip.Release(s.Context()))
			} else {
				s.expect(nfc.ErrNoCard, err)
			}
			s.do("alive", s.chip.Alive(s.Context()))
			s.field.Put(c)
			s.finds(c.Card)
			s.exchange(apdu(5, 1))
			if n > 100 {
				s.Fatal("it never ends")
			}
		}
	})
}

// Damaged and lost frames on the air, at any place, are made good or lose the card; they never give a wrong UID or answer,
// and the card is found again without a reset.
func TestDisturbedAir(t *testing.T) {
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		a := apdu(100, 2)
		for name, disturb := range map[string]func(after, n int){"damaged": s.field.Disturb, "lost": s.field.Deafen} {
			for after := range 20 {
				for n := 1; n < 5; n++ {
					disturb(after, n)
					c.seen = 0
					got, err := s.poll()
					if err != nil {
						s.expect(nfc.ErrNoCard, err)
					} else if !bytes.Equal(got.UID, c.UID) {
						s.Fatalf("%d %s frames after %d gave a wrong UID", n, name, after)
					} else if got, err := s.chip.Exchange(s.Context(), a); err != nil {
						s.expect(nfc.ErrCardLost, err)
					} else if !bytes.Equal(got, append(want(a), 0x90, 0x00)) {
						s.Fatalf("%d %s frames after %d gave a wrong answer", n, name, after)
					}
					if c.seen > 1 {
						s.Fatalf("%d %s frames after %d: the card was given the APDU %d times", n, name, after, c.seen)
					}
					s.do("release", s.chip.Release(s.Context()))
					disturb(0, 0)
					s.finds(c.Card)
					s.exchange(a)
					s.do("release", s.chip.Release(s.Context()))
				}
			}
		}
	})
}

// Damaged bytes between chip and host never give a wrong UID or answer, and a reset heals.
func TestGarbledWires(t *testing.T) {
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		for n := 1; n < 40; n++ {
			s.field.Garble(n)
			if got, err := s.poll(); err == nil {
				if !bytes.Equal(got.UID, c.UID) {
					s.Fatalf("%d damaged reads gave a wrong UID", n)
				}
				a := apdu(100, 2)
				if got, err := s.chip.Exchange(s.Context(), a); err == nil && !bytes.Equal(got, append(want(a), 0x90, 0x00)) {
					s.Fatalf("%d damaged reads gave a wrong answer", n)
				}
			}
			s.field.Garble(0)
			s.do("reset", s.chip.Reset(s.Context()))
			s.finds(c.Card)
			s.exchange(apdu(5, 1))
		}
	})
}

var faults = map[string]fakechip.Fault{
	"without power": fakechip.Low, "not connected": fakechip.High, "failing bus": fakechip.Failing, "hung": fakechip.Hung,
}

func isCards(err error) bool {
	return errors.Is(err, nfc.ErrNoCard) || errors.Is(err, nfc.ErrCollision) || errors.Is(err, nfc.ErrCardLost)
}

func TestL24EveryFaultIsFoundAndHeals(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			each(t, func(s subject) {
				c := smart(0x04, 1, 2, 3, 4, 5, 6)
				s.field.Put(c)
				s.finds(c.Card)
				s.field.Break(fault)
				_, exchange := s.chip.Exchange(s.Context(), apdu(5, 1))
				_, poll := s.poll()
				for what, err := range map[string]error{"exchange": exchange, "poll": poll} {
					if err == nil || isCards(err) {
						s.Errorf("%s: error %v, expected one of the chip", what, err)
					} else if !strings.HasPrefix(err.Error(), "mfrc522: ") && !strings.HasPrefix(err.Error(), "pn532: ") {
						s.Errorf("%s: error %q does not say whose it is", what, err)
					}
				}
				// The registers of a hung MFRC522 can still be read.
				if _, is := s.chip.(*mfrc522.Dev); !is || fault != fakechip.Hung {
					if err := s.chip.Alive(s.Context()); err == nil {
						s.Error("alive")
					}
					if err := s.chip.Reset(s.Context()); err == nil {
						s.Error("reset works")
					}
				}
				s.field.Break(fakechip.Sound)
				s.do("reset", s.chip.Reset(s.Context()))
				s.do("alive", s.chip.Alive(s.Context()))
				s.finds(c.Card)
				s.exchange(apdu(100, 3))
			})
		})
	}
}

func TestL24PowerCut(t *testing.T) {
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		s.finds(c.Card)
		cut := func(what string, use func() error) {
			s.Helper()
			s.field.PowerCut()
			time.Sleep(time.Second)
			if err := use(); err == nil || isCards(err) {
				s.Errorf("%s after a power cut: error %v, expected one of the chip", what, err)
			}
			s.do("reset", s.chip.Reset(s.Context()))
			s.finds(c.Card)
			s.exchange(apdu(100, 3))
		}
		cut("alive", func() error { return s.chip.Alive(s.Context()) })
		cut("poll", func() error { _, err := s.poll(); return err })
		cut("exchange", func() error { _, err := s.chip.Exchange(s.Context(), apdu(5, 1)); return err })
		s.field.Put()
		s.field.PowerCut()
		if err := s.chip.Alive(s.Context()); err == nil || isCards(err) {
			s.Errorf("alive after a power cut without a card: error %v, expected one of the chip", err)
		}
	})
}

// A chip lives through twelve hours of taps with a power cut, a fault or a disturbance now and then: each one is noticed
// by the next poll or the next watch, and no card is missed for longer.
func TestL24HoursOfOperation(t *testing.T) {
	each(t, func(s subject) {
		rng := rand.New(rand.NewPCG(24, 24))
		cards := []*card{smart(0x04, 1, 2, 3, 4, 5, 6), plain(0, 0, 0, 1), smart(0, 1, 2, 3)}
		resets, broken := 0, 0
		reset := func() {
			s.field.Break(fakechip.Sound)
			s.do("reset", s.chip.Reset(s.Context()))
			resets++
		}
		for end := time.Now().Add(12 * time.Hour); time.Now().Before(end); {
			time.Sleep(time.Duration(rng.IntN(60)) * time.Second)
			c := cards[rng.IntN(len(cards))]
			s.field.Put(c)
			if rng.IntN(10) == 0 {
				broken++
				switch rng.IntN(3) {
				case 0:
					s.field.PowerCut()
				case 1:
					s.field.Break(fakechip.Low)
				case 2:
					s.field.Break(fakechip.High)
				}
			}
			if err := s.chip.Alive(s.Context()); err != nil {
				reset()
			}
			s.finds(c.Card)
			if c.ISO14443Part4() {
				s.exchange(apdu(5+rng.IntN(100), 1+rng.IntN(3)))
			}
			s.do("release", s.chip.Release(s.Context()))
			s.field.Put()
			_, err := s.poll()
			s.expect(nfc.ErrNoCard, err)
		}
		if resets != broken || broken < 50 {
			s.Errorf("%d faults and %d resets", broken, resets)
		}
	})
}

func TestContextEndsEverything(t *testing.T) {
	const soon = 50 * time.Millisecond
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		for what, use := range map[string]func(ctx context.Context) error{
			"poll":     func(ctx context.Context) error { _, err := s.chip.Poll(ctx); return err },
			"exchange": func(ctx context.Context) error { _, err := s.chip.Exchange(ctx, apdu(5, 1)); return err },
			"reset":    s.chip.Reset,
		} {
			s.field.Break(fakechip.Sound)
			s.do("reset", s.chip.Reset(s.Context()))
			s.finds(c.Card)
			s.field.Break(fakechip.Hung)
			ctx, cancel := context.WithTimeout(s.Context(), time.Millisecond)
			start := time.Now()
			err := use(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > soon {
				s.Errorf("%s: %v after %v, expected the context's error in %v", what, err, time.Since(start), soon)
			}
		}
		s.field.Break(fakechip.Sound)
		s.do("reset", s.chip.Reset(s.Context()))
		s.finds(c.Card)
		s.exchange(apdu(5, 1))
	})
}

// A command that was cut off does not give its answer to the next one.
func TestLateAnswer(t *testing.T) {
	each(t, func(s subject) {
		c := smart(0x04, 1, 2, 3, 4, 5, 6)
		s.field.Put(c)
		for after := 500 * time.Microsecond; after < 8*time.Millisecond; after += 500 * time.Microsecond {
			s.finds(c.Card)
			ctx, cancel := context.WithTimeout(s.Context(), after)
			_, _ = s.chip.Exchange(ctx, apdu(9, 1))
			cancel()
			a := apdu(8, 2)
			if got, err := s.chip.Exchange(s.Context(), a); err == nil && !bytes.Equal(got, append(want(a), 0x90, 0x00)) {
				s.Fatalf("cut off after %v, the next answer has %d bytes, expected %d", after, len(got), len(want(a))+2)
			}
			s.do("release", s.chip.Release(s.Context()))
		}
	})
}
