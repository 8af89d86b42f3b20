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

// fakeGateway keeps its side of the contract: what it has not been acknowledged it sends again, in order, after each
// connect, when the ack goes back, and when the ack stands still.
type fakeGateway struct {
	w      *world
	id     string
	client *mqtt.Client

	mu     sync.Mutex
	audit  [][]byte // record n is audit[n-1]; nil: gone
	acked  uint64
	gotAck bool
	batch  int
	wake   chan struct{}
}

func (w *world) gateway(id string) *fakeGateway {
	w.t.Helper()
	g := &fakeGateway{w: w, id: id, batch: 10, wake: make(chan struct{}, 1)}
	c, err := mqtt.Dial(mqtt.Config{URL: w.mqtt, ClientID: "gateway-" + id, OnConnect: func(*mqtt.Client) { g.poke() }})
	if err != nil {
		w.t.Fatal(err)
	}
	g.client = c
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	w.t.Cleanup(func() { cancel(); c.Close(); done.Wait() })
	done.Go(func() {
		_ = c.Subscribe(ctx, []string{topic.For(g.topic(), topic.Ack)}, func(m mqtt.Message, ack func()) {
			var a event.Ack
			if json.Unmarshal(m.Payload, &a) == nil {
				g.mu.Lock()
				g.acked, g.gotAck = a.Audit, true
				g.mu.Unlock()
				g.poke()
			}
			ack()
		})
	})
	done.Go(func() { g.run(ctx) })
	return g
}

func (g *fakeGateway) topic() topic.Gateway { return topic.Gateway{Building: "b", Gateway: g.id} }

func (g *fakeGateway) poke() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *fakeGateway) ack() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.acked
}

func (g *fakeGateway) run(ctx context.Context) {
	var sent, base uint64
	for {
		g.mu.Lock()
		acked, last := g.acked, uint64(len(g.audit))
		g.mu.Unlock()
		if acked < base {
			sent = acked // it went back
		}
		base = acked
		sent = max(sent, acked)
		if sent < last {
			next, payload := g.take(sent + 1)
			if payload == nil || g.client.Publish(ctx, mqtt.Message{Topic: topic.For(g.topic(), topic.Audit), Payload: payload}) == nil {
				sent = next
				continue
			}
			sent = acked
		}
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		case <-time.After(500 * time.Millisecond):
			sent = acked // the ack stands still
		}
	}
}

// take makes a batch from record n on, or from the next that still exists.
func (g *fakeGateway) take(n uint64) (last uint64, payload []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var raws []json.RawMessage
	for ; n <= uint64(len(g.audit)) && len(raws) < g.batch; n++ {
		if g.audit[n-1] != nil {
			raws = append(raws, g.audit[n-1])
		} else if len(raws) > 0 {
			break
		}
	}
	if raws == nil {
		return n - 1, nil
	}
	return n - 1, batchOf(raws...)
}

func batchOf(raws ...json.RawMessage) []byte {
	out, _ := json.Marshal(event.Batch{V: 1, Records: raws})
	return out
}

// write appends n events to the fake journal.
func (g *fakeGateway) write(n int) {
	g.mu.Lock()
	for range n {
		g.add(event.Event{Kind: event.DoorOpened, Door: "front"})
	}
	g.mu.Unlock()
	g.poke()
}

// add appends one event; the caller holds the lock.
func (g *fakeGateway) add(e event.Event) {
	e.Seq = uint64(len(g.audit)) + 1
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	e.Clock, e.Boot = event.ClockIsSynced, "boot"
	if e.Prev == "" && e.Seq > 1 && g.audit[e.Seq-2] != nil {
		e.Prev = event.Hash(g.audit[e.Seq-2])
	}
	raw, _ := json.Marshal(e)
	g.audit = append(g.audit, raw)
}
