package osdp_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// stranger is a world whose panel has a key for the reader, and whose reader is cfg.
func stranger(t *testing.T, cfg peripheral.Config) *world {
	_, r := sealed.pd(0)
	cfg.ID = identity(0)
	w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, cfg)
	w.keep = true
	return w
}

// silent checks that nothing which the reader said was acted on, and that it was asked for nothing but the handshake.
func silent(t *testing.T, w *world) {
	t.Helper()
	for _, e := range w.events {
		switch e.What.(type) {
		case panel.Card, panel.Keys, panel.Input, panel.Tamper, panel.Output, panel.Power, panel.Online:
			t.Errorf("acted on %T", e.What)
		}
	}
	for _, f := range w.sent {
		switch f.Code {
		case wire.CmdID, wire.CmdCap, wire.CmdChallenge, wire.CmdSCrypt:
		default:
			t.Errorf("sent %s", wire.Name(f.Code))
		}
		if f.Code == wire.CmdChallenge && f.SCB[0] != 1 {
			t.Error("asked for the default key")
		}
	}
}

func TestL30NoEncryption(t *testing.T) {
	t.Run("the reader has none", func(t *testing.T) {
		w := stranger(t, peripheral.Config{Plain: true})
		w.present(0, 1)
		w.run(30 * second)
		silent(t, w)
		if !w.insecure(panel.Downgrade) || len(all[panel.Offline](w)) != 1 {
			t.Errorf("events %v", w.words())
		}
	})
	t.Run("it was stripped from PDCAP", func(t *testing.T) {
		cfg, _ := sealed.pd(0)
		w := stranger(t, cfg)
		w.inject(0, peripheral.Downgrade, -1)
		w.present(0, 1)
		w.run(5 * second)
		// The reader proves itself all the same; that somebody changed its words is told.
		if !w.insecure(panel.Downgrade) {
			t.Errorf("events %v", w.words())
		}
		if session, _ := w.pds[0].Secure(); !session || !slices.Equal(w.cards(), []uint32{1}) {
			t.Errorf("session %v, cards %v", session, w.cards())
		}
		for _, f := range w.sent {
			if !f.Sealed() && f.Code == wire.CmdPoll {
				t.Fatal("polled in clear")
			}
		}
	})
	t.Run("clear text is told", func(t *testing.T) {
		w := of(t, clear, 1)
		w.run(3 * second)
		if !w.insecure(panel.ClearText) || slices.Equal(all[panel.Online](w), []panel.Online{{Secure: true}}) {
			t.Errorf("events %v", w.words())
		}
	})
	t.Run("a reader without a key is not used", func(t *testing.T) {
		cfg, _ := clear.pd(0)
		w := newWorld(t, panel.Config{Readers: []panel.Reader{{Address: 0}}}, cfg)
		w.keep = true
		w.present(0, 1)
		w.run(30 * second)
		silent(t, w)
	})
}

func TestL30InstallMode(t *testing.T) {
	t.Run("a strange reader asks for a key", func(t *testing.T) {
		w := stranger(t, peripheral.Config{}) // out of the box, as an attacker puts it there
		w.present(0, 1)
		w.run(time.Minute)
		silent(t, w)
		if w.pds[0].Key() != (secure.Key{}) {
			t.Error("it was given a key")
		}
		if len(all[panel.Insecure](w)) == 0 {
			t.Errorf("events %v", w.words())
		}
	})
	t.Run("SCS_12 with another key flag", func(t *testing.T) {
		cfg, _ := sealed.pd(0)
		w := stranger(t, cfg)
		w.inject(0, peripheral.KeyFlag, -1)
		w.present(0, 1)
		w.run(time.Minute)
		silent(t, w)
		if !w.insecure(panel.InstallMode) {
			t.Errorf("events %v", w.words())
		}
		w.inject(0, peripheral.KeyFlag, 0)
		w.until("online", 10*second, func() bool { return len(all[panel.Online](w)) == 1 })
	})
	t.Run("SCS_14 says 0xFF", func(t *testing.T) {
		cfg, _ := sealed.pd(0)
		w := stranger(t, cfg)
		w.inject(0, peripheral.RefuseKey, -1)
		w.present(0, 1)
		w.run(time.Minute)
		silent(t, w)
		if !w.insecure(panel.WrongKey) {
			t.Errorf("events %v", w.words())
		}
	})
	t.Run("pairing is a technician's", func(t *testing.T) {
		w := newWorld(t, panel.Config{Readers: []panel.Reader{{Address: 0}}}, peripheral.Config{ID: identity(0)})
		w.keep = true
		w.run(30 * second)
		silent(t, w)
		if err := w.panel.Pair(0, key(1), w.now+time.Minute); err != nil {
			t.Fatal(err)
		}
		w.until("paired", 10*second, func() bool { return len(all[panel.Paired](w)) == 1 })
		if n := len(all[panel.PairingStarted](w)); n != 1 || w.pds[0].Key() != key(1) {
			t.Errorf("events %v", w.words())
		}
		// Afterwards the default key is of no use any more.
		w.forget()
		w.pds[0].PowerCut()
		w.run(time.Minute)
		for _, f := range w.sent {
			if f.Code == wire.CmdChallenge && f.SCB[0] == 0 || f.Code == wire.CmdKeySet {
				t.Errorf("sent %s with the default key", wire.Name(f.Code))
			}
		}
	})
	t.Run("pairing ends in time", func(t *testing.T) {
		w := newWorld(t, panel.Config{Readers: []panel.Reader{{Address: 0}}}, peripheral.Config{ID: identity(0), Key: key(9)})
		w.run(second)
		if err := w.panel.Pair(0, key(1), w.now+20*second); err != nil {
			t.Fatal(err)
		}
		w.run(25 * second)
		if got := all[panel.PairingFailed](w); len(got) != 1 || got[0].Unsure {
			t.Errorf("events %v", w.words())
		}
	})
}

