package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/dashboard/history"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/site"
	"kapija/internal/topic"
)

var gw = topic.Gateway{Building: "house", Gateway: "g1"}

type past struct {
	events []history.Event
	asked  chan [2]uint64
}

func (p *past) Range(_ context.Context, _, _ string, first, last uint64, _ time.Time) ([]history.Event, error) {
	p.asked <- [2]uint64{first, last}
	return p.events, nil
}

func (p *past) Usual(context.Context, string, *time.Location, time.Time) (*int, error) {
	return nil, nil
}

type outbox chan mqtt.Message

func (o outbox) Publish(_ context.Context, m mqtt.Message) error { o <- m; return nil }

func hub(p Past) *Hub {
	return New(Config{
		DayStart: 4 * time.Hour, Past: p, Log: slog.New(slog.DiscardHandler),
		Site: &site.District{Buildings: []*site.Building{{
			ID: "house", Location: time.UTC,
			Zones:    []*site.Zone{{ID: "lobby"}},
			Doors:    []*site.Door{{ID: "main", From: site.Outside, To: "lobby", Gateway: "g1"}},
			Gateways: []*site.Gateway{{ID: "g1", Sensors: []*site.Sensor{{ID: "air", Zone: "lobby"}}}},
		}}},
	})
}

func message(t testing.TB, l topic.Leaf, v any) mqtt.Message {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return mqtt.Message{Topic: topic.For(gw, l), Payload: b}
}

func batch(t testing.TB, records ...any) event.Batch {
	b := event.Batch{V: 1}
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, raw)
	}
	return b
}

func entered(seq uint64, at time.Time) event.Event {
	return event.Event{Seq: seq, At: at, Kind: event.AccessEntered, Door: "main", Side: event.In, Badge: "b" + string(rune('a'+seq))}
}

func handle(t testing.TB, h *Hub, m mqtt.Message) {
	t.Helper()
	if err := h.Handle(m); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameMessageTwiceCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		time.Sleep(12 * time.Hour)
		m := message(t, topic.Audit, batch(t, entered(1, time.Now()), entered(2, time.Now())))
		handle(t, h, m)
		handle(t, h, m)
		handle(t, h, message(t, topic.Ack, event.Ack{Audit: 2}))
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now(), Queued: backlog}))
		if h.Snapshot().Buildings[0].Known {
			t.Error("a backlog is on its way, and the count is said to be known")
		}
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now()}))
		if b := h.Snapshot().Buildings[0]; b.Count != 2 || !b.Known || b.Entered != 2 {
			t.Errorf("got count %d, entered %d, known %v; want 2, 2, true", b.Count, b.Entered, b.Known)
		}
	})
}

func TestUnknownIsNotZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		if b := h.Snapshot().Buildings[0]; b.Known || b.Zones[0].Known || b.Doors[0].Known || b.Zones[0].CO2 != nil {
			t.Errorf("nothing was heard, and yet something is known: %+v", b)
		}
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now(), Doors: []event.Door{{ID: "main", Locked: true}}}))
		if b := h.Snapshot().Buildings[0]; b.Known || !b.Doors[0].Known || !b.Doors[0].Locked {
			t.Errorf("after the birth, when nobody knows yet what happened today before it: %+v", b)
		}
		time.Sleep(noPastAfter + time.Second)
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now(), Doors: []event.Door{{ID: "main", Locked: true}}}))
		if b := h.Snapshot().Buildings[0]; !b.Known || b.Partial {
			t.Errorf("when the relay has nothing of it: %+v", b)
		}
		time.Sleep(silentAfter + time.Second)
		if b := h.Snapshot().Buildings[0]; !b.Partial || b.Doors[0].Known || b.Gateways[0].Online {
			t.Errorf("the gateway is silent, and the count is not partial: %+v", b)
		}
	})
}

func TestWillMeansOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now(), Version: "1"}))
		handle(t, h, message(t, topic.State, event.State{}))
		if g := h.Snapshot().Buildings[0].Gateways[0]; g.Online || g.Version != "1" {
			t.Errorf("after the will: %+v; want offline, and the rest as it was said last", g)
		}
	})
}

