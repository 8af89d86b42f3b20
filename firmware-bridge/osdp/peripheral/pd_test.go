package peripheral_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

var scbk = secure.Key{0x6B, 0x1F, 0x99, 0x02, 0xC4, 0x3D, 0x7A, 0xE8, 0x15, 0xB0, 0x5C, 0xF1, 0x22, 0x9E, 0x48, 0xD7}

var identity = peripheral.Identity{Vendor: [3]byte{0x0A, 0x0B, 0x0C}, Model: 3, Version: 1, Serial: 0xC0FFEE, Firmware: [3]byte{1, 2, 3}}

// bench speaks to one PD, one command after the other, with the panel's side of package secure.
type bench struct {
	t       *testing.T
	pd      *peripheral.PD
	now     time.Duration
	seq     byte
	session *secure.Session
	last    []byte // the last command
}

func on(t *testing.T, cfg peripheral.Config) *bench {
	t.Helper()
	cfg.ID = identity
	cfg.Rand = rand.NewChaCha8([32]byte{})
	return &bench{t: t, pd: peripheral.New(cfg), now: time.Second}
}

// raw sends bytes and gives the frames that come back.
func (b *bench) raw(data []byte) []wire.Frame {
	b.t.Helper()
	b.now += 50 * time.Millisecond
	b.last = data
	var s wire.Scanner
	var out []wire.Frame
	for _, burst := range b.pd.Receive(b.now, data) {
		if burst.At < b.now {
			b.t.Errorf("a reply at %v to a command at %v", burst.At, b.now)
		}
		s.Push(burst.At, burst.Bytes)
		for f, ok := s.Next(); ok; f, ok = s.Next() {
			out = append(out, f)
		}
	}
	return out
}

// one sends a frame with the next number, and expects one reply of that number.
func (b *bench) one(f wire.Frame) wire.Frame {
	b.t.Helper()
	f.Sequence = b.seq
	b.seq = b.seq%3 + 1
	if b.session != nil && f.Security == wire.NoSecurity {
		var err error
		if f, err = b.session.Seal(f); err != nil {
			b.t.Fatal(err)
		}
	}
	got := b.raw(f.Bytes())
	if len(got) != 1 {
		b.t.Fatalf("%s: %d replies, expected 1", wire.Name(f.Code), len(got))
	}
	r := got[0]
	if !r.Reply || r.Sequence != f.Sequence {
		b.t.Errorf("%s number %d: reply %v, number %d", wire.Name(f.Code), f.Sequence, r.Reply, r.Sequence)
	}
	if b.session != nil && r.Sealed() {
		var err error
		if r, err = b.session.Open(r); err != nil {
			b.t.Fatalf("%s: %v", wire.Name(f.Code), err)
		}
	}
	return r
}

