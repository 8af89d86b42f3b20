package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/uplink"
	"kapija/internal/event"
)

func TestL25DeviceGoesAndComesBackOnce(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		down := bridge.Health{Cause: errBus.Error()}
		for _, id := range []string{"entry", "air", "contact"} {
			l.says(id, down)
			l.says(id, down)
		}
		up := <-l.up
		if d := up.State().Devices[0]; d.ID != "entry" || d.Online || d.Cause != "no answer" {
			t.Errorf("device %+v", d)
		}
		for _, id := range []string{"entry", "air", "contact"} {
			l.says(id, online)
			l.says(id, online)
		}
		l.says("counter", errors.New("broken for good"))
		events := l.stop()
		hasInOrder(t, events, "reader.offline main in entry: no answer", "input.offline air: no answer",
			"input.offline main contact: no answer", "reader.online main in entry", "input.online air", "input.online main contact",
			"input.offline main counter: broken for good")
		if n := count(events, event.InputOffline) + count(events, event.ReaderOffline); n != 4 {
			t.Errorf("%d events about devices that went", n)
		}
	})
}

func TestL26OutputIsReadBack(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		magnet := l.outputs["magnet"]
		magnet.mu.Lock()
		magnet.on = false // its expander lost power and came back
		magnet.mu.Unlock()
		time.Sleep(everyCheck)
		synctest.Wait()
		if on, _ := magnet.Level(); !on {
			t.Error("the lock was not energised again")
		}
		time.Sleep(everyCheck)
		synctest.Wait()
		magnet.fail(errBus)
		time.Sleep(5 * everyCheck)
		magnet.fail(nil)
		time.Sleep(everyCheck)
		synctest.Wait()
		events := l.stop()
		hasInOrder(t, events, "input.offline magnet: the output did not keep its level", "input.online magnet",
			"input.offline magnet: no answer", "input.online magnet")
		if n := count(events, event.InputOffline); n != 2 {
			t.Errorf("%d outages", n)
		}
		if l.alive < 7 {
			t.Errorf("the loop said %d times that it is alive", l.alive)
		}
	})
}

func TestCounterAndSensor(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare().run()
		synctest.Wait()
		l.says("counter", bridge.Passage{In: true})
		l.says("counter", bridge.Passage{})
		l.says("air", bridge.Measured{Quantity: "CO2_Level_Sensor", Value: 612, Unit: "[ppm]"})
		hasInOrder(t, l.stop(), "input.counted main in counter", "input.counted main out counter")
		readings := records[event.Reading](t, filepath.Join(l.dir, TelemetryDir), 1)
		if len(readings) != 1 || readings[0].Value != 612 || readings[0].Sensor != "air" || readings[0].Seq != 1 || readings[0].At.Before(morning) {
			t.Errorf("%+v", readings)
		}
	})
}

func TestAnswersOfTheReader(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		late := b.entry(2, "late")
		late.NotAfter = morning
		b.stores(b.entry(1, "ana"), late)
		l := b.prepare().run()
		synctest.Wait()
		seen := map[string]bool{}
		for n := range byte(3) {
			for _, id := range []string{"led", "buzzer"} {
				l.outputs[id].mu.Lock()
				l.outputs[id].log = nil
				l.outputs[id].mu.Unlock()
			}
			l.says("entry", card(n+1))
			time.Sleep(5 * time.Second)
			synctest.Wait()
			led, buzzer := l.outputs["led"].driven(), l.outputs["buzzer"].driven()
			if !strings.HasSuffix(led, "false") || !strings.HasSuffix(buzzer, "false") {
				t.Errorf("card %d: a pattern that does not end: led %s, buzzer %s", n+1, led, buzzer)
			}
			seen[led+"/"+buzzer] = true
		}
		if len(seen) != 3 {
			t.Errorf("welcome, not now and not here are not told apart: %v", seen)
		}
		l.stop()
	})
}