// L47: a backlog is recorded and counted, and never alarmed as live.
func TestL47LateEventsAreNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		time.Sleep(12 * time.Hour)
		v := h.Watch(Persons)
		<-v.C
		handle(t, h, message(t, topic.Audit, batch(t,
			event.Event{Seq: 1, At: time.Now().Add(-3 * time.Minute), Kind: event.DoorForced, Door: "main"},
			event.Event{Seq: 2, At: time.Now(), Kind: event.DoorOpened, Door: "main"})))
		f := <-v.C
		if f.Event != "event" || !strings.Contains(string(f.Data), string(event.DoorOpened)) {
			t.Errorf("first frame is %s %s; want the live opening", f.Event, f.Data)
		}
		s := h.Snapshot()
		if s.Buildings[0].Doors[0].Forced {
			t.Error("a late event forced the door now")
		}
		if len(s.Events) != 2 || s.Events[0].Late || !s.Events[1].Late {
			t.Errorf("kept events: %+v; want both, the older one late", s.Events)
		}
	})
}

// L57: a viewer that does not keep up is sent away, so that it knows; it never loses frames in silence.
func TestL57SlowViewerIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		slow, quick := h.Watch(Persons), h.Watch(Zones)
		for i := range uint64(viewerBuffer + 5) {
			handle(t, h, message(t, topic.Audit, batch(t, entered(i+1, time.Now()))))
		}
		n := 0
		for range slow.C {
			n++
		}
		if n != viewerBuffer {
			t.Errorf("the slow viewer got %d frames, want %d and then the end", n, viewerBuffer)
		}
		if h.Viewers() != 1 {
			t.Errorf("%d viewers, want the other one", h.Viewers())
		}
		quick.Close()
		quick.Close()
	})
}

func TestMissedEventsComeFromHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		p := &past{asked: make(chan [2]uint64, 10)}
		for i := range uint64(3) {
			p.events = append(p.events, history.Event{Gateway: "g1", Event: entered(i+1, time.Now())})
		}
		h := hub(p)
		out := make(outbox, 10)
		done := make(chan error)
		go func() { done <- h.Run(ctx, out) }()
		handle(t, h, message(t, topic.Audit, batch(t, entered(3, time.Now()))))
		handle(t, h, message(t, topic.Ack, event.Ack{Audit: 3}))
		if got := <-p.asked; got != [2]uint64{1, 2} {
			t.Errorf("asked for %v, want 1 … 2", got)
		}
		synctest.Wait()
		if n := h.Snapshot().Buildings[0].Count; n != 3 {
			t.Errorf("count %d, want 3", n)
		}
		handle(t, h, message(t, topic.State, event.State{Online: true, At: time.Now()}))
		m := <-out
		if m.Topic != "kapija/1/house/occupancy" || !m.Retained {
			t.Errorf("published %q retained %v", m.Topic, m.Retained)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestGarbageIsNamedAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		for _, m := range []mqtt.Message{
			{Topic: "nonsense"},
			{Topic: "kapija/1/castle/g1/audit"},
			{Topic: "kapija/1/house/g9/audit"},
			{Topic: topic.For(gw, topic.Audit), Payload: []byte("\x00")},
			{Topic: topic.For(gw, topic.State), Payload: []byte("[]")},
			{Topic: topic.For(gw, topic.Telemetry), Payload: []byte(`{"records":[{"value":"x"}]}`)},
		} {
			if err := h.Handle(m); err == nil {
				t.Errorf("%s %q: no error", m.Topic, m.Payload)
			}
		}
		if h.Snapshot().Buildings[0].Known {
			t.Error("garbage made the building known")
		}
	})
}

func TestEventFromTheFutureDoesNotMoveTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub(&past{})
		time.Sleep(12 * time.Hour)
		handle(t, h, message(t, topic.Audit, batch(t, entered(1, time.Now()), entered(2, time.Now().Add(48*time.Hour)))))
		if n := h.Snapshot().Buildings[0].Count; n != 1 {
			t.Errorf("count %d, want 1", n)
		}
	})
}