func (b *bench) do(c wire.Command) wire.Reply {
	b.t.Helper()
	f := b.one(wire.Frame{Address: b.pd.Address(), Code: c.Code(), Data: c.Data()})
	r, err := wire.ParseReply(f.Code, f.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) expect(c wire.Command, want wire.Reply) {
	b.t.Helper()
	if got := b.do(c); !same(got, want) {
		b.t.Errorf("%s: reply %x % x, expected %x % x", wire.Name(c.Code()), got.ReplyCode(), got.Data(), want.ReplyCode(), want.Data())
	}
}

func same(a, b wire.Reply) bool {
	return a.ReplyCode() == b.ReplyCode() && bytes.Equal(a.Data(), b.Data())
}

// secured makes a session.
func (b *bench) secured(key secure.Key) *bench {
	b.t.Helper()
	flag := byte(1)
	if key == secure.Default {
		flag = 0
	}
	h, c, err := secure.Begin(key, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		b.t.Fatal(err)
	}
	address := b.pd.Address()
	f := b.one(wire.Frame{Address: address, Security: wire.SCS11, SCB: []byte{flag}, Code: c.Code(), Data: c.Data()})
	if f.Security != wire.SCS12 || len(f.SCB) != 1 || f.SCB[0] != flag {
		b.t.Fatalf("CHLNG: security block %x %x, code %x", f.Security, f.SCB, f.Code)
	}
	r, err := wire.ParseReply(f.Code, f.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := h.Answer(r.(wire.CCrypt))
	if err != nil {
		b.t.Fatal(err)
	}
	f = b.one(wire.Frame{Address: address, Security: wire.SCS13, SCB: []byte{flag}, Code: s.Code(), Data: s.Data()})
	if f.Security != wire.SCS14 || len(f.SCB) != 1 || f.SCB[0] != 1 {
		b.t.Fatalf("SCRYPT: security block %x %x, code %x", f.Security, f.SCB, f.Code)
	}
	if r, err = wire.ParseReply(f.Code, f.Data); err != nil {
		b.t.Fatal(err)
	}
	if b.session, err = h.Finish(r.(wire.RMAC)); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func poll() wire.Command { return wire.Ask(wire.CmdPoll) }

func nak(reason byte) wire.Reply { return wire.Nak{Reason: reason} }

var card = wire.Raw{Kind: 1, Bits: []byte{0x12, 0x34, 0x56, 0x40}, Len: 26}

func present(t *testing.T, pd *peripheral.PD) {
	t.Helper()
	if err := pd.Card(card.Bits, card.Len); err != nil {
		t.Fatal(err)
	}
}

// both runs a test in clear and in a session.
func both(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("clear", func(t *testing.T) { test(t, on(t, peripheral.Config{Open: true})) })
	t.Run("secure", func(t *testing.T) { test(t, on(t, peripheral.Config{Key: scbk}).secured(scbk)) })
}

func TestObeys(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		b.expect(wire.Ask(wire.CmdID), wire.ID(identity))
		caps := b.do(wire.Ask(wire.CmdCap)).(wire.Caps)
		if !caps.Secure() || caps.ChecksumOnly() || caps.Receive() != 512 || caps.Get(wire.CapOutputs).Count != 2 {
			t.Errorf("capabilities %v", caps)
		}
		b.expect(poll(), wire.Ack{})
		b.expect(wire.Ask(wire.CmdLStat), wire.LocalStatus{})
		b.expect(wire.Ask(wire.CmdIStat), wire.Inputs{0, 0})
		b.expect(wire.Ask(wire.CmdRStat), wire.Readers{0})
		b.expect(wire.Outs{{Output: 1, Do: wire.OutOn}}, wire.Ack{})
		b.expect(wire.Ask(wire.CmdOStat), wire.Outputs{0, 1})
		b.expect(wire.RxSize(1024), wire.Ack{})
		if !b.pd.View(b.now).Outputs[1] {
			t.Error("output 1 is off")
		}
	})
}

func TestTellsToPoll(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		present(t, b.pd)
		for _, err := range []error{b.pd.Keys("12*#"), b.pd.Tamper(true), b.pd.Power(true), b.pd.Input(1, wire.InputOn), b.pd.Formatted("x")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		b.expect(poll(), card)
		b.expect(poll(), wire.Keypad{Keys: []byte{'1', '2', wire.KeyCancel, wire.KeyEnter}})
		b.expect(poll(), wire.LocalStatus{Tamper: true})
		b.expect(poll(), wire.LocalStatus{Tamper: true, PowerFailure: true})
		b.expect(poll(), wire.Inputs{0, 1})
		if r := b.do(poll()); r.ReplyCode() != wire.ReplyFmt {
			t.Errorf("reply %x, expected FMT", r.ReplyCode())
		}
		if n := b.pd.Waiting(); n != 1 {
			t.Errorf("%d events wait, expected the last, which may not have arrived", n)
		}
		b.expect(poll(), wire.Ack{})
		if n := b.pd.Waiting(); n != 0 {
			t.Errorf("%d events wait", n)
		}
	})
}

func TestL28RepeatsTheReplyToARepeatedCommand(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		present(t, b.pd)
		b.do(poll()) // in clear this is number 0, which begins anew when repeated
		b.do(poll())
		present(t, b.pd)
		f := wire.Frame{Sequence: b.seq, Code: wire.CmdPoll}
		if b.session != nil {
			f, _ = b.session.Seal(f)
		}
		first := b.raw(f.Bytes())
		again := b.raw(f.Bytes())
		if len(first) != 1 || len(again) != 1 || !bytes.Equal(first[0].Bytes(), again[0].Bytes()) {
			t.Fatalf("replies %v and %v", first, again)
		}
		if b.session != nil {
			if _, err := b.session.Open(again[0]); err != nil {
				t.Fatal(err)
			}
		}
		b.seq = b.seq%3 + 1
		b.expect(poll(), wire.Ack{})
	})
}

