package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

var commands = map[string]struct {
	command Command
	data    string
}{
	"POLL":         {Ask(CmdPoll), ""},
	"ID":           {Ask(CmdID), "00"},
	"CAP":          {Ask(CmdCap), "00"},
	"LSTAT":        {Ask(CmdLStat), ""},
	"ISTAT":        {Ask(CmdIStat), ""},
	"OSTAT":        {Ask(CmdOStat), ""},
	"RSTAT":        {Ask(CmdRStat), ""},
	"ABORT":        {Ask(CmdAbort), ""},
	"OUT":          {Outs{{1, OutOnFor, 0x0132}, {2, OutOff, 0}}, "01 05 32 01 02 01 00 00"},
	"LED":          {LEDs{{0, 1, LEDTemporary, 2, 3, Green, Black, 0x0128, LEDPermanent, 4, 5, Red, Amber}}, "00 01 02 02 03 02 00 28 01 01 04 05 01 03"},
	"BUZ":          {Buzzer{0, 2, 1, 2, 3}, "00 02 01 02 03"},
	"TEXT":         {Text{0, 3, 5, 1, 2, "Dobar dan"}, "00 03 05 01 02 09 44 6F 62 61 72 20 64 61 6E"},
	"COMSET":       {ComSet{5, 115200}, "05 00 C2 01 00"},
	"KEYSET":       {KeySet{[16]byte{1, 2, 3}}, "01 10 01 02 03 00 00 00 00 00 00 00 00 00 00 00 00 00"},
	"CHLNG":        {Challenge{[8]byte{1, 2, 3, 4, 5, 6, 7, 8}}, "01 02 03 04 05 06 07 08"},
	"SCRYPT":       {SCrypt{[16]byte{15: 9}}, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 09"},
	"ACURXSIZE":    {RxSize(1440), "A0 05"},
	"FILETRANSFER": {FileTransfer{1, 0x01020304, 0x0A0B, []byte{7, 8}}, "01 04 03 02 01 0B 0A 00 00 02 00 07 08"},
}

func TestCommands(t *testing.T) {
	for name, c := range commands {
		t.Run(name, func(t *testing.T) {
			if Name(c.command.Code()) != name {
				t.Errorf("named %s", Name(c.command.Code()))
			}
			data := unhex(t, c.data)
			if !bytes.Equal(c.command.Data(), data) {
				t.Errorf("encoded % x, expected % x", c.command.Data(), data)
			}
			have, err := ParseCommand(c.command.Code(), data)
			if err != nil || !reflect.DeepEqual(have, c.command) {
				t.Errorf("decoded %#v, %v", have, err)
			}
			if _, err := ParseCommand(c.command.Code(), append(data, 0xEE)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("a byte too much: %v", err)
			}
			if len(data) > 0 {
				if _, err := ParseCommand(c.command.Code(), data[:len(data)-1]); err == nil {
					t.Error("a byte too few is taken")
				}
			}
		})
	}
	var unknown *UnknownError
	if _, err := ParseCommand(0x80, nil); !errors.As(err, &unknown) || unknown.Code != 0x80 {
		t.Error(err)
	}
	if Name(0x80) != "command 0x80" {
		t.Error(Name(0x80))
	}
}

var replies = map[string]struct {
	reply Reply
	data  string
}{
	"ACK":    {Ack{}, ""},
	"NAK":    {Nak{NakUnknown}, "03"},
	"PDID":   {ID{[3]byte{0, 6, 0x8E}, 2, 1, 0x04030201, [3]byte{1, 2, 3}}, "00 06 8E 02 01 01 02 03 04 01 02 03"},
	"PDCAP":  {Caps{{CapCheck, 1, 0}, {CapReceive, 0x00, 0x01}}, "08 01 00 0A 00 01"},
	"LSTATR": {LocalStatus{true, false}, "01 00"},
	"ISTATR": {Inputs{InputOff, InputOn, InputShort, InputOpen}, "00 01 02 03"},
	"OSTATR": {Outputs{0, 1}, "00 01"},
	"RSTATR": {Readers{ReaderNormal, ReaderTamper}, "00 02"},
	"RAW":    {Raw{1, 1, []byte{0xA5, 0x5A, 0x00, 0xC0}, 26}, "01 01 1A 00 A5 5A 00 C0"},
	"FMT":    {Fmt{2}, "02 00 00"},
	"KEYPAD": {Keypad{0, []byte("12\x0D\x7F")}, "00 04 31 32 0D 7F"},
	"COM":    {Com{5, 38400}, "05 00 96 00 00"},
	"CCRYPT": {CCrypt{[8]byte{1}, [8]byte{2}, [16]byte{3}}, "01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
	"RMAC_I": {RMAC{[16]byte{15: 1}}, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"},
	"BUSY":   {Busy{}, ""},
	"FTSTAT": {FTStat{FileInterleave, 300, FileMalformed, 512}, "01 2C 01 FD FF 00 02"},
}

func TestReplies(t *testing.T) {
	for name, c := range replies {
		t.Run(name, func(t *testing.T) {
			data := unhex(t, c.data)
			if !bytes.Equal(c.reply.Data(), data) {
				t.Errorf("encoded % x, expected % x", c.reply.Data(), data)
			}
			have, err := ParseReply(c.reply.ReplyCode(), data)
			if err != nil || !reflect.DeepEqual(have, c.reply) {
				t.Errorf("decoded %#v, %v", have, err)
			}
		})
	}
	for code, data := range map[byte]string{
		ReplyNak: "", ReplyPDID: "00", ReplyPDCap: "08 01", ReplyLStat: "01", ReplyRaw: "00 00 1A", ReplyFmt: "00",
		ReplyKeypad: "00 03 31", ReplyCom: "01", ReplyCCrypt: "00", ReplyRMAC: "00", ReplyFTStat: "00",
	} {
		if have, err := ParseReply(code, unhex(t, data)); err == nil {
			t.Errorf("reply 0x%02x without half of its data is %#v", code, have)
		}
	}
	var unknown *UnknownError
	if _, err := ParseReply(0x90, nil); !errors.As(err, &unknown) || unknown.What != "reply" {
		t.Error(err)
	}
}

func TestRaw(t *testing.T) {
	t.Run("left-justified, unused bits are zeroed, more bytes are not read", func(t *testing.T) {
		r, err := ParseReply(ReplyRaw, unhex(t, "00 00 1A 00 FF FF FF FF 12 34"))
		if want := (Raw{0, 0, []byte{0xFF, 0xFF, 0xFF, 0xC0}, 26}); err != nil || !reflect.DeepEqual(r, want) {
			t.Errorf("%v: %x", err, r.(Raw).Bits)
		}
	})
	t.Run("bit count is little-endian", func(t *testing.T) {
		r, err := ParseReply(ReplyRaw, append([]byte{0, 0, 0x04, 0x01}, make([]byte, 33)...))
		if err != nil || r.(Raw).Len != 260 {
			t.Error(r, err)
		}
	})
	for data, want := range map[string]string{
		"00 00 00 00":             "RAW of 0 bits, expected 1 to 1024",
		"00 00 01 04 FF":          "RAW of 1025 bits, expected 1 to 1024",
		"00 00 1A 00 FF FF FF":    "RAW with 7 bytes of data, expected 8 for its 26 bits",
		"00 00 FF FF 11 22 33 44": "65535 bits",
	} {
		if _, err := ParseReply(ReplyRaw, unhex(t, data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestCaps(t *testing.T) {
	parse := func(data string) Caps {
		r, err := ParseReply(ReplyPDCap, unhex(t, data))
		if err != nil {
			t.Fatal(err)
		}
		return r.(Caps)
	}
	t.Run("unknown codes are skipped", func(t *testing.T) {
		if have := parse("00 01 01 08 01 00 11 02 03 FF 01 01"); !reflect.DeepEqual(have, Caps{{CapCheck, 1, 0}}) {
			t.Error(have)
		}
	})
	t.Run("receive size is 128 if unstated", func(t *testing.T) {
		for data, want := range map[string]int{"": 128, "0A 00 00": 128, "0A 00 01": 256, "0A A0 05": 1440} {
			if have := parse(data).Receive(); have != want {
				t.Errorf("%q: %d, expected %d", data, have, want)
			}
		}
	})
	t.Run("check and security", func(t *testing.T) {
		for data, want := range map[string][2]bool{"": {}, "08 00 00": {true, false}, "08 01 00 09 01 01": {false, true}, "09 00 01": {}} {
			c := parse(data)
			if have := [2]bool{c.ChecksumOnly(), c.Secure()}; have != want {
				t.Errorf("%q: %v, expected %v", data, have, want)
			}
		}
	})
}

func TestFmtKeepsNoContent(t *testing.T) {
	r, err := ParseReply(ReplyFmt, []byte("\x01\x00\x041234"))
	if err != nil || r != (Fmt{1}) {
		t.Error(r, err)
	}
}

func TestNakAndFTStatInWords(t *testing.T) {
	for reason := range 256 {
		if s := (Nak{byte(reason)}).String(); !strings.HasPrefix(s, fmt.Sprintf("NAK %d: ", reason)) {
			t.Error(s)
		}
	}
	if s := (Nak{NakEncryption}).String(); s != "NAK 6: the reader wants an encrypted connection" {
		t.Error(s)
	}
	if s := (FTStat{Status: FileUnknown}).String(); s != "FTSTAT -2: the reader does not know such a file" {
		t.Error(s)
	}
}

func TestSameDeviceWhateverItsFirmware(t *testing.T) {
	a := ID{[3]byte{1, 2, 3}, 4, 5, 6, [3]byte{7, 8, 9}}
	b := a
	b.Firmware[1]++
	if !a.SameDevice(b) {
		t.Error("new firmware is another device")
	}
	b.Serial++
	if a.SameDevice(b) {
		t.Error("another serial number is the same device")
	}
}

func TestSecretsHide(t *testing.T) {
	bits := []byte{0xDE, 0xAD, 0xBE, 0xEF}
	for _, secret := range []any{
		Raw{0, 0, bits, 32}, Keypad{0, bits}, KeySet{[16]byte(bytes.Repeat(bits, 4))},
		Frame{Code: ReplyRaw, Data: bits}, &Frame{Code: ReplyRaw, Data: bits}, []Reply{Raw{0, 0, bits, 32}},
	} {
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
		for _, leak := range []string{"dead", "222", "3q2+7w", "\xde\xad", "0xde", "de ad"} {
			if strings.Contains(all, leak) {
				t.Errorf("%T shows %q: %s", secret, leak, all)
			}
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, c := range replies {
		f.Add(c.reply.ReplyCode(), unhex(f, c.data))
	}
	f.Fuzz(func(t *testing.T, code byte, data []byte) {
		r, err := ParseReply(code, data)
		if err != nil {
			return
		}
		if r.ReplyCode() != code {
			t.Fatalf("reply 0x%02x is %T", code, r)
		}
		again, err := ParseReply(code, r.Data())
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%T came back as %T: %v", r, again, err)
		}
		if raw, ok := r.(Raw); ok && (raw.Len < 1 || len(raw.Bits) != (raw.Len+7)/8) {
			t.Fatalf("%d bits in %d bytes", raw.Len, len(raw.Bits))
		}
	})
}

func FuzzCaps(f *testing.F) {
	f.Add(unhex(f, "01 03 04 02 04 02 03 01 00 08 01 00 09 01 01 0A 00 01"))
	f.Add(unhex(f, "FF FF FF 0A 00 00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseReply(ReplyPDCap, data)
		if err != nil {
			if len(data)%3 == 0 {
				t.Fatal(err)
			}
			return
		}
		caps := r.(Caps)
		if n := caps.Receive(); n < 1 || n > 0xFFFF {
			t.Fatalf("receives %d", n)
		}
		for _, c := range caps {
			if c.Function < CapInputs || c.Function > CapVersion {
				t.Fatalf("function %d", c.Function)
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, c := range commands {
		f.Add(c.command.Code(), unhex(f, c.data))
	}
	f.Fuzz(func(t *testing.T, code byte, data []byte) {
		c, err := ParseCommand(code, data)
		if err != nil {
			return
		}
		if have := c.Data(); code != CmdID && code != CmdCap && !bytes.Equal(have, data) {
			t.Fatalf("%s: % x came back as % x", Name(code), data, have)
		}
	})
}
