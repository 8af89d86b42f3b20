package secure

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kapija/firmware-bridge/osdp/wire"
)

func TestWeakKeysAreRefused(t *testing.T) {
	for name, key := range map[string]string{
		"default":         "303132333435363738393A3B3C3D3E3F",
		"zeros":           "00000000000000000000000000000000",
		"all equal":       "A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5",
		"ascending":       "101112131415161718191A1B1C1D1E1F",
		"ascending by 16": "00102030405060708090A0B0C0D0E0F0",
		"wraps around":    "F8F9FAFBFCFDFEFF0001020304050607",
		"descending":      "0F0E0D0C0B0A09080706050403020100",
		"repeated 2":      "12341234123412341234123412341234",
		"repeated 4":      "DEADBEEFDEADBEEFDEADBEEFDEADBEEF",
		"repeated 8":      "0123456789ABCDEF0123456789ABCDEF",
		"sample of FIPS":  "2B7E151628AED2A6ABF7158809CF4F3C",
		"doubled digits":  "00112233445566778899AABBCCDDEEFF",
		"few bytes":       "01020102030102030402010203040102",
	} {
		if err := Check(Key(unhex(t, key))); !errors.Is(err, ErrWeak) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(strings.ToUpper(err.Error()), key[:6]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	if err := Check(Default); err == nil || !strings.Contains(err.Error(), "SCBK-D") {
		t.Error(err)
	}
	if err := Check(testKey); err != nil {
		t.Error(err)
	}
}

func TestNewKey(t *testing.T) {
	seen := map[Key]bool{}
	for range 1000 {
		k, err := NewKey(rand.Reader)
		if err != nil || seen[k] {
			t.Fatal("a key twice, or none", err)
		}
		seen[k] = true
	}
	if _, err := NewKey(bytes.NewReader(make([]byte, 16))); !errors.Is(err, ErrWeak) {
		t.Errorf("a source of zeros: %v", err)
	}
	if _, err := NewKey(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("15 bytes are a key")
	}
}

func TestEqual(t *testing.T) {
	other := testKey
	other[15] ^= 1
	if !testKey.Equal(testKey) || testKey.Equal(other) {
		t.Error("keys are compared wrongly")
	}
}

func TestKeysHide(t *testing.T) {
	k := testKey
	h, _, _ := Begin(k, rand.Reader)
	a, _, _ := Accept(k, [8]byte{}, wire.Challenge{}, rand.Reader)
	panel, _ := pair(t, k)
	for _, secret := range []any{k, &k, struct{ K *Key }{&k}, struct{ K Key }{k}, []Key{k}, h, a, panel} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&out, verb, secret)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", secret)
		j, err := json.Marshal(secret)
		if err != nil {
			t.Error(err)
		}
		all := strings.ToLower(out.String() + string(j))
		for _, leak := range []string{"9c11", "156 17", "156,17", "0x9c", "nbho", "\x9c\x11"} {
			if strings.Contains(all, leak) {
				t.Errorf("%T shows %q: %s", secret, leak, all)
			}
		}
	}
}