func TestRefuses(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		for name, c := range map[string]struct {
			frame  wire.Frame
			reason byte
		}{
			"unknown command":   {wire.Frame{Code: 0x99}, wire.NakUnknown},
			"MFG":               {wire.Frame{Code: 0x80, Data: []byte{1, 2, 3}}, wire.NakUnknown},
			"POLL with data":    {wire.Frame{Code: wire.CmdPoll, Data: []byte{1}}, wire.NakLength},
			"short LED":         {wire.Frame{Code: wire.CmdLED, Data: make([]byte, 13)}, wire.NakLength},
			"no LED":            {wire.Frame{Code: wire.CmdLED}, wire.NakLength},
			"LED 7":             {wire.Frame{Code: wire.CmdLED, Data: append([]byte{0, 7}, make([]byte, 12)...)}, wire.NakRecord},
			"output 9":          {wire.Frame{Code: wire.CmdOut, Data: []byte{9, 2, 0, 0}}, wire.NakRecord},
			"text too short":    {wire.Frame{Code: wire.CmdText, Data: []byte{0, 1, 0, 1, 1, 9, 'x'}}, wire.NakLength},
			"file part missing": {wire.Frame{Code: wire.CmdFileTransfer, Data: []byte{1, 9, 0, 0, 0, 0, 0, 0, 0, 9, 0}}, wire.NakLength},
			"frame too large":   {wire.Frame{Code: wire.CmdText, Data: make([]byte, 600)}, wire.NakLength},
		} {
			f := b.one(c.frame)
			if f.Code != wire.ReplyNak || len(f.Data) != 1 || f.Data[0] != c.reason {
				t.Errorf("%s: reply %x % x, expected NAK %d", name, f.Code, f.Data, c.reason)
			}
		}
		b.expect(poll(), wire.Ack{})
	})
}

func TestRefusesWrongSequence(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		b.do(poll())
		b.do(poll())
		for _, skip := range []byte{2, 3} {
			f := wire.Frame{Sequence: (b.seq+skip-2)%3 + 1, Code: wire.CmdLStat} // one ahead; the last one with other bytes
			got := b.raw(f.Bytes())
			if len(got) != 1 || got[0].Code != wire.ReplyNak || got[0].Data[0] != wire.NakSequence {
				t.Errorf("number %d, expected %d: reply %+v", f.Sequence, b.seq, got)
			}
		}
		if b.pd.Refused(wire.NakSequence) != 2 {
			t.Errorf("%d NAKs counted", b.pd.Refused(wire.NakSequence))
		}
		b.expect(poll(), wire.Ack{}) // the right number is still taken
	})
}

func TestSilentTo(t *testing.T) {
	b := on(t, peripheral.Config{Address: 5, Open: true})
	good := wire.Frame{Address: 5, Code: wire.CmdPoll}
	broken := good.Bytes()
	broken[len(broken)-1] ^= 1
	other, reply := good, good
	other.Address, reply.Reply = 6, true
	for name, bytes := range map[string][]byte{"a wrong CRC": broken, "another address": other.Bytes(), "a reply": reply.Bytes(),
		"noise": {0x53, 0xFF, 0x53, 0x85}} {
		if got := b.raw(bytes); len(got) != 0 {
			t.Errorf("%s: %d replies", name, len(got))
		}
	}
	b.now += time.Second
	if got := b.raw(append([]byte{0xFF, 0x53, 0xFF, 0xFF}, good.Bytes()...)); len(got) != 1 {
		t.Errorf("a command after noise: %d replies", len(got))
	}
	good.Address = wire.Broadcast
	if got := b.raw(good.Bytes()); len(got) != 1 || got[0].Address != 5 {
		t.Errorf("broadcast: replies %+v", got)
	}
}

