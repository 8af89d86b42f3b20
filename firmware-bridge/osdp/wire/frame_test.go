package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The frames of Annex E, and two of a public capture.
func TestPublishedFrames(t *testing.T) {
	for _, c := range []struct {
		line string
		want Frame
	}{
		{"53 00 09 00 04 61 00 C0 66", Frame{Code: CmdID, Data: []byte{0}}},
		{"53 7F 0D 00 04 6E 00 80 25 00 00 6E 38", Frame{Address: Broadcast, Code: CmdComSet, Data: ComSet{0, 9600}.Data()}},
		{"53 00 08 00 00 61 00 44", Frame{Checksum: true, Code: CmdID, Data: []byte{0}}},
		{"53 7F 0C 00 00 6E 00 80 25 00 00 0F", Frame{Address: Broadcast, Checksum: true, Code: CmdComSet, Data: ComSet{0, 9600}.Data()}},
		{"53 00 0D 00 06 6A 00 02 02 02 01 59 92", Frame{Sequence: 2, Code: CmdBuz, Data: Buzzer{0, 2, 2, 2, 1}.Data()}},
		{"53 80 14 00 06 45 00 0E E3 10 10 00 00 74 97 23 06 06 1B 88", Frame{Reply: true, Sequence: 2, Code: ReplyPDID,
			Data: ID{[3]byte{0, 0x0E, 0xE3}, 0x10, 0x10, 0x97740000, [3]byte{0x23, 6, 6}}.Data()}},
	} {
		line := unhex(t, c.line)
		if have := c.want.Bytes(); !bytes.Equal(have, line) {
			t.Errorf("encoded % x, expected % x", have, line)
		}
		f, n, err := Decode(append(line, Mark, Mark))
		if err != nil || n != len(line) || !reflect.DeepEqual(f, c.want) {
			t.Errorf("decoded %v (%d bytes, %v), expected %v", f, n, err, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := unhex(t, "53 00 09 00 04 61 00 C0 66")
	for at := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[at] ^= 1 << bit
			if f, _, err := Decode(b); err == nil {
				t.Errorf("bit %d of byte %d changed: %v", bit, at, f)
			}
		}
		if _, _, err := Decode(good[:at]); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes: %v, expected that more is wanted", at, err)
		}
	}
	for line, want := range map[string]string{
		"54 00 09 00 04 61 00 C0 66":    "begins with 0x54, expected 0x53",
		"53 00 06 00 04 61":             "length of 6, expected 7 to 1440",
		"53 00 FF FF 04 61":             "length of 65535, expected 7 to 1440",
		"53 00 09 00 84 61 00 C0 66":    "reserved bits",
		"53 00 09 00 04 61 00 C0 67":    "CRC 0x67c0, expected 0x66c0: the line is disturbed",
		"53 00 08 00 00 61 00 45":       "checksum 0x45, expected 0x44: the line is disturbed",
		"53 00 07 00 04 3A CF":          "without a code",
		"53 00 08 00 08 03 15 85":       "its security block does not fit",
		"53 00 0A 00 08 01 15 60 00 25": "its security block does not fit",
		"53 00 0A 00 08 02 15 60 00 24": "no room for its MAC",
		"53 00 0A 00 08 02 00 60 00 39": "its security block does not fit",
	} {
		if _, _, err := Decode(unhex(t, line)); err == nil || !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
}

func drawFrame(t *rapid.T) Frame {
	f := Frame{
		Address:  rapid.ByteRange(0, Broadcast).Draw(t, "address"),
		Reply:    rapid.Bool().Draw(t, "reply"),
		Sequence: rapid.ByteRange(0, 3).Draw(t, "sequence"),
		Checksum: rapid.Bool().Draw(t, "checksum"),
		Code:     rapid.Byte().Draw(t, "code"),
		Data:     rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data"),
		Security: rapid.SampledFrom([]byte{NoSecurity, SCS11, SCS12, SCS13, SCS14, SCS15, SCS16, SCS17, SCS18}).Draw(t, "security"),
	}
	if f.Security != NoSecurity {
		f.SCB = rapid.SliceOfN(rapid.Byte(), 0, maxSCBData).Draw(t, "block")
	}
	if f.Sealed() {
		f.MAC = rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "mac")
	}
	return f
}

// same compares frames; no bytes and none at all are the same.
func same(a, b Frame) bool {
	return bytes.Equal(a.Bytes(), b.Bytes()) && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.SCB, b.SCB) &&
		bytes.Equal(a.MAC, b.MAC) && a.Security == b.Security && a.Code == b.Code
}

func TestFramesSurviveTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		line := f.Bytes()
		if len(line) != f.Size() {
			t.Fatalf("%d bytes, announced %d", len(line), f.Size())
		}
		have, n, err := Decode(line)
		if err != nil || n != len(line) || !same(f, have) {
			t.Fatalf("%v came back as %v, %d, %v", f, have, n, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, "53 00 09 00 04 61 00 C0 66"))
	f.Add(unhex(f, "53 00 08 00 00 61 00 44"))
	f.Add(Frame{Address: 5, Reply: true, Security: SCS18, Code: ReplyRaw, Data: make([]byte, 16), MAC: make([]byte, 4)}.Bytes())
	f.Add(Frame{Address: 5, Security: SCS11, SCB: []byte{1}, Code: CmdChallenge, Data: make([]byte, 8)}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, n, err := Decode(b)
		switch {
		case err == nil:
			if again := frame.Bytes(); !bytes.Equal(again, b[:n]) {
				t.Fatalf("% x decoded and encoded is % x", b[:n], again)
			}
		case !errors.Is(err, ErrShort) && !errors.Is(err, ErrFrame):
			t.Fatal(err)
		}
	})
}
