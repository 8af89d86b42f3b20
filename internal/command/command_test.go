package command

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kapija/internal/topic"
)

var (
	gw   = topic.Gateway{Building: "b", Gateway: "g"}
	now  = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
	key  = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pub  = key.Public().(ed25519.PublicKey)
	open = Body{Do: Open, Doors: []string{"main"}, By: "ana", Why: "delivery"}
)

func seal(t testing.TB, c Command) []byte {
	t.Helper()
	p, err := Seal(key, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func code(err error) Code {
	if e, ok := errors.AsType[*Err](err); ok {
		return e.Code
	}
	return ""
}

func TestRoundTrip(t *testing.T) {
	c := Command{gw, NewNonce(), now.Add(30 * time.Second), open}
	got, err := Parse(pub, gw, seal(t, c))
	if err != nil || got.Nonce != c.Nonce || !got.Expires.Equal(c.Expires) || got.Body.Doors[0] != "main" || got.Body.By != "ana" {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestL52SignatureCoversEverything(t *testing.T) {
	p := seal(t, Command{gw, NewNonce(), now, open})
	for i := range p {
		q := bytes.Clone(p)
		q[i] ^= 1
		if _, err := Parse(pub, gw, q); err == nil {
			t.Fatalf("byte %d of %d may be changed", i, len(p))
		}
	}
	for _, other := range []topic.Gateway{{Building: "b", Gateway: "h"}, {Building: "a", Gateway: "g"}, {}, {Building: "bg"}} {
		if _, err := Parse(pub, other, p); code(err) != BadSignature {
			t.Errorf("good for %s: %v", other, err)
		}
	}
	// What is signed as policy, which has the same key, is no command, and the other way round.
	if _, err := Parse(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey), gw, p); code(err) != BadSignature {
		t.Errorf("signed by anybody: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		left  time.Duration
		known bool
		want  Code
	}{
		{time.Millisecond, true, ""}, {MaxLife, true, ""}, {MaxLife + time.Millisecond, true, TooFarAhead}, {0, true, Expired},
		{-time.Hour, true, Expired}, {time.Second, false, ClockUnset},
	} {
		if err := (Command{Expires: now.Add(c.left)}).Check(now, c.known); code(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%v left, clock known %v: %v, expected %q", c.left, c.known, err, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	for name, b := range map[string]Body{
		"no action": {By: "a"}, "nobody": {Do: Open, Doors: []string{"d"}}, "no door": {Do: Open, By: "a"},
		"no mode": {Do: SetMode, By: "a"}, "no badge": {Do: Forgive, By: "a"}, "two things": {Do: Open, Doors: []string{"d"}, Mode: "secure", By: "a"},
		"long": {Do: Open, Doors: []string{strings.Repeat("d", 300)}, By: "a"}, "no text": {Do: Forgive, Badge: "\xff", By: "a"},
		"many": {Do: SetMode, Mode: "lockdown", By: "a", Doors: make([]string, MaxDoors+1)},
	} {
		if _, err := Seal(key, Command{Body: b}); code(err) != BadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func nonces(t *testing.T, path string) *Nonces {
	t.Helper()
	n, err := OpenNonces(path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func at(left time.Duration) Command { return Command{gw, NewNonce(), now.Add(left), open} }

func TestL53CheckedAndStoredInOneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonces")
	n, c := nonces(t, path), at(time.Second)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 20 {
		wg.Go(func() {
			if n.Claim(c, now) == nil {
				mu.Lock()
				taken++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if taken != 1 {
		t.Fatalf("carried out %d times", taken)
	}
	// Never closed: a crash. What was claimed is there for the next one, after its expiry too, should the clock go back.
	after := nonces(t, path)
	if err := after.Claim(c, now); code(err) != Repeated {
		t.Errorf("after a crash: %v", err)
	}
	if err := after.Claim(at(2*time.Second), now); err != nil {
		t.Error(err)
	}
}

func TestNoncesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonces")
	n := nonces(t, path)
	first := at(time.Second)
	if err := n.Claim(first, now); err != nil {
		t.Fatal(err)
	}
	for i := range slots - 1 {
		if err := n.Claim(at(2*time.Second+time.Duration(i)*time.Millisecond), now); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := n.Claim(at(time.Minute), now); code(err) != Overloaded {
		t.Errorf("one more: %v", err)
	}
	later := now.Add(1500 * time.Millisecond)
	if err := n.Claim(at(time.Minute), later); err != nil {
		t.Errorf("after the first has expired: %v", err)
	}
	n = nonces(t, path)
	later = now.Add(10 * time.Second)
	if err := n.Claim(at(11*time.Second), later); err != nil {
		t.Error(err)
	}
	if err := n.Claim(first, now); err == nil { // forgotten, and the clock went back
		t.Error("a command came back")
	}
	if info, _ := os.Stat(path); info.Size() != slots*slotSize {
		t.Errorf("%d bytes", info.Size())
	}
}

func TestL53DamagedMemoryRefusesOldCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonces")
	c := at(time.Second)
	if err := nonces(t, path).Claim(c, now); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"a bit":   func(b []byte) []byte { b[3] ^= 1; return b },
		"cut off": func(b []byte) []byte { return b[:10] },
	} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := filepath.Join(t.TempDir(), "nonces")
			if err := os.WriteFile(bad, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			n := nonces(t, bad)
			if err := n.Claim(c, now); code(err) != Repeated {
				t.Errorf("carried out again: %v", err)
			}
			if err := n.Claim(at(MaxLife+time.Second), now.Add(2*time.Second)); err != nil {
				t.Errorf("a new one is refused: %v", err)
			}
		})
	}
}

func TestNonceThatCannotBeStored(t *testing.T) {
	n, c := nonces(t, filepath.Join(t.TempDir(), "nonces")), at(time.Second)
	n.f.Close()
	if err := n.Claim(c, now); code(err) != NotStored {
		t.Error(err)
	}
	if err := n.Claim(c, now); code(err) != Repeated {
		t.Error(err)
	}
}

// FuzzParse holds that garbage, signed or not, is refused with a reason and never more than that.
func FuzzParse(f *testing.F) {
	good := seal(f, Command{gw, Nonce{1}, now, open})
	f.Add(good, false)
	f.Add(good[header-8:], true)
	f.Add([]byte(`{"do":"open","doors":["a"],"by":"x"}{}`), true)
	f.Add([]byte(`{"do":"mode","mode":"lockdown","by":"x","force":true}`), true)
	f.Add([]byte(nil), true)
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if sign { // b is a body
			p := make([]byte, header)
			p[0] = version
			p = append(p, b...)
			copy(p[1:], ed25519.Sign(key, signed(gw, p[1+ed25519.SignatureSize:])))
			b = p
		}
		c, err := Parse(pub, gw, b)
		switch {
		case err != nil && code(err) == "":
			t.Fatalf("%v has no code", err)
		case err == nil && c.Body.check() != nil:
			t.Fatal("a body that is not right")
		case err == nil && !sign && !bytes.Equal(b, good):
			t.Fatal("a signature was forged")
		}
	})
}
