package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestOrder(t *testing.T) {
	bubble(t, "audit before telemetry, after the wait for an ack", func(t *testing.T) {
		r := start(t)
		fill(t, r.telemetry, 700)
		fill(t, r.audit, 1200)
		r.connect()
		expect(t, r.fake)
		pause(settle)
		expect(t, r.fake, "audit 1-500", "audit 501-1000", "audit 1001-1200", "telemetry 1-500", "telemetry 501-700")
		fill(t, r.audit, 1)
		expect(t, r.fake, "audit 1201-1201")
	})
	bubble(t, "from the retained ack at once", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 300)
		r.connect()
		r.ack(event.Ack{Audit: 120}, true)
		expect(t, r.fake, "audit 121-300")
	})
	bubble(t, "the retained ack may come before the client says that it is connected", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 300)
		r.ack(event.Ack{Audit: 120}, true)
		r.connect()
		expect(t, r.fake, "audit 121-300")
	})
	bubble(t, "from the local cursor when the relay says nothing", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 300)
		if err := r.audit.Ack(200); err != nil {
			t.Fatal(err)
		}
		r.connect()
		pause(settle)
		expect(t, r.fake, "audit 201-300")
	})
	bubble(t, "telemetry waits while audit is held up", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 600)
		fill(t, r.telemetry, 10)
		release := make(chan struct{})
		r.publish = func(_ context.Context, m mqtt.Message) error {
			if strings.HasSuffix(m.Topic, "/audit") {
				<-release
			}
			return nil
		}
		r.connect()
		pause(settle)
		expect(t, r.fake)
		close(release)
		expect(t, r.fake, "audit 1-500", "audit 501-600", "telemetry 1-10")
	})
}

func TestBytesTravelUnchanged(t *testing.T) {
	bubble(t, "exact", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 3)
		want, _, err := r.audit.Read(1, 10)
		if err != nil {
			t.Fatal(err)
		}
		r.connect()
		pause(settle)
		batches, _ := r.take()
		if got := batches[0].Payload; !bytes.Equal(got, slices.Concat([]byte(`{"v":1,"records":[`), bytes.Join(want, []byte(",")), []byte(`]}`))) {
			t.Fatalf("%s", got)
		}
	})
	bubble(t, "size is bounded", func(t *testing.T) {
		r := start(t)
		big := fmt.Sprintf(`,"cause":%q}`, strings.Repeat("x", 60_000))
		for range 10 {
			if _, err := r.audit.Append(func(seq uint64, _ string) ([]byte, error) { return fmt.Appendf(nil, `{"seq":%d%s`, seq, big), nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.audit.Wait(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		r.connect()
		pause(settle)
		expect(t, r.fake, "audit 1-4", "audit 5-8", "audit 9-10")
	})
}

func TestL42PublishFails(t *testing.T) {
	bubble(t, "L42 refused midway", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 1500)
		n := 0
		r.publish = func(_ context.Context, m mqtt.Message) error {
			if !strings.HasSuffix(m.Topic, "/audit") {
				return nil
			}
			if n++; n == 2 || n == 3 {
				return errors.New("no")
			}
			return nil
		}
		r.connect()
		pause(settle)
		expect(t, r.fake, "audit 1-500")
		pause(retry)
		expect(t, r.fake)
		pause(retry)
		expect(t, r.fake, "audit 501-1000", "audit 1001-1500")
	})
	bubble(t, "L42 connection lost midway", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 1000)
		hold := make(chan struct{})
		r.publish = func(_ context.Context, m mqtt.Message) error {
			if strings.HasSuffix(m.Topic, "/audit") && sequence(t, m.Payload)[0] == 501 {
				<-hold
			}
			return nil
		}
		r.connect()
		pause(settle)
		expect(t, r.fake, "audit 1-500")
		r.disconnect()
		close(hold)
		pause(time.Hour)
		expect(t, r.fake)
		r.connect()
		r.ack(event.Ack{Audit: 500}, true)
		expect(t, r.fake, "audit 501-1000")
	})
}

