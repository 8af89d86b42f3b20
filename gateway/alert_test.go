package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/event"
)

func begins(kind bridge.AlertKind, cause string) bridge.Alert {
	return bridge.Alert{Kind: kind, Active: true, Cause: cause}
}

func over(kind bridge.AlertKind, cause string) bridge.Alert {
	return bridge.Alert{Kind: kind, Cause: cause}
}

// after gives the events of a gateway, as text, without those of its start and its end.
func after(events []event.Event) (out []string) {
	for _, e := range events {
		if e.Kind != event.GatewayStarted && e.Kind != event.GatewayStopped && e.Kind != event.DoorLocked {
			out = append(out, line(e))
		}
	}
	return out
}

func TestAlertsAreRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		device string
		says   []any
		want   []string
	}{
		"tamper": {"exit", []any{begins(bridge.Tamper, "it was opened"), over(bridge.Tamper, "it is closed")},
			[]string{"reader.tamper main out exit: it was opened", "reader.tamper_cleared main out exit: it is closed"}},
		"power": {"entry", []any{begins(bridge.Power, "it fails"), over(bridge.Power, "")},
			[]string{"power.failed main in entry: it fails", "power.restored main in entry"}},
		"paired": {"entry", []any{begins(bridge.Paired, "serial 7"), begins(bridge.Paired, "serial 8")},
			[]string{"reader.paired main in entry: serial 7", "reader.paired main in entry: serial 8"}},
		"a device of no door": {"air", []any{begins(bridge.Power, "it fails"), over(bridge.Power, "")},
			[]string{"power.failed air: it fails", "power.restored air"}},
		"a counter has no side":              {"counter", []any{begins(bridge.Tamper, "")}, []string{"reader.tamper counter"}},
		"what is over without its beginning": {"entry", []any{over(bridge.Tamper, ""), over(bridge.Power, ""), over(bridge.Insecure, "clear_text: over")}, nil},
		"told twice": {"entry", []any{begins(bridge.Power, "a"), begins(bridge.Power, "b"), over(bridge.Power, "c"), over(bridge.Power, "d")},
			[]string{"power.failed main in entry: a", "power.restored main in entry: c"}},
		"water, told again and again": {"air", []any{bridge.Leak(false), bridge.Leak(true), bridge.Leak(true), bridge.Leak(false), bridge.Leak(false)},
			[]string{"input.active air", "input.normal air"}},
		"unknown kind": {"entry", []any{begins("gremlins", "they are back")}, nil},
		"not secure until nothing is left": {"entry", []any{
			begins(bridge.Insecure, "clear_text: as it is configured"), begins(bridge.Insecure, "bad_mac: once"),
			over(bridge.Insecure, "clear_text: it is over"), over(bridge.Insecure, "bad_mac: it is over")},
			[]string{"reader.insecure main in entry: clear_text: as it is configured", "reader.insecure main in entry: bad_mac: once",
				"reader.secure main in entry: bad_mac: it is over"}},
		"each forged card": {"entry", []any{begins(bridge.Insecure, "forged_card: a"), begins(bridge.Insecure, "forged_card: b")},
			[]string{"reader.insecure main in entry: forged_card: a", "reader.insecure main in entry: forged_card: b"}},
		"a pairing ends those that failed": {"entry", []any{
			begins(bridge.Insecure, "pairing: a technician"), over(bridge.Insecure, "pairing: it is over"), begins(bridge.Insecure, "pairing_failed: no answer"),
			begins(bridge.Insecure, "pairing: a technician"), over(bridge.Insecure, "pairing: it is over"), begins(bridge.Paired, "serial 7")},
			[]string{"reader.insecure main in entry: pairing: a technician", "reader.secure main in entry: pairing: it is over",
				"reader.insecure main in entry: pairing_failed: no answer", "reader.insecure main in entry: pairing: a technician",
				"reader.secure main in entry: pairing_failed: the reader is paired", "reader.paired main in entry: serial 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTheMorning(t, func(t *testing.T) {
				l := newBench(t).prepare().run()
				synctest.Wait()
				for _, what := range c.says {
					l.says(c.device, what)
				}
				if got := after(l.stop()); !slices.Equal(got, c.want) {
					t.Errorf("found\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
			})
		})
	}
}

