package panel

import (
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// onReply changes the answers on the line, check and all.
func (l *line) onReply(change func(f *wire.Frame)) {
	l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
		if !reply {
			return b, 0
		}
		f, _, err := wire.Decode(b[1:])
		if err != nil {
			l.t.Fatal(err)
		}
		change(&f)
		return append([]byte{wire.Mark}, f.Bytes()...), 0
	}
}

func (l *line) neverOnline(d time.Duration) {
	l.t.Helper()
	l.run(d)
	if len(told[Online](l)) > 0 || len(l.cards()) > 0 {
		l.t.Errorf("it is in use%s", l.story())
	}
	if off := told[Offline](l); len(off) != 1 {
		l.t.Errorf("offline told %d times%s", len(off), l.story())
	}
}

func TestL30NoEncryption(t *testing.T) {
	t.Run("a paired reader that has none is not used", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].plain = true
		l.devices[0].caps = nil
		l.devices[0].present(0xA1)
		l.neverOnline(time.Minute)
		l.expectInsecure(Downgrade)
		if d := l.devices[0]; d.count(wire.CmdPoll) > 0 {
			t.Error("it was polled in clear")
		}
	})
	t.Run("stripped from PDCAP: told, and encryption is used all the same", func(t *testing.T) {
		l := secured(t, 1)
		l.onReply(func(f *wire.Frame) {
			if f.Code == wire.ReplyPDCap && !f.Sealed() {
				f.Data = wire.Caps{{Function: wire.CapCheck, Level: 1}}.Data()
			}
		})
		l.up()
		l.devices[0].present(0xA1)
		l.run(time.Second)
		l.expectInsecure(Downgrade)
		l.expectCards(0xA1)
		if !told[Online](l)[0].Secure {
			t.Error("it is used in clear")
		}
	})
	t.Run("a receive size that is said in clear is not acted on", func(t *testing.T) {
		l := secured(t, 1)
		l.onReply(func(f *wire.Frame) {
			if f.Code == wire.ReplyPDCap && !f.Sealed() {
				f.Data = wire.Caps{{Function: wire.CapReceive, Level: 16}, {Function: wire.CapSecurity, Level: 1}}.Data()
			}
		})
		l.up()
		if err := l.p.Send(1, wire.LEDs{{}}); err != nil {
			t.Error(err)
		}
	})
	t.Run("nothing clear is acted on before a session", func(t *testing.T) {
		l := secured(t, 1)
		card := wire.Raw{Bits: []byte{0xEE}, Len: 8}
		l.onReply(func(f *wire.Frame) {
			f.Security, f.SCB, f.Code, f.Data = wire.NoSecurity, nil, card.ReplyCode(), card.Data()
		})
		l.neverOnline(30 * time.Second)
		l.expectInsecure(Downgrade)
	})
	t.Run("nothing clear is acted on in a session", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(time.Second)
		reports := []wire.Reply{wire.Raw{Bits: []byte{0xEE}, Len: 8}, wire.Keypad{Keys: []byte("1234")}, wire.LocalStatus{Tamper: true}, wire.Ack{}}
		for _, r := range reports {
			l.forget()
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				if !reply {
					return b, 0
				}
				f, _, _ := wire.Decode(b[1:])
				forged := wire.Frame{Address: 1, Reply: true, Sequence: f.Sequence, Code: r.ReplyCode(), Data: r.Data()}
				return append(forged.Bytes(), b...), 0
			}
			l.devices[0].present(0xA1)
			l.run(time.Second)
			l.expectCards(0xA1)
			if len(told[Keys](l))+len(told[Tamper](l))+len(told[Offline](l)) > 0 {
				t.Error(l.story())
			}
		}
		if !l.p.readers[0].alerts[Downgrade] {
			t.Error("it was not told")
		}
	})
	t.Run("clear text is a reader's own setting, and told", func(t *testing.T) {
		l := plain(t, 1)
		l.up()
		l.expectInsecure(ClearText)
		if told[Online](l)[0].Secure {
			t.Error("it says that it is secure")
		}
	})
	t.Run("a reader that was not paired is only looked at", func(t *testing.T) {
		l := newLine(t, Config{Readers: []Reader{{Address: 1}}}, newDevice(1, nil))
		l.devices[0].present(0xA1)
		l.neverOnline(time.Minute)
		for _, c := range l.devices[0].got {
			if c.Code() != wire.CmdID && c.Code() != wire.CmdCap {
				t.Errorf("it was sent %s", wire.Name(c.Code()))
			}
		}
		if off := told[Offline](l); off[0].Cause != "it is not paired" {
			t.Error(off)
		}
		if id := told[Identified](l); len(id) != 1 || id[0].Verified || id[0].ID != l.devices[0].id {
			t.Errorf("identified %+v", id)
		}
	})
	t.Run("a reader in clear text that wants encryption is not used", func(t *testing.T) {
		l := plain(t, 1)
		l.devices[0].deaf = map[byte]byte{wire.CmdPoll: wire.NakEncryption}
		l.neverOnline(time.Minute)
		if off := told[Offline](l); off[0].Cause != "it wants an encrypted connection: pair it" {
			t.Error(off)
		}
	})
	t.Run("clear text beside a key is a configuration error", func(t *testing.T) {
		if _, err := New(Config{Readers: []Reader{{Key: newKey(t), ClearText: true}}}); err == nil {
			t.Error("it is taken")
		}
	})
}

