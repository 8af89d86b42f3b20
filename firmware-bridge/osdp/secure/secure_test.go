package secure

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"kapija/firmware-bridge/osdp/wire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of Annex E of the SIA's OSDP specification: SCBK-D, RND.A of B0 to B7, RND.B of A0 to A7.
func TestPublishedHandshake(t *testing.T) {
	h, challenge, err := Begin(Default, bytes.NewReader(unhex(t, "B0B1B2B3B4B5B6B7")))
	if err != nil {
		t.Fatal(err)
	}
	a, ccrypt, err := Accept(Default, [8]byte{}, challenge, bytes.NewReader(unhex(t, "A0A1A2A3A4A5A6A7")))
	if err != nil {
		t.Fatal(err)
	}
	scrypt, err := h.Answer(ccrypt)
	if err != nil {
		t.Fatal(err)
	}
	session, rmac, err := a.Verify(scrypt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Finish(rmac); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		have []byte
		want string
	}{
		"client cryptogram": {ccrypt.Cryptogram[:], "FDE5D2F428EC16312471EA3C02BD7796"},
		"server cryptogram": {scrypt.Cryptogram[:], "26D3356E07762D262801FC8E6665A891"},
		"R-MAC-I":           {rmac.MAC[:], "B2A30057EB98BA2229EC1F875662B524"},
	} {
		if !bytes.Equal(c.have, unhex(t, c.want)) {
			t.Errorf("%s is %x, expected %s", name, c.have, c.want)
		}
	}
	// A block encrypted with each key tells whether it is the published one.
	for name, c := range map[string]struct {
		have interface{ Encrypt(dst, src []byte) }
		want string
	}{
		"S-ENC":  {session.keys.enc, "BF8DC2A8329ACB8C67C6D0CD9A451682"},
		"S-MAC1": {session.keys.mac1, "5E86C676603BDEE2D8BEAFE178637332"},
		"S-MAC2": {session.keys.mac2, "6FDA86E857777E81132035758239172E"},
	} {
		var have, want [16]byte
		c.have.Encrypt(have[:], have[:])
		block(Key(unhex(t, c.want))).Encrypt(want[:], want[:])
		if have != want {
			t.Errorf("%s is another key than %s", name, c.want)
		}
	}
}

// pair makes a session's two sides.
func pair(t interface{ Fatal(...any) }, key Key) (panel, reader *Session) {
	h, challenge, err := Begin(key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, ccrypt, err := Accept(key, [8]byte{1, 2, 3}, challenge, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	scrypt, err := h.Answer(ccrypt)
	if err != nil {
		t.Fatal(err)
	}
	reader, rmac, err := a.Verify(scrypt)
	if err != nil {
		t.Fatal(err)
	}
	if panel, err = h.Finish(rmac); err != nil {
		t.Fatal(err)
	}
	return panel, reader
}

var testKey = Key{0x9C, 0x11, 0xE8, 0x5F, 0x73, 0x02, 0xBB, 0x4D, 0x26, 0xA0, 0xF4, 0x39, 0xC7, 0x58, 0x1E, 0x8A}

func command(data ...byte) wire.Frame {
	return wire.Frame{Address: 1, Sequence: 2, Code: wire.CmdLED, Data: data}
}

func reply(data ...byte) wire.Frame {
	return wire.Frame{Address: 1, Reply: true, Sequence: 2, Code: wire.ReplyRaw, Data: data}
}

func TestExchanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		panel, reader := pair(t, testKey)
		for i := range rapid.IntRange(1, 10).Draw(t, "exchanges") {
			for _, c := range []struct {
				from, to *Session
				frame    wire.Frame
			}{
				{panel, reader, command(rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "command")...)},
				{reader, panel, reply(rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "reply")...)},
			} {
				sealed, err := c.from.Seal(c.frame)
				if err != nil {
					t.Fatal(err)
				}
				if sealed.Size() != c.frame.Size()+Overhead(len(c.frame.Data)) {
					t.Fatalf("%d bytes sealed are %d", c.frame.Size(), sealed.Size())
				}
				line, _, err := wire.Decode(sealed.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				if len(c.frame.Data) > 0 && bytes.Contains(sealed.Bytes(), c.frame.Data) && len(c.frame.Data) > 4 {
					t.Fatalf("exchange %d: data is not encrypted", i)
				}
				open, err := c.to.Open(line)
				if err != nil || open.Code != c.frame.Code || !bytes.Equal(open.Data, c.frame.Data) || open.Security != wire.NoSecurity {
					t.Fatalf("exchange %d: %v, %v", i, open, err)
				}
			}
		}
	})
}

