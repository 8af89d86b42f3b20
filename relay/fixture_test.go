package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"kapija/internal/broker"
	"kapija/internal/influxd"
	"kapija/internal/mqtt"
	"kapija/internal/site"
)

// One InfluxDB serves all tests that do not kill it, each with a database of its own.
var (
	shared    *influxd.Server
	sharedErr error
	sharedDir string
	sharedOne sync.Once
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		_ = shared.Close()
	}
	if sharedDir != "" {
		_ = os.RemoveAll(sharedDir)
	}
	os.Exit(code)
}

func startInflux(t *testing.T, dir, addr string) *influxd.Server {
	t.Helper()
	s, err := influxd.Start(t.Context(), influxd.Config{Dir: dir, Addr: addr, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// world is one test's surroundings.
type world struct {
	t      *testing.T
	site   *site.District
	influx Influx
	mqtt   string
	dead   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sharedOne.Do(func() {
		dir, err := os.MkdirTemp("", "relay")
		if err != nil {
			sharedErr = err
			return
		}
		sharedDir = dir
		shared, sharedErr = influxd.Start(context.Background(), influxd.Config{Dir: dir, Progress: os.Stderr})
	})
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	name := fmt.Sprintf("t%d", databases.Add(1))
	w := newWorldOn(t, Influx{URL: shared.URL, Bucket: name + "/autogen"})
	w.statement(`CREATE DATABASE "` + name + `"`)
	return w
}

func newWorldOn(t *testing.T, i Influx) *world {
	t.Helper()
	w := &world{t: t, site: district(), influx: i, dead: filepath.Join(t.TempDir(), "dead.jsonl")}
	w.mqtt = w.broker(t.TempDir(), "127.0.0.1:0").URL()
	return w
}

func (w *world) broker(dir, addr string) *broker.Broker {
	w.t.Helper()
	b, err := broker.Start(broker.Config{Addr: addr, Dir: dir})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(b.Close)
	return b
}

func district() *site.District {
	b := &site.Building{
		ID: "b", Zones: []*site.Zone{{ID: "lobby"}, {ID: "office"}},
		Doors: []*site.Door{{ID: "front", Gateway: "g", From: "outside", To: "lobby"}, {ID: "inner", Gateway: "h", From: "lobby", To: "office"}},
		Gateways: []*site.Gateway{
			{ID: "g", Sensors: []*site.Sensor{{ID: "s1", Zone: "lobby"}}},
			{ID: "h", Sensors: []*site.Sensor{{ID: "s2", Zone: "office"}}},
		},
	}
	return &site.District{Buildings: []*site.Building{b}}
}

// relay runs a relay until the returned function is called or the test ends.
type running struct {
	stop context.CancelFunc
	done chan error
	reg  *prometheus.Registry
}

func (w *world) relay(id string) *running {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &running{stop: cancel, done: make(chan error, 1), reg: prometheus.NewRegistry()}
	c := Config{
		MQTT: w.mqtt, ClientID: id, Influx: w.influx, Site: w.site, DeadLetters: w.dead, Registerer: r.reg,
		Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)).With("relay", id),
	}
	go func() { r.done <- Run(ctx, c) }()
	w.t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	r.stop()
	if r.done != nil {
		<-r.done
		r.done = nil
	}
}

// value sums a counter over its labels.
func (r *running) value(name string) float64 {
	families, _ := r.reg.Gather()
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "kapija_relay_"+name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (w *world) statement(q string) {
	w.t.Helper()
	resp, err := http.PostForm(w.influx.URL+"/query", url.Values{"q": {q}, "db": {strings.TrimSuffix(w.influx.Bucket, "/autogen")}})
	if err != nil {
		w.t.Fatal(err)
	}
	said, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || bytes.Contains(said, []byte(`"error"`)) {
		w.t.Fatalf("%s: %s %s", q, resp.Status, said)
	}
}

// rows runs a Flux query over everything in the bucket; nil when the database does not answer.
func (w *world) rows(flux string) []map[string]any {
	c := influxdb2.NewClient(w.influx.URL, w.influx.Token)
	defer c.Close()
	res, err := c.QueryAPI("").Query(w.t.Context(), fmt.Sprintf("from(bucket: %q) |> %s |> %s", w.influx.Bucket, always, flux))
	if err != nil {
		return nil
	}
	defer func() { _ = res.Close() }()
	var out []map[string]any
	for res.Next() {
		out = append(out, res.Record().Values())
	}
	return out
}

// seqs is the audit numbers that the database holds of a gateway, one for each point: a double shows as a double.
func (w *world) seqs(gateway string) []int64 {
	var out []int64
	for _, r := range w.rows(fmt.Sprintf(`filter(fn: (r) => r._field == "seq" and r._measurement != "environment" and r.gateway == %q and r.kind != "journal.dead_letter")`, gateway)) {
		out = append(out, r["_value"].(int64))
	}
	slices.Sort(out)
	return out
}

func numbers(from, to int) []int64 {
	var out []int64
	for i := from; i <= to; i++ {
		out = append(out, int64(i))
	}
	return out
}

// until waits for something that another process does.
func (w *world) until(what string, f func() bool) {
	w.t.Helper()
	end := time.After(90 * time.Second)
	for !f() {
		select {
		case <-end:
			w.t.Fatalf("waited in vain: %s", what)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (w *world) untilHeld(gateway string, want []int64) {
	w.t.Helper()
	var got []int64
	defer func() {
		if w.t.Failed() {
			w.t.Logf("%s holds %d numbers: %v", gateway, len(got), got[:min(len(got), 60)])
		}
	}()
	w.until(fmt.Sprintf("InfluxDB holds %d records of %s", len(want), gateway), func() bool {
		got = w.seqs(gateway)
		return slices.Equal(got, want)
	})
}

// publisher is a client that sends what a test says and nothing else.
func (w *world) publisher() func(topic string, retained bool, payload []byte) {
	w.t.Helper()
	c, err := mqtt.Dial(mqtt.Config{URL: w.mqtt, ClientID: fmt.Sprintf("test-%d", databases.Add(1)), Clean: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return func(topic string, retained bool, payload []byte) {
		w.t.Helper()
		for {
			<-c.Up()
			err := c.Publish(w.t.Context(), mqtt.Message{Topic: topic, Payload: payload, Retained: retained})
			if err == nil {
				return
			}
			if !errors.Is(err, mqtt.ErrNotConnected) {
				w.t.Fatal(err)
			}
		}
	}
}

// letters reads the dead-letter file.
func (w *world) letters() []letter {
	raw, _ := os.ReadFile(w.dead)
	var out []letter
	for l := range strings.Lines(string(raw)) {
		var x letter
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			w.t.Fatalf("dead letter %q: %v", l, err)
		}
		out = append(out, x)
	}
	return out
}
