package panel

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// fresh is a line with n devices in install mode.
func fresh(t testing.TB, n int) *line {
	t.Helper()
	var c Config
	var devices []*device
	for a := 1; a <= n; a++ {
		devices = append(devices, newDevice(byte(a), nil))
		c.Readers = append(c.Readers, Reader{Address: byte(a)})
	}
	l := newLine(t, c, devices...)
	l.run(2 * time.Second)
	return l
}

func (l *line) pair(address byte, key secure.Key) {
	l.t.Helper()
	l.pairing = true
	if err := l.p.Pair(address, key, l.now+time.Minute); err != nil {
		l.t.Fatal(err)
	}
}

func TestPairing(t *testing.T) {
	t.Run("a new reader", func(t *testing.T) {
		l := fresh(t, 2)
		d := l.devices[0]
		key := newKey(t)
		l.pair(1, *key)
		d.present(0xA1)
		l.run(5 * time.Second)
		if p := told[Paired](l); len(p) != 1 || p[0].ID != d.id || !d.key.Equal(*key) {
			t.Fatalf("paired %+v%s", p, l.story())
		}
		if len(told[PairingStarted](l)) != 1 || len(told[Online](l)) != 1 || d.count(wire.CmdKeySet) != 1 {
			t.Error(l.story())
		}
		l.expectCards(0xA1)
		l.expectInsecure()
		l.pairing = false // from here on the default key is a fault
		d.powerCut()
		l.run(5 * time.Second)
		if d := l.devices[1]; d.count(wire.CmdChallenge) > 0 {
			t.Error("the other reader was challenged")
		}
	})
	t.Run("nothing is acted on in a session with the default key", func(t *testing.T) {
		l := fresh(t, 1)
		d := l.devices[0]
		d.present(0xA1)
		d.keepKey = true
		l.pair(1, *newKey(t))
		l.run(2 * time.Minute)
		if len(told[Online](l)) > 0 || len(l.cards()) > 0 || d.count(wire.CmdPoll) > 0 {
			t.Error(l.story())
		}
	})
	t.Run("a reader that says something else than who it is gets no key, and its card is not acted on", func(t *testing.T) {
		l := fresh(t, 1)
		d := l.devices[0]
		d.blurt = true
		d.present(0xA1)
		l.pair(1, *newKey(t))
		l.run(5 * time.Second)
		l.expectCards()
		if f := told[PairingFailed](l); len(f) != 1 || f[0].Cause != "it does not say who it is" || d.count(wire.CmdKeySet) > 0 {
			t.Error(l.story())
		}
	})
	t.Run("its time is over before the handshake", func(t *testing.T) {
		for wait := 30 * ms; wait < 200*ms; wait += ms {
			l := fresh(t, 1)
			l.pairing = true
			if err := l.p.Pair(1, *newKey(t), l.now+wait); err != nil {
				t.Fatal(err)
			}
			l.run(10 * time.Second)
			if len(told[PairingFailed](l))+len(told[Paired](l)) == 0 {
				t.Errorf("%v: %s", wait, l.story())
			}
		}
	})
	t.Run("a reader in use gets another key in its session", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		d := l.devices[0]
		key := newKey(t)
		if err := l.p.Pair(1, *key, l.now+time.Minute); err != nil { // l.pairing is false: SCBK-D is a fault
			t.Fatal(err)
		}
		l.run(5 * time.Second)
		if len(told[Paired](l)) != 1 || !d.key.Equal(*key) || len(told[Offline](l)) > 0 {
			t.Error(l.story())
		}
	})
	t.Run("L30 a reader in use is never offered the default key, even when its session is broken", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(time.Minute)
		l.idle()
		n := 0
		l.onReply(func(f *wire.Frame) {
			if f.Sealed() && n < 2 {
				f.MAC[0] ^= 1
				n++
			}
			if f.Security == wire.SCS12 && n < 5 {
				f.SCB[0] = 0 // as if it were in install mode
				n++
			}
		})
		key := newKey(t)
		if err := l.p.Pair(1, *key, l.now+time.Minute); err != nil { // l.pairing is false: SCBK-D is a fault
			t.Fatal(err)
		}
		l.run(59 * time.Second)
		if n != 5 || len(told[Paired](l)) != 1 {
			t.Error(n, l.story())
		}
	})
	t.Run("a paired reader that was set back", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		d := l.devices[0]
		d.key = nil
		d.powerCut()
		l.run(time.Second)
		l.expectInsecure(InstallMode)
		key := newKey(t)
		l.pair(1, *key)
		l.run(10 * time.Second)
		if len(told[Paired](l)) != 1 || !d.key.Equal(*key) {
			t.Error(l.story())
		}
	})
	t.Run("a reader in clear text becomes a secure one", func(t *testing.T) {
		l := plain(t, 1)
		l.up()
		l.clear[1] = false // after this no command in clear
		key := newKey(t)
		l.pair(1, *key)
		l.run(10 * time.Second)
		if len(told[Paired](l)) != 1 || !told[Insecure](l)[len(told[Insecure](l))-1].Active == false {
			t.Error(l.story())
		}
		l.pairing = false
		l.devices[0].powerCut()
		l.run(5 * time.Second)
		if l.devices[0].session == nil {
			t.Error("it is used in clear again")
		}
	})
	t.Run("one reader at a time", func(t *testing.T) {
		l := fresh(t, 2)
		l.devices[0].dead = true
		l.pair(1, *newKey(t))
		if err := l.p.Pair(2, *newKey(t), l.now+time.Minute); err == nil || !strings.Contains(err.Error(), "one at a time") {
			t.Error(err)
		}
		if len(told[PairingStarted](l)) != 0 {
			l.run(ms)
		}
	})
	t.Run("it ends in time", func(t *testing.T) {
		l := fresh(t, 1)
		d := l.devices[0]
		d.dead = true
		l.pair(1, *newKey(t))
		l.run(61 * time.Second)
		if f := told[PairingFailed](l); len(f) != 1 || f[0].Unsure {
			t.Error(l.story())
		}
		l.pairing = false
		d.dead = false
		l.run(time.Minute)
		if d.key != nil {
			t.Error("paired after its time")
		}
		if err := l.p.Pair(1, *newKey(t), l.now-time.Minute); err == nil {
			t.Error("paired in no time at all")
		}
	})
	t.Run("unknown address", func(t *testing.T) {
		if err := fresh(t, 1).p.Pair(9, *newKey(t), 0); err == nil {
			t.Error("taken")
		}
	})
	t.Run("a reader that is not in install mode", func(t *testing.T) {
		l := fresh(t, 1)
		l.devices[0].key = newKey(t)
		l.pair(1, *newKey(t))
		l.run(61 * time.Second)
		if f := told[PairingFailed](l); len(f) != 1 || !strings.Contains(f[0].Cause, "not in install mode") {
			t.Error(l.story())
		}
	})
	t.Run("another device that comes in between is refused", func(t *testing.T) {
		l := fresh(t, 1)
		l.devices[0].id.Serial++
		l.pair(1, *newKey(t))
		l.run(5 * time.Second)
		if len(told[PairingRefused](l)) != 1 || l.devices[0].count(wire.CmdKeySet) > 0 || !slices.Equal(l.insecure(), []Code{Swapped}) {
			t.Error(l.story())
		}
	})
}

