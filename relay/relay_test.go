package relay

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

var discard = slog.New(slog.DiscardHandler)

var auditTopic = topic.For(topic.Gateway{Building: "b", Gateway: "g"}, topic.Audit)

func events(n int) *fakeGateway {
	g := &fakeGateway{wake: make(chan struct{}, 1)}
	g.write(n)
	return g
}

func (g *fakeGateway) payload(from, to int) []byte {
	var raws []json.RawMessage
	for _, r := range g.audit[from-1 : to] {
		raws = append(raws, r)
	}
	return batchOf(raws...)
}

func TestEventsReadingsAndOccupancyArrive(t *testing.T) {
	w := newWorld(t)
	w.relay("r")
	g := w.gateway("g")
	g.write(35)
	w.untilHeld("g", numbers(1, 35))
	w.until("the ack covers all", func() bool { return g.ack() == 35 })

	send := w.publisher()
	reading, _ := json.Marshal(event.Reading{Seq: 1, At: time.Now(), Sensor: "s1", Quantity: "CO2_Level_Sensor", Value: 612, Unit: "[ppm]"})
	send(topic.For(g.topic(), topic.Telemetry), false, batchOf(reading))
	occupancy, _ := json.Marshal(event.Occupancy{At: time.Now(), Zones: []event.ZoneOccupancy{{Count: 4, Low: 3, High: 6}, {Zone: "lobby", Count: 4}, {Zone: "moon"}}})
	send(topic.Occupancy("b"), true, occupancy)
	w.until("the reading", func() bool {
		r := w.rows(`filter(fn: (r) => r._measurement == "environment" and r._field == "value")`)
		return len(r) == 1 && r[0]["_value"] == 612.0 && r[0]["zone"] == "lobby" && r[0]["quantity"] == "CO2_Level_Sensor"
	})
	w.until("the occupancy", func() bool {
		return len(w.rows(`filter(fn: (r) => r._measurement == "occupancy" and r._field == "count" and r._value == 4)`)) == 2
	})
}

