package panel

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

func TestWeakKeysAreRefused(t *testing.T) {
	weak := []secure.Key{secure.Default, {}, {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F}}
	for _, key := range weak {
		d := newDevice(1, &key)
		l := newLine(t, Config{Readers: []Reader{{Address: 1, Key: &key}}}, d)
		l.neverOnline(30 * time.Second)
		l.expectInsecure(WeakKey)
		if err := l.p.Pair(1, key, l.now+time.Minute); !errors.Is(err, secure.ErrWeak) {
			t.Errorf("paired with a weak key: %v", err)
		}
		l.run(time.Minute)
		if r := told[PairingRefused](l); len(r) != 1 || d.count(wire.CmdKeySet) > 0 {
			t.Error(l.story())
		}
	}
}

func TestOneKeyPerReader(t *testing.T) {
	key := newKey(t)
	l := newLine(t, Config{Readers: []Reader{{Address: 1, Key: key}, {Address: 2, Key: key}}}, newDevice(1, key), newDevice(2, key))
	l.run(20 * time.Second)
	l.expectInsecure(WeakKey)
	if on := told[Online](l); len(on) != 1 {
		t.Errorf("%d readers are used with one key", len(on))
	}
	if err := l.p.Pair(2, *key, l.now+time.Minute); !errors.Is(err, secure.ErrWeak) {
		t.Errorf("paired with the key of another reader: %v", err)
	}
}

func TestSwapAndSabotage(t *testing.T) {
	for name, c := range map[string]struct {
		sabotage func(l *line)
		mend     func(l *line)
		cause    string
	}{
		"offline": {
			func(l *line) { l.devices[0].dead = true },
			func(l *line) { l.devices[0].dead = false },
			"it was offline"},
		"tamper": {
			func(l *line) { l.devices[0].events = append(l.devices[0].events, wire.LocalStatus{Tamper: true}) },
			func(l *line) { l.devices[0].events = append(l.devices[0].events, wire.LocalStatus{}) },
			"it was tampered with"},
		"another PDID": {
			func(l *line) { l.devices[0].id.Serial++; l.devices[0].powerCut() },
			func(l *line) {},
			"it is another device than before"},
	} {
		t.Run(name, func(t *testing.T) {
			l := secured(t, 1)
			l.pairing = true
			l.up()
			l.run(time.Second)
			l.forget()
			c.sabotage(l)
			l.run(20 * time.Second)
			alarm := len(told[Offline](l)) + len(told[Tamper](l)) + len(l.insecure())
			if alarm != 1 {
				t.Errorf("%d alarms%s", alarm, l.story())
			}
			err := l.p.Pair(1, *newKey(t), l.now+time.Minute)
			if !errors.Is(err, ErrBlocked) || !strings.Contains(err.Error(), c.cause) {
				t.Errorf("pairing: %v", err)
			}
			l.run(time.Second)
			if len(told[PairingRefused](l)) != 1 || l.devices[0].count(wire.CmdKeySet) > 0 {
				t.Error(l.story())
			}
			c.mend(l)
			l.run(10 * time.Second)
			if err := l.p.Pair(1, *newKey(t), l.now+time.Minute); !errors.Is(err, ErrBlocked) {
				t.Errorf("pairing without release: %v", err)
			}
			if err := l.p.Release(1); err != nil {
				t.Fatal(err)
			}
			if err := l.p.Pair(1, *newKey(t), l.now+time.Minute); err != nil {
				t.Error(err)
			}
			l.run(10 * time.Second)
			if p := told[Paired](l); len(p) != 1 || p[0].ID != l.devices[0].id {
				t.Errorf("paired %+v%s", p, l.story())
			}
		})
	}
	t.Run("a reader that is open is not released", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].local.Tamper = true
		l.up()
		l.run(time.Second)
		if err := l.p.Release(1); err == nil || !strings.Contains(err.Error(), "close it first") {
			t.Error(err)
		}
	})
	t.Run("new firmware is no other device", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].id.Firmware[0]++
		l.up()
		l.run(time.Second)
		l.expectInsecure()
	})
	t.Run("a paired reader that is silent from the start blocks pairing", func(t *testing.T) {
		l := secured(t, 1)
		l.devices[0].dead = true
		l.run(20 * time.Second)
		if err := l.p.Pair(1, *newKey(t), l.now+time.Minute); !errors.Is(err, ErrBlocked) {
			t.Error(err)
		}
	})
	t.Run("tamper of one of its readers", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(time.Second)
		l.devices[0].events = []wire.Reply{wire.Readers{wire.ReaderNormal, wire.ReaderTamper}, wire.Readers{wire.ReaderNormal, wire.ReaderTamper}, wire.Readers{0, 0}}
		l.run(2 * time.Second)
		if have := told[Tamper](l); !slices.Equal(have, []Tamper{{false}, {true}, {false}}) {
			t.Error(have)
		}
	})
}