func TestL30WeakKeys(t *testing.T) {
	for name, k := range map[string]secure.Key{"default": secure.Default, "zero": {}, "ascending": *weak()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, panel.Config{Readers: []panel.Reader{{Address: 0, Key: &k}}}, peripheral.Config{ID: identity(0), Key: k})
			w.keep = true
			w.present(0, 1)
			w.run(20 * second)
			silent(t, w)
			if !w.insecure(panel.WeakKey) {
				t.Errorf("events %v", w.words())
			}
			if err := w.panel.Pair(0, k, w.now+time.Minute); !errors.Is(err, secure.ErrWeak) {
				t.Errorf("pairing with it: error %v", err)
			}
		})
	}
}

func TestL30SwapAndSabotage(t *testing.T) {
	pair := func(w *world) error { return w.panel.Pair(0, key(50), w.now+time.Minute) }
	t.Run("another PDID", func(t *testing.T) {
		w := of(t, sealed, 1).online()
		w.inject(0, peripheral.OtherPD, -1)
		w.pds[0].PowerCut()
		w.run(5 * second)
		if !w.insecure(panel.Swapped) {
			t.Errorf("events %v", w.words())
		}
		if err := pair(w); !errors.Is(err, panel.ErrBlocked) {
			t.Errorf("error %v", err)
		}
		if err := w.panel.Release(0); err != nil {
			t.Fatal(err)
		}
		if err := pair(w); err != nil {
			t.Errorf("after the release: %v", err)
		}
	})
	t.Run("tamper", func(t *testing.T) {
		w := of(t, sealed, 1).online()
		if err := w.pds[0].Tamper(true); err != nil {
			t.Fatal(err)
		}
		w.run(second)
		if got := all[panel.Tamper](w); !slices.Equal(got, []panel.Tamper{{Active: true}}) {
			t.Errorf("tamper %v", got)
		}
		if err := pair(w); !errors.Is(err, panel.ErrBlocked) {
			t.Errorf("error %v", err)
		}
		if err := w.panel.Release(0); err == nil {
			t.Error("released while it is open")
		}
	})
	t.Run("offline", func(t *testing.T) {
		w := of(t, sealed, 1).online()
		w.inject(0, peripheral.LoseCommand, -1)
		w.run(10 * second)
		w.inject(0, peripheral.LoseCommand, 0)
		w.run(10 * second)
		if err := pair(w); !errors.Is(err, panel.ErrBlocked) || len(all[panel.Offline](w)) != 1 {
			t.Errorf("error %v, events %v", err, w.words())
		}
	})
}

func TestL30ShortMACReplayInjection(t *testing.T) {
	for f, code := range map[peripheral.Fault]panel.Code{
		peripheral.BadMAC: panel.BadMAC, peripheral.Replay: panel.BadMAC, peripheral.ClearCard: panel.Downgrade,
	} {
		t.Run(string(f), func(t *testing.T) {
			w := of(t, sealed, 1).online()
			w.present(0, 1)
			w.run(second)
			w.keep = true
			w.inject(0, f, 1)
			w.run(5 * second)
			if !w.insecure(code) {
				t.Errorf("events %v", w.words())
			}
			handshakes := len(slices.DeleteFunc(slices.Clone(w.sent), func(f wire.Frame) bool { return f.Code != wire.CmdChallenge }))
			if want := map[bool]int{true: 0, false: 1}[f == peripheral.ClearCard]; handshakes != want {
				t.Errorf("%d new handshakes, expected %d", handshakes, want)
			}
			w.present(0, 2)
			w.run(3 * second)
			if got := w.cards(); !slices.Equal(got, []uint32{1, 2}) || len(all[panel.Offline](w)) > 0 {
				t.Errorf("cards %v, events %v", got, w.words())
			}
		})
	}
	t.Run("an attacker gets few tries", func(t *testing.T) {
		w := of(t, sealed, 1).online()
		w.keep = true
		w.inject(0, peripheral.BadMAC, -1)
		w.run(10 * time.Minute)
		tries := 0
		for _, f := range w.sent {
			if f.Code == wire.CmdChallenge {
				tries++
			}
		}
		if tries > 10*60/4 || tries < 10 {
			t.Errorf("%d handshakes in 10 minutes", tries)
		}
		if got := all[panel.Insecure](w); len(got) > 2*tries+2 {
			t.Errorf("%d alarms for %d handshakes", len(got), tries)
		}
	})
}