func TestBurstStarvesNobody(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare().run()
		synctest.Wait()
		l.says("exit", card(1))
		const burst = 4 * queueSize
		for range burst {
			l.sources["entry"].say <- card(9)
		}
		time.Sleep(6 * time.Second)
		events := l.stop()
		if n := count(events, event.AccessDenied); n != burst {
			t.Errorf("%d of %d reads were decided", n, burst)
		}
		hasInOrder(t, events, "door.locked main timeout", "access.not_entered main out ana timeout")
	})
}

// TestL16 has the real uplink look for a broker where there is none, on the machine's own clock.
func TestL16DoorsGoOnWithoutBroker(t *testing.T) {
	b := newBench(t)
	b.stores(b.entry(1, "ana"))
	l := b.prepare()
	l.uplink = uplink.Run
	l.run()
	l.sources["entry"].say <- card(1)
	if on := <-l.outputs["strike"].sets; on { // the first is the lock at start
		t.Error("released at start")
	}
	if on := <-l.outputs["strike"].sets; !on {
		t.Error("the strike was not released")
	}
	hasInOrder(t, l.stop(), "access.granted main in ana granted badge")
}

func TestUplinkThatEndsStopsNoDoor(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare()
		l.uplink = func(context.Context, uplink.Config) error { return errBus }
		l.run()
		synctest.Wait()
		l.says("entry", card(1))
		hasInOrder(t, l.stop(), "access.granted main in ana granted badge")
	})
}

func TestStopTakesTwoSecondsAtMost(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepare()
		forever := make(chan struct{})
		l.sources["air"].hangs = forever
		l.uplink = func(context.Context, uplink.Config) error { <-forever; return nil }
		l.run()
		synctest.Wait()
		begin := time.Now()
		events := l.stop()
		if took := time.Since(begin); took > stopTime {
			t.Errorf("stopping took %v", took)
		}
		hasInOrder(t, events, "gateway.stopped stop")
		close(forever)
	})
}

func TestTwoGatewaysInOneFolder(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		synctest.Wait()
		second := b.prepare().run()
		if err := <-second.done; err == nil {
			t.Error("a second gateway works in the same folder")
		} else {
			t.Log(err)
		}
		second.cancel()
		l.stop()
	})
}

func TestJournalDropped(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		synctest.Wait()
		l.stop()
		spoil(t, filepath.Join(b.dir, AuditDir))
		l = b.prepare().run()
		<-l.up
		time.Sleep(time.Second)
		l.cancel()
		if err := <-l.done; err != nil {
			t.Error(err)
		}
		for _, e := range b.eventsFrom(2) {
			if e.Kind == event.JournalDropped && strings.HasPrefix(e.Cause, "audit 1-1: ") {
				return
			}
		}
		t.Error("no event says what was lost")
	})
}

// spoil flips a bit in the first record of a journal.
func spoil(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() == "lock" || f.Name() == "cursor" || len(raw) < 100 {
			continue
		}
		raw[20] ^= 1
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the journal has no segment")
}

func TestMailboxIsBounded(t *testing.T) {
	m := newMailbox()
	for i := range uint64(10 * maxLosses) {
		m.lose(loss{"audit", i, i, "x"})
	}
	lost, more := m.losses()
	if len(lost) != maxLosses || more != 9*maxLosses {
		t.Errorf("%d ranges and %d records", len(lost), more)
	}
}

func TestKeys(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"is missing":            func(dir string) error { return os.Remove(filepath.Join(dir, "policy.pub")) },
		"can be read by others": func(dir string) error { return os.Chmod(filepath.Join(dir, "site.key"), 0o644) },
		"is not base64": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy.pub"), []byte("?"), 0o600)
		},
		"holds 3 bytes": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "site.key"), []byte("AAAA"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if err := spoil(b.keys); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKeys(b.keys)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v", err)
			}
		})
	}
	b := newBench(t)
	k, err := LoadKeys(b.keys)
	if err != nil || k.Site != b.site {
		t.Errorf("%v", err)
	}
	if s := fmt.Sprintf("%v", k); strings.Contains(s, "7 0 0") {
		t.Error("the site key is printed")
	}
}