func TestKeySetKeepsOldAndNewUntilTheNewOneIsProven(t *testing.T) {
	keySet := func(f wire.Frame) bool { return f.Code == wire.CmdKeySet }
	for name, c := range map[string]struct {
		prepare func(l *line, d *device)
		paired  bool
	}{
		"its answer is lost": {func(l *line, d *device) {
			n := 0
			lost := false
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				if f, _, _ := wire.Decode(b[1:]); !reply {
					lost = keySet(f)
				}
				if reply && lost && n < 3 {
					n++
					return nil, 0
				}
				return b, 0
			}
		}, true},
		"its answer is in clear":        {func(l *line, d *device) { d.clearAck = true }, true},
		"it refuses":                    {func(l *line, d *device) { d.deaf = map[byte]byte{wire.CmdKeySet: wire.NakRecord} }, false},
		"it says yes and keeps its own": {func(l *line, d *device) { d.keepKey = true }, false},
		"it has the key, and restarts before it answers": {func(l *line, d *device) {
			cut := false
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				f, _, _ := wire.Decode(b[1:])
				if reply && cut {
					cut, l.fault = false, nil
					d.powerCut()
					return nil, 0
				}
				cut = !reply && keySet(f)
				return b, 0
			}
		}, true},
		"it restarts before it hears": {func(l *line, d *device) {
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				if f, _, _ := wire.Decode(b[1:]); !reply && keySet(f) {
					l.fault = nil
					d.powerCut()
					return nil, 0
				}
				return b, 0
			}
		}, true},
	} {
		for _, used := range []bool{false, true} {
			kind := " (install mode)"
			l := fresh(t, 1)
			if used {
				kind = " (in use)"
				l = secured(t, 1)
				l.up()
				l.run(time.Minute)
			}
			t.Run(name+kind, func(t *testing.T) {
				l.t = t
				d := l.devices[0]
				before := d.key
				c.prepare(l, d)
				key := newKey(t)
				l.pair(1, *key)
				l.run(3 * time.Minute)
				if c.paired != (len(told[Paired](l)) == 1) || c.paired == (len(told[PairingFailed](l)) == 1) {
					t.Fatal(l.story())
				}
				d.deaf, d.keepKey, l.fault = nil, false, nil
				want := before
				if c.paired {
					want = key
				}
				if (d.key == nil) != (want == nil) || want != nil && !d.key.Equal(*want) {
					t.Error("it has another key")
				}
				l.pairing = false
				l.forget()
				d.powerCut()
				d.present(0xA1)
				l.run(20 * time.Second)
				if want != nil {
					l.expectCards(0xA1)
				} else {
					l.expectCards()
				}
			})
		}
	}
}