// L42: an ack counts as published when the broker has taken it, not before.
func TestL42AckIsPublishedUntilTaken(t *testing.T) {
	a := newAcks()
	g := topic.Gateway{Building: "b", Gateway: "g"}
	p := &flaky{fails: 2, took: make(chan mqtt.Message, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go a.run(ctx, p)
	a.set(g, event.Ack{Audit: 7})
	m := <-p.took
	var told event.Ack
	if err := json.Unmarshal(m.Payload, &told); err != nil || !m.Retained || told.Audit != 7 || told.At.IsZero() {
		t.Errorf("published %s, retained %v, error %v", m.Payload, m.Retained, err)
	}
	a.again()
	<-p.took
	if got := a.collect(); got[g].Audit != 7 {
		t.Errorf("collected %v", got)
	}
}

type flaky struct {
	fails int
	took  chan mqtt.Message
}

func (f *flaky) Publish(_ context.Context, m mqtt.Message) error {
	if f.fails--; f.fails >= 0 {
		return mqtt.ErrNotConnected
	}
	f.took <- m
	return nil
}

func TestL43GarbageBecomesDeadLetters(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	send := w.publisher()
	w.until("subscribed", func() bool {
		send(topic.For(topic.Gateway{Building: "x", Gateway: "y"}, topic.Audit), false, []byte("hello"))
		return r.value("dead_letters_total") > 0
	})
	before := len(w.letters())
	g := events(3)
	g.mu.Lock()
	g.add(event.Event{Kind: event.DoorOpened, Door: "nowhere"})
	g.add(event.Event{Kind: event.DoorClosed, Door: "front"})
	g.mu.Unlock()
	send(auditTopic, false, []byte("\x00\xffgarbage"))
	send(auditTopic, false, []byte(`{"v":1,"records":[]}`))
	send(auditTopic, false, []byte(`{"v":1,"records":[]}`)) // the same again is written once
	send("kapija/1/moon/occupancy", false, []byte(`{"at":"2025-01-01T00:00:00Z","zones":[]}`))
	send("kapija/1/b/occupancy", false, []byte(`[]`))
	send(auditTopic, false, g.payload(1, 5))
	w.untilHeld("g", []int64{1, 2, 3, 5})
	var causes []string
	for _, l := range w.letters()[before:] {
		if body, err := base64.StdEncoding.DecodeString(l.Payload); err != nil || len(body) != l.Size || l.Why == "" || l.Time.IsZero() {
			t.Errorf("letter %+v: %v", l, err)
		}
		causes = append(causes, l.Topic[len("kapija/1/"):]+" "+l.Cause)
	}
	want := []string{"b/g/audit malformed", "b/g/audit malformed", "moon/occupancy unknown", "b/occupancy malformed", "b/g/audit unknown"}
	if !slices.Equal(causes, want) {
		t.Errorf("dead letters %q, want %q", causes, want)
	}
	if st, err := os.Stat(w.dead); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("file: %v %v", st, err)
	}
	// A buried record keeps its place: the ack passes it, and the database shows it.
	w.until("the ack covers all", func() bool { return w.acked("g") == 5 })
	if got := w.rows(`filter(fn: (r) => r.kind == "journal.dead_letter" and r._field == "seq" and r._value == 4)`); len(got) != 1 {
		t.Errorf("dead letter in the database: %v", got)
	}
}

// acked reads the retained ack.
func (w *world) acked(gateway string) uint64 {
	got := make(chan uint64, 16)
	c, err := mqtt.Dial(mqtt.Config{URL: w.mqtt, ClientID: "look-" + gateway, Clean: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	err = c.Subscribe(w.t.Context(), []string{topic.For(topic.Gateway{Building: "b", Gateway: gateway}, topic.Ack)}, func(m mqtt.Message, ack func()) {
		var a event.Ack
		if json.Unmarshal(m.Payload, &a) == nil {
			got <- a.Audit
		}
		ack()
	})
	if err != nil {
		w.t.Fatal(err)
	}
	select {
	case n := <-got:
		return n
	case <-time.After(2 * time.Second):
		return 0
	}
}

func TestL45TwiceIsOnce(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	g := events(40)
	same := time.Now().UTC()
	g.mu.Lock()
	for range 10 { // one stamp, one kind, one door: still ten records
		g.add(event.Event{Kind: event.DoorClosed, Door: "front", At: same})
	}
	g.mu.Unlock()
	send := w.publisher()
	w.until("all", func() bool {
		send(auditTopic, false, g.payload(1, 50))
		send(auditTopic, false, g.payload(11, 30))
		return r.value("duplicates_total") >= 100
	})
	w.untilHeld("g", numbers(1, 50))
}

func TestL45TwoRelays(t *testing.T) {
	w := newWorld(t)
	a, b := w.relay("one"), w.relay("two")
	g, h := w.gateway("g"), w.gateway("h")
	for range 10 {
		g.write(30)
		h.write(20)
	}
	w.untilHeld("g", numbers(1, 300))
	w.untilHeld("h", numbers(1, 200))
	w.until("acks", func() bool { return g.ack() == 300 && h.ack() == 200 })
	a.end()
	g.write(10)
	w.untilHeld("g", numbers(1, 310))
	w.relay("one")
	h.write(10)
	w.untilHeld("h", numbers(1, 210))
	w.until("acks", func() bool { return g.ack() == 310 && h.ack() == 210 })
	if n := a.value("gaps_total") + b.value("gaps_total") + b.value("acks_lowered_total"); n != 0 {
		t.Errorf("%v gaps or losses were seen where there were none", n)
	}
}

func TestRefusedPointIsBuriedAndTheRestWritten(t *testing.T) {
	w := newWorld(t)
	// Field cause of measurement door is a number here: InfluxDB refuses each record that gives it a text.
	name := strings.TrimSuffix(w.influx.Bucket, "/autogen")
	resp, err := http.Post(w.influx.URL+"/write?db="+name, "text/plain", strings.NewReader("door,building=other cause=5i"))
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	w.relay("r")
	g := w.gateway("g")
	g.mu.Lock()
	for i := range 20 {
		e := event.Event{Kind: event.DoorOpened, Door: "front"}
		if i == 7 {
			e.Cause = "text"
		}
		g.add(e)
	}
	g.mu.Unlock()
	g.poke()
	w.until("the ack", func() bool { return g.ack() == 20 })
	w.untilHeld("g", append(numbers(1, 7), numbers(9, 20)...))
	l := w.letters()
	if len(l) != 1 || l[0].Cause != causeRefused || !strings.Contains(l[0].Why, "conflict") {
		t.Errorf("dead letters %+v", l)
	}
}

func TestLostMarksAreRebuiltFromTheRecords(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	g := w.gateway("g")
	g.write(25)
	w.until("the ack", func() bool { return g.ack() == 25 })
	r.end()
	w.statement(`DROP MEASUREMENT "relay"`)
	w.publisher()(topic.For(g.topic(), topic.Ack), true, nil) // and the broker's ack
	r = w.relay("r")
	w.until("the ack is back", func() bool { return w.acked("g") == 25 })
	if r.value("records_total") != 0 {
		t.Error("the gateway had to send again")
	}
}

func TestOversizedPayload(t *testing.T) {
	w := newWorld(t)
	l := loopFor(t, w)
	l.take(message{Message: mqtt.Message{Topic: auditTopic, Payload: make([]byte, 10<<20)}, got: time.Now()})
	got := w.letters()
	if len(got) != 1 || got[0].Cause != causeOversized || got[0].Size != 10<<20 || len(got[0].Payload) > 2*lettersBody {
		t.Errorf("%d letters", len(got))
	}
}

func loopFor(t *testing.T, w *world) *loop {
	t.Helper()
	m, err := newMetrics(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := openLetters(w.dead)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dead.close)
	return newLoop(w.site, nil, dead, newAcks(), m, discard)
}

func TestMessagesWithoutSenseNeverPanic(t *testing.T) {
	w := &world{t: t, site: district(), dead: t.TempDir() + "/dead"}
	l := loopFor(t, w)
	for _, top := range []string{"", "a", "kapija/1/b/g/audit", "kapija/1/b/g/telemetry", "kapija/1/b/g/ack", "kapija/1/b/occupancy", "kapija/1/x/occupancy", "kapija/1/b/q/ack", "kapija/1/b/g/policy/ff", "kapija/1/b/g/state"} {
		for _, p := range []string{"", "null", "{}", "[]", "1", `"x"`, "\xff", `{"v":1,"records":[null,{}]}`, `{"audit":-1}`, `{"zones":[{}]}`, strings.Repeat("[", 20000)} {
			l.take(message{Message: mqtt.Message{Topic: top, Payload: []byte(p)}, got: time.Now()})
		}
	}
}

func TestConfigurationErrors(t *testing.T) {
	good := Config{MQTT: "tcp://127.0.0.1:1", ClientID: "r", Influx: Influx{URL: "http://127.0.0.1:1", Bucket: "b"}, Site: district(), DeadLetters: t.TempDir() + "/d"}
	for want, change := range map[string]func(*Config){
		"no site":            func(c *Config) { c.Site = nil },
		"dead-letter":        func(c *Config) { c.DeadLetters = "" },
		"writable":           func(c *Config) { c.DeadLetters = "/dev/null/x" },
		"http://host":        func(c *Config) { c.Influx.URL = "localhost:8086" },
		"bucket is empty":    func(c *Config) { c.Influx.Bucket = "" },
		"tcp://host:port":    func(c *Config) { c.MQTT = "nonsense" },
		"client ID is empty": func(c *Config) { c.ClientID = "" },
	} {
		c := good
		change(&c)
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "relay: ") {
			t.Errorf("%s: error is %v", want, err)
		}
	}
}
