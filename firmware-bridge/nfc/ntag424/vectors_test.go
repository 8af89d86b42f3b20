package ntag424

import (
	"bytes"
	"encoding/hex"
	"testing"

	"kapija/firmware-bridge/nfc/keys"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The links of AN12196, with the key of zeros. In them the key of the tag is not diversified, so that the parts of verify
// are what can be checked.
func TestMessagesOfAN12196(t *testing.T) {
	for what, c := range map[string]struct {
		picc, text, mac string
		uid             string
		counter         byte
		session         string
	}{
		// Sections 3.4.2.1 and 3.4.4.2.1, tables 2 and 4: https://ntag.nxp.com/424?e=…&c=…
		"nothing more than UID and counter": {"EF963FF7828658A599F3041510671E88", "", "94EED9EE65337086",
			"04DE5F1EACC040", 0x3D, "3FB5F6E3A807A03D5E3570ACE393776F"},
		// Table 5: https://www.my424dna.com/?picc_data=…&enc=…&cmac=…
		"with enciphered data of the file": {"FD91EC264309878BE6345CBE53BADF40",
			"CEE9A53E3E463EF1F459635736738962&cmac=", "ECC1E7F6C6C73BF6",
			"04958CAA5C5E80", 8, "3ED0920E5E6A0320D823D5987FEAFBB1"},
	} {
		t.Run(what, func(t *testing.T) {
			var zero keys.Key
			var picc [16]byte
			zero.Cipher().Decrypt(picc[:], unhex(t, c.picc))
			if picc[0] != piccDataTag || !bytes.Equal(picc[1:8], unhex(t, c.uid)) || !bytes.Equal(picc[8:11], []byte{c.counter, 0, 0}) {
				t.Fatalf("PICC data %x", picc)
			}
			if got := sessionMAC(zero, picc[1:11]); !bytes.Equal(got[:], unhex(t, c.session)) {
				t.Errorf("session key %x, expected %s", got[:], c.session)
			}
			if got := sdmMAC(zero, picc[1:11], c.text); !bytes.Equal(got[:], unhex(t, c.mac)) {
				t.Errorf("MAC %x, expected %s", got, c.mac)
			}
		})
	}
}

// The example of a session key with a key that is not zero.
func TestSessionKeyOfAN12196(t *testing.T) {
	key := keys.Key(unhex(t, "5ACE7E50AB65D5D51FD5BF5A16B8205B"))
	got := sessionMAC(key, unhex(t, "04C767F2066180"+"010000"))
	if want := unhex(t, "3A3E8110E05311F7A3FCF0D969BF2B48"); !bytes.Equal(got[:], want) {
		t.Errorf("%x, expected %x", got[:], want)
	}
}
