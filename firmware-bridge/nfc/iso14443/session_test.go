package iso14443

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/nfc"
)

// opened is RATS and an ATS with frames of 16 bytes, that is 13 of an APDU, and a waiting time of 77 ms.
var opened = step{tx: "e050", rx: "032080", crc: true, wait: 5 * time.Millisecond}

const wait = 77328613*time.Nanosecond + slack

// b is a block and the next one, with their CRC.
func b(tx, rx string) step { return step{tx: tx, rx: rx, crc: true} }

func silent(tx string) step { return step{tx: tx, crc: true, err: ErrNoAnswer} }
func noisy(tx string) step  { return step{tx: tx, crc: true, err: ErrDisturbed} }

const (
	long1 = "000102030405060708090a0b0c"
	long2 = "0d0e0f"
)

// The rules of 7.5.4, and the scenarios of annex B.
func TestSession(t *testing.T) {
	for name, c := range map[string]struct {
		steps  []step
		apdus  []string
		answer []string // the last may be missing: the card is lost then
	}{
		"numbers alternate": {
			[]step{b("02aa", "02bb9000"), b("03aa", "03bb9000"), b("02aa", "02bb9000")},
			[]string{"aa", "aa", "aa"}, []string{"bb9000", "bb9000", "bb9000"}},
		"the waiting time is the card's": {
			[]step{{tx: "02aa", rx: "029000", crc: true, wait: wait}}, []string{"aa"}, []string{"9000"}},
		"more time": {
			[]step{b("02aa", "f205"), {tx: "f205", rx: "f23b", crc: true, wait: 5*(wait) + slack},
				{tx: "f23b", rx: "029000", crc: true, wait: 59*wait + slack}, {tx: "03aa", rx: "039000", crc: true, wait: wait}},
			[]string{"aa", "aa"}, []string{"9000", "9000"}},
		"more time with a power level": {
			[]step{b("02aa", "f2c1"), b("f201", "029000")}, []string{"aa"}, []string{"9000"}},
		"chaining to the card": {
			[]step{b("12"+long1, "a2"), b("03"+long2, "039000"), b("02aa", "029000")},
			[]string{long1 + long2, "aa"}, []string{"9000", "9000"}},
		"chaining from the card": {
			[]step{b("02aa", "1201"), b("a3", "1302"), b("a2", "0203"), b("03aa", "039000")},
			[]string{"aa", "aa"}, []string{"010203", "9000"}},
		"more time while the card chains": {
			[]step{b("02aa", "1201"), b("a3", "f201"), b("f201", "0302"), b("02aa", "029000")},
			[]string{"aa", "aa"}, []string{"0102", "9000"}},
		"rule 4: R(NAK) after silence, the card has it": {
			[]step{silent("02aa"), b("b2", "029000")}, []string{"aa"}, []string{"9000"}},
		"rule 4: R(NAK) after noise": {
			[]step{noisy("02aa"), noisy("b2"), b("b2", "029000")}, []string{"aa"}, []string{"9000"}},
		"rule 6: the card has not got it": {
			[]step{silent("02aa"), b("b2", "a3"), b("02aa", "029000")}, []string{"aa"}, []string{"9000"}},
		"rule 6 in a chain": {
			[]step{silent("12" + long1), b("b2", "a3"), b("12"+long1, "a2"), silent("03" + long2), b("b3", "a2"), b("03"+long2, "039000")},
			[]string{long1 + long2}, []string{"9000"}},
		"a lost R(ACK) of the card in a chain": {
			[]step{noisy("12" + long1), b("b2", "a2"), b("03"+long2, "039000")}, []string{long1 + long2}, []string{"9000"}},
		"rule 5: R(ACK) again": {
			[]step{b("02aa", "1201"), silent("a3"), noisy("a3"), b("a3", "0302")}, []string{"aa"}, []string{"0102"}},
		"silence after more time": {
			[]step{b("02aa", "f205"), silent("f205"), {tx: "b2", rx: "f205", crc: true, wait: wait}, b("f205", "029000")}, []string{"aa"}, []string{"9000"}},
		"an answer with the other number": {
			[]step{b("02aa", "039000"), b("b2", "029000")}, []string{"aa"}, []string{"9000"}},
		"a block of no kind": {
			[]step{b("02aa", "0a009000"), b("b2", "f200"), b("b2", "029000")}, []string{"aa"}, []string{"9000"}},
		"lost: silence":                 {[]step{silent("02aa"), silent("b2"), silent("b2")}, []string{"aa"}, nil},
		"lost: noise":                   {[]step{noisy("02aa"), noisy("b2"), noisy("b2")}, []string{"aa"}, nil},
		"lost: a second card":           {[]step{{tx: "02aa", crc: true, err: nfc.ErrCollision}, silent("b2"), silent("b2")}, []string{"aa"}, nil},
		"lost: never gets it":           {[]step{b("02aa", "a3"), b("02aa", "a3"), b("02aa", "a3")}, []string{"aa"}, nil},
		"lost: R(ACK) as answer":        {[]step{b("02aa", "a2")}, []string{"aa"}, nil},
		"lost: answer in a chain to it": {[]step{b("12"+long1, "029000")}, []string{long1 + long2}, nil},
		"lost: S(DESELECT)":             {[]step{b("02aa", "c2")}, []string{"aa"}, nil},
		"lost: empty chain":             {[]step{b("02aa", "1201"), b("a3", "13")}, []string{"aa"}, nil},
		"lost: R(ACK) in its chain":     {[]step{b("02aa", "1201"), b("a3", "a3")}, []string{"aa"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, append([]step{opened}, c.steps...), func(l Link) {
				s, err := Open(t.Context(), l)
				if err != nil {
					t.Fatal(err)
				}
				for i, text := range c.apdus {
					apdu, _ := hex.DecodeString(text)
					got, err := s.Exchange(t.Context(), apdu)
					if i < len(c.answer) {
						if err != nil || hex.EncodeToString(got) != c.answer[i] {
							t.Errorf("answer %x and the error %v, expected %s", got, err, c.answer[i])
						}
					} else if !errors.Is(err, nfc.ErrCardLost) {
						t.Errorf("answer %x and the error %v, expected %v", got, err, nfc.ErrCardLost)
					}
				}
			})
		})
	}
}

