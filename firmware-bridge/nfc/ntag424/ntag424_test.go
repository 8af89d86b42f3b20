package ntag424

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/keys"
	"kapija/firmware-bridge/nfc/nfctest"
)

var (
	master   = keys.Key{0x3C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	metaRead = keys.Key{0x5A, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	system   = []byte("Kapija")
	uid      = [7]byte{0x04, 0, 0xA2, 0xB3, 0xC4, 0xD5, 0x80}
)

func opts() Opts {
	return Opts{Key: master, MetaRead: metaRead, System: system, Counters: NewStore(0)}
}

func app(t testing.TB, change func(*Opts)) *App {
	t.Helper()
	o := opts()
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tag(change func(*fakecard.NTAG424Opts)) *fakecard.NTAG424 {
	o := fakecard.NTAG424Opts{UID: uid, Master: master, MetaRead: metaRead, System: system}
	if change != nil {
		change(&o)
	}
	return fakecard.NewNTAG424(o)
}

func TestIdentify(t *testing.T) {
	for what, c := range map[string]struct {
		app  func(*Opts)
		tag  func(*fakecard.NTAG424Opts)
		want error // nil: the UID
		says string
	}{
		"a tag of the site": {},
		"a random UID":      {tag: func(o *fakecard.NTAG424Opts) { o.RandomUID = true }},
		"one before the last counter": {tag: func(o *fakecard.NTAG424Opts) {
			o.Counter = 0xFFFFFE
		}},
		"names of its own": {func(o *Opts) { o.PICC, o.MAC = "e", "c" },
			func(o *fakecard.NTAG424Opts) { o.Link = "ntag.nxp.com/424?e=PICC&c=MAC" }, nil, ""},
		"more under the MAC": {func(o *Opts) { o.MACFrom = "enc" },
			func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?picc_data=PICC&enc=FROM0123456789&cmac=MAC" }, nil, ""},
		"all of the query under the MAC": {func(o *Opts) { o.MACFrom = "picc_data" },
			func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?picc_data=FROMPICC&cmac=MAC&x=1" }, nil, ""},
		"another master key": {tag: func(o *fakecard.NTAG424Opts) { o.Master[15]++ },
			want: nfc.ErrProof, says: "the MAC of its message is wrong"},
		"another system identifier": {tag: func(o *fakecard.NTAG424Opts) { o.System = []byte("kapija") },
			want: nfc.ErrProof, says: "the MAC of its message is wrong"},
		"another key for the PICC data": {tag: func(o *fakecard.NTAG424Opts) { o.MetaRead[15]++ },
			want: nfc.ErrProof, says: "not made with our SDMMetaRead key"},
		"less under the MAC than expected": {app: func(o *Opts) { o.MACFrom = "picc_data" },
			want: nfc.ErrProof, says: "the MAC of its message is wrong"},
		"nothing where the MAC begins": {app: func(o *Opts) { o.MACFrom = "enc" },
			want: nfc.ErrOtherKind, says: "no enc before cmac"},
		"the MAC before what it covers": {func(o *Opts) { o.MACFrom = "picc_data" },
			func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?cmac=MAC&picc_data=PICC" },
			nfc.ErrOtherKind, "no picc_data before cmac"},
		"another link": {tag: func(o *fakecard.NTAG424Opts) { o.Link = "example.org/picc_data=PICC&cmac=MAC" },
			want: nfc.ErrOtherKind, says: "no picc_data"},
		"no MAC": {tag: func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?picc_data=PICC" },
			want: nfc.ErrOtherKind, says: "no cmac"},
		"longer PICC data, as of LRP": {tag: func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?picc_data=PICC0123456789ABCDEF&cmac=MAC" },
			want: nfc.ErrProof, says: "picc_data has 48 characters, expected 32 hexadecimal digits; LRP is not supported"},
		"no digits": {tag: func(o *fakecard.NTAG424Opts) { o.Link = "example.org/?picc_data=PICC&cmac=xxxxxxxxxxxxxxxx" },
			want: nfc.ErrProof, says: "cmac has 16 characters"},
	} {
		t.Run(what, func(t *testing.T) {
			a, tag := app(t, c.app), tag(c.tag)
			got, err := a.Identify(t.Context(), nfctest.Direct{Card: tag}, tag.Identity())
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

func TestPlayback(t *testing.T) {
	const link = "example.org/424?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086"
	length := fmt.Sprintf("%02X", len(link)+5)
	selected := []nfctest.Step{
		{Sent: "00A4040C 07 D2760000850101 00", Answer: "9000"},
		{Sent: "00A4000C 02 E104", Answer: "9000"},
		{Sent: "00B00000 02", Answer: "00" + length + "9000"},
	}
	whole := nfctest.Step{Sent: "00B00002" + length, Answer: fmt.Sprintf("D101%02X5504%x9000", len(link)+1, link)}
	for what, c := range map[string]struct {
		steps []nfctest.Step
		want  error
		says  string
	}{
		"the example of AN12196, whose keys are zero": {append(selected[:3:3], whole), nfc.ErrProof, "our SDMMetaRead key"},
		"no NDEF application":                         {[]nfctest.Step{{Sent: selected[0].Sent, Answer: "6A82"}}, nfc.ErrOtherKind, "status 6a82"},
		"no NDEF file":                                {[]nfctest.Step{selected[0], {Sent: selected[1].Sent, Answer: "6A82"}}, nfc.ErrOtherKind, "status 6a82"},
		"it needs a key":                              {append(selected[:2:2], nfctest.Step{Sent: selected[2].Sent, Answer: "6982"}), nfc.ErrOtherKind, "without a key"},
		"an empty message":                            {append(selected[:2:2], nfctest.Step{Sent: selected[2].Sent, Answer: "00009000"}), nfc.ErrOtherKind, "has 0 bytes"},
		"too long a message":                          {append(selected[:2:2], nfctest.Step{Sent: selected[2].Sent, Answer: "00FF9000"}), nfc.ErrOtherKind, "has 255 bytes"},
		"half a length":                               {append(selected[:2:2], nfctest.Step{Sent: selected[2].Sent, Answer: "009000"}), nil, "1 bytes of the NDEF file, expected 2"},
		"a failing read":                              {append(selected[:3:3], nfctest.Step{Sent: whole.Sent, Answer: "6F00"}), nil, "status 6f00 when the NDEF file is read"},
		"no status":                                   {[]nfctest.Step{{Sent: selected[0].Sent, Answer: "90"}}, nil, "an answer of 1 bytes"},
		"it leaves":                                   {append(selected[:3:3], nfctest.Step{Sent: whole.Sent, Lost: true}), nfc.ErrCardLost, "command b0"},
	} {
		t.Run(what, func(t *testing.T) {
			x := &nfctest.Playback{Steps: c.steps}
			got, err := app(t, nil).Identify(t.Context(), x, nfc.Card{UID: uid[:], SAK: 0x20})
			if err == nil || got != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("found %x, error %v, expected %q", got, err, c.says)
			}
			for _, kind := range []error{nfc.ErrOtherKind, nfc.ErrProof, nfc.ErrCardLost} {
				if errors.Is(err, kind) != (c.want == kind) {
					t.Errorf("error %v, expected kind %v", err, c.want)
				}
			}
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReplayIsRefused(t *testing.T) {
	a := app(t, nil)
	for _, c := range []struct {
		before uint32
		other  bool
		want   error
	}{
		{before: 10}, {before: 10, want: ErrReplay}, {before: 9, want: ErrReplay}, {before: 0, want: ErrReplay},
		{before: 0, other: true}, // another tag has a counter of its own
		{before: 11}, {before: 0xFFFFFE}, {before: 0xFFFFFE, want: ErrReplay},
	} {
		card := tag(func(o *fakecard.NTAG424Opts) {
			o.Counter = c.before
			if c.other {
				o.UID[6]++
			}
		})
		_, err := a.Identify(t.Context(), nfctest.Direct{Card: card}, card.Identity())
		if !errors.Is(err, c.want) || err != nil && !errors.Is(err, nfc.ErrProof) {
			t.Errorf("counter %d: %v, expected %v", c.before+1, err, c.want)
		}
	}
}

func TestEachReadingCounts(t *testing.T) {
	a, card := app(t, nil), tag(nil)
	for n := range uint32(5) {
		if _, err := a.Identify(t.Context(), nfctest.Direct{Card: card}, card.Identity()); err != nil {
			t.Fatal(err)
		}
		if got := card.Counter(); got != n+1 {
			t.Errorf("its counter is %d, expected %d", got, n+1)
		}
	}
}

// A card that may choose its UID shows the message of another one.
func TestTheMessageOfAnotherTagIsRefused(t *testing.T) {
	a, stolen := app(t, nil), tag(nil)
	shows := stolen.Identity()
	shows.UID[6]++
	_, err := a.Identify(t.Context(), nfctest.Direct{Card: stolen}, shows)
	if !errors.Is(err, nfc.ErrProof) || !strings.Contains(err.Error(), "that of another tag") {
		t.Error(err)
	}
	if n := a.opts.Counters.(*Store).Len(); n != 0 {
		t.Errorf("%d tags are known: a refused message used the counter up", n)
	}
}

type failing struct{ err error }

func (f failing) Advance(ID, uint32) error { return f.err }

func TestWithoutCountersNoTagIsGood(t *testing.T) {
	broken := errors.New("no space left on device")
	card := tag(nil)
	a := app(t, func(o *Opts) { o.Counters = failing{broken} })
	got, err := a.Identify(t.Context(), nfctest.Direct{Card: card}, card.Identity())
	if !errors.Is(err, broken) || errors.Is(err, nfc.ErrProof) || got != nil {
		t.Errorf("found %x, %v", got, err)
	}
}

// However a good link is changed, it is refused or says what the tag said.
func TestAChangedLinkIsRefused(t *testing.T) {
	o := opts().filled()
	o.MACFrom = "picc_data"
	rapid.Check(t, func(t *rapid.T) {
		card := tag(func(o *fakecard.NTAG424Opts) {
			o.Link = "example.org/?picc_data=FROMPICC&cmac=MAC"
			o.Counter = rapid.Uint32Range(0, 0xFFFFFE).Draw(t, "counter")
		})
		file, err := readNDEF(context.Background(), nfctest.Direct{Card: card})
		if err != nil {
			t.Fatal(err)
		}
		link, err := uri(file)
		if err != nil {
			t.Fatal(err)
		}
		good, err := o.verify(link)
		if err != nil || good.uid != uid || good.counter != card.Counter() {
			t.Fatalf("found %x, counter %d, %v", good.uid, good.counter, err)
		}
		changed := []byte(link)
		at := rapid.IntRange(strings.Index(link, "=")+1, len(link)-1).Draw(t, "at")
		changed[at] = rapid.Byte().Draw(t, "byte")
		if got, err := o.verify(string(changed)); err == nil && !strings.EqualFold(string(changed), link) {
			t.Fatalf("found %x in a changed link", got.uid)
		}
	})
}

func TestURI(t *testing.T) {
	for what, c := range map[string]struct{ message, want, says string }{
		"short record":             {"D1010455046B2F78", "k/x", ""},
		"long record":              {"C10100000004 55046B2F78", "k/x", ""},
		"with an ID":               {"D90104025504046B2F78", "", "cut short"},
		"with a whole ID":          {"D901040255 4944 046B2F78", "k/x", ""},
		"second record":            {"91010254 6162 51010455046B2F78", "k/x", ""},
		"text only":                {"D101035402656E", "", "no link"},
		"a link of another family": {"D2010455046B2F78", "", "no link"},
		"an empty payload":         {"D1010055", "", "no link"},
		"in chunks":                {"B1010455046B2F78", "", "in chunks"},
		"cut in the head":          {"D101", "", "cut short"},
		"cut in the payload":       {"D1010555046B2F78", "", "cut short"},
		"a length beyond all":      {"C101FFFFFFFF55046B2F78", "", "cut short"},
		"nothing":                  {"", "", "no link"},
	} {
		raw, err := nfctest.Bytes(c.message)
		if err != nil {
			t.Fatal(err)
		}
		got, err := uri(raw)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v, expected %q", what, got, err, c.want)
		}
	}
}

func TestOtherCards(t *testing.T) {
	if _, err := app(t, nil).Identify(t.Context(), &nfctest.Playback{}, nfc.Card{UID: uid[:]}); !errors.Is(err, nfc.ErrOtherKind) {
		t.Error(err)
	}
	desfire := fakecard.NewDESFire(fakecard.DESFireOpts{UID: uid})
	if _, err := app(t, nil).Identify(t.Context(), nfctest.Direct{Card: desfire}, desfire.Identity()); !errors.Is(err, nfc.ErrOtherKind) {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	for want, change := range map[string]func(*Opts){
		"a key is missing":             func(o *Opts) { o.Key = keys.Key{} },
		"key is missing":               func(o *Opts) { o.MetaRead = keys.Key{} },
		"two random keys are expected": func(o *Opts) { o.MetaRead = o.Key },
		"no counters":                  func(o *Opts) { o.Counters = nil },
		"32 bytes of diversification":  func(o *Opts) { o.System = make([]byte, 25) },
	} {
		o := opts()
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

// FuzzMessage is an NDEF file that anybody may have written: it is never good, and never more than an error.
func FuzzMessage(f *testing.F) {
	card := tag(func(o *fakecard.NTAG424Opts) { o.Master[0]++ })
	file, err := readNDEF(context.Background(), nfctest.Direct{Card: card})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte{})
	f.Add([]byte("\xD1\x01\x0CU\x04?picc_data="))
	o := opts().filled()
	f.Fuzz(func(t *testing.T, raw []byte) {
		link, err := uri(raw)
		if err != nil {
			return
		}
		if m, err := o.verify(link); err == nil {
			t.Fatalf("found %x in %x", m.uid, raw)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	file, err := readNDEF(context.Background(), nfctest.Direct{Card: tag(nil)})
	if err != nil {
		b.Fatal(err)
	}
	o := opts().filled()
	b.ReportAllocs()
	for b.Loop() {
		link, err := uri(file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.verify(link); err != nil {
			b.Fatal(err)
		}
	}
}
