package gateway

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/gateway/uplink"
	"kapija/internal/event"
	"kapija/internal/site"
)

// wired is a gateway with its real drivers over virtual wires: the district's bench.
type wired struct {
	t      *testing.T
	bench  *bench
	wires  *sim.Wires
	cancel context.CancelFunc
	done   chan error
}

// runWired runs the bench's gateway. Before is done to the wires before it starts.
func runWired(t *testing.T, before ...string) *wired {
	t.Helper()
	const configs = "../configs"
	d, err := site.Load(filepath.Join(configs, "bench.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := site.LoadWiring(filepath.Join(configs, "gateways", "bench-gw-bench.yaml"), d)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	cards := "desfire: {aid: F532F0, key: 8f2d71c05be39a4417d6f0827c13b95e, key_no: 1, system: bench}\n" +
		"ntag424: {key: c5097de64fa1382b9c70e4d51f86b32a, meta_read: 0b9ee7135d24f8c6a1907b3c42d86fe5, system: bench}\n"
	if err := os.WriteFile(filepath.Join(b.keys, "cards.yaml"), []byte(cards), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := secrets.Open(b.keys, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { known.Close() })
	gw := d.Buildings[0].Gateways[0]
	wires, err := sim.Open(gw, &sim.Opts{Wiring: w, Secrets: known})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &wired{t, b, wires, cancel, make(chan error, 1)}
	for _, line := range before {
		l.do(line)
	}
	c := Config{
		Building: d.Buildings[0], Gateway: gw, Dir: b.dir, Keys: b.keys, Wires: wires, Version: "test",
		Rig: rig.Opts{Wiring: w, Formats: d.Formats, Secrets: known}, Log: slog.New(slog.DiscardHandler),
	}
	s := seams{
		devices: func() (*rig.Devices, error) { return rig.Open(c.Gateway, c.Wires, c.Rig) },
		uplink:  func(ctx context.Context, _ uplink.Config) error { <-ctx.Done(); return nil },
	}
	s.clock.Synced = func() bool { return false }
	go func() { l.done <- run(ctx, c, s) }()
	return l
}

func (l *wired) do(line string) string {
	l.t.Helper()
	got, err := l.wires.Do(l.t.Context(), line)
	if err != nil {
		l.t.Errorf("%s: %v", line, err)
	}
	return got
}

func (l *wired) stop() []event.Event {
	l.t.Helper()
	l.cancel()
	if err := <-l.done; err != nil {
		l.t.Error(err)
	}
	if err := l.wires.Close(); err != nil {
		l.t.Error(err)
	}
	return l.bench.events()
}

// about are the events about the health of a device.
func about(events []event.Event, device string) (kinds []event.Kind) {
	for _, e := range events {
		switch e.Kind {
		case event.InputOffline, event.InputOnline, event.ReaderOffline, event.ReaderOnline:
			if id, _, _ := strings.Cut(e.Cause, ":"); id == device {
				kinds = append(kinds, e.Kind)
			}
		}
	}
	return kinds
}

const lockOn, lockOff = `"expander-lock":true`, `"expander-lock":false`

// L26 as the gateway sees it: the expander loses its power while it releases a lock.
func TestL26ExpanderLosesItsPowerWhileALockIsReleased(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := runWired(t)
		time.Sleep(20 * time.Second)
		l.do("level expander-rex 0")
		time.Sleep(time.Second)
		synctest.Wait()
		l.shows(lockOn)
		l.do("fail io")
		l.shows(lockOff)
		time.Sleep(30 * time.Second)
		l.do("level expander-rex 1")
		l.do("heal io")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		l.shows(lockOff)
		l.do("level expander-rex 0") // all is as before
		time.Sleep(time.Second)
		synctest.Wait()
		l.shows(lockOn)
		events := l.stop()
		for _, id := range []string{"expander-lock", "expander-contact", "expander-rex"} {
			if got := about(events, id); len(got) != 2 || got[0] != event.InputOffline || got[1] != event.InputOnline {
				t.Errorf("%s: found %v, expected that it went once and came back once", id, got)
			}
		}
		for _, id := range []string{"line-lock", "line-contact", "loop-contact", "mfrc522", "osdp", "osdp-led", "wiegand", "bme280"} {
			if got := about(events, id); len(got) != 0 {
				t.Errorf("%s: found %v, expected that it goes on", id, got)
			}
		}
		if n := count(events, event.DoorUnlocked); n != 2 {
			t.Errorf("unlocked %d times, expected twice", n)
		}
	})
}

func (l *wired) shows(want string) {
	l.t.Helper()
	if got := l.do("outputs"); !strings.Contains(got, want) {
		l.t.Errorf("outputs %s, expected %s", got, want)
	}
}

// A reader that is away at start, with its LED, its buzzer and its tamper switch: one event each when it goes, and one when
// it is back.
func TestL59BenchReaderIsAwayAtStart(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := runWired(t, "fail osdp")
		for range 30 {
			time.Sleep(time.Second)
			l.do("level line-contact 1") // its reader is told to sound
			time.Sleep(time.Second)
			l.do("level line-contact 0")
		}
		l.do("heal osdp")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		events := l.stop()
		for id, want := range map[string][]event.Kind{
			"osdp": {event.ReaderOffline, event.ReaderOnline}, "osdp-led": {event.InputOffline, event.InputOnline},
			"osdp-buzzer": {event.InputOffline, event.InputOnline}, "osdp-tamper": {event.InputOffline, event.InputOnline},
		} {
			if got := about(events, id); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
				t.Errorf("%s: found %v, expected %v", id, got, want)
			}
		}
	})
}

// A tamper switch that the reader tells of in two ways is one alarm.
func TestL59BenchReaderIsOpened(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := runWired(t)
		time.Sleep(20 * time.Second)
		l.do("level osdp-tamper 1")
		time.Sleep(5 * time.Second)
		l.do("level osdp-tamper 0")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		events := l.stop()
		if count(events, event.ReaderTamper) != 1 || count(events, event.ReaderRestored) != 1 {
			t.Errorf("found %q, expected one alarm and its end", after(events))
		}
	})
}