func TestL45Resend(t *testing.T) {
	bubble(t, "L45 after a reconnect, identical", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 800)
		r.connect()
		pause(settle)
		before, _ := r.take()
		r.disconnect()
		r.connect()
		pause(settle)
		after, _ := r.take()
		if len(before) != 2 || len(after) != 2 || !bytes.Equal(before[0].Payload, after[0].Payload) || !bytes.Equal(before[1].Payload, after[1].Payload) {
			t.Fatalf("%v, then %v", spans(t, before), spans(t, after))
		}
	})
	bubble(t, "L45 the ack goes back", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 800)
		fill(t, r.telemetry, 20)
		r.connect()
		r.ack(event.Ack{Audit: 800, Telemetry: 20}, true)
		expect(t, r.fake)
		r.ack(event.Ack{Audit: 100, Telemetry: 5}, false) // restored from a backup
		expect(t, r.fake, "audit 101-600", "audit 601-800", "telemetry 6-20")
		r.ack(event.Ack{}, false) // wiped
		expect(t, r.fake, "audit 1-500", "audit 501-800", "telemetry 1-20")
		if r.audit.Acked() != 0 {
			t.Fatal(r.audit.Acked())
		}
	})
	bubble(t, "L45 the same ack again and again sends nothing", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 800)
		r.connect()
		r.ack(event.Ack{Audit: 0}, true)
		r.ack(event.Ack{Audit: 500}, false)
		r.take()
		for range 10 {
			r.ack(event.Ack{Audit: 500}, false)
			pause(time.Second)
		}
		expect(t, r.fake)
	})
}

func TestGarbageAck(t *testing.T) {
	bubble(t, "ignored, and said once", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 100)
		r.connect()
		for range 3 {
			for _, p := range []string{"", "{", "null?", `{"audit":-1}`, `{"audit":"7"}`, "\xff\x00"} {
				r.deliver(mqtt.Message{Topic: topic.For(gw, topic.Ack), Payload: []byte(p)})
			}
		}
		r.ack(event.Ack{Audit: 101}, false)
		r.ack(event.Ack{Audit: 1 << 63}, false)
		if r.audit.Acked() != 0 {
			t.Fatal(r.audit.Acked())
		}
		expect(t, r.fake, "audit 1-100")
		if n := strings.Count(r.logs.String(), "cannot be read"); n != 1 {
			t.Fatalf("said %d times:\n%s", n, r.logs)
		}
		if n := strings.Count(r.logs.String(), "not plausible"); n != 1 {
			t.Fatalf("said %d times:\n%s", n, r.logs)
		}
		r.ack(event.Ack{Audit: 100, Telemetry: 99}, false) // half of it is usable
		if r.audit.Acked() != 100 || r.acked != 21 {
			t.Fatal(r.audit.Acked(), r.acked)
		}
	})
}

func TestSlowBroker(t *testing.T) {
	bubble(t, "bounded", func(t *testing.T) {
		r := start(t)
		r.publish = func(ctx context.Context, _ mqtt.Message) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(40 * time.Second):
				return nil
			}
		}
		fill(t, r.audit, 20_000)
		fill(t, r.telemetry, 5000)
		r.connect()
		for range 100 {
			select {
			case r.changed <- struct{}{}:
			case <-time.After(time.Minute):
			}
			pause(10 * time.Second)
		}
		for name, most := range r.most {
			if most > 1 {
				t.Errorf("%d at once on %s", most, name)
			}
		}
		if r.dials != 1 {
			t.Errorf("dialled %d times", r.dials)
		}
	})
	bubble(t, "silent for a minute: dialled again", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 10)
		silent := true
		r.publish = func(ctx context.Context, _ mqtt.Message) error {
			if silent {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		r.connect()
		pause(settle + patience + farewell + redial)
		if r.dials != 2 {
			t.Fatalf("dialled %d times", r.dials)
		}
		silent = false
		r.connect()
		pause(settle)
		expect(t, r.fake, "audit 1-10")
	})
	bubble(t, "subscription refused: dialled again", func(t *testing.T) {
		f := newFake()
		f.refuse = errors.New("not allowed")
		r := start(t)
		j := r.audit
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		err := run(ctx, Config{Gateway: gw, URL: "x", Audit: j, Telemetry: j, State: func() event.State { return event.State{} }}, f.dial)
		if err != nil || f.dials != 4 || !f.closed {
			t.Fatal(err, f.dials, f.closed)
		}
	})
}

func TestConfig(t *testing.T) {
	if err := Run(t.Context(), Config{}); err == nil {
		t.Fatal("ran without a configuration")
	}
	bubble(t, "bad address", func(t *testing.T) {
		r := start(t)
		err := run(t.Context(), Config{Gateway: gw, Audit: r.audit, Telemetry: r.telemetry, State: func() event.State { return event.State{} }}, r.dial)
		if err == nil || !strings.Contains(err.Error(), "no address") {
			t.Fatal(err)
		}
	})
}
