package gateway

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/journal"
	"kapija/internal/event"
	"kapija/internal/site"
)

// fireSite adds a fire input, two tamper contacts, and a door that opens on fire.
func fireSite(b *site.Building) {
	g := b.Gateways[0]
	g.Fire, g.Tamper = "fire", "cabinet"
	g.Readers[0].Tamper = "wall"
	for _, id := range []string{"fire", "cabinet", "wall"} {
		g.Inputs = append(g.Inputs, &site.Input{ID: id})
	}
	b.Doors[1].OnFire = "release"
}

func (b *bench) prepareFire() *live {
	b.alter = fireSite
	l := b.prepare()
	for _, id := range []string{"fire", "cabinet", "wall"} {
		l.sources[id] = &fakeSource{id: id, say: make(chan any), first: []any{online, bridge.Level{First: true}}}
	}
	return l
}

func TestFire(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepareFire().run()
		synctest.Wait()
		up := <-l.up
		l.gives(up, l.sealed(lockItDown), false)
		l.says("fire", active)
		if on, _ := l.outputs["magnet"].Level(); on || !up.State().Fire {
			t.Error("the door that opens on fire is locked, or the state does not say that there is a fire")
		}
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("a door that does not open on fire is released")
		}
		l.says("contact", active)
		time.Sleep(time.Minute)
		l.says("contact", normal)
		l.says("fire", normal)
		if on, _ := l.outputs["magnet"].Level(); !on {
			t.Error("the door stays open after the fire")
		}
		events := l.stop()
		hasInOrder(t, events, "door.unlocked vault fire", "fire.active fire", "door.opened main fire", "door.closed main closed",
			"door.locked vault fire", "fire.cleared fire")
		if n := count(events, event.DoorForced) + count(events, event.DoorHeld); n != 0 {
			t.Errorf("%d alarms about doors", n)
		}
	})
}

func TestL07FireAtStart(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepareFire()
		l.sources["fire"].first = []any{online, bridge.Level{Active: true, First: true}}
		l.run()
		synctest.Wait()
		if d := l.outputs["magnet"].driven(); d != "false" {
			t.Errorf("magnet %s", d)
		}
		hasInOrder(t, l.stop(), "fire.active fire", "door.unlocked vault fire")
	})
}

func TestTamper(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepareFire().run()
		synctest.Wait()
		l.says("wall", active)
		l.says("cabinet", active)
		l.says("wall", normal)
		l.says("cabinet", normal)
		hasInOrder(t, l.stop(), "reader.tamper main in wall", "input.tamper cabinet", "reader.tamper_cleared main in wall", "input.tamper_cleared cabinet")
	})
}

func TestAlarmsEndAcrossARestart(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepareFire().run()
		synctest.Wait()
		l.says("contact", active) // forced
		time.Sleep(21 * time.Second)
		l.says("wall", active)
		l.says("fire", active)
		first := l.stop()
		hasInOrder(t, first, "door.forced main forced", "door.held main timeout", "reader.tamper main in wall", "fire.active fire")

		l = b.prepareFire()
		l.sources["contact"].first = []any{online, bridge.Level{Active: true, First: true}}
		l.run()
		time.Sleep(21 * time.Second)
		synctest.Wait()
		second := l.stop()[len(first):]
		hasInOrder(t, second, "gateway.started version test", "door.forced_cleared main start", "door.held_cleared main start",
			"reader.tamper_cleared main in start", "fire.cleared start", "door.opened main start", "door.held main timeout")

		j, _, err := journal.Open(filepath.Join(b.dir, AuditDir), journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		if open := openAlarms(j); len(open) != 1 || open[0].Kind != event.DoorHeld {
			t.Errorf("open: %v", open)
		}
	})
}

func TestReadersAskToCloseTheDoor(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.alter = func(s *site.Building) { s.Doors[0].HeldWarning = 5 * time.Second }
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		sounded := func() (n int) {
			l.outputs["buzzer"].mu.Lock()
			defer l.outputs["buzzer"].mu.Unlock()
			for _, s := range l.outputs["buzzer"].log {
				if s == "true" {
					n++
				}
			}
			l.outputs["buzzer"].log = nil
			return n
		}
		l.says("entry", card(1))
		l.says("contact", active)
		time.Sleep(14 * time.Second)
		if n := sounded(); n != 1 {
			t.Errorf("%d sounds before the warning", n)
		}
		time.Sleep(4 * time.Second)
		if n := sounded(); n < 3 {
			t.Errorf("%d sounds in the warning", n)
		}
		l.says("exit", card(9))
		time.Sleep(10 * time.Second)
		if n := sounded(); n < 9 {
			t.Errorf("%d sounds after somebody was answered", n)
		}
		l.says("contact", normal)
		sounded()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := sounded(); n != 0 {
			t.Errorf("%d sounds at a closed door", n)
		}
		hasInOrder(t, l.stop(), "door.held main timeout", "door.closed main closed", "door.held_cleared main closed")
	})
}
