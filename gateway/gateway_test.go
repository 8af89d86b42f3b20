package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/event"
	"kapija/internal/policy"
)

func TestBadgeOpens(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()

		l.says("entry", card(1))
		if l.outputs["strike"].driven() != "false true" || l.outputs["led"].driven() != "true" || l.outputs["buzzer"].driven() != "true" {
			t.Errorf("strike %q, led %q, buzzer %q", l.outputs["strike"].driven(), l.outputs["led"].driven(), l.outputs["buzzer"].driven())
		}
		up := <-l.up
		if s := up.State(); !s.Online || s.Policy != 1 || s.Doors[0].Locked || s.Queued == 0 || s.Clock != event.ClockIsHeld {
			t.Errorf("state %+v", s)
		}
		time.Sleep(time.Second)
		l.says("contact", active)
		time.Sleep(time.Second)
		l.says("contact", normal)
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("the strike stays released after the door has closed")
		}
		if s := up.State(); !s.Doors[0].Locked || s.Doors[0].Open || s.Doors[0].Mode != "secure" {
			t.Errorf("door %+v", s.Doors[0])
		}
		events := l.stop()
		hasInOrder(t, events, "gateway.started version test", "door.locked main start",
			"access.granted main in ana granted badge", "door.unlocked main in ana badge", "door.opened main badge",
			"access.entered main in ana badge", "door.closed main closed", "door.locked main closed", "gateway.stopped stop")
		var prev string
		for i, e := range events {
			if e.Seq != uint64(i+1) || (e.Prev == "") != (i == 0) || e.Prev == prev && i > 0 || e.Boot == "" || e.At.Before(morning) {
				t.Errorf("event %d: %+v", i, e)
			}
			if (e.Kind == event.AccessGranted) != (e.DecidedUs > 0) {
				t.Errorf("%s took %d µs", e.Kind, e.DecidedUs)
			}
			prev = e.Prev
		}
		if last := events[len(events)-1]; last.Kind != event.GatewayStopped {
			t.Errorf("the last event is %s", last.Kind)
		}
	})
}

func TestL12EachRefusalHasItsReason(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		revoked, suspended, expired, early := b.entry(1, "revoked"), b.entry(2, "suspended"), b.entry(3, "expired"), b.entry(4, "early")
		revoked.Status, suspended.Status = policy.Revoked, policy.Suspended
		expired.NotAfter, early.NotBefore = morning, morning.Add(time.Hour)
		night, elsewhere := b.entry(5, "night"), b.entry(6, "elsewhere")
		night.Levels, elsewhere.Levels = []uint16{2}, []uint16{3}
		b.stores(revoked, suspended, expired, early, night, elsewhere)
		l := b.prepare().run()
		synctest.Wait()
		for n := range byte(7) {
			l.says("entry", card(n+1))
		}
		l.says("exit", bridge.Read{Fault: bridge.BadParity, Bits: []byte{1}, Len: 26})
		l.says("exit", bridge.Read{Fault: bridge.UnknownFormat, Bits: []byte{1}, Len: 3})
		other := card(1)
		other.Len = 27 // L08
		l.says("exit", other)
		if d := l.outputs["strike"].driven(); d != "false" {
			t.Errorf("the strike was driven: %s", d)
		}
		hasInOrder(t, l.stop(),
			"access.denied main in revoked revoked badge", "access.denied main in suspended suspended badge",
			"access.denied main in expired expired badge", "access.denied main in early not_yet_valid badge",
			"access.denied main in night outside_schedule badge", "access.denied main in elsewhere no_access badge",
			"access.denied main in unknown_badge badge", "access.denied main out bad_parity badge",
			"access.denied main out unknown_format badge", "access.denied main out unknown_badge badge")
	})
}

func TestWithoutPolicyNothingOpens(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		l.says("entry", card(1))
		hasInOrder(t, l.stop(), "access.denied main in policy_missing badge")
	})
}

func TestPolicyArrivesAndRevokes(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		up := <-l.up
		for at, payload := range b.messages(1, b.entry(1, "ana")) {
			up.Policy(at, payload)
		}
		up.Policy("kapija/1/b/g/policy/00", []byte("garbage"))
		time.Sleep(time.Second)
		l.says("entry", card(1))
		gone := b.entry(1, "ana")
		gone.Status = policy.Revoked
		for at, payload := range b.messages(2, gone) {
			up.Policy(at, payload)
		}
		l.says("entry", card(1))
		time.Sleep(time.Second)
		if v := up.State().Policy; v != 2 {
			t.Errorf("the state says version %d", v)
		}
		events := l.stop()
		hasInOrder(t, events, "policy.applied version 1, 257 shards", "access.granted main in ana granted badge",
			"access.denied main in ana revoked badge", "policy.applied version 2, 257 shards")
		if count(events, event.PolicyApplied) != 2 || count(events, event.PolicyRefused) != 1 {
			t.Errorf("%d applied, %d refused", count(events, event.PolicyApplied), count(events, event.PolicyRefused))
		}

		again := b.prepare().run() // the broker is gone: the stored policy counts
		synctest.Wait()
		again.says("entry", card(1))
		events = again.stop()[len(events):]
		hasInOrder(t, events, "access.denied main in ana revoked badge")
	})
}

