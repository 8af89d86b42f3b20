package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kapija/firmware-bridge/nfc/keys"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The examples of RFC 4493, section 4, which are those of SP 800-38B, appendix D.1.
func TestCMACOfRFC4493(t *testing.T) {
	key := keys.Key(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	message := unhex(t, "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if got := key.CMAC(message[:n]); !bytes.Equal(got[:], unhex(t, want)) {
			t.Errorf("%d bytes: %x, expected %s", n, got, want)
		}
	}
}

// The example of AN10922, section 2.2.1: UID, application and system identifier.
func TestDiversifyOfAN10922(t *testing.T) {
	master := keys.Key(unhex(t, "00112233445566778899AABBCCDDEEFF"))
	got, err := master.Diversify(unhex(t, "04782E21801D80"), unhex(t, "3042F5"), unhex(t, "4E585020416275"))
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "A8DD63A3B89D54B37CA802473FDA9175"); !bytes.Equal(got[:], want) {
		t.Errorf("%x, expected %x", got[:], want)
	}
}

func TestDiversifyPadsToTwoBlocks(t *testing.T) {
	master := keys.Key(unhex(t, "00112233445566778899AABBCCDDEEFF"))
	rapid.Check(t, func(t *rapid.T) {
		input := rapid.SliceOfN(rapid.Byte(), 1, 31).Draw(t, "input")
		got, err := master.Diversify(input)
		if err != nil {
			t.Fatal(err)
		}
		// From one block on, with the constant, it is the CMAC of the standard; below, it is not.
		standard := master.CMAC(append([]byte{1}, input...))
		if same := keys.Equal(got[:], standard[:]); same != (len(input) >= 16) {
			t.Fatalf("%d bytes: the CMAC of the standard: %v", len(input), same)
		}
	})
}

func TestDiversifyRefuses(t *testing.T) {
	var master keys.Key
	for _, n := range []int{0, 32, 100} {
		if _, err := master.Diversify(make([]byte, n)); err == nil || !strings.Contains(err.Error(), "expected 1 to 31") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestParse(t *testing.T) {
	const text = "00112233445566778899aabbCCDDEEFF"
	k, err := keys.Parse(" " + text + "\r\n")
	if err != nil || !bytes.Equal(k[:], unhex(t, text)) || k.Zero() {
		t.Errorf("%x, %v", k[:], err)
	}
	for bad, want := range map[string]string{
		"":                      "a text of 0 characters is no key: 32 hexadecimal digits",
		text[1:]:                "a text of 31 characters",
		text + "00":             "a text of 34 characters",
		"x" + text[1:]:          "a text of 32 characters",
		strings.Repeat("0", 32): "all bytes of the key are the same",
		strings.Repeat("f", 32): "all bytes of the key are the same",
	} {
		k, err := keys.Parse(bad)
		if err == nil || !strings.Contains(err.Error(), want) || !k.Zero() {
			t.Errorf("%d characters: %v", len(bad), err)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

func TestAKeyHidesItself(t *testing.T) {
	k := keys.Key(unhex(t, "00112233445566778899AABBCCDDEEFF"))
	holder := struct {
		Key  keys.Key
		More []keys.Key
	}{k, []keys.Key{k}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, k, &k, holder)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("key", "key", k, "holder", holder, "pointer", &k)
	}
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	shown := strings.ToLower(out.String())
	for _, part := range []string{"0011", "ccdd", "aa bb", "0xaa, 0xbb", "0xaa,0xbb", "170 187", "170,187", "abeim"} {
		if strings.Contains(shown, part) {
			t.Errorf("%q of the key is shown in %s", part, shown)
		}
	}
	if !strings.Contains(shown, "keys.key(secret)") {
		t.Error("no placeholder is shown")
	}
}
