package desfire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/keys"
	"kapija/firmware-bridge/nfc/nfctest"
)

var (
	master   = keys.Key{0x3C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	identify = keys.Key{0x5A, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	aid      = [3]byte{0x4B, 0x41, 0xF5}
	system   = []byte("Kapija")
	uid      = [7]byte{0x04, 0, 0xA2, 0xB3, 0xC4, 0xD5, 0x80}
)

func app(t testing.TB, change func(*Opts)) *App {
	t.Helper()
	o := Opts{AID: aid, Key: master, KeyNo: 1, System: system, Identify: identify, IdentifyNo: 2}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func card(change func(*fakecard.DESFireOpts)) *fakecard.DESFire {
	o := fakecard.DESFireOpts{UID: uid, AID: aid, Master: master, KeyNo: 1, System: system, Identify: identify, IdentifyNo: 2}
	if change != nil {
		change(&o)
	}
	return fakecard.NewDESFire(o)
}

func TestIdentify(t *testing.T) {
	random := func(o *fakecard.DESFireOpts) { o.RandomUID = true }
	for what, c := range map[string]struct {
		app  func(*Opts)
		card func(*fakecard.DESFireOpts)
		want error // nil: the UID
		says string
	}{
		"a card of the site":   {},
		"with a random UID":    {card: random},
		"no key to identify":   {app: func(o *Opts) { o.Identify = keys.Key{} }},
		"no system identifier": {func(o *Opts) { o.System = nil }, func(o *fakecard.DESFireOpts) { o.System = nil }, nil, ""},
		"a random UID, and no key to identify": {func(o *Opts) { o.Identify = keys.Key{} }, random,
			nfc.ErrOtherKind, "no key is set that identifies"},
		"another application": {card: func(o *fakecard.DESFireOpts) { o.AID[2]++ },
			want: nfc.ErrOtherKind, says: "status 91a0, no such application when"},
		"another master key": {card: func(o *fakecard.DESFireOpts) { o.Master[15]++ },
			want: nfc.ErrProof, says: "status 91ae, it refuses our key (key 1, the card's own)"},
		"another system identifier": {card: func(o *fakecard.DESFireOpts) { o.System = []byte("kapija") },
			want: nfc.ErrProof, says: "status 91ae"},
		"another key to identify": {card: func(o *fakecard.DESFireOpts) { o.RandomUID, o.Identify[0] = true, 1 },
			want: nfc.ErrProof, says: "status 91ae, it refuses our key (key 2, which identifies)"},
		"a card without the key's number": {card: func(o *fakecard.DESFireOpts) { o.KeyNo = 3 },
			want: nfc.ErrProof, says: "status 9140, no such key"},
		"who only knows the key to identify": {card: func(o *fakecard.DESFireOpts) { o.RandomUID, o.Master = true, o.Identify },
			want: nfc.ErrProof, says: "(key 1, the card's own)"},
	} {
		t.Run(what, func(t *testing.T) {
			a, card := app(t, c.app), card(c.card)
			got, err := a.Identify(t.Context(), nfctest.Direct{Card: card}, card.Identity())
			if !errors.Is(err, c.want) || (err != nil) != (c.want != nil) {
				t.Fatalf("error %v, expected %v", err, c.want)
			}
			if err == nil && !bytes.Equal(got, uid[:]) {
				t.Errorf("found %x, expected %x", got, uid)
			}
			if err != nil && (got != nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("found %x, error %q, expected %q", got, err, c.says)
			}
		})
	}
}

// The UID of the anticollision can be copied by any card: the key that belongs to it cannot.
func TestACopiedUIDIsNoProof(t *testing.T) {
	mine := card(func(o *fakecard.DESFireOpts) { o.UID[6]++ })
	claims := mine.Identity()
	claims.UID = uid[:]
	if got, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: mine}, claims); !errors.Is(err, nfc.ErrProof) {
		t.Errorf("found %x, %v", got, err)
	}
}

// A card that was made with the key of one UID and bears another one.
func TestTheCredentialIsTheAuthenticatedUID(t *testing.T) {
	claimed := [7]byte{4, 1, 2, 3, 4, 5, 6}
	own, err := master.Diversify(claimed[:], aid[:], system)
	if err != nil {
		t.Fatal(err)
	}
	forged := card(func(o *fakecard.DESFireOpts) { o.Identify, o.IdentifyNo, o.KeyNo = own, 1, 5 })
	claims := forged.Identity()
	claims.UID = claimed[:]
	got, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: forged}, claims)
	if !errors.Is(err, nfc.ErrProof) || !strings.Contains(err.Error(), "not the one that its key belongs to") {
		t.Errorf("found %x, %v", got, err)
	}
}

