package gateway

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/internal/site"
)

// reloads hands a building to a gateway that runs.
func (l *live) reloads(b *site.Building) error {
	done := make(chan error, 1)
	l.reload <- Reload{Building: b, Gateway: b.Gateways[0], Done: done}
	err := <-done
	synctest.Wait()
	return err
}

func TestReload(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		quick := building()
		quick.Doors[0].Release, quick.Doors[0].Name.En = 2*time.Second, "Front door"
		quick.Doors[1].Mode = site.Unlocked
		if err := l.reloads(quick); err != nil {
			t.Fatal(err)
		}
		if on, _ := l.outputs["magnet"].Level(); on {
			t.Error("the new mode is not in use")
		}
		l.says("entry", card(1))
		time.Sleep(3 * time.Second)
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("the new time is not in use")
		}
		for name, spoil := range map[string]func(b *site.Building){
			"door main":    func(b *site.Building) { b.Doors[0].Lock = "magnet" },
			"1 doors":      func(b *site.Building) { b.Doors = b.Doors[:1] },
			"readers":      func(b *site.Building) { b.Gateways[0].Readers[0].Buzzer = "" },
			"door vault":   func(b *site.Building) { b.Doors[1].OnFire = site.OnFireRelease },
			"door main ":   func(b *site.Building) { b.Doors[0].Fail = site.FailSafe },
			"door main  ":  func(b *site.Building) { b.Doors[0].Contact = "" },
			"the readers,": func(b *site.Building) { b.Gateways[0].Fire = "leak" },
		} {
			bad := building()
			bad.Doors[0].Release = time.Minute
			spoil(bad)
			err := l.reloads(bad)
			if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || !strings.Contains(err.Error(), "restart") {
				t.Errorf("%s: %v", name, err)
			}
		}
		l.says("entry", card(1))
		time.Sleep(3 * time.Second)
		if on, _ := l.outputs["strike"].Level(); on {
			t.Error("a configuration that was refused is in use")
		}
		l.stop()
	})
}

// TestWatchdogIsFedByTheDoors has a lock's line hang: then nothing says that the gateway is alive, and systemd starts it again.
func TestWatchdogIsFedByTheDoors(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if l.alive < 4 {
			t.Errorf("fed %d times in 5 s", l.alive)
		}
		hang := make(chan struct{})
		strike := l.outputs["strike"]
		strike.mu.Lock()
		strike.hangs = hang
		strike.mu.Unlock()
		l.sources["entry"].say <- card(1)
		synctest.Wait()
		before := l.alive
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if l.alive != before {
			t.Errorf("fed %d times while no door works", l.alive-before)
		}
		close(hang)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l.alive == before {
			t.Error("not fed although the doors work again")
		}
		l.stop()
	})
}
