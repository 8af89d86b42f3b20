package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/gateway/uplink"
	"kapija/internal/command"
	"kapija/internal/event"
	"kapija/internal/topic"
)

// sealed is a command of the operator ana for the gateway of the bench.
func (b *bench) sealed(body command.Body) []byte {
	b.t.Helper()
	body.By = "ana"
	p, err := command.Seal(b.sign, command.Command{
		Gateway: address, Nonce: command.NewNonce(), Expires: time.Now().Add(30 * time.Second), Body: body,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// gives sends a payload as the broker delivers it, and returns the answer.
func (b *bench) gives(up uplink.Config, payload []byte, retained bool) (r command.Reply) {
	b.t.Helper()
	if err := json.Unmarshal(up.Command(payload, retained), &r); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
	return r
}

var (
	openMain   = command.Body{Do: command.Open, Doors: []string{"main"}, Why: "delivery"}
	lockItDown = command.Body{Do: command.SetMode, Mode: "lockdown"}
)

func TestL56CommandOpensAndAnswersWhatHappened(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		up := <-l.up
		r := l.gives(up, l.sealed(openMain), false)
		if !r.Accepted || r.Nonce == "" || len(r.Doors) != 1 || r.Doors[0].Locked || l.outputs["strike"].driven() != "false true" {
			t.Errorf("%+v, strike %s", r, l.outputs["strike"].driven())
		}
		time.Sleep(6 * time.Second)
		events := l.stop()
		hasInOrder(t, events, "command.accepted main command: ana (delivery)", "door.unlocked main command: ana (delivery)", "door.locked main timeout")
		if n := count(events, event.AccessEntered) + count(events, event.AccessNotEntered); n != 0 {
			t.Errorf("a command is a passage: %d", n)
		}
	})
}

func TestL15RetainedCommandIsRefused(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		var p []byte
		for range 2 {
			l := b.prepare().run()
			synctest.Wait()
			up := <-l.up
			if p == nil {
				p = b.sealed(openMain)
			}
			if r := b.gives(up, p, true); r.Accepted || r.Code != command.Retained {
				t.Errorf("%+v", r)
			}
			if d := l.outputs["strike"].driven(); d != "false" {
				t.Errorf("strike %s", d)
			}
			hasInOrder(t, l.stop(), "command.refused command: a retained command is never carried out: it would come again at each start")
		}
	})
}

func TestL52CommandForAnotherIsRefused(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		synctest.Wait()
		up := <-l.up
		other, err := command.Seal(b.sign, command.Command{
			Gateway: topic.Gateway{Building: "b", Gateway: "h"}, Nonce: command.NewNonce(), Expires: time.Now().Add(time.Second),
			Body: command.Body{Do: command.Open, Doors: []string{"main"}, By: "ana"},
		})
		if err != nil {
			t.Fatal(err)
		}
		late := b.sealed(openMain)
		for name, c := range map[string]struct {
			payload []byte
			want    command.Code
		}{
			"another gateway": {other, command.BadSignature},
			"nobody's":        {newBench(t).sealed(openMain), command.BadSignature},
			"policy":          {b.messages(1)["kapija/1/b/g/policy/rules"], command.BadSignature},
			"garbage":         {[]byte("{}"), command.Malformed},
			"unknown door":    {b.sealed(command.Body{Do: command.Open, Doors: []string{"main", "attic"}}), command.UnknownDoor},
			"unknown mode":    {b.sealed(command.Body{Do: command.SetMode, Mode: "ajar"}), command.BadRequest},
		} {
			if r := b.gives(up, c.payload, false); r.Accepted || r.Code != c.want {
				t.Errorf("%s: %+v", name, r)
			}
		}
		time.Sleep(time.Minute)
		if r := b.gives(up, late, false); r.Code != command.Expired {
			t.Errorf("%+v", r)
		}
		for range 1000 {
			b.gives(up, []byte("{}"), false)
		}
		if d := l.outputs["strike"].driven(); d != "false" {
			t.Errorf("strike %s", d)
		}
		events := l.stop()
		hasInOrder(t, events, "command.refused main open: command: ana: command: there is no door attic at this gateway")
		if n := count(events, event.CommandRefused); n > 6 {
			t.Errorf("%d events: whoever reaches the broker can fill the journal", n)
		}
	})
}

func TestL53CommandIsCarriedOutOnce(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		synctest.Wait()
		p := b.sealed(openMain)
		up := <-l.up
		if r := b.gives(up, p, false); !r.Accepted {
			t.Errorf("%+v", r)
		}
		if r := b.gives(up, p, false); r.Code != command.Repeated {
			t.Errorf("%+v", r)
		}
		l.stop()
		l = b.prepare().run()
		synctest.Wait()
		if r := b.gives(<-l.up, p, false); r.Code != command.Repeated {
			t.Errorf("after a restart: %+v", r)
		}
		if d := l.outputs["strike"].driven(); d != "false" {
			t.Errorf("strike %s", d)
		}
		l.stop()
	})
}