func TestSessionBounds(t *testing.T) {
	t.Run("more time without end", func(t *testing.T) {
		steps := []step{opened, b("02aa", "f201")}
		steps = append(steps, slices.Repeat([]step{b("f201", "f201")}, maxExtensions)...)
		play(t, steps, func(l Link) {
			s, _ := Open(t.Context(), l)
			if _, err := s.Exchange(t.Context(), []byte{0xAA}); !errors.Is(err, nfc.ErrCardLost) || !strings.Contains(err.Error(), "more time 101 times") {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("answer without end", func(t *testing.T) {
		endless := linkFunc(func(tx []byte) ([]byte, error) {
			if tx[0] == 0xE0 {
				return step{crc: true}.bytes(t, "032080"), nil
			}
			return step{crc: true}.bytes(t, hex.EncodeToString([]byte{0x12 | tx[0]&1})+strings.Repeat("00", 60)), nil
		})
		s, _ := Open(t.Context(), endless)
		if _, err := s.Exchange(t.Context(), []byte{0xAA}); !errors.Is(err, nfc.ErrCardLost) || !strings.Contains(err.Error(), "longer than 65538") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("the longest waiting time", func(t *testing.T) {
		play(t, []step{{tx: "e050", rx: "0320e0", crc: true}, b("02aa", "f23b"), {tx: "f23b", rx: "029000", crc: true, wait: longestWait + slack}}, func(l Link) {
			s, _ := Open(t.Context(), l)
			if _, err := s.Exchange(t.Context(), []byte{0xAA}); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("frames never exceed the reader's 64 bytes", func(t *testing.T) {
		most := 0
		s, err := Open(t.Context(), linkFunc(func(tx []byte) ([]byte, error) {
			most = max(most, len(tx))
			switch {
			case tx[0] == 0xE0:
				return step{crc: true}.bytes(t, "020c"), nil
			case tx[0]&0x10 != 0:
				return step{crc: true}.bytes(t, hex.EncodeToString([]byte{0xA2 | tx[0]&1})), nil
			}
			return step{crc: true}.bytes(t, hex.EncodeToString([]byte{0x02 | tx[0]&1})+"9000"), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Exchange(t.Context(), make([]byte, 1000)); err != nil || most != 64 {
			t.Errorf("longest frame %d and the error %v, expected 64", most, err)
		}
	})
}

// linkFunc is a Link that answers by a function.
type linkFunc func(tx []byte) ([]byte, error)

func (f linkFunc) Frame(ctx context.Context, tx []byte, _ int, _ time.Duration) ([]byte, error) {
	return f(tx)
}

func TestSessionFaultsOfTheChip(t *testing.T) {
	broken := func(tx string) step { return step{tx: tx, crc: true, err: errChip} }
	for name, steps := range map[string][]step{
		"RATS":      {broken("e050")},
		"I-block":   {opened, broken("02aa")},
		"R(NAK)":    {opened, silent("02aa"), broken("b2")},
		"R(ACK)":    {opened, b("02aa", "1201"), broken("a3")},
		"more time": {opened, b("02aa", "f201"), broken("f201")},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, steps, func(l Link) {
				s, err := Open(t.Context(), l)
				if err == nil {
					_, err = s.Exchange(t.Context(), []byte{0xAA})
				}
				if !errors.Is(err, errChip) || errors.Is(err, nfc.ErrCardLost) || errors.Is(err, nfc.ErrNoCard) {
					t.Errorf("error %v, expected %v alone", err, errChip)
				}
			})
		})
	}
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  error
	}{
		"second try":    {[]step{silent("e050"), b("e050", "0200")}, nil},
		"silent":        {[]step{silent("e050"), silent("e050")}, nfc.ErrNoCard},
		"no ATS":        {[]step{b("e050", "0300")}, nfc.ErrNoCard},
		"disturbed ATS": {[]step{noisy("e050"), noisy("e050")}, nfc.ErrNoCard},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.steps, func(l Link) {
				if _, err := Open(t.Context(), l); !errors.Is(err, c.want) {
					t.Errorf("error %v, expected %v", err, c.want)
				}
			})
		})
	}
}

func TestStartUpGuardTime(t *testing.T) {
	for name, cancelled := range map[string]bool{"waited for": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				play(t, []step{b("e050", "03280e")}, func(l Link) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					if cancelled {
						cancel()
					}
					start := time.Now()
					_, err := Open(ctx, l)
					if took := time.Since(start); cancelled && (took != 0 || !errors.Is(err, context.Canceled)) ||
						!cancelled && (took != 4949031268 || err != nil) {
						t.Errorf("took %v, error %v", took, err)
					}
				})
			})
		})
	}
}

func TestDeselect(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  error
	}{
		"confirmed":                  {[]step{b("c2", "c2")}, nil},
		"confirmed when asked again": {[]step{silent("c2"), b("c2", "c2")}, nil},
		"silent":                     {[]step{silent("c2"), noisy("c2")}, nfc.ErrCardLost},
		"something else":             {[]step{b("c2", "a2"), b("c2", "029000")}, nfc.ErrCardLost},
		"broken chip":                {[]step{{tx: "c2", crc: true, err: errChip}}, errChip},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, append([]step{opened}, c.steps...), func(l Link) {
				s, err := Open(t.Context(), l)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Deselect(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("error %v, expected %v", err, c.want)
				}
			})
		})
	}
}