// talk gives the APDUs of a good presentation, as one byte per command.
func talk(t *testing.T, random bool) (commands []byte) {
	c := card(func(o *fakecard.DESFireOpts) { o.RandomUID = random })
	_, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: c, Change: func(apdu, answer []byte) ([]byte, error) {
		commands = append(commands, apdu[1])
		return answer, nil
	}}, c.Identity())
	if err != nil {
		t.Fatal(err)
	}
	return commands
}

func TestConversation(t *testing.T) {
	if got, want := talk(t, false), []byte{0x5A, 0xAA, 0xAF, 0x51}; !slices.Equal(got, want) {
		t.Errorf("sent %x, expected %x", got, want)
	}
	if got, want := talk(t, true), []byte{0x5A, 0xAA, 0xAF, 0x51, 0xAA, 0xAF, 0x51}; !slices.Equal(got, want) {
		t.Errorf("random UID: sent %x, expected %x", got, want)
	}
}

// Each answer of a good conversation, changed in each of these ways, gives no UID.
func TestEachDisturbedAnswerIsRefused(t *testing.T) {
	busError := errors.New("bus error")
	for what, change := range map[string]func(answer []byte) ([]byte, error){
		"first bit flipped": func(b []byte) ([]byte, error) { b[0] ^= 0x80; return b, nil },
		"last byte of the data flipped": func(b []byte) ([]byte, error) {
			if len(b) < 3 {
				return nil, nil
			}
			b[len(b)-3] ^= 1
			return b, nil
		},
		"truncated":          func(b []byte) ([]byte, error) { return append(b[:len(b)/2:len(b)/2], 0x91, 0x00), nil },
		"truncated status":   func(b []byte) ([]byte, error) { return b[:len(b)-1], nil },
		"a byte too many":    func(b []byte) ([]byte, error) { return append([]byte{0}, b...), nil },
		"empty":              func([]byte) ([]byte, error) { return nil, nil },
		"zeros":              func(b []byte) ([]byte, error) { return make([]byte, len(b)), nil },
		"another status":     func(b []byte) ([]byte, error) { b[len(b)-1] = 0xCA; return b, nil },
		"no memory":          func([]byte) ([]byte, error) { return []byte{0x6F, 0x00}, nil },
		"the card leaves":    func([]byte) ([]byte, error) { return nil, nfc.ErrCardLost },
		"the chip is broken": func([]byte) ([]byte, error) { return nil, busError },
	} {
		t.Run(what, func(t *testing.T) {
			for _, random := range []bool{false, true} {
				for at := range talk(t, random) {
					if at == 0 && (what == "truncated" || what == "a byte too many") {
						continue // the answer has no data, and more of it does no harm
					}
					c, n := card(func(o *fakecard.DESFireOpts) { o.RandomUID = random }), 0
					got, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: c, Change: func(_, answer []byte) ([]byte, error) {
						n++
						if n-1 == at {
							return change(answer)
						}
						return answer, nil
					}}, c.Identity())
					if err == nil || got != nil {
						t.Errorf("answer %d: found %x", at, got)
					}
					if lost := what == "the card leaves"; errors.Is(err, nfc.ErrCardLost) != lost {
						t.Errorf("answer %d: %v", at, err)
					}
					if broken := what == "the chip is broken"; errors.Is(err, busError) != broken {
						t.Errorf("answer %d: %v", at, err)
					}
				}
			}
		})
	}
}

// A UID that is changed on the air does not fit its checksum.
func TestAUIDOfAnotherSessionIsRefused(t *testing.T) {
	c := card(nil)
	got, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: c, Change: func(apdu, answer []byte) ([]byte, error) {
		if apdu[1] == getCardUID {
			answer[3] ^= 1
		}
		return answer, nil
	}}, c.Identity())
	if !errors.Is(err, nfc.ErrProof) || !strings.Contains(err.Error(), "does not belong to the session") {
		t.Errorf("found %x, %v", got, err)
	}
}

