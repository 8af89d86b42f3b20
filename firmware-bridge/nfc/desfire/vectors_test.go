package desfire

import (
	"bytes"
	"testing"

	"kapija/firmware-bridge/nfc/keys"
	"kapija/firmware-bridge/nfc/nfctest"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := nfctest.Bytes(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Recorded from real EV1 cards and published as "DESFire EV1 Communication Examples".
func TestAuthenticationOfRealCards(t *testing.T) {
	for what, c := range map[string]struct {
		number             byte
		key, mine, session string
		steps              []nfctest.Step
	}{
		"the factory's key": {0, "00000000000000000000000000000000",
			"F44B26F5686F3A391CD38EBD10772281", "F44B26F5C05DDD7110772281C4D066E8", []nfctest.Step{
				{Sent: "90AA0000 01 00 00", Answer: "B969FDFE56FD91FC9DE6F6F213B8FD1E 91AF"},
				{Sent: "90AF0000 20 36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774 00",
					Answer: "800DB680BC146BD121D6578F2D2E2059 9100"}}},
		"another key": {1, "10182028303840485058606870788088",
			"40E7D27174CBA675E8EFBAB99C530E3D", "40E7D271626FFBD49C530E3D304F5B17", []nfctest.Step{
				{Sent: "90AA0000 01 01 00", Answer: "B351CB2465D4F33AC627FD6E87A168F2 91AF"},
				{Sent: "90AF0000 20 044B6CAC343A0865895149649CA8DDE1F5AC4EC67BD208900AF02F049E05F0B0 00",
					Answer: "A2EE144B1012FBEB7B2F11132D95A454 9100"}}},
	} {
		t.Run(what, func(t *testing.T) {
			card := &nfctest.Playback{Steps: c.steps}
			got, err := link{t.Context(), card}.authenticate(c.number, keys.Key(unhex(t, c.key)), [16]byte(unhex(t, c.mine)))
			if err != nil {
				t.Fatal(err)
			}
			if want := unhex(t, c.session); !bytes.Equal(got[:], want) {
				t.Errorf("session key %x, expected %x", got[:], want)
			}
			if err := card.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// From the same examples: the CRC of ChangeKey over command, number, key and version.
func TestCRCOfRealCards(t *testing.T) {
	for message, want := range map[string]uint32{
		"C400 00102030405060708090A0B0B0A09080 10": 0x6BE6C6D2,
		"C400 10182028303840485058606870788088 10": 0x62638574,
		"C401 00102030405060708090A0B0B0A09080 10": 0x84B47033,
	} {
		if got := crc(unhex(t, message)); got != want {
			t.Errorf("%s: %08x, expected %08x", message, got, want)
		}
	}
}
