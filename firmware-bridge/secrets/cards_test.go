package secrets_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kapija/firmware-bridge/nfc/desfire"
	"kapija/firmware-bridge/nfc/ntag424"
	"kapija/firmware-bridge/secrets"
)

// Keys of nobody, in hexadecimal digits.
const (
	keyA = "8f2d71c05be39a4417d6f0827c13b95e"
	keyB = "31f4a96c0e87d25bb04c6e19d5738af2"
	keyC = "c5097de64fa1382b9c70e4d51f86b32a"
	keyD = "0b9ee7135d24f8c6a1907b3c42d86fe5"
)

const goodCards = `# how our cards are made
desfire: {aid: f532f0, key: ` + keyA + `, key_no: 1, identify: ` + keyB + `, identify_no: 2, system: kapija}
ntag424: {key: ` + keyC + `, meta_read: ` + keyD + `, system: kapija, picc: p, mac: m, mac_from: p}
`

func (f folders) cards(t *testing.T, content string) (*secrets.Store, error) {
	t.Helper()
	f.write(t, filepath.Join(f.keys, "cards.yaml"), content)
	s, err := secrets.Open(f.keys, f.readers)
	t.Cleanup(func() { s.Close() })
	return s, err
}

func TestCards(t *testing.T) {
	s, err := newFolders(t).cards(t, goodCards)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.DESFire()
	if err != nil || d.AID != [3]byte{0xf5, 0x32, 0xf0} || d.KeyNo != 1 || d.IdentifyNo != 2 || string(d.System) != "kapija" || d.Key.Zero() || d.Identify.Zero() {
		t.Errorf("desfire: found %+v and the error %v", d, err)
	}
	if _, err := desfire.New(d); err != nil {
		t.Error(err)
	}
	n, err := s.NTAG424()
	if err != nil || n.PICC != "p" || n.MAC != "m" || n.MACFrom != "p" || n.Counters == nil || n.Key.Zero() || n.MetaRead.Zero() {
		t.Errorf("ntag424: found %+v and the error %v", n, err)
	}
	if _, err := ntag424.New(n); err != nil {
		t.Error(err)
	}
}

func TestSitesWithoutSuchCards(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "comment": "# none\n", "null": "desfire:\nntag424:\n"} {
		s, err := newFolders(t).cards(t, content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, d := s.DESFire()
		_, n := s.NTAG424()
		for _, err := range []error{d, n} {
			if err == nil || !strings.Contains(err.Error(), "cards.yaml") {
				t.Errorf("%s: found %v", name, err)
			}
		}
	}
	s, err := newFolders(t).cards(t, "desfire: {aid: f532f0, key: "+keyA+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DESFire(); err != nil {
		t.Error(err)
	}
	if _, err := s.NTAG424(); err == nil {
		t.Error("a site without tags has some")
	}
}

// Whatever is wrong with cards.yaml, its keys are in no error.
func TestWrongCardsAreRefusedAndNotQuoted(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"no yaml":        {"desfire: {key: " + keyA, "cards.yaml"},
		"key as a name":  {"desfire:\n  aid: f532f0\n  " + keyA + ": 1\n", "cards.yaml:3"},
		"unknown field":  {"desfire: {aid: f532f0, key: " + keyA + ", kez_no: 1}\n", "cards.yaml:1"},
		"unknown kind":   {"mifare: {key: " + keyA + "}\n", "cards.yaml:1"},
		"key is a list":  {"desfire: {aid: f532f0, key: [" + keyA + "]}\n", "cards.yaml"},
		"key twice":      {"desfire: {aid: f532f0, key: " + keyA + ", key: " + keyB + "}\n", "cards.yaml"},
		"number too big": {"desfire: {aid: f532f0, key: " + keyA + ", key_no: 256}\n", "cards.yaml"},
		"text":           {keyA + "\n", "cards.yaml"},
		"short key":      {"desfire: {aid: f532f0, key: " + keyA[2:] + "}\n", "desfire: key: "},
		"no key":         {"desfire: {aid: f532f0}\n", "desfire: key: "},
		"factory key":    {"desfire: {aid: f532f0, key: '" + strings.Repeat("00", 16) + "'}\n", "factory"},
		"bad identify":   {"desfire: {aid: f532f0, key: " + keyA + ", identify: " + keyB + "00}\n", "desfire: identify: "},
		"long aid":       {"desfire: {aid: f532f000, key: " + keyA + "}\n", "six hexadecimal digits"},
		"key for aid":    {"desfire: {aid: " + keyA + ", key: " + keyB + "}\n", "six hexadecimal digits"},
		"no meta read":   {"ntag424: {key: " + keyC + "}\n", "ntag424: meta_read: "},
		"both are wrong": {"desfire: {aid: f532f0}\nntag424: {meta_read: " + keyD + "}\n", "ntag424: key: "},
		"too large":      {goodCards + strings.Repeat("#", 1<<16), "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newFolders(t).cards(t, c.content)
			if err == nil || s != nil {
				t.Fatalf("found a store and the error %v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: expected %q in it", err, c.want)
			}
			for _, k := range []string{keyA, keyB, keyC, keyD} {
				if strings.Contains(err.Error(), k[2:12]) || strings.Contains(err.Error(), k[20:]) {
					t.Errorf("%v quotes a key", err)
				}
			}
		})
	}
}

// Without its counters no tag can be told from a copy; all other cards go on.
func TestLostCountersStopOneKindOfCard(t *testing.T) {
	f := newFolders(t)
	counters := filepath.Join(f.readers, "cards.counters")
	if err := os.MkdirAll(f.readers, 0o700); err != nil {
		t.Fatal(err)
	}
	f.write(t, counters, "something else")
	s, err := f.cards(t, goodCards)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.NTAG424()
	if !errors.Is(err, secrets.ErrNoCounters) || !strings.Contains(err.Error(), counters) {
		t.Errorf("found %v, expected the file's name", err)
	}
	if _, err := ntag424.New(o); err != nil {
		t.Errorf("the options are no good: %v", err)
	}
	if err := o.Counters.Advance(ntag424.ID{1}, 1); !errors.Is(err, secrets.ErrNoCounters) {
		t.Errorf("found %v, expected that each tag is refused", err)
	}
	if _, err := s.DESFire(); err != nil {
		t.Error(err)
	}
	if err := s.Pair("entry", secrets.Pairing{Key: newKey(t)}); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(counters); err != nil || string(got) != "something else" {
		t.Errorf("the damaged file was replaced, or the error %v: somebody must decide that", err)
	}
}

func TestCountersGoOnAfterARestart(t *testing.T) {
	f := newFolders(t)
	for _, counter := range []uint32{1, 2} {
		s, err := f.cards(t, goodCards)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.NTAG424()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Counters.Advance(ntag424.ID{1}, counter-1); counter > 1 && err == nil {
			t.Error("a used message was taken after a restart")
		}
		if err := o.Counters.Advance(ntag424.ID{1}, counter); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
