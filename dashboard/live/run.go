package live

import (
	"context"
	"encoding/json"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

const (
	flushAfter = 100 * time.Millisecond // changes within it go to viewers together
	refresh    = 5 * time.Second        // ages and silence show without a message
)

// Run sends changes to viewers, publishes the occupancy, and fetches from history what was missed, until ctx is done.
func (h *Hub) Run(ctx context.Context, pub Publisher) error {
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	go h.fetch(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			h.mu.Lock()
			for _, b := range h.buildings {
				b.dirty = true
			}
			h.mu.Unlock()
		case <-h.wake:
			select {
			case <-time.After(flushAfter):
			case <-ctx.Done():
				return nil
			}
		}
		for _, m := range h.flush(time.Now()) {
			if err := pub.Publish(ctx, m); err != nil && ctx.Err() == nil {
				h.log.Debug("occupancy not published; the next one will be", "error", err)
			}
		}
	}
}

// flush sends each changed building to the viewers and returns the occupancies that are due.
func (h *Hub) flush(now time.Time) (due []mqtt.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.buildings {
		if !b.dirty {
			continue
		}
		b.dirty = false
		if n, turned := b.occupancy.Advance(now); turned && n > 0 {
			h.log.Info("nightly calibration: a new day starts empty", "building", b.site.ID, "corrected", n)
		}
		p := b.present(now)
		h.sendBuilding(p)
		if !p.Known || now.Sub(b.published) < publishEvery {
			continue
		}
		o := b.occupancy.Estimate(now.Truncate(time.Second))
		if now.Sub(b.published) < time.Minute && same(o, b.told) {
			continue
		}
		b.published, b.told = now, o
		payload, err := json.Marshal(o)
		if err != nil {
			continue
		}
		due = append(due, mqtt.Message{Topic: topic.Occupancy(b.site.ID), Payload: payload, Retained: true})
	}
	return due
}

func same(a, b event.Occupancy) bool {
	if len(a.Zones) != len(b.Zones) {
		return false
	}
	for i := range a.Zones {
		if a.Zones[i] != b.Zones[i] {
			return false
		}
	}
	return true
}

// fetch asks history, once a second at most, for events that InfluxDB holds and that did not come by MQTT, and for what
// is usual at this hour.
func (h *Hub) fetch(ctx context.Context) {
	tick := time.NewTicker(missedWait)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, b := range h.buildings { // the list itself never changes
			for _, g := range b.gateways {
				h.catchUp(ctx, b, g)
			}
			h.learnUsual(ctx, b)
		}
	}
}

func (h *Hub) catchUp(ctx context.Context, b *building, g *gateway) {
	now := time.Now()
	h.mu.Lock()
	missing := g.seen.missing(g.ack)
	due := len(missing) > 0 && now.Sub(g.ackAt) >= missedWait && now.Sub(g.tried) >= missedRetry
	b.occupancy.Advance(now)
	since := b.occupancy.Since()
	if due {
		g.tried = now
	}
	h.mu.Unlock()
	if !due {
		return
	}
	first, last := missing[0].first, missing[len(missing)-1].last
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	evs, err := h.past.Range(ctx, b.site.ID, g.site.ID, first, last, since)
	if err != nil {
		h.log.Warn("could not fetch missed events; trying again", "building", b.site.ID, "gateway", g.site.ID, "first", first, "last", last, "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range evs {
		if g.seen.add(e.Seq) {
			h.apply(b, g, e.Event, now, true)
		}
	}
	for _, m := range missing {
		g.seen.close(m) // what InfluxDB does not hold of today is of another day
	}
	h.nudge()
}

func (h *Hub) learnUsual(ctx context.Context, b *building) {
	now := time.Now()
	h.mu.Lock()
	due := now.Sub(b.usualAt) >= usualEvery
	if due {
		b.usualAt = now
	}
	h.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	n, err := h.past.Usual(ctx, b.site.ID, b.site.Location, now)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil || n == nil {
		b.usualAt = now.Add(usualRetry - usualEvery) // history is away, or young: ask again soon
		return
	}
	b.usual, b.dirty = n, true
	h.nudge()
}