func TestL02LockdownSurvivesARestartWithoutBroker(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		up := <-l.up
		if r := b.gives(up, b.sealed(command.Body{Do: command.SetMode, Mode: "unlocked", Doors: []string{"main"}}), false); !r.Accepted || !r.Stored {
			t.Errorf("%+v", r)
		}
		r := b.gives(up, b.sealed(lockItDown), false)
		if !r.Accepted || !r.Stored || len(r.Doors) != 2 || r.Doors[0].Mode != "lockdown" || !r.Doors[0].Locked {
			t.Fatalf("%+v", r)
		}
		// What is confirmed is on disk: the files as they are now are those of a crash.
		crashed := newBench(t)
		crashed.keys, crashed.sign, crashed.site = b.keys, b.sign, b.site
		if err := os.CopyFS(filepath.Join(crashed.dir, OrdersDir), os.DirFS(filepath.Join(b.dir, OrdersDir))); err != nil {
			t.Fatal(err)
		}
		crashed.stores(b.entry(1, "ana"))
		l.stop()
		for name, again := range map[string]*bench{"after a stop": b, "after a crash": crashed} {
			l := again.prepare()
			l.uplink = func(context.Context, uplink.Config) error { return errBus } // no broker
			l.run()
			synctest.Wait()
			l.says("entry", card(1))
			if d := l.outputs["strike"].driven(); d != "false" {
				t.Errorf("%s: strike %s", name, d)
			}
			hasInOrder(t, l.stop(), "mode.changed main lockdown: command: ana", "access.denied main in ana lockdown badge")
		}
		l = b.prepare().run()
		synctest.Wait()
		up = <-l.up
		if r := b.gives(up, b.sealed(openMain), false); r.Accepted || r.Code != command.DoorState {
			t.Errorf("opened in lockdown: %+v", r)
		}
		if r := b.gives(up, b.sealed(command.Body{Do: command.SetMode, Mode: "secure"}), false); !r.Accepted || r.Doors[0].Mode != "lockdown" {
			t.Errorf("another mode ended the lockdown: %+v", r)
		}
		if r := b.gives(up, b.sealed(command.Body{Do: command.ClearLockdown}), false); !r.Accepted || r.Doors[0].Mode != "secure" || r.Doors[0].By != "command: ana" {
			t.Errorf("%+v", r)
		}
		if r := b.gives(up, b.sealed(command.Body{Do: command.Automatic}), false); !r.Accepted || !r.Stored {
			t.Errorf("%+v", r)
		}
		l.says("entry", card(1))
		hasInOrder(t, l.stop(), "command.accepted clear_lockdown: command: ana", "access.granted main in ana granted badge")
	})
}

func TestForgive(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		if r := l.gives(<-l.up, l.sealed(command.Body{Do: command.Forgive, Badge: "b7"}), false); !r.Accepted {
			t.Errorf("%+v", r)
		}
		hasInOrder(t, l.stop(), "command.accepted b7 forgive: command: ana")
	})
}

// TestL02LockdownOnADiskThatFails has the disk go away below the commander.
func TestL02LockdownOnADiskThatFails(t *testing.T) {
	b := newBench(t)
	keys, err := LoadKeys(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	mail := newMailbox()
	k, _, err := openCommander(t.TempDir(), keys, address, mail, slog.New(slog.DiscardHandler), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	orders := make(chan order)
	k.now, k.carry = func() (time.Time, bool) { return time.Now(), true }, orders
	go func() {
		for o := range orders {
			o.done <- outcome{modes: []byte("{}")}
		}
	}()
	defer close(orders)
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	if r := k.answer(t.Context(), b.sealed(openMain), false); r.Accepted || r.Code != command.NotStored {
		t.Errorf("%+v", r)
	}
	if r := k.answer(t.Context(), b.sealed(lockItDown), false); !r.Accepted || r.Stored || !strings.Contains(r.Text, "restart") {
		t.Errorf("%+v", r)
	}
	if k.unsaved == nil {
		t.Error("it is not tried again")
	}
	if n, first := mail.refusedCommands(); n != 1 || first == nil {
		t.Errorf("%d refused, %v", n, first)
	}
}

func TestCommandForALoopThatHangs(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		keys, err := LoadKeys(b.keys)
		if err != nil {
			t.Fatal(err)
		}
		k, _, err := openCommander(t.TempDir(), keys, address, newMailbox(), slog.New(slog.DiscardHandler), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer k.close()
		k.now, k.carry = func() (time.Time, bool) { return time.Now(), true }, make(chan order)
		if r := k.answer(t.Context(), b.sealed(openMain), false); r.Accepted || r.Code != command.Overloaded {
			t.Errorf("%+v", r)
		}
		k.now = func() (time.Time, bool) { return time.Time{}, false }
		if r := k.answer(t.Context(), b.sealed(openMain), false); r.Code != command.ClockUnset {
			t.Errorf("%+v", r)
		}
	})
}