func FuzzParseBlock(f *testing.F) {
	for _, text := range []string{"02", "13aabb", "a2", "b3", "c2", "f201", "f2c1", "f200", "0a00", "a200"} {
		b, _ := hex.DecodeString(text)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseBlock(raw)
		if err != nil {
			if !errors.Is(err, ErrDisturbed) {
				t.Errorf("error %v", err)
			}
			return
		}
		if back := got.bytes(); !bytes.Equal(back, raw) && got.kind != moreTime {
			t.Errorf("% x is read as %+v, which is % x", raw, got, back)
		}
		if got.kind == moreTime && (got.info[0] < 1 || got.info[0] > 59) {
			t.Errorf("extension by %d", got.info[0])
		}
	})
}

// bytes is the block as it came.
func (b block) bytes() []byte {
	pcb := [...]byte{information: pcbI, acknowledge: pcbAck, repeat: pcbNak, deselect: pcbDeselect, moreTime: pcbWTX}[b.kind] | b.number
	if b.chained {
		pcb |= pcbChaining
	}
	return append([]byte{pcb}, b.info...)
}

// Whatever a card answers, an exchange ends, and a wrong card is never the chip's fault.
func FuzzSession(f *testing.F) {
	f.Add([]byte{3, 0x20, 0x80, 0xFF, 3, 0x02, 0x90, 0x00})
	f.Add([]byte{2, 0x02, 0x00, 1, 0xF2, 0x01, 2, 0x12, 0x01, 1, 0xA3})
	f.Fuzz(func(t *testing.T, raw []byte) {
		frames := 0
		l := linkFunc(func(tx []byte) ([]byte, error) {
			if frames++; frames > 300_000 {
				t.Fatal("it does not end")
			}
			if len(tx) > frameSize {
				t.Fatalf("frame of %d bytes", len(tx))
			}
			if len(raw) == 0 {
				return nil, ErrNoAnswer
			}
			n := min(int(raw[0])%64, len(raw)-1)
			rx := raw[1 : 1+n]
			raw = raw[1+n:]
			if n == 0 {
				return nil, ErrDisturbed
			}
			crc := CRC(rx)
			return append(slices.Clone(rx), byte(crc), byte(crc>>8)), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // no guard time is waited for
		s, err := Open(ctx, l)
		if err != nil {
			if !errors.Is(err, nfc.ErrNoCard) && !errors.Is(err, context.Canceled) {
				t.Errorf("open: %v", err)
			}
			return
		}
		if _, err := s.Exchange(ctx, make([]byte, 100)); err != nil && !errors.Is(err, nfc.ErrCardLost) {
			t.Errorf("exchange: %v", err)
		}
		if err := s.Deselect(ctx); err != nil && !errors.Is(err, nfc.ErrCardLost) {
			t.Errorf("deselect: %v", err)
		}
	})
}
