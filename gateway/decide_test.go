package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/command"
	"kapija/internal/policy"
)

func pin(digits string) bridge.Read {
	return bridge.Read{Format: bridge.FormatPIN, Bits: []byte(digits), Len: 8 * len(digits)}
}

// asks sets the rule of the main door.
func (b *bench) asks(r policy.DoorRule) {
	b.rules = rules(1)
	b.rules.Doors = map[string]policy.DoorRule{"main": r}
}

func (b *bench) withPIN(n byte, badge, digits string) policy.Entry {
	b.t.Helper()
	e := b.entry(n, badge)
	e.Person = policy.PersonOf(badge)
	var err error
	if e.PIN, err = b.site.PINKey(e.Person, digits); err != nil {
		b.t.Fatal(err)
	}
	return e
}

func TestCardAndPIN(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.asks(policy.DoorRule{Mode: policy.ModeCardAndPIN})
		b.stores(b.withPIN(1, "ana", "2580"))
		l := b.prepare().run()
		synctest.Wait()
		l.says("entry", card(1))
		if l.outputs["strike"].driven() != "false" || l.outputs["led"].driven() != "true" {
			t.Errorf("strike %s, led %s", l.outputs["strike"].driven(), l.outputs["led"].driven())
		}
		l.says("entry", pin("2580"))
		if l.outputs["strike"].driven() != "false true" {
			t.Errorf("strike %s", l.outputs["strike"].driven())
		}
		time.Sleep(10 * time.Second)
		l.says("entry", card(1)) // duress
		l.says("entry", pin("2581"))
		time.Sleep(10 * time.Second)
		l.says("entry", card(1))
		l.says("entry", pin("1111"))
		l.says("entry", pin("2580")) // without a card (L11)
		l.says("entry", card(1))
		time.Sleep(pinTime)
		l.says("entry", card(1))
		events := l.stop()
		hasInOrder(t, events, "access.granted main in ana granted badge",
			"access.granted main in ana duress badge", "access.duress main in ana duress badge",
			"access.denied main in ana wrong_pin badge", "access.denied main in wrong_pin badge",
			"access.denied main in ana pin_needed badge", "access.denied main in ana pin_needed badge", "gateway.stopped stop")
		if n := count(events, "access.denied"); n != 4 {
			t.Errorf("%d refusals", n)
		}
	})
}

func TestModeByPlanAndByCommand(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.asks(policy.DoorRule{Periods: []policy.Period{{Schedule: "day", Mode: policy.ModeUnlocked}}})
		b.rules.Schedules = append(b.rules.Schedules, policy.Schedule{ID: "day", Intervals: []policy.Interval{{Days: 0x7f, From: 10*60 + 1, To: 11 * 60}}})
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		time.Sleep(90 * time.Second) // 10:01 in Belgrade
		if on, _ := l.outputs["strike"].Level(); !on {
			t.Error("the plan does not unlock the door")
		}
		up := <-l.up
		l.gives(up, l.sealed(lockItDown), false)
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("a lockdown does not stand above the plan")
		}
		l.gives(up, l.sealed(command.Body{Do: command.ClearLockdown}), false)
		time.Sleep(time.Hour)
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("the plan does not lock the door")
		}
		hasInOrder(t, l.stop(), "mode.changed main unlocked: schedule", "mode.changed main lockdown: command: ana",
			"mode.changed main unlocked: schedule", "mode.changed main secure: schedule")
	})
}

func TestSecondPersonIsAskedFor(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.asks(policy.DoorRule{TwoPerson: 30})
		b.stores(b.withPIN(1, "ana", "1234"), b.withPIN(2, "boris", "1234"))
		l := b.prepare().run()
		synctest.Wait()
		l.says("entry", card(1))
		time.Sleep(5 * time.Second)
		l.says("entry", card(2))
		l.says("contact", active)
		hasInOrder(t, l.stop(), "access.denied main in ana second_person_needed badge", "access.granted main in ana granted badge",
			"access.granted main in boris granted badge", "access.entered main in ana badge", "access.entered main in boris badge")
	})
}