func TestChecksum(t *testing.T) {
	b := on(t, peripheral.Config{Open: true, Checksum: true})
	if caps := b.do(wire.Ask(wire.CmdCap)).(wire.Caps); !caps.ChecksumOnly() {
		t.Errorf("capabilities %v", caps)
	}
	if got := b.raw(wire.Frame{Sequence: 1, Code: wire.CmdPoll}.Bytes()); len(got) != 0 {
		t.Error("a CRC was understood")
	}
	if f := b.one(wire.Frame{Code: wire.CmdPoll, Checksum: true}); !f.Checksum || f.Code != wire.ReplyAck {
		t.Errorf("reply %+v", f)
	}
}

func TestOutsideASessionOnlyIdentification(t *testing.T) {
	b := on(t, peripheral.Config{Key: scbk})
	present(t, b.pd)
	b.expect(wire.Ask(wire.CmdID), wire.ID(identity))
	for _, c := range []wire.Command{poll(), wire.Ask(wire.CmdLStat), wire.ComSet{Address: 1, Baud: 9600}, wire.KeySet{Key: scbk},
		wire.Outs{{Do: wire.OutOn}}} {
		b.expect(c, nak(wire.NakEncryption))
	}
	if b.pd.View(b.now).Outputs[0] {
		t.Error("an output was driven in clear")
	}
}

func TestInASessionNothingInClear(t *testing.T) {
	b := on(t, peripheral.Config{Key: scbk, Open: true}).secured(scbk)
	session := b.session
	b.session = nil
	b.expect(poll(), nak(wire.NakEncryption))
	b.session = session
	b.expect(poll(), wire.Ack{})
}

func TestBadMACEndsTheSession(t *testing.T) {
	b := on(t, peripheral.Config{Key: scbk}).secured(scbk)
	f, err := b.session.Seal(wire.Frame{Code: wire.CmdPoll})
	if err != nil {
		t.Fatal(err)
	}
	f.MAC[3] ^= 1
	if r := b.one(f); r.Code != wire.ReplyNak || r.Data[0] != wire.NakEncryption || r.Sealed() {
		t.Errorf("reply %+v", r)
	}
	if up, _ := b.pd.Secure(); up {
		t.Error("the session goes on")
	}
	b.session = nil
	b.secured(scbk).expect(poll(), wire.Ack{})
}

func TestKeys(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  peripheral.Config
		flag byte
		nak  byte // 0: taken
	}{
		"own key":                        {peripheral.Config{Key: scbk}, 1, 0},
		"default key, not in install":    {peripheral.Config{Key: scbk}, 0, wire.NakEncryption},
		"default key, told to install":   {peripheral.Config{Key: scbk, Install: true}, 0, 0},
		"default key, out of the box":    {peripheral.Config{}, 0, 0},
		"own key, out of the box":        {peripheral.Config{}, 1, wire.NakEncryption},
		"no such key":                    {peripheral.Config{Key: scbk}, 2, wire.NakSecurity},
		"no Secure Channel":              {peripheral.Config{Plain: true}, 1, wire.NakSecurity},
		"no Secure Channel, default key": {peripheral.Config{Plain: true}, 0, wire.NakSecurity},
	} {
		b := on(t, c.cfg)
		f := b.one(wire.Frame{Security: wire.SCS11, SCB: []byte{c.flag}, Code: wire.CmdChallenge, Data: make([]byte, 8)})
		switch {
		case c.nak == 0 && (f.Code != wire.ReplyCCrypt || f.SCB[0] != c.flag):
			t.Errorf("%s: reply %+v", name, f)
		case c.nak != 0 && (f.Code != wire.ReplyNak || f.Data[0] != c.nak):
			t.Errorf("%s: reply %x % x, expected NAK %d", name, f.Code, f.Data, c.nak)
		}
	}
}