// A whole conversation that was recorded proves nothing the second time.
func TestReplayIsRefused(t *testing.T) {
	var answers [][]byte
	c := card(nil)
	record := nfctest.Direct{Card: c, Change: func(_, answer []byte) ([]byte, error) {
		answers = append(answers, answer)
		return answer, nil
	}}
	a := app(t, nil)
	if _, err := a.Identify(t.Context(), record, c.Identity()); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Identify(t.Context(), &recorded{answers}, c.Identity()); !errors.Is(err, nfc.ErrProof) {
		t.Errorf("found %x, %v", got, err)
	}
}

// recorded is a card that answers with what it was given, whatever it is asked.
type recorded struct{ answers [][]byte }

func (r *recorded) Exchange(context.Context, []byte) ([]byte, error) {
	if len(r.answers) == 0 {
		return nil, nil
	}
	answer := r.answers[0]
	r.answers = r.answers[1:]
	return answer, nil
}

func TestCardsOfOtherKinds(t *testing.T) {
	plain, err := fakecard.NewPlain([]byte{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app(t, nil).Identify(t.Context(), &nfctest.Playback{}, plain.Identity()); !errors.Is(err, nfc.ErrOtherKind) {
		t.Error(err)
	}
	for what, answer := range map[string]string{"a bank card": "6E00", "illegal command": "911C", "nothing": ""} {
		x := &nfctest.Playback{Steps: []nfctest.Step{{Sent: "905A0000 03 4B41F5 00", Answer: answer}}}
		_, err := app(t, nil).Identify(t.Context(), x, nfc.Card{UID: uid[:], SAK: 0x20})
		if err = errors.Join(err, x.Close()); !errors.Is(err, nfc.ErrOtherKind) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Opts{AID: aid, Key: master, KeyNo: 1, System: system, Identify: identify, IdentifyNo: 2}
	for want, change := range map[string]func(*Opts){
		"application 000000":           func(o *Opts) { o.AID = [3]byte{} },
		"no master key":                func(o *Opts) { o.Key = keys.Key{} },
		"keys 14 and 2":                func(o *Opts) { o.KeyNo = 14 },
		"keys 1 and 14":                func(o *Opts) { o.IdentifyNo = 14 },
		"key 1 is both":                func(o *Opts) { o.IdentifyNo = 1 },
		"two random keys are expected": func(o *Opts) { o.Identify = master },
		"32 bytes of diversification":  func(o *Opts) { o.System = make([]byte, 22) },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
}

func TestAnAppHidesItsKeys(t *testing.T) {
	a := app(t, nil)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %x %v", a, a, a, a, struct{ A *App }{a})
	slog.New(slog.NewTextHandler(&out, nil)).Info("app", "app", a, "opts", a.opts)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("app", "app", a, "opts", a.opts)
	for _, part := range []string{"3c0102", "60 1 2", "60,1,2", "0x3c", "90 1 2"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q of a key is shown in %s", part, &out)
		}
	}
}

// FuzzAnswers is a card that answers anything: it never gets a UID out of a key that it does not know. The bytes are
// answers, each after its length; the first answer is good when the first byte is even.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x12\xB9\x69\xFD\xFE\x56\xFD\x91\xFC\x9D\xE6\xF6\xF2\x13\xB8\xFD\x1E\x91\xAF\x02\x91\xAE"))
	a := app(f, nil)
	a.random = func(b []byte) { copy(b, "sixteen of bytes") }
	f.Fuzz(func(t *testing.T, raw []byte) {
		x := &recorded{}
		if len(raw) > 0 && raw[0]%2 == 0 {
			x.answers, raw = append(x.answers, []byte{0x91, 0x00}), raw[1:]
		}
		for len(raw) > 0 {
			n := min(int(raw[0]), len(raw)-1)
			x.answers, raw = append(x.answers, raw[1:1+n]), raw[1+n:]
		}
		for _, shown := range [][]byte{uid[:], {8, 1, 2, 3}} {
			if got, err := a.Identify(t.Context(), x, nfc.Card{UID: shown, SAK: 0x20}); err == nil {
				t.Fatalf("found %x", got)
			}
		}
	})
}

func BenchmarkIdentify(b *testing.B) {
	a, c := app(b, nil), card(nil)
	x, id := nfctest.Direct{Card: c}, c.Identity()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Identify(b.Context(), x, id); err != nil {
			b.Fatal(err)
		}
	}
}
