package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/broker"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

// TestRealBroker carries a backlog through a real broker that is then lost with everything it stored.
func TestRealBroker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	b, err := broker.Start(broker.Config{Addr: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	address, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}

	relay := newRelay(t, ctx, b.URL())
	var js [2]*journal.Journal
	for i := range js {
		if js[i], _, err = journal.Open(t.TempDir(), journal.Options{}); err != nil {
			t.Fatal(err)
		}
		defer js[i].Close()
	}
	fill(t, js[0], 2300)
	fill(t, js[1], 700)

	policies := make(chan string, 10)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- Run(running, Config{
			Gateway: gw, URL: b.URL(), Audit: js[0], Telemetry: js[1],
			State:  func() event.State { return event.State{Version: "real"} },
			Policy: func(topic string, payload []byte) { policies <- topic + " " + string(payload) },
		})
	}()
	relay.holds(t, ctx, 2300, 700)
	relay.publish(t, ctx, mqtt.Message{Topic: topic.ForPolicy(gw, "rules"), Payload: []byte("signed"), Retained: true})
	select {
	case p := <-policies:
		if p != "kapija/1/lozionica/north/policy/rules signed" {
			t.Fatal(p)
		}
	case <-ctx.Done():
		t.Fatal("no policy")
	}
	for js[0].Acked() != 2300 || js[1].Acked() != 700 {
		a, b := js[0].Changed(), js[1].Changed()
		if js[0].Acked() == 2300 && js[1].Acked() == 700 {
			break
		}
		select {
		case <-a:
		case <-b:
		case <-ctx.Done():
			t.Fatalf("acknowledged %d and %d", js[0].Acked(), js[1].Acked())
		}
	}

	b.Close()
	fill(t, js[0], 400)
	fill(t, js[1], 30)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	relay.forget() // and the database with it
	if b, err = broker.Start(broker.Config{Addr: address.Host, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	relay.holds(t, ctx, 2700, 730)
	if s := relay.lastState(); s != "online" {
		t.Fatalf("state is %q", s)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for relay.lastState() != "offline" {
		select {
		case <-relay.changed:
		case <-ctx.Done():
			t.Fatal("no farewell")
		}
	}
}

// model is a relay in memory.
type model struct {
	c       *mqtt.Client
	changed chan struct{}

	mu    sync.Mutex
	held  [2]map[uint64]bool
	state string
	wake  chan struct{}
}

func newRelay(t *testing.T, ctx context.Context, addr string) *model {
	r := &model{changed: make(chan struct{}, 1), wake: make(chan struct{}, 1), held: [2]map[uint64]bool{{}, {}}}
	var err error
	if r.c, err = mqtt.Dial(mqtt.Config{URL: addr, ClientID: "relay-1", OnConnect: func(*mqtt.Client) { poke(r.wake) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.c.Close)
	if err := r.c.Subscribe(ctx, []string{topic.All(topic.Audit), topic.All(topic.Telemetry), topic.All(topic.State)}, r.take); err != nil {
		t.Fatal(err)
	}
	go func() { // tells how far it is, after each change and each connect
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
			}
			p, _ := json.Marshal(r.ack())
			err := r.c.Publish(ctx, mqtt.Message{Topic: topic.For(gw, topic.Ack), Payload: p, Retained: true})
			if err != nil && !errors.Is(err, mqtt.ErrNotConnected) && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	return r
}

func (r *model) take(m mqtt.Message, ack func()) {
	defer ack()
	p, err := topic.Parse(m.Topic)
	if err != nil {
		return
	}
	r.mu.Lock()
	if p.Leaf == topic.State {
		var s event.State
		if json.Unmarshal(m.Payload, &s) == nil {
			r.state = map[bool]string{true: "online", false: "offline"}[s.Online]
		}
	} else {
		if b, err := event.DecodeBatch(m.Payload); err == nil {
			for _, raw := range b.Records {
				var e event.Event
				if json.Unmarshal(raw, &e) == nil {
					r.held[map[bool]int{true: 1}[p.Leaf == topic.Telemetry]][e.Seq] = true
				}
			}
		}
		poke(r.wake)
	}
	r.mu.Unlock()
	poke(r.changed)
}

func (r *model) ack() (a event.Ack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.held[0][a.Audit+1]; a.Audit++ {
	}
	for ; r.held[1][a.Telemetry+1]; a.Telemetry++ {
	}
	return a
}

func (r *model) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = [2]map[uint64]bool{{}, {}}
}

func (r *model) lastState() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

func (r *model) holds(t *testing.T, ctx context.Context, audit, telemetry uint64) {
	t.Helper()
	for r.ack() != (event.Ack{Audit: audit, Telemetry: telemetry}) {
		select {
		case <-r.changed:
		case <-ctx.Done():
			t.Fatalf("the relay holds %+v, expected %d and %d", r.ack(), audit, telemetry)
		}
	}
}

func (r *model) publish(t *testing.T, ctx context.Context, m mqtt.Message) {
	t.Helper()
	if err := r.c.Publish(ctx, m); err != nil {
		t.Fatal(err)
	}
}