func TestWrongPanelGetsNoSession(t *testing.T) {
	b := on(t, peripheral.Config{Key: scbk})
	b.one(wire.Frame{Security: wire.SCS11, SCB: []byte{1}, Code: wire.CmdChallenge, Data: make([]byte, 8)})
	f := b.one(wire.Frame{Security: wire.SCS13, SCB: []byte{1}, Code: wire.CmdSCrypt, Data: make([]byte, 16)})
	if f.Code != wire.ReplyNak || f.Data[0] != wire.NakEncryption {
		t.Errorf("a wrong cryptogram: reply %+v", f)
	}
	if up, _ := b.pd.Secure(); up {
		t.Error("it made a session")
	}
}

func TestKeySet(t *testing.T) {
	for name, clear := range map[string]bool{"answered in the session": false, "answered in clear": true} {
		t.Run(name, func(t *testing.T) {
			b := on(t, peripheral.Config{ClearAck: clear}).secured(secure.Default)
			b.expect(wire.KeySet{Key: scbk}, wire.Ack{})
			if b.pd.Key() != scbk {
				t.Fatal("the key was not taken")
			}
			b.session = nil
			b.secured(scbk).expect(poll(), wire.Ack{})
			if up, own := b.pd.Secure(); !up || !own {
				t.Errorf("session %v, own key %v", up, own)
			}
			f := b.one(wire.Frame{Security: wire.SCS11, SCB: []byte{0}, Code: wire.CmdChallenge, Data: make([]byte, 8)})
			if f.Code != wire.ReplyNak {
				t.Error("install mode did not end")
			}
		})
	}
}

func TestComSet(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		f := b.one(wire.Frame{Code: wire.CmdComSet, Data: wire.ComSet{Address: 9, Baud: 38400}.Data()})
		if f.Address != 0 || f.Code != wire.ReplyCom || !bytes.Equal(f.Data, wire.Com{Address: 9, Baud: 38400}.Data()) {
			t.Errorf("answer %+v, expected one from the old address", f)
		}
		if b.pd.Address() != 9 || b.pd.Baud() != 38400 {
			t.Errorf("now at %d, %d baud", b.pd.Address(), b.pd.Baud())
		}
		b.pd.PowerCut()
		if b.pd.Address() != 9 || b.pd.Baud() != 38400 {
			t.Errorf("at %d, %d baud after a power cut", b.pd.Address(), b.pd.Baud())
		}
	})
}

func TestPowerCut(t *testing.T) {
	both(t, func(t *testing.T, b *bench) {
		b.do(poll())
		present(t, b.pd)
		b.pd.PowerCut()
		secured := b.session != nil
		b.session = nil
		if b.seq == 0 {
			t.Fatal("nothing was said yet")
		}
		b.expect(poll(), nak(wire.NakSequence))
		b.seq = 0
		if secured {
			b.secured(scbk)
		}
		b.expect(poll(), wire.Ack{}) // the card is lost, as in a real one
	})
}

func TestSilenceEndsTheSession(t *testing.T) {
	b := on(t, peripheral.Config{Key: scbk}).secured(scbk)
	b.now += 7 * time.Second
	b.expect(poll(), wire.Ack{})
	b.now += 9 * time.Second
	f, err := b.session.Seal(wire.Frame{Code: wire.CmdPoll})
	if err != nil {
		t.Fatal(err)
	}
	if r := b.one(f); r.Code != wire.ReplyNak || r.Data[0] != wire.NakSequence {
		t.Errorf("reply %+v", r)
	}
}