func TestSecurityBlocks(t *testing.T) {
	panel, reader := pair(t, testKey)
	for _, c := range []struct {
		s     *Session
		frame wire.Frame
		want  byte
	}{
		{panel, command(), wire.SCS15}, {reader, reply(), wire.SCS16},
		{panel, command(1), wire.SCS17}, {reader, reply(1), wire.SCS18},
	} {
		f, err := c.s.Seal(c.frame)
		if err != nil || f.Security != c.want || len(f.SCB) != 0 || len(f.MAC) != 4 {
			t.Errorf("sealed as %v, %v, expected 0x%02x", f, err, c.want)
		}
	}
}

func TestCRCOnlyInASession(t *testing.T) {
	panel, reader := pair(t, testKey)
	f := command(1)
	f.Checksum = true
	sealed, err := panel.Seal(f)
	if err != nil || sealed.Checksum {
		t.Errorf("sealed with a checksum, %v", err)
	}
	sealed.Checksum = true
	if _, err := reader.Open(sealed); !errors.Is(err, ErrClear) {
		t.Errorf("opened a frame with a checksum: %v", err)
	}
}

// Any changed, repeated, reordered, reflected or clear frame is refused and leaves the session as it was.
func TestAttacksOnASession(t *testing.T) {
	panel, reader := pair(t, testKey)
	sealed, err := panel.Seal(command(1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(name string, s *Session, f wire.Frame, want error) {
		t.Helper()
		if _, err := s.Open(f); !errors.Is(err, want) {
			t.Errorf("%s: %v, expected %v", name, err, want)
		}
	}
	clear := command(1, 2, 3)
	refuse("clear", reader, clear, ErrClear)
	refuse("reflected", panel, sealed, ErrClear)
	for bit := range 8 * len(sealed.Data) {
		f := sealed
		f.Data = bytes.Clone(f.Data)
		f.Data[bit/8] ^= 1 << (bit % 8)
		refuse("changed data", reader, f, ErrMAC)
	}
	for bit := range 32 {
		f := sealed
		f.MAC = bytes.Clone(f.MAC)
		f.MAC[bit/8] ^= 1 << (bit % 8)
		refuse("changed MAC", reader, f, ErrMAC)
	}
	for name, change := range map[string]func(*wire.Frame){
		"another address":  func(f *wire.Frame) { f.Address++ },
		"another sequence": func(f *wire.Frame) { f.Sequence++ },
		"another code":     func(f *wire.Frame) { f.Code++ },
		"said to be clear": func(f *wire.Frame) { f.Security = wire.SCS15 },
	} {
		f := sealed
		change(&f)
		refuse(name, reader, f, ErrMAC)
	}
	if _, err := reader.Open(sealed); err != nil {
		t.Fatalf("the true frame after all of them: %v", err)
	}
	answer, err := reader.Seal(reply())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := panel.Open(answer); err != nil {
		t.Fatal(err)
	}
	next, err := panel.Seal(command(1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(next.Data, sealed.Data) || bytes.Equal(next.MAC, sealed.MAC) {
		t.Error("the same command twice looks the same")
	}
	refuse("repeated", reader, sealed, ErrMAC)
	refuse("repeated answer", panel, answer, ErrMAC)
	if _, err := reader.Open(next); err != nil {
		t.Error(err)
	}
}

// A retry repeats its bytes, whether or not the reader had them before: the MAC does not advance.
func TestRetryLeavesTheMACAlone(t *testing.T) {
	panel, reader := pair(t, testKey)
	for _, heard := range []bool{false, true} {
		sealed, err := panel.Seal(command(7))
		if err != nil {
			t.Fatal(err)
		}
		if heard {
			if _, err := reader.Open(sealed); err != nil {
				t.Fatal(err)
			}
		}
		// The reader was busy, or its answer was lost before it was sealed.
		if _, err := reader.Open(sealed); err != nil {
			t.Fatalf("retry: %v", err)
		}
		answer, err := reader.Seal(reply(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := panel.Open(answer); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPadding(t *testing.T) {
	panel, reader := pair(t, testKey)
	for n := range 50 {
		data := append(bytes.Repeat([]byte{0x80, 0}, n), 0x80) // looks like padding itself
		sealed, err := panel.Seal(command(data...))
		if err != nil {
			t.Fatal(err)
		}
		open, err := reader.Open(sealed)
		if err != nil || !bytes.Equal(open.Data, data) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		answer, err := reader.Seal(reply())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := panel.Open(answer); err != nil {
			t.Fatal(err)
		}
	}
	for name, plain := range map[string]string{
		"zeros": strings.Repeat("00", 16), "no end": strings.Repeat("11", 16), "a block of padding too much": "80" + strings.Repeat("00", 31),
	} {
		p, r := pair(t, testKey)
		f := command()
		f.Security, f.Data = wire.SCS17, unhex(t, plain)
		encryptUnpadded(p, f.Data)
		mac := p.keys.mac(p.other, f.Covered())
		f.MAC = mac[:4]
		if _, err := r.Open(f); !errors.Is(err, ErrPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, r := pair(t, testKey)
	f := command()
	f.Security = wire.SCS17
	mac := p.keys.mac(p.other, f.Covered())
	f.MAC = mac[:4]
	if _, err := r.Open(f); !errors.Is(err, ErrPadding) {
		t.Errorf("nothing at all: %v", err)
	}
}

func encryptUnpadded(s *Session, data []byte) {
	iv := inverted(s.other)
	for i := 0; i < len(data); i += blockSize {
		for j := range iv {
			data[i+j] ^= iv[j]
		}
		s.keys.enc.Encrypt(data[i:], data[i:])
		copy(iv[:], data[i:])
	}
}

func TestSealRefuses(t *testing.T) {
	panel, _ := pair(t, testKey)
	if _, err := panel.Seal(reply()); !errors.Is(err, ErrClear) {
		t.Errorf("a panel sealed a reply: %v", err)
	}
	if _, err := panel.Seal(wire.Frame{Security: wire.SCS11}); !errors.Is(err, ErrClear) {
		t.Errorf("sealed a challenge: %v", err)
	}
	if _, err := panel.Seal(command(make([]byte, wire.MaxFrame)...)); err == nil {
		t.Error("sealed more than a frame holds")
	}
}

func TestL30HandshakeRefusesAnotherKey(t *testing.T) {
	h, challenge, err := Begin(testKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, ccrypt, err := Accept(Default, [8]byte{}, challenge, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Answer(ccrypt); !errors.Is(err, ErrCryptogram) {
		t.Errorf("the default key was taken: %v", err)
	}
	if !h.Proves(Default, ccrypt) || h.Proves(testKey, ccrypt) {
		t.Error("it is not told that the reader has the default key")
	}
	if _, _, err := a.Verify(wire.SCrypt{}); !errors.Is(err, ErrCryptogram) {
		t.Errorf("the reader took a wrong cryptogram: %v", err)
	}
	if _, err := h.Finish(wire.RMAC{}); !errors.Is(err, ErrFirstMAC) {
		t.Errorf("a session without a cryptogram: %v", err)
	}
}

func TestL30HandshakeRefusesAnotherFirstMAC(t *testing.T) {
	h, challenge, _ := Begin(testKey, rand.Reader)
	a, ccrypt, _ := Accept(testKey, [8]byte{}, challenge, rand.Reader)
	scrypt, err := h.Answer(ccrypt)
	if err != nil {
		t.Fatal(err)
	}
	_, rmac, err := a.Verify(scrypt)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 128 {
		bad := rmac
		bad.MAC[bit/8] ^= 1 << (bit % 8)
		if _, err := h.Finish(bad); !errors.Is(err, ErrFirstMAC) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	if _, err := h.Finish(rmac); err != nil {
		t.Error(err)
	}
}

func TestNewRandomPerHandshake(t *testing.T) {
	seen := map[[8]byte]bool{}
	for range 100 {
		_, c, err := Begin(testKey, rand.Reader)
		if err != nil || seen[c.RndA] {
			t.Fatal("the same random number twice", err)
		}
		seen[c.RndA] = true
	}
	broken := iotest.ErrReader(errors.New("no entropy"))
	if _, _, err := Begin(testKey, broken); err == nil || !strings.Contains(err.Error(), "no entropy") {
		t.Error(err)
	}
	if _, _, err := Accept(testKey, [8]byte{}, wire.Challenge{}, broken); err == nil {
		t.Error("a reader without random numbers accepts")
	}
}

// A reader that answers anything at all neither crashes the panel nor gets a session.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{0x53, 0x81, 0x0E, 0x00, 0x0E, 0x02, 0x16, 0x40, 1, 2, 3, 4, 0, 0})
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		panel, _ := pair(t, testKey)
		if _, err := panel.Seal(command()); err != nil {
			t.Fatal(err)
		}
		frame := wire.Frame{Reply: true, Security: wire.SCS18, Code: wire.ReplyRaw, Data: b, MAC: []byte{1, 2, 3, 4}}
		if len(b) >= 4 {
			frame.MAC, frame.Data = b[:4], b[4:]
		}
		if _, err := panel.Open(frame); err == nil {
			t.Error("a forged frame was opened")
		}
	})
}
