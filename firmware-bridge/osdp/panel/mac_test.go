package panel

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func TestBadMAC(t *testing.T) {
	t.Run("the session is dropped at the first one, and another made", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(2 * time.Minute)
		l.idle()
		d := l.devices[0]
		l.onReply(func(f *wire.Frame) {
			if f.Sealed() {
				f.MAC[0] ^= 1
				l.fault = nil
			}
		})
		sessions := d.sessions
		l.sent = nil
		l.run(time.Minute)
		if len(told[Insecure](l)) != 1 {
			t.Errorf("it is over too early%s", l.story())
		}
		l.run(time.Minute)
		l.expectInsecure(BadMAC)
		if l.sent[1].Code != wire.CmdID || l.sent[1].Sequence != 0 || l.sent[3].Code != wire.CmdChallenge || d.sessions != sessions+1 || len(told[Offline](l)) > 0 {
			t.Errorf("then came %v; %d sessions%s", l.sent[1], d.sessions, l.story())
		}
		if i := told[Insecure](l); len(i) != 2 || i[1].Active {
			t.Error(l.story())
		}
		d.present(0xA1)
		l.run(time.Second)
		l.expectCards(0xA1)
	})
	t.Run("the rate of handshakes is limited", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.onReply(func(f *wire.Frame) {
			if f.Sealed() {
				f.MAC[0] ^= 1
			}
		})
		l.sent = nil
		l.run(time.Minute)
		n := 0
		for _, f := range l.sent {
			if f.Code == wire.CmdChallenge {
				n++
			}
		}
		if n < 10 || n > 15 {
			t.Errorf("%d handshakes in a minute, expected one every 5 s", n)
		}
		if len(told[Offline](l)) != 1 {
			t.Error(l.story())
		}
	})
	t.Run("a repeated answer is no answer", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(time.Second)
		var old [4][]byte
		l.devices[0].present(0xA1)
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if reply {
				if f, _, _ := wire.Decode(b[1:]); len(f.Data) > 0 {
					old[f.Sequence] = b // the card
				}
			}
			return b, 0
		}
		l.run(time.Second)
		l.expectCards(0xA1)
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if reply {
				if f, _, _ := wire.Decode(b[1:]); old[f.Sequence] != nil {
					return append(old[f.Sequence], b...), 0
				}
			}
			return b, 0
		}
		l.run(time.Second)
		l.expectCards(0xA1)
		l.expectInsecure(BadMAC)
	})
	t.Run("a command that somebody else sent breaks the chain", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(time.Second)
		d := l.devices[0]
		open := wire.Frame{Address: 1, Sequence: d.sequence%3 + 1, Code: wire.CmdOut, Data: wire.Outs{{Do: wire.OutOn}}.Data()}
		d.hear(open.Bytes())
		l.devices[0].present(0xA1)
		l.run(5 * time.Second)
		l.expectCards(0xA1)
		if d.sessions != 2 {
			t.Errorf("%d sessions", d.sessions)
		}
	})
	t.Run("periodic new handshake", func(t *testing.T) {
		l := secured(t, 1)
		l.up()
		l.run(2*time.Hour + time.Minute)
		d := l.devices[0]
		if d.sessions != 3 || len(told[Online](l)) != 1 || len(told[Offline](l)) > 0 {
			t.Errorf("%d sessions in 2 h%s", d.sessions, l.story())
		}
		l.expectInsecure()
	})
	t.Run("periodic new handshake, as configured, loses no card", func(t *testing.T) {
		key := newKey(t)
		l := newLine(t, Config{Baud: 9600, Rekey: 2 * time.Second, Readers: []Reader{{Address: 1, Key: key}}}, newDevice(1, key))
		l.up()
		var want []byte
		for i := range byte(100) {
			l.devices[0].present(i)
			want = append(want, i)
			l.run(300 * ms)
		}
		l.expectCards(want...)
		if n := l.devices[0].sessions; n < 10 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestInASessionOnlyBusyNakAndTheAnswerToKeySetMayBeClear(t *testing.T) {
	l := secured(t, 1)
	l.up()
	l.run(2 * time.Minute)
	d := l.devices[0]
	d.session = nil // it lost the session, and says so in clear
	l.devices[0].present(0xA1)
	l.run(2 * time.Second)
	l.expectCards(0xA1)
	l.expectInsecure()
	d.busy = 1
	l.run(time.Second)
	if d.sessions != 2 {
		t.Errorf("%d sessions", d.sessions)
	}
}

func TestKeysAndCardsDoNotLeak(t *testing.T) {
	l := secured(t, 1)
	d := l.devices[0]
	key := *d.key
	l.up()
	d.present(0xDE, 0xAD, 0xBE, 0xEF)
	d.events = append(d.events, wire.Keypad{Keys: []byte("975310")})
	l.pairing = true
	next := newKey(t)
	if err := l.p.Pair(1, *next, l.now+time.Minute); err != nil {
		t.Fatal(err)
	}
	l.run(10 * time.Second)
	if len(told[Card](l)) != 1 || len(told[Keys](l)) != 1 || len(told[Paired](l)) != 1 {
		t.Fatal(l.story())
	}
	var out bytes.Buffer
	config := Config{Readers: []Reader{{Key: &key}}}
	things := []any{l.p, config, wire.KeySet{Key: key}}
	for _, e := range l.events {
		things = append(things, e)
	}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb, thing)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "thing", thing)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "thing", thing)
		if j, err := json.Marshal(thing); err == nil {
			out.Write(j)
		}
	}
	all := strings.ToLower(out.String())
	for _, leak := range []string{"dead", "deadbeef", "222, 173", "222 173", "975310", "3q2+7", hex.EncodeToString(key[:3]), hex.EncodeToString(next[:3]),
		fmt.Sprintf("%d %d %d", key[0], key[1], key[2]), fmt.Sprintf("%d,%d,%d", key[0], key[1], key[2])} {
		if strings.Contains(all, leak) {
			t.Errorf("%q is shown", leak)
		}
	}
}
