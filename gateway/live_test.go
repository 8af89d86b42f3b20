package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/gateway/journal"
	"kapija/gateway/uplink"
	"kapija/internal/event"
)

// live is a gateway that runs.
type live struct {
	*bench
	outputs map[string]*fakeOutput
	sources map[string]*fakeSource
	up      chan uplink.Config
	cancel  context.CancelFunc
	done    chan error
	uplink  func(context.Context, uplink.Config) error
	alive   int
	reload  chan Reload

	lines    map[string]bridge.Output // in the place of those of outputs
	recorded func(event.Event)
}

var (
	active  = bridge.Level{Active: true}
	normal  = bridge.Level{}
	online  = bridge.Health{Online: true}
	morning = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
)

// prepare makes the devices: inputs tell at start that they are normal.
func (b *bench) prepare() *live {
	l := &live{bench: b, outputs: map[string]*fakeOutput{}, sources: map[string]*fakeSource{},
		up: make(chan uplink.Config, 1), reload: make(chan Reload), done: make(chan error, 1)}
	l.uplink = func(ctx context.Context, c uplink.Config) error {
		l.up <- c
		<-ctx.Done()
		return nil
	}
	for _, id := range []string{"strike", "magnet", "led", "buzzer"} {
		l.outputs[id] = &fakeOutput{sets: make(chan bool, 64)}
	}
	for _, id := range []string{"entry", "exit", "magnet-entry", "counter", "air"} {
		l.sources[id] = &fakeSource{id: id, say: make(chan any), first: []any{online}}
	}
	for _, id := range []string{"contact", "rex", "leak"} {
		l.sources[id] = &fakeSource{id: id, say: make(chan any), first: []any{online, bridge.Level{First: true}}}
	}
	return l
}

// run starts the gateway.
func (l *live) run() *live {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	lines := map[string]bridge.Output{}
	for id, o := range l.outputs {
		lines[id] = o
	}
	maps.Copy(lines, l.lines)
	var sources []bridge.Source
	for _, s := range l.sources {
		sources = append(sources, s)
	}
	b := building()
	if l.alter != nil {
		l.alter(b)
	}
	c := Config{
		Building: b, Gateway: b.Gateway("g"), Dir: l.dir, Keys: l.keys, MQTT: "tcp://127.0.0.1:1", Version: "test",
		Log: slog.New(slog.NewTextHandler(l.t.Output(), nil)), Alive: func() { l.alive++ },
		Reload: l.reload, Recorded: l.recorded,
	}
	s := seams{devices: func() (*rig.Devices, error) { return &rig.Devices{Sources: sources, Outputs: lines}, nil }, uplink: l.uplink}
	s.clock.Synced = func() bool { return false }
	go func() { l.done <- run(ctx, c, s) }()
	return l
}

// says has a device say something, and waits until the gateway has dealt with it.
func (l *live) says(device string, what any) {
	l.t.Helper()
	l.sources[device].say <- what
	synctest.Wait()
}

// stop ends the gateway and returns its audit events.
func (l *live) stop() []event.Event {
	l.t.Helper()
	l.cancel()
	if err := <-l.done; err != nil {
		l.t.Errorf("run: %v", err)
	}
	return l.events()
}

func (b *bench) events() []event.Event {
	return b.eventsFrom(1)
}

func (b *bench) eventsFrom(seq uint64) []event.Event {
	return records[event.Event](b.t, filepath.Join(b.dir, AuditDir), seq)
}

func records[T any](t *testing.T, dir string, from uint64) (out []T) {
	t.Helper()
	j, report, err := journal.Open(dir, journal.Options{})
	if err != nil || from == 1 && len(report.Lost) > 0 {
		t.Fatalf("journal: %v, lost %v", err, report.Lost)
	}
	defer j.Close()
	for {
		raw, first, err := j.Read(from, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			return out
		}
		for _, r := range raw {
			var v T
			if err := json.Unmarshal(r, &v); err != nil {
				t.Fatal(err)
			}
			out = append(out, v)
		}
		from = first + uint64(len(raw))
	}
}

// line writes an event as the tests compare it.
func line(e event.Event) string {
	s := string(e.Kind)
	for _, part := range []string{e.Door, string(e.Side), e.Badge, string(e.Reason), e.Cause} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

// hasInOrder holds that these lines are among the events, in this order.
func hasInOrder(t *testing.T, events []event.Event, want ...string) {
	t.Helper()
	var all []string
	for _, e := range events {
		all = append(all, line(e))
	}
	rest := all
	for _, w := range want {
		i := slices.Index(rest, w)
		if i < 0 {
			t.Errorf("%q is missing, or too early, in\n%s", w, strings.Join(all, "\n"))
			return
		}
		rest = rest[i+1:]
	}
}

func count(events []event.Event, kind event.Kind) (n int) {
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// inTheMorning runs a test in a bubble whose clock says 8 o'clock on a Monday in 2026.
func inTheMorning(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(morning))
		f(t)
	})
}

var errBus = errors.New("no answer")
