package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kapija/dashboard/history"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/site"
	"kapija/internal/topic"
)

const (
	lateAfter    = 2 * time.Minute  // an older event is recorded, not alarmed (L47)
	futureLimit  = 5 * time.Minute  // an event further ahead does not move the estimate
	airAge       = 10 * time.Minute // an older reading is unknown
	silentAfter  = 20 * time.Second // a gateway says something every 4 s; silent for longer, it is not known
	keptEvents   = 500              // per building
	missedWait   = time.Second      // how long an acknowledged event may be on its way to us
	missedRetry  = 5 * time.Second
	backlog      = 100             // records that a gateway has still to send: with more, today is not known yet
	noPastAfter  = 5 * time.Second // without an ack for so long, InfluxDB holds nothing of a gateway
	publishEvery = 10 * time.Second
	usualEvery   = 5 * time.Minute
	usualRetry   = 20 * time.Second
)

// Past is what the Hub asks history for: what it missed, and what is usual.
type Past interface {
	Range(ctx context.Context, building, gateway string, first, last uint64, since time.Time) ([]history.Event, error)
	Usual(ctx context.Context, building string, loc *time.Location, now time.Time) (*int, error)
}

// Publisher sends a building's occupancy to other systems and to the relay.
type Publisher interface {
	Publish(ctx context.Context, m mqtt.Message) error
}

// Config of a Hub.
type Config struct {
	Site     *site.District
	DayStart time.Duration // after local midnight; see package occupancy
	Past     Past
	Log      *slog.Logger
}

// Hub owns the present state. Its methods may be called from any goroutine; one mutex guards all of it, and nothing that
// waits is done under it.
type Hub struct {
	log  *slog.Logger
	past Past

	mu        sync.Mutex
	buildings []*building
	viewers   map[*Viewer]struct{}
	closed    bool
	wake      chan struct{} // something changed: flush soon
}

// New makes a Hub in which nothing is known yet.
func New(c Config) *Hub {
	h := &Hub{log: c.Log, past: c.Past, viewers: map[*Viewer]struct{}{}, wake: make(chan struct{}, 1)}
	for _, b := range c.Site.Buildings {
		h.buildings = append(h.buildings, newBuilding(b, c.DayStart))
	}
	return h
}

// Topics are the filters of what the Hub wants to hear.
func Topics() []string {
	return []string{topic.All(topic.Audit), topic.All(topic.Telemetry), topic.All(topic.State), topic.All(topic.Ack)}
}

// Handle takes one message. The error says what was wrong with it; the state is as if it had not come.
func (h *Hub) Handle(m mqtt.Message) error {
	t, err := topic.Parse(m.Topic)
	if err != nil {
		return err
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.building(t.Gateway.Building)
	if b == nil {
		return fmt.Errorf("live: %s: building %q is not in the configuration", m.Topic, t.Gateway.Building)
	}
	g := b.gateway(t.Gateway.Gateway)
	if g == nil {
		return fmt.Errorf("live: %s: gateway %q is not in the configuration of %s", m.Topic, t.Gateway.Gateway, b.site.ID)
	}
	switch t.Leaf {
	case topic.Audit:
		err = decodeBatch(m.Payload, func(e event.Event) { h.event(b, g, e, now) })
	case topic.Telemetry:
		err = decodeBatch(m.Payload, func(r event.Reading) { b.reading(r, now) })
	case topic.State:
		var s event.State
		if err = json.Unmarshal(m.Payload, &s); err == nil {
			b.state(g, s, now)
		}
	case topic.Ack:
		var a event.Ack
		if err = json.Unmarshal(m.Payload, &a); err == nil {
			g.acked(a.Audit, now)
		}
		h.nudge()
		return err
	}
	if err != nil {
		return fmt.Errorf("live: %s: %w", m.Topic, err)
	}
	if g.first.IsZero() {
		g.first = now
	}
	if !m.Retained {
		g.heard = now
		b.heard = now
	}
	b.dirty = true
	h.nudge()
	return nil
}

func decodeBatch[T any](payload []byte, fn func(T)) error {
	batch, err := event.DecodeBatch(payload)
	if err != nil {
		return err
	}
	var errs []error
	for i, raw := range batch.Records {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			errs = append(errs, fmt.Errorf("record %d: %w", i, err))
			continue
		}
		fn(v)
	}
	return errors.Join(errs...)
}

// event takes an event that came by MQTT. Repeated ones are recognised by their number.
func (h *Hub) event(b *building, g *gateway, e event.Event, now time.Time) {
	if !g.seen.add(e.Seq) {
		return
	}
	h.apply(b, g, e, now, now.Sub(e.At) > lateAfter)
}

func (h *Hub) apply(b *building, g *gateway, e event.Event, now time.Time, late bool) {
	if e.At.Before(now.Add(futureLimit)) {
		b.occupancy.Advance(now)
		b.occupancy.Apply(e)
	}
	if !late {
		b.door(e)
	}
	shown := Event{Building: b.site.ID, Gateway: g.site.ID, Event: e, Late: late}
	b.remember(shown)
	b.dirty = true
	if !late {
		h.sendEvent(shown)
	}
}

func (h *Hub) building(id string) *building {
	for _, b := range h.buildings {
		if b.site.ID == id {
			return b
		}
	}
	return nil
}

func (h *Hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Snapshot is the whole present state.
func (h *Hub) Snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snapshot(time.Now())
}

func (h *Hub) snapshot(now time.Time) Snapshot {
	s := Snapshot{At: now.UTC(), Buildings: make([]Building, 0, len(h.buildings)), Events: []Event{}}
	for _, b := range h.buildings {
		s.Buildings = append(s.Buildings, b.present(now))
		s.Events = append(s.Events, b.latest(50)...)
	}
	sortNewestFirst(s.Events)
	return s
}

// Present is where each badge of a building was last seen today, by zone.
func (h *Hub) Present(id string) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.building(id); b != nil {
		return b.occupancy.Present()
	}
	return nil
}

// Events are the kept events of a building (all buildings when empty) since a time, newest first, at most limit.
// complete is false when older ones may have been forgotten: history knows them.
func (h *Hub) Events(id string, since time.Time, limit int) (events []Event, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	complete = true
	events = []Event{}
	for _, b := range h.buildings {
		if id != "" && b.site.ID != id {
			continue
		}
		for _, e := range b.events {
			if !e.At.Before(since) {
				events = append(events, e)
			}
		}
		if len(b.events) == 0 || b.events[0].At.After(since) {
			complete = false
		}
	}
	sortNewestFirst(events)
	if len(events) >= limit {
		return events[:limit], true
	}
	return events, complete
}
