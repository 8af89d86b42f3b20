package policy

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var site = SiteKey{1, 2, 3}

func TestL08LengthAndFormatArePartOfTheKey(t *testing.T) {
	bits := []byte{0xa5, 0x5a, 0x80, 0}
	seen := make(map[Key]string)
	for _, c := range []struct {
		format string
		bits   []byte
		n      int
	}{
		{"wiegand-26", bits, 26}, {"wiegand-26", bits, 25}, {"wiegand-26", bits, 27}, {"wiegand-26", bits, 32},
		{"wiegand-37", bits, 26}, {"wiegand-37-h10302", bits, 26}, {"wiegand-2", bits, 26}, {"", bits, 26},
		{"wiegand-26", bits[:3], 26}, {"wiegand-26", bits[:3], 24}, {"wiegand-26", nil, 26}, {"wiegand-26", nil, 0},
	} {
		name := fmt.Sprintf("%s %x %d", c.format, c.bits, c.n)
		k := site.Card(c.format, c.bits, c.n)
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
	if len(seen) == 0 || site.Card("wiegand-26", bits, 26) != site.Card("wiegand-26", []byte{0xa5, 0x5a, 0x80, 0x3f, 9}, 26) {
		t.Error("bits beyond the length count")
	}
	if site.Card("wiegand-26", bits, 26) == (SiteKey{1, 2, 4}).Card("wiegand-26", bits, 26) {
		t.Error("two sites share a key")
	}
	if site.Card("wiegand-26", bits, -5) != site.Card("wiegand-26", nil, 0) {
		t.Error("a negative length is not no bits")
	}
}

func TestL11CardAndPINAreKeyedApart(t *testing.T) {
	digits := []byte("1234")
	if site.Card("", digits, 32) == site.derive(kindPIN, "", digits, 32) {
		t.Error("a PIN opens for a card")
	}
}

// The message is written out here once more: keys that are stored must not change with the program.
func TestCardIsTheDocumentedHMAC(t *testing.T) {
	mac := hmac.New(sha256.New, site[:])
	mac.Write([]byte("\x01\x00\x00\x00\x0awiegand-26\x00\x00\x00\x1a\xa5\x5a\x80\x40"))
	want := Key(mac.Sum(nil)[:16])
	got := site.Card("wiegand-26", []byte{0xa5, 0x5a, 0x80, 0x7f}, 26)
	if got != want {
		t.Errorf("%x, want %x", got, want)
	}
	if got.Shard() != got[0] {
		t.Error("the shard is not the first byte")
	}
}

func TestSiteKeyIsNeverPrinted(t *testing.T) {
	k := SiteKey(bytes.Repeat([]byte{0xab}, 32))
	var out strings.Builder
	fmt.Fprintf(&out, "%v %+v %#v %s %x %d %q %v", k, k, k, k, k, k, k, struct{ K *SiteKey }{&k}.K)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "key", k)
	slog.New(slog.NewTextHandler(&out, nil)).Info("start", "key", k)
	if err := json.NewEncoder(&out).Encode(k); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{"abab", "ABAB", "171 171", "171,171", `\xab`} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the key is in %s", out.String())
		}
	}
}

func TestL52TopicIsPartOfTheSignature(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	pub := key.Public().(ed25519.PublicKey)
	const topic = "kapija/1/lozionica/gw-1/policy/2a"
	payload := Seal(key, topic, []byte("body"))
	if body, err := Unseal(pub, topic, payload); err != nil || string(body) != "body" {
		t.Fatalf("%q, %v", body, err)
	}
	if body, err := Unseal(pub, "t", Seal(key, "t", nil)); err != nil || len(body) != 0 {
		t.Errorf("empty body: %q, %v", body, err)
	}
	for name, c := range map[string]struct {
		pub     ed25519.PublicKey
		topic   string
		payload []byte
		seal    bool
	}{
		"other gateway":       {pub, "kapija/1/lozionica/gw-2/policy/2a", payload, true},
		"other shard":         {pub, "kapija/1/lozionica/gw-1/policy/2b", payload, true},
		"other key":           {other.Public().(ed25519.PublicKey), topic, payload, true},
		"topic eats body":     {pub, topic + "b", append(payload[:sealOverhead:sealOverhead], "ody"...), true},
		"bare signature":      {pub, topic, append(append([]byte{1}, ed25519.Sign(key, []byte("body"))...), "body"...), true},
		"longer":              {pub, topic, append(payload[:len(payload):len(payload)], 0), true},
		"shorter":             {pub, topic, payload[:len(payload)-1], true},
		"version":             {pub, topic, append([]byte{2}, payload[1:]...), false},
		"nothing":             {pub, topic, nil, false},
		"cut in signature":    {pub, topic, payload[:40], false},
		"key of wrong length": {pub[:31], topic, payload, false},
	} {
		if _, err := Unseal(c.pub, c.topic, c.payload); err == nil || errors.Is(err, ErrSeal) != c.seal {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for i := range payload {
		payload[i] ^= 4
		if _, err := Unseal(pub, topic, payload); err == nil {
			t.Errorf("byte %d was changed and nothing noticed", i)
		}
		payload[i] ^= 4
	}
}