func TestL30InstallModeAndStrangeReaders(t *testing.T) {
	t.Run("a reader that asks for a key gets none", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].key = nil
		l.devices[0].present(0xA1)
		l.neverOnline(10 * time.Minute)
		l.expectInsecure(InstallMode)
		if l.devices[0].count(wire.CmdKeySet) > 0 {
			t.Error("it was given a key")
		}
	})
	t.Run("it comes back with its key", func(t *testing.T) {
		l := secured(t, 1)
		key := l.devices[0].key
		l.devices[0].key = nil
		l.neverOnline(time.Minute)
		l.devices[0].key = key
		l.run(10 * time.Second)
		if i := told[Insecure](l); len(i) != 2 || i[1].Active || i[1].Code != InstallMode || len(told[Online](l)) != 1 {
			t.Error(l.story())
		}
	})
	t.Run("SCS_12 with another key flag than asked", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].claim = 0 // with the right key
		l.neverOnline(time.Minute)
		l.expectInsecure(InstallMode)
	})
	t.Run("the default key as its own", func(t *testing.T) {
		l := secured(t, 1)
		own := secure.Default
		l.devices[0].key = &own
		l.neverOnline(time.Minute)
		l.expectInsecure(DefaultKey)
	})
	t.Run("another key", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].key = newKey(t)
		l.neverOnline(time.Minute)
		l.expectInsecure(WrongKey)
	})
}

func TestHandshakeIsDecidedByRMACI(t *testing.T) {
	t.Run("SCS_14 of 0xFF is refused", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].status = 0xFF // with the right R-MAC-I
		l.neverOnline(time.Minute)
		l.expectInsecure(WrongKey)
	})
	t.Run("SCS_14 of anything else with the right R-MAC-I is taken", func(t *testing.T) {
		for _, status := range []byte{0, 1, 2} {
			l := secured(t, 1)
			l.devices[0].status = status
			l.up()
			l.expectInsecure()
		}
	})
	t.Run("a wrong R-MAC-I is refused whatever SCS_14 says", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].alter = func(f *wire.Frame) {
			if f.Security == wire.SCS14 {
				f.Data[7] ^= 1
			}
		}
		l.neverOnline(time.Minute)
		l.expectInsecure(BadMAC)
	})
	t.Run("an answer without its block is refused", func(t *testing.T) {
		for _, block := range []byte{wire.SCS12, wire.SCS14} {
			l := secured(t, 1)
			l.devices[0].alter = func(f *wire.Frame) {
				if f.Security == block {
					f.Security, f.SCB = wire.NoSecurity, nil
				}
			}
			l.neverOnline(time.Minute)
			l.expectInsecure(Downgrade)
		}
	})
}
