package peripheral_test

import (
	"bytes"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// ask polls once and gives everything that comes.
func (b *bench) ask() (frames []wire.Frame, bursts []peripheral.Burst) {
	b.t.Helper()
	f := wire.Frame{Sequence: b.seq, Code: wire.CmdPoll}
	b.seq = b.seq%3 + 1
	if b.session != nil {
		var err error
		if f, err = b.session.Seal(f); err != nil {
			b.t.Fatal(err)
		}
	}
	b.now += 50 * time.Millisecond
	b.last = f.Bytes()
	bursts = b.pd.Receive(b.now, b.last)
	var s wire.Scanner
	for _, burst := range bursts {
		s.Push(burst.At, burst.Bytes)
		for f, ok := s.Next(); ok; f, ok = s.Next() {
			frames = append(frames, f)
		}
	}
	return frames, bursts
}

func TestFaultsOnTheLine(t *testing.T) {
	for fault, check := range map[peripheral.Fault]func(b *bench, frames []wire.Frame, bursts []peripheral.Burst) bool{
		peripheral.LoseCommand: func(b *bench, _ []wire.Frame, bursts []peripheral.Burst) bool {
			return len(bursts) == 0 && len(b.raw(b.last)) == 1
		},
		peripheral.LoseReply: func(b *bench, _ []wire.Frame, bursts []peripheral.Burst) bool {
			return len(bursts) == 0 && len(b.raw(b.last)) == 1
		},
		peripheral.Corrupt: func(_ *bench, frames []wire.Frame, bursts []peripheral.Burst) bool {
			return len(frames) == 0 && len(bursts) == 1
		},
		peripheral.Busy: func(b *bench, frames []wire.Frame, _ []peripheral.Burst) bool {
			again := b.raw(b.last)
			return len(frames) == 1 && frames[0].Code == wire.ReplyBusy && frames[0].Sequence == 0 && !frames[0].Sealed() &&
				len(again) == 1 && again[0].Code == wire.ReplyAck
		},
		peripheral.Restart: func(_ *bench, frames []wire.Frame, _ []peripheral.Burst) bool {
			return len(frames) == 1 && frames[0].Code == wire.ReplyNak && frames[0].Data[0] == wire.NakSequence
		},
		peripheral.Late: func(b *bench, _ []wire.Frame, bursts []peripheral.Burst) bool {
			return len(bursts) == 1 && bursts[0].At > b.now+200*time.Millisecond
		},
		peripheral.Echo: func(b *bench, frames []wire.Frame, bursts []peripheral.Burst) bool {
			return len(bursts) == 2 && bytes.Equal(bursts[0].Bytes, b.last) && len(frames) == 2 && frames[1].Reply
		},
		peripheral.NoMark: func(_ *bench, frames []wire.Frame, bursts []peripheral.Burst) bool {
			return len(frames) == 1 && bursts[0].Bytes[0] == wire.Start
		},
		peripheral.ExtraMarks: func(_ *bench, frames []wire.Frame, bursts []peripheral.Burst) bool {
			p := bursts[0].Bytes
			return len(frames) == 1 && p[0] == wire.Mark && p[1] == wire.Mark && p[len(p)-1] == wire.Mark
		},
		peripheral.Garbage: func(_ *bench, frames []wire.Frame, bursts []peripheral.Burst) bool {
			return len(frames) == 1 && len(bursts[0].Bytes) > frames[0].Size()+5
		},
		peripheral.OtherAddress: func(_ *bench, frames []wire.Frame, _ []peripheral.Burst) bool {
			return len(frames) == 1 && frames[0].Address == 0x40
		},
	} {
		t.Run(string(fault), func(t *testing.T) {
			both(t, func(t *testing.T, b *bench) {
				b.do(poll())
				b.do(poll())
				if err := b.pd.Inject(fault, 1); err != nil {
					t.Fatal(err)
				}
				frames, bursts := b.ask()
				if !check(b, frames, bursts) {
					t.Errorf("frames %v, bursts %x", frames, bursts)
				}
			})
		})
	}
}

func TestFaultsOfAnAttacker(t *testing.T) {
	challenge := wire.Frame{Security: wire.SCS11, SCB: []byte{1}, Code: wire.CmdChallenge, Data: make([]byte, 8)}
	for fault, check := range map[peripheral.Fault]func(b *bench) bool{
		peripheral.BadMAC: func(b *bench) bool {
			frames, _ := b.ask()
			_, err := b.session.Open(frames[0])
			return err == secure.ErrMAC
		},
		peripheral.Replay: func(b *bench) bool {
			var last []wire.Frame // the reply of this number is old, byte by byte
			for range 3 {
				frames, _ := b.ask()
				last = append(last, frames[0])
				if _, err := b.session.Open(frames[0]); err != nil {
					b.t.Fatal(err)
				}
			}
			if err := b.pd.Inject(peripheral.Replay, 1); err != nil {
				b.t.Fatal(err)
			}
			frames, _ := b.ask()
			return bytes.Equal(frames[0].Bytes(), last[0].Bytes())
		},
		peripheral.Downgrade: func(b *bench) bool { return !b.do(wire.Ask(wire.CmdCap)).(wire.Caps).Secure() },
		peripheral.KeyFlag: func(b *bench) bool {
			f := b.one(challenge)
			return f.Security == wire.SCS12 && f.SCB[0] == 0
		},
		peripheral.RefuseKey: func(b *bench) bool {
			b.session = nil
			h, c, err := secure.Begin(scbk, bytes.NewReader(make([]byte, 8)))
			if err != nil {
				b.t.Fatal(err)
			}
			challenge.Data = c.Data()
			r, err := wire.ParseReply(wire.ReplyCCrypt, b.one(challenge).Data)
			if err != nil {
				b.t.Fatal(err)
			}
			s, err := h.Answer(r.(wire.CCrypt))
			if err != nil {
				b.t.Fatal(err)
			}
			f := b.one(wire.Frame{Security: wire.SCS13, SCB: []byte{1}, Code: s.Code(), Data: s.Data()})
			return f.Security == wire.SCS14 && f.SCB[0] == 0xFF
		},
		peripheral.ClearCard: func(b *bench) bool {
			frames, _ := b.ask()
			return len(frames) == 2 && frames[0].Code == wire.ReplyRaw && !frames[0].Sealed() && frames[1].Sealed()
		},
		peripheral.OtherPD:  func(b *bench) bool { return !b.do(wire.Ask(wire.CmdID)).(wire.ID).SameDevice(wire.ID(identity)) },
		peripheral.StaysPut: func(b *bench) bool { b.do(wire.ComSet{Address: 7, Baud: 19200}); return b.pd.Address() == 0 },
	} {
		t.Run(string(fault), func(t *testing.T) {
			b := on(t, peripheral.Config{Key: scbk}).secured(scbk)
			b.do(poll())
			if fault != peripheral.Replay {
				if err := b.pd.Inject(fault, 1); err != nil {
					t.Fatal(err)
				}
			}
			if !check(b) {
				t.Error("it did not strike")
			}
		})
	}
}

func TestFaultIsSwitchedOff(t *testing.T) {
	b := on(t, peripheral.Config{Open: true})
	strikes := func() bool { frames, _ := b.ask(); return len(frames) == 0 }
	if err := b.pd.Inject(peripheral.LoseReply, 2); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false} {
		if strikes() != want {
			t.Errorf("try %d: two strikes were asked for", i)
		}
	}
	if err := b.pd.Inject(peripheral.LoseReply, -1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if !strikes() {
			t.Fatal("it ended by itself")
		}
	}
	if err := b.pd.Inject(peripheral.LoseReply, 0); err != nil {
		t.Fatal(err)
	}
	if strikes() {
		t.Error("it was switched off")
	}
}