// A gateway that was cut off in the middle of a pairing holds both keys.
func TestPendingKey(t *testing.T) {
	for _, took := range []bool{false, true} {
		before, after := newKey(t), newKey(t)
		has := before
		if took {
			has = after
		}
		d := newDevice(1, has)
		l := newLine(t, Config{Readers: []Reader{{Address: 1, Key: before, Pending: after}}}, d)
		if !l.until(10*time.Second, l.online) {
			t.Fatal(l.story())
		}
		if p, f := told[Paired](l), told[PairingFailed](l); (len(p) == 1) != took || (len(f) == 1) == took {
			t.Error(l.story())
		}
		l.expectInsecure()
	}
}

// A pairing whose end is not known does not stand in the way of the next one, whichever key the reader has.
func TestPairingAfterOneWhoseEndIsNotKnown(t *testing.T) {
	for _, took := range []bool{false, true} {
		before, earlier, now := newKey(t), newKey(t), newKey(t)
		has := before
		if took {
			has = earlier
		}
		d := newDevice(1, has)
		l := newLine(t, Config{Readers: []Reader{{Address: 1, Key: before, Pending: earlier}}}, d)
		l.run(ms)
		l.pair(1, *now)
		l.run(10 * time.Second)
		want := []Paired{{d.id, false}}
		if took {
			want = []Paired{{d.id, true}, {d.id, false}}
		}
		if have := told[Paired](l); !slices.Equal(have, want) || !d.key.Equal(*now) {
			t.Errorf("%+v%s", have, l.story())
		}
	}
}

// A NAK in clear may be somebody else's word: the key that the reader may have is kept.
func TestForgedNakToKeySetLosesNoKey(t *testing.T) {
	l := secured(t, 1)
	l.up()
	l.run(time.Second)
	d := l.devices[0]
	keySet := false
	l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
		f, _, _ := wire.Decode(b[1:])
		if !reply {
			keySet = f.Sealed() && len(f.Data) == 32
		} else if keySet {
			l.fault = nil
			nak := wire.Frame{Address: 1, Reply: true, Sequence: f.Sequence, Code: wire.ReplyNak, Data: []byte{wire.NakRecord}}
			return append(nak.Bytes(), b...), 0
		}
		return b, 0
	}
	key := newKey(t)
	l.pair(1, *key)
	l.run(5 * time.Second)
	if f := told[PairingFailed](l); len(f) != 1 || !f[0].Unsure || !d.key.Equal(*key) {
		t.Fatal(l.story())
	}
	d.powerCut()
	l.run(20 * time.Second)
	if len(told[Paired](l)) != 1 {
		t.Error(l.story())
	}
}
