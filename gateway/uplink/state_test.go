package uplink

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

func TestState(t *testing.T) {
	bubble(t, "birth, changes, heartbeat, farewell", func(t *testing.T) {
		r := start(t)
		if w := r.config.Will; w == nil || !w.Retained || string(w.Payload) != `{"online":false}` || w.Topic != "kapija/1/lozionica/north/state" {
			t.Fatalf("will %+v", w)
		}
		if r.config.Clean || r.config.ClientID != "gw-lozionica-north" {
			t.Fatalf("client %q, clean %v", r.config.ClientID, r.config.Clean)
		}
		r.connect()
		_, states := r.take()
		var s event.State
		if len(states) != 1 || json.Unmarshal([]byte(states[0]), &s) != nil || !s.Online || s.Version != "test" {
			t.Fatalf("birth %v", states)
		}
		for range 50 { // within 5 s
			r.changed <- struct{}{}
			pause(100 * time.Millisecond)
		}
		pause(time.Second)
		if _, states = r.take(); len(states) < 5 || len(states) > 6 {
			t.Fatalf("%d states for 50 changes in 5 s", len(states))
		}
		pause(10 * time.Minute)
		if batches, states := r.take(); len(states) != 20 || len(batches) != 0 {
			t.Fatalf("%d states and %d batches in 10 idle minutes", len(states), len(batches))
		}
		close(r.changed) // nobody will say any more
		pause(time.Minute)
		if _, states = r.take(); len(states) > 3 {
			t.Fatalf("%d states in a minute", len(states))
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if _, states = r.take(); len(states) != 1 || states[0] != `{"online":false}` || !r.closed {
			t.Fatalf("farewell %v", states)
		}
	})
}

func TestPolicy(t *testing.T) {
	bubble(t, "in order, acknowledged when it is stored", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 10)
		r.connect()
		r.hold = make(chan struct{})
		delivered := make(chan struct{})
		go func() {
			for _, shard := range []string{"rules", "00", "ff"} {
				r.deliver(mqtt.Message{Topic: topic.ForPolicy(gw, shard), Payload: []byte("p" + shard), Retained: true})
			}
			r.deliver(mqtt.Message{Topic: "kapija/1/other/topic", Payload: []byte("x")})
			close(delivered)
		}()
		pause(settle)
		if r.acked != 0 {
			t.Fatal("acknowledged before it was stored")
		}
		expect(t, r.fake, "audit 1-10") // and sending does not wait for it
		close(r.hold)
		<-delivered
		want := []string{"kapija/1/lozionica/north/policy/rules prules", "kapija/1/lozionica/north/policy/00 p00", "kapija/1/lozionica/north/policy/ff pff"}
		if !slices.Equal(r.policies, want) || r.acked != 4 {
			t.Fatal(r.policies, r.acked)
		}
	})
}