func TestL07InputsAreReadAtStart(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare()
		for _, id := range []string{"contact", "rex", "leak"} {
			l.sources[id].first = []any{online, bridge.Level{Active: true, First: true}}
		}
		l.run()
		time.Sleep(21 * time.Second)
		synctest.Wait()
		l.says("contact", normal)
		l.says("leak", normal)
		events := l.stop()
		hasInOrder(t, events, "door.opened main start", "door.locked main start", "door.held main timeout",
			"door.closed main closed", "door.held_cleared main closed")
		hasInOrder(t, events, "rex.pressed main out start", "door.locked main start")
		hasInOrder(t, events, "input.active leak", "door.locked main start", "input.normal leak")
		if count(events, event.DoorForced) != 0 || l.outputs["strike"].driven() != "false" {
			t.Errorf("forced %d, strike %q", count(events, event.DoorForced), l.outputs["strike"].driven())
		}
	})
}

func TestL09ExpiredCardWithTheClockAtTheEpoch(t *testing.T) {
	b := newBench(t)
	expired := b.entry(1, "expired")
	expired.NotAfter = morning
	b.stores(expired, b.entry(2, "ana"))
	inTheMorning(t, func(t *testing.T) {
		l := b.prepare().run()
		synctest.Wait()
		l.stop()
	})
	synctest.Test(t, func(t *testing.T) { // a bubble's clock begins in 2000
		l := b.prepare().run()
		synctest.Wait()
		l.says("entry", card(1))
		l.says("entry", card(2))
		events := l.stop()
		hasInOrder(t, events, "access.denied main in expired expired badge", "access.granted main in ana granted badge")
		for _, e := range events {
			if e.At.Before(morning) || e.Clock != event.ClockIsHeld {
				t.Errorf("%s at %v, clock %s", e.Kind, e.At, e.Clock)
			}
		}
	})
}

func TestL14NothingIsEnergisedBeforePolicyAndInputsAreRead(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare()
		l.sources["contact"].after = time.Second
		l.run()
		l.says("entry", card(1))
		time.Sleep(900 * time.Millisecond)
		for id, o := range l.outputs {
			if o.driven() != "" {
				t.Errorf("%s was driven before the contact was read: %s", id, o.driven())
			}
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if on, _ := l.outputs["magnet"].Level(); !on {
			t.Error("the fail-safe lock is not energised")
		}
		hasInOrder(t, l.stop(), "door.locked main start", "access.granted main in ana granted badge")
	})
}

func TestSilentInputDoesNotKeepTheDoorsFromStarting(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare()
		l.sources["leak"].first = nil
		l.sources["contact"].first = []any{bridge.Health{Cause: "no such line"}}
		l.run()
		time.Sleep(inputsTime)
		synctest.Wait()
		l.says("entry", card(1))
		hasInOrder(t, l.stop(), "input.offline main contact: no such line", "door.locked main start",
			"access.granted main in ana granted badge", "access.entered main in ana assumed")
	})
}

func TestL18EachMoveOfALockHasItsCause(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		l.says("rex", active)
		l.says("rex", normal)
		time.Sleep(6 * time.Second)
		l.says("magnet-entry", card(1))
		time.Sleep(6 * time.Second)
		l.says("entry", card(1))
		events := l.stop()
		hasInOrder(t, events, "rex.pressed main out rex", "door.unlocked main out rex", "door.locked main timeout",
			"door.unlocked vault in ana badge", "access.entered vault in ana assumed", "door.locked vault timeout",
			"door.unlocked main in ana badge", "access.not_entered main in ana stop", "door.locked main stop")
		for _, e := range events {
			if (e.Kind == event.DoorLocked || e.Kind == event.DoorUnlocked) && e.Cause == "" {
				t.Errorf("event %d, %s, has no cause", e.Seq, e.Kind)
			}
		}
		if d := l.outputs["strike"].driven(); d != "false true false true false" {
			t.Errorf("strike %s", d)
		}
		if d := l.outputs["magnet"].driven(); d != "true false true" {
			t.Errorf("magnet %s: at the end it must stay locked, which is energised", d)
		}
	})
}
