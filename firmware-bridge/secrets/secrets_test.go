package secrets_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
	"kapija/firmware-bridge/secrets"
)

// folders are those of one gateway.
type folders struct{ keys, readers string }

func newFolders(t *testing.T) folders {
	t.Helper()
	dir := t.TempDir()
	f := folders{filepath.Join(dir, "keys"), filepath.Join(dir, "data", "readers")}
	if err := os.Mkdir(f.keys, 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f folders) open(t *testing.T) *secrets.Store {
	t.Helper()
	s, err := secrets.Open(f.keys, f.readers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (f folders) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f folders) path(reader string) string { return filepath.Join(f.readers, reader+".json") }

func newKey(t *testing.T) *secure.Key {
	t.Helper()
	k, err := secure.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

var reader = wire.ID{Vendor: [3]byte{1, 2, 3}, Model: 4, Version: 5, Serial: 678, Firmware: [3]byte{1, 2, 3}}

func same(a, b *secure.Key) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

func TestPairingsAreThereAgain(t *testing.T) {
	f := newFolders(t)
	for name, p := range map[string]secrets.Pairing{
		"own":     {Key: newKey(t), ID: reader},
		"pending": {Pending: newKey(t)},
		"both":    {Key: newKey(t), Pending: newKey(t), ID: reader},
	} {
		t.Run(name, func(t *testing.T) {
			if err := f.open(t).Pair(name, secrets.Pairing{Key: newKey(t)}); err != nil {
				t.Fatal(err)
			}
			if err := f.open(t).Pair(name, p); err != nil {
				t.Fatal(err)
			}
			got, err := f.open(t).Reader(name)
			if err != nil || !same(got.Key, p.Key) || !same(got.Pending, p.Pending) || got.ID != p.ID {
				t.Errorf("found another pairing than was kept, or the error %v", err)
			}
			info, err := os.Stat(f.path(name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("found mode %v and the error %v, expected 0600", info.Mode(), err)
			}
		})
	}
	s := f.open(t)
	if err := errors.Join(s.Forget("own"), s.Forget("own")); err != nil {
		t.Errorf("forgetting, and again: %v", err)
	}
	if _, err := s.Reader("own"); !errors.Is(err, secrets.ErrNotPaired) {
		t.Errorf("found %v, expected that it is forgotten", err)
	}
	if info, err := os.Stat(f.readers); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: found mode %v and the error %v, expected 0700", info.Mode(), err)
	}
}

func TestNotPairedSaysHowToPair(t *testing.T) {
	_, err := newFolders(t).open(t).Reader("entry")
	if !errors.Is(err, secrets.ErrNotPaired) || !strings.Contains(err.Error(), "osdp pair entry") {
		t.Errorf("found %v", err)
	}
	var none *secrets.Store
	if _, err := none.Reader("entry"); !errors.Is(err, secrets.ErrNotPaired) {
		t.Errorf("no store: found %v, expected that nothing is paired", err)
	}
	if none.Pair("entry", secrets.Pairing{Key: newKey(t)}) == nil || none.Forget("entry") == nil {
		t.Error("no store kept something")
	}
	if _, err := none.DESFire(); err == nil {
		t.Error("no store has cards")
	}
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

func TestIDsStayInTheFolder(t *testing.T) {
	s := newFolders(t).open(t)
	for _, id := range []string{"", "..", "../x", "a/b", "a.json", "A", "ä", strings.Repeat("x", 41), "a\x00b"} {
		_, err := s.Reader(id)
		if err == nil || errors.Is(err, secrets.ErrNotPaired) || s.Pair(id, secrets.Pairing{Key: newKey(t)}) == nil || s.Forget(id) == nil {
			t.Errorf("%.10q was taken for the ID of a reader", id)
		}
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	f := newFolders(t)
	s := f.open(t)
	good := newKey(t)
	for name, p := range map[string]secrets.Pairing{
		"default":  {Key: &secure.Default},
		"zero":     {Key: good, Pending: &secure.Key{}},
		"none":     {ID: reader},
		"ascended": {Key: &secure.Key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	} {
		if err := s.Pair("entry", p); err == nil {
			t.Errorf("%s: the pairing was kept", name)
		}
	}
	f.write(t, f.path("entry"), `{"key":"`+hex.EncodeToString(secure.Default[:])+`","reader":"`+hex.EncodeToString(reader.Data())+`"}`)
	if _, err := s.Reader("entry"); !errors.Is(err, secure.ErrWeak) || !strings.Contains(err.Error(), "pair the reader again") {
		t.Errorf("a file with the default key: found %v", err)
	}
}

func TestDamagedFilesAreNamedAndNotQuoted(t *testing.T) {
	f := newFolders(t)
	s := f.open(t)
	key, id := hex.EncodeToString(newKey(t)[:]), hex.EncodeToString(reader.Data())
	for name, content := range map[string]string{
		"empty":      ``,
		"torn":       `{"key":"` + key,
		"short":      `{"key":"` + key[2:] + `","reader":"` + id + `"}`,
		"no-hex":     `{"key":"zz` + key[2:] + `","reader":"` + id + `"}`,
		"pending":    `{"key":"` + key + `","pending":"` + key[2:] + `","reader":"` + id + `"}`,
		"no-key":     `{"reader":"` + id + `"}`,
		"no-reader":  `{"key":"` + key + `"}`,
		"bad-reader": `{"key":"` + key + `","reader":"` + id[2:] + `"}`,
		"two":        `{"key":"` + key + `","reader":"` + id + `"}{}`,
		"large":      `{"key":"` + key + `","reader":"` + id + `"}` + strings.Repeat(" ", 1<<17),
	} {
		f.write(t, f.path(name), content)
		_, err := s.Reader(name)
		if err == nil || errors.Is(err, secrets.ErrNotPaired) {
			t.Errorf("%s: found %v, expected that it is refused", name, err)
			continue
		}
		if !strings.Contains(err.Error(), f.path(name)) || strings.Contains(err.Error(), key[4:12]) {
			t.Errorf("%s: %v: expected the file's name and no part of the key", name, err)
		}
	}
	if err := os.Mkdir(f.path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reader("folder"); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("a folder: found %v", err)
	}
}

func TestFilesThatOthersReadAreRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		f := newFolders(t)
		s := f.open(t)
		if err := s.Pair("entry", secrets.Pairing{Key: newKey(t)}); err != nil {
			t.Fatal(err)
		}
		f.write(t, filepath.Join(f.keys, "cards.yaml"), "desfire:\n")
		for _, path := range []string{f.path("entry"), filepath.Join(f.keys, "cards.yaml")} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Reader("entry")
		_, cards := secrets.Open(f.keys, f.readers)
		for _, err := range []error{err, cards} {
			if err == nil || !strings.Contains(err.Error(), "chmod 600") || !strings.Contains(err.Error(), fmt.Sprintf("%#o", mode)) {
				t.Errorf("mode %#o: found %v", mode, err)
			}
		}
	}
}

// What cannot be written changes nothing and leaves nothing.
func TestPairIsWholeOrNotAtAll(t *testing.T) {
	f := newFolders(t)
	s := f.open(t)
	before := secrets.Pairing{Key: newKey(t), ID: reader}
	if err := s.Pair("entry", before); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.path("taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Pair("taken", before); err == nil {
		t.Error("a folder was replaced")
	}
	// What a power cut left in the middle of writing.
	f.write(t, filepath.Join(f.readers, ".new-123"), `{"key":"`)
	if err := f.open(t).Pair("entry", secrets.Pairing{Key: before.Key, Pending: newKey(t), ID: reader}); err != nil {
		t.Error(err)
	}
	if got := names(t, f.readers); !slices.Equal(got, []string{".new-123", "entry.json", "taken.json"}) {
		t.Errorf("found the files %q", got)
	}
	if err := os.RemoveAll(f.readers); err != nil {
		t.Fatal(err)
	}
	if err := s.Pair("entry", before); err == nil || !strings.Contains(err.Error(), "entry") {
		t.Errorf("without its folder: found %v", err)
	}
	f.write(t, f.readers, "")
	if _, err := secrets.Open(f.keys, f.readers); err == nil {
		t.Error("a file was taken for the folder")
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestConcurrentPairingsAreWhole(t *testing.T) {
	f := newFolders(t)
	s := f.open(t)
	keys := []*secure.Key{newKey(t), newKey(t), newKey(t), newKey(t)}
	if err := s.Pair("entry", secrets.Pairing{Key: keys[0]}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, k := range keys {
		all.Go(func() {
			for range 10 {
				if err := s.Pair("entry", secrets.Pairing{Key: k}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 10 {
				p, err := s.Reader("entry")
				if err != nil || !slices.ContainsFunc(keys, func(k *secure.Key) bool { return same(k, p.Key) }) {
					t.Errorf("found a key that nobody wrote, or the error %v", err)
				}
			}
		})
	}
	all.Wait()
	if got := names(t, f.readers); !slices.Equal(got, []string{"entry.json"}) {
		t.Errorf("found the files %q", got)
	}
}

// Whatever prints an exported type prints no key, in no notation.
func TestKeysAreNeverPrinted(t *testing.T) {
	f := newFolders(t)
	f.write(t, filepath.Join(f.keys, "cards.yaml"), goodCards)
	s := f.open(t)
	p := secrets.Pairing{Key: newKey(t), Pending: newKey(t), ID: reader}
	desfire, err := s.DESFire()
	if err != nil {
		t.Fatal(err)
	}
	ntag, err := s.NTAG424()
	if err != nil {
		t.Fatal(err)
	}
	raw := [][]byte{p.Key[:], p.Pending[:], desfire.Key[:], desfire.Identify[:], ntag.Key[:], ntag.MetaRead[:]}
	for _, v := range []any{p, &p, []secrets.Pairing{p}, map[string]*secrets.Pairing{"a": &p}, s, *s, desfire, ntag} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		if err := json.NewEncoder(&b).Encode(v); err != nil {
			fmt.Fprint(&b, err)
		}
		text := strings.ToLower(b.String())
		for _, k := range raw {
			for _, shown := range []string{hex.EncodeToString(k), string(k), fmt.Sprint(k), strings.Trim(fmt.Sprint(k), "[]"),
				strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", k), "[]byte{"), "}")} {
				if strings.Contains(text, strings.ToLower(shown)) {
					t.Errorf("%T shows a key:\n%s", v, text)
				}
			}
		}
	}
}
