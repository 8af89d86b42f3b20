package pn532

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncode(t *testing.T) {
	for text, want := range map[string]string{ // the examples that many logs show
		"02":     "0000ff02fed4022a00",
		"1401":   "0000ff03fdd414011700",
		"4a0100": "0000ff04fcd44a0100e100",
	} {
		if got := encode(unhex(t, text)); hex.EncodeToString(got) != want {
			t.Errorf("%s becomes %x, expected %s", text, got, want)
		}
	}
	if f := encode(make([]byte, maxLoad)); f[3] != 255 || f[4] != 1 || len(f) != 262 {
		t.Errorf("the longest frame has %d bytes and begins % x", len(f), f[:6])
	}
}

func TestDecode(t *testing.T) {
	long := append(unhex(t, "0000ffffff0108f7d541"), make([]byte, 262)...)
	long = append(long, 0xEA, 0x00)
	for name, c := range map[string]struct {
		raw  []byte
		kind kind
		data []byte
		used int
		err  error
	}{
		"response":                     {unhex(t, "0000ff06fad50332010607e800"), information, unhex(t, "0332010607"), 12, nil},
		"without a postamble":          {unhex(t, "0000ff02fed51516"), information, unhex(t, "15"), 8, nil},
		"no preamble":                  {unhex(t, "00ff02fed5151600"), information, unhex(t, "15"), 7, nil},
		"a long preamble":              {unhex(t, "0000000000ff02fed5151600"), information, unhex(t, "15"), 11, nil},
		"noise before it":              {unhex(t, "aa55000000ff02fed5151600"), information, unhex(t, "15"), 11, nil},
		"more behind it":               {unhex(t, "0000ff02fed51516000000ff00ff00"), information, unhex(t, "15"), 8, nil},
		"ACK":                          {ackFrame, acknowledge, nil, 5, nil},
		"NACK":                         {nackFrame, repeat, nil, 5, nil},
		"syntax error":                 {unhex(t, "0000ff01ff7f8100"), syntaxError, nil, 7, nil},
		"extended":                     {long, information, append([]byte{0x41}, make([]byte, 262)...), 273, nil},
		"nothing":                      {nil, 0, nil, 0, errNone},
		"zeros":                        {make([]byte, 10), 0, nil, 0, errNone},
		"ones":                         {bytes.Repeat([]byte{0xFF}, 10), 0, nil, 0, errNone},
		"short: start code":            {unhex(t, "0000ff"), 0, nil, 5, errShort},
		"short: body":                  {unhex(t, "0000ff06fad503"), 0, nil, 12, errShort},
		"short: length of an extended": {unhex(t, "0000ffffff01"), 0, nil, 8, errShort},
		"short: body of an extended":   {long[:100], 0, nil, 273, errShort},
		"wrong length":                 {unhex(t, "0000ff06fbd50332010607e800"), 0, nil, 5, errGarbled},
		"wrong length of an extended":  {unhex(t, "0000ffffff0109f7d541"), 0, nil, 8, errGarbled},
		"too long an extended":         {unhex(t, "0000ffffff7f0081d541"), 0, nil, 8, errGarbled},
		"an extended of nothing":       {unhex(t, "0000ffffff000000d541"), 0, nil, 8, errGarbled},
		"wrong check sum":              {unhex(t, "0000ff06fad50332010607e700"), 0, nil, 12, errGarbled},
		"our own command":              {unhex(t, "0000ff02fed4022a00"), 0, nil, 8, errGarbled},
		"without a command":            {unhex(t, "0000ff01ffd52b00"), 0, nil, 7, errGarbled},
	} {
		f, used, err := decode(c.raw)
		if !errors.Is(err, c.err) || err == nil && (f.kind != c.kind || !bytes.Equal(f.data, c.data)) || used != c.used {
			t.Errorf("%s: %+v, used %d, error %v; expected kind %d, data %x, used %d, error %v", name, f, used, err, c.kind, c.data, c.used, c.err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{"0000ff06fad50332010607e800", "0000ff00ff00", "0000ff01ff7f8100", "0000ffffff0108f7d541", "ff00ff02fe"} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, used, err := decode(b)
		switch {
		case errors.Is(err, errNone):
			if used != 0 {
				t.Errorf("no frame, and %d bytes used", used)
			}
		case errors.Is(err, errShort):
			if used <= len(b) || used > len(b)+maxExtended+8 {
				t.Errorf("%d bytes are short, %d are enough", len(b), used)
			}
		case used < 4 || used > len(b):
			t.Errorf("%d of %d bytes used, error %v", used, len(b), err)
		case err == nil && got.kind == information && len(got.data) < 255:
			again := encode(got.data)
			again[5], again[len(again)-2] = fromChip, again[len(again)-2]-1
			if len(got.data) > 0 && !bytes.HasSuffix(b[:used], again[2:len(again)-1]) && !bytes.Contains(b[:used], []byte{0xFF, 0xFF, 0xFF}) {
				t.Errorf("% x is read as % x", b[:used], got.data)
			}
		}
	})
}