// An OSDP reader tells that it was opened by itself and by an input: that is one alarm (L59).
func TestL59OpenedReaderIsOneAlarm(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		l := newBench(t).prepareFire().run()
		synctest.Wait()
		l.says("entry", begins(bridge.Tamper, "it was opened"))
		l.says("wall", active)
		l.says("entry", over(bridge.Tamper, "it is closed"))
		l.says("wall", normal)
		l.says("wall", active)
		want := []string{"reader.tamper main in entry: it was opened", "reader.tamper_cleared main in wall", "reader.tamper main in wall"}
		if got := after(l.stop()); !slices.Equal(got, want) {
			t.Errorf("found %q, expected %q", got, want)
		}
	})
}

func TestAlertsOfTheRunBeforeEndAtStart(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		l := b.prepare().run()
		synctest.Wait()
		l.says("entry", begins(bridge.Insecure, "clear_text: as it is configured"))
		l.says("entry", begins(bridge.Tamper, "it was opened"))
		l.says("exit", begins(bridge.Power, "it fails"))
		l.says("exit", begins(bridge.Insecure, "bad_mac: once"))
		l.says("exit", over(bridge.Insecure, "bad_mac: it is over"))
		first := l.stop()
		l = b.prepare()
		l.sources["entry"].first = append(l.sources["entry"].first, begins(bridge.Insecure, "clear_text: as it is configured"))
		l.run()
		synctest.Wait()
		want := []string{"reader.secure main in start", "reader.tamper_cleared main in start", "power.restored main out start",
			"reader.insecure main in entry: clear_text: as it is configured"}
		if got := after(l.stop()[len(first):]); !slices.Equal(got, want) {
			t.Errorf("found %q, expected %q", got, want)
		}
	})
}

// lazy is an output of a reader: it takes what it is told before the reader does, which may be away, or refuse it.
type lazy struct {
	*fakeOutput
	away    bool
	refuses bool
	set     bool
}

var errAway = errors.New("the reader is offline")

func (o *lazy) Set(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.on, o.set = on, true
	if o.away {
		return errAway
	}
	return nil
}

func (o *lazy) Level() (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.away:
		return o.on, errAway
	case o.refuses && o.set:
		return o.on, errors.New("the reader refused it")
	}
	return o.on, nil
}

func (o *lazy) become(away, refuses bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away, o.refuses = away, refuses
}

// A reader that is away at start takes its LED with it: one event when it goes, one when it is back, however often
// somebody is answered meanwhile.
func TestL59OutputOfAReaderThatIsAway(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		led := &lazy{away: true, fakeOutput: &fakeOutput{}}
		b := newBench(t)
		b.stores(b.entry(1, "ana"))
		l := b.prepare()
		l.lines = map[string]bridge.Output{"led": led}
		l.run()
		synctest.Wait()
		badges := func() {
			for range 10 {
				l.says("entry", card(1))
				time.Sleep(10 * time.Second)
			}
		}
		badges()
		led.become(false, false)
		badges()
		led.become(false, true)
		badges()
		led.become(false, false)
		badges()
		var got []string
		for _, e := range l.stop() {
			if e.Kind == event.InputOffline || e.Kind == event.InputOnline {
				got = append(got, line(e))
			}
		}
		want := []string{"input.offline led: the reader is offline", "input.online led", "input.offline led: the reader refused it", "input.online led"}
		if !slices.Equal(got, want) {
			t.Errorf("found %q, expected %q", got, want)
		}
	})
}

func TestEachEventIsToldToWhoeverListens(t *testing.T) {
	inTheMorning(t, func(t *testing.T) {
		b := newBench(t)
		var told []event.Event
		l := b.prepare()
		l.recorded = func(e event.Event) { told = append(told, e) }
		l.run()
		synctest.Wait()
		l.says("contact", active)
		events := l.stop()
		if len(told) != len(events) || len(told) < 3 {
			t.Fatalf("told %d events, recorded %d", len(told), len(events))
		}
		for i, e := range events {
			if line(told[i]) != line(e) || !told[i].At.Equal(e.At) {
				t.Errorf("told %q, recorded %q", line(told[i]), line(e))
			}
		}
	})
}