func TestShows(t *testing.T) {
	b := on(t, peripheral.Config{Open: true})
	view := func(after time.Duration) peripheral.View { return b.pd.View(b.now + after) }
	b.expect(wire.LEDs{{Permanent: wire.LEDPermanent, On: 1, OnColour: wire.Red}}, wire.Ack{})
	if got := view(time.Hour).LED; got != wire.Red {
		t.Errorf("LED %d, expected red", got)
	}
	b.expect(wire.LEDs{{Temporary: wire.LEDTemporary, TempOn: 2, TempOff: 3, TempOnColour: wire.Green, TempTime: 10}}, wire.Ack{})
	for after, want := range map[time.Duration]byte{0: wire.Green, 199: wire.Green, 200: wire.Black, 499: wire.Black, 500: wire.Green, 999: wire.Black, 1000: wire.Red} {
		if got := view(after * time.Millisecond).LED; got != want {
			t.Errorf("LED after %d ms: %d, expected %d", after, got, want)
		}
	}
	b.expect(wire.LEDs{{Temporary: wire.LEDCancel}}, wire.Ack{})
	if got := view(0).LED; got != wire.Red {
		t.Errorf("LED %d, expected red", got)
	}
	b.expect(wire.Buzzer{Tone: 2, On: 1, Off: 1, Count: 2}, wire.Ack{})
	for after, want := range map[time.Duration]bool{0: true, 100: false, 200: true, 300: false, 400: false} {
		if got := view(after * time.Millisecond).Buzzer; got != want {
			t.Errorf("buzzer after %d ms: %v", after, got)
		}
	}
	b.expect(wire.Outs{{Output: 0, Do: wire.OutOnFor, Time: 10}}, wire.Ack{})
	if !view(999 * time.Millisecond).Outputs[0] || view(time.Second).Outputs[0] {
		t.Error("output 0 was not on for a second")
	}
	b.expect(wire.Outs{{Output: 0, Do: wire.OutOnFor, Time: 10}, {Output: 0, Do: wire.OutOnAfterTime}}, wire.Ack{})
	if !view(time.Hour).Outputs[0] {
		t.Error("output 0 did not stay on")
	}
	b.expect(wire.Text{Mode: 1, Row: 1, Column: 1, Text: "Dobrodošli"}, wire.Ack{})
	b.expect(wire.Text{Mode: 3, Seconds: 2, Row: 1, Column: 1, Text: "Stop"}, wire.Ack{})
	if now, later := view(0).Text, view(2*time.Second).Text; now != "Stop" || later != "Dobrodošli" {
		t.Errorf("text %q, then %q", now, later)
	}
}

func TestFile(t *testing.T) {
	b := on(t, peripheral.Config{Open: true, File: peripheral.File{Delay: 100 * time.Millisecond, Receive: 200, Finishing: 1, Final: wire.FileRebooting}})
	data := []byte("firmware of ten and more bytes")
	part := func(offset, n int) wire.Command {
		return wire.FileTransfer{Type: 1, Total: uint32(len(data)), Offset: uint32(offset), Part: data[offset : offset+n]}
	}
	stat := func(status int16) wire.Reply { return wire.FTStat{Action: 1, Delay: 100, Status: status, Max: 200} }
	b.expect(part(0, 10), stat(wire.FileOK))
	b.expect(part(10, 10), stat(wire.FileOK)) // 50 ms later
	b.now += time.Second
	b.expect(part(0, 10), stat(wire.FileOK)) // from the beginning
	b.expect(part(12, 10), stat(wire.FileMalformed))
	b.now += time.Second
	b.expect(part(10, 20), stat(wire.FileFinishing))
	b.now += time.Second
	b.expect(wire.FileTransfer{Type: 1, Total: uint32(len(data)), Offset: uint32(len(data))}, stat(wire.FileRebooting))
	if got, early := b.pd.File(); !bytes.Equal(got, data) || early != 2 {
		t.Errorf("file %q, %d parts too early", got, early)
	}
}

func TestQueueIsBounded(t *testing.T) {
	pd := peripheral.New(peripheral.Config{})
	for range 64 {
		present(t, pd)
	}
	if err := pd.Card(card.Bits, card.Len); err == nil {
		t.Error("the 65th card found room")
	}
	for name, err := range map[string]error{"bits": pd.Card([]byte{1, 2}, 3), "key": pd.Keys("12a"), "keys": pd.Keys(""), "input": pd.Input(2, 1),
		"fault": pd.Inject("nonsense", 1)} {
		if err == nil || !strings.HasPrefix(err.Error(), "peripheral: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestKeysAreHidden(t *testing.T) {
	cfg := peripheral.Config{Key: scbk}
	text, err := json.Marshal(cfg.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), fmt.Sprintf("%+v", peripheral.New(cfg)), string(text)} {
		if strings.Contains(strings.ToLower(s), "6b1f") || strings.Contains(s, "107 31 153") || strings.Contains(s, "0x6b, 0x1f") {
			t.Errorf("a key can be read in %s", s)
		}
	}
}
