package relay

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

type publisher interface {
	Publish(context.Context, mqtt.Message) error
}

// acks publishes the newest ack of each gateway, and again after each connect.
type acks struct {
	mu      sync.Mutex
	newest  map[topic.Gateway]event.Ack
	waiting map[topic.Gateway]bool
	told    map[topic.Gateway]event.Ack // published and taken by the broker; the loop collects them
	wake    chan struct{}
}

func newAcks() *acks {
	return &acks{
		newest: map[topic.Gateway]event.Ack{}, waiting: map[topic.Gateway]bool{}, told: map[topic.Gateway]event.Ack{},
		wake: make(chan struct{}, 1),
	}
}

func (a *acks) set(g topic.Gateway, ack event.Ack) {
	a.mu.Lock()
	a.newest[g], a.waiting[g] = ack, true
	a.mu.Unlock()
	a.poke()
}

// again publishes everything once more: the broker may have lost what it retained.
func (a *acks) again() {
	a.mu.Lock()
	for g := range a.newest {
		a.waiting[g] = true
	}
	a.mu.Unlock()
	a.poke()
}

func (a *acks) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// collect returns what was published since the last call.
func (a *acks) collect() map[topic.Gateway]event.Ack {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.told
	a.told = map[topic.Gateway]event.Ack{}
	return out
}

func (a *acks) next() (g topic.Gateway, ack event.Ack, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := range a.waiting {
		delete(a.waiting, g)
		return g, a.newest[g], true
	}
	return g, ack, false
}

func (a *acks) run(ctx context.Context, p publisher) {
	for {
		g, ack, ok := a.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-a.wake:
			}
			continue
		}
		stamped := ack
		stamped.At = time.Now().UTC()
		payload, _ := json.Marshal(stamped)
		if err := p.Publish(ctx, mqtt.Message{Topic: topic.For(g, topic.Ack), Payload: payload, Retained: true}); err != nil {
			a.mu.Lock()
			a.waiting[g] = true
			a.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}
		a.mu.Lock()
		a.told[g] = ack
		a.mu.Unlock()
	}
}
