package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"kapija/dashboard/auth"
	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/site"
	"kapija/internal/topic"
)

// tokens are the bearer tokens of these tests, one for each role.
type tokens map[string]auth.User

func (t tokens) Bearer(_ context.Context, token string) (auth.User, bool) {
	u, ok := t[token]
	return u, ok
}
func (t tokens) Session(_ context.Context, s string) (auth.User, bool) {
	u, ok := t["session-"+s]
	return u, ok
}

type past struct {
	events []history.Event
	err    error
}

func (p past) Events(context.Context, string, time.Time, time.Time, int) ([]history.Event, error) {
	return p.events, p.err
}

func (p past) Curve(_ context.Context, _ string, from, _ time.Time, _ time.Duration) ([]history.Point, error) {
	return []history.Point{{At: from, Count: 2}}, p.err
}

func (p past) Range(context.Context, string, string, uint64, uint64, time.Time) ([]history.Event, error) {
	return nil, p.err
}

func (p past) Usual(context.Context, string, *time.Location, time.Time) (*int, error) {
	return nil, p.err
}

func serve(t *testing.T, p past) (*fiber.App, *live.Hub) {
	t.Helper()
	d := &site.District{Buildings: []*site.Building{{
		ID: "house", Name: site.Text{Sr: "Кућа", En: "House"}, Location: time.UTC,
		Zones:    []*site.Zone{{ID: "lobby", Name: site.Text{Sr: "Хол", En: "Lobby"}}},
		Doors:    []*site.Door{{ID: "main", From: site.Outside, To: "lobby", Gateway: "g"}},
		Gateways: []*site.Gateway{{ID: "g"}},
	}}}
	log := slog.New(slog.DiscardHandler)
	hub := live.New(live.Config{Site: d, Past: p, Log: log})
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	Mount(app, Deps{
		Site: d, Live: hub, Past: p, Metrics: prometheus.NewRegistry(), Log: log,
		Auth: tokens{
			"m": {Role: auth.Manager}, "v": {Role: auth.Viewer}, "t": {Role: auth.Tenant},
			"session-s": {Role: auth.Manager}, "session-first": {Role: auth.Manager, MustChange: true},
		},
		Checks: []Check{{"database", func(context.Context) error { return p.err }}},
	})
	return app, hub
}

func say(t *testing.T, hub *live.Hub, l topic.Leaf, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = hub.Handle(mqtt.Message{Topic: topic.For(topic.Gateway{Building: "house", Gateway: "g"}, l), Payload: b})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func entered(t *testing.T, hub *live.Hub, seq uint64, at time.Time) {
	raw, err := json.Marshal(event.Event{Seq: seq, At: at, Kind: event.AccessEntered, Door: "main", Side: event.In, Badge: "b_x"})
	if err != nil {
		t.Fatal(err)
	}
	say(t, hub, topic.Audit, event.Batch{V: 1, Records: []json.RawMessage{raw}})
}

func ask(t *testing.T, app *fiber.App, path, token string) (int, string, http.Header) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	if s, ok := strings.CutPrefix(token, "session-"); ok {
		req.AddCookie(&http.Cookie{Name: SessionCookie, Value: s})
	} else if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := app.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func TestWhoMayAskWhat(t *testing.T) {
	app, hub := serve(t, past{})
	entered(t, hub, 1, time.Now())
	for _, c := range []struct {
		path, token string
		status      int
		holds       string
	}{
		{"/api/v1/buildings", "", 401, "kapija token create"},
		{"/api/v1/buildings", "wrong", 401, `"code":"unauthorized"`},
		{"/api/v1/buildings", "session-first", 403, `"code":"password_change"`},
		{"/api/v1/buildings", "m", 200, `"zones":[{"id":"lobby"`},
		{"/api/v1/buildings", "session-s", 200, `"name":{"sr":"Кућа","en":"House"}`},
		{"/api/v1/buildings", "v", 200, `"zones":[{"id":"lobby"`},
		{"/api/v1/buildings", "t", 200, `"zones":[]`},
		{"/api/v1/events", "m", 200, `"badge":"b_x"`},
		{"/api/v1/events", "v", 403, "role viewer does not see events"},
		{"/api/v1/events", "t", 403, `"code":"forbidden"`},
		{"/api/v1/buildings/house/curve", "v", 200, `"count":2`},
		{"/api/v1/nothing", "m", 404, `"code":"not_found"`},
		{"/healthz", "", 200, `"ok":true`},
		{"/metrics", "", 200, ""},
	} {
		status, body, header := ask(t, app, c.path, c.token)
		if status != c.status || !strings.Contains(body, c.holds) {
			t.Errorf("%s as %q: %d %s; want %d with %s", c.path, c.token, status, body, c.status, c.holds)
		}
		if header.Get("Access-Control-Allow-Origin") != "" { // L57
			t.Errorf("%s may be read from other origins", c.path)
		}
	}
}

func TestBadQuestionsSayWhatIsAllowed(t *testing.T) {
	app, _ := serve(t, past{})
	for path, want := range map[string]string{
		"/api/v1/events?building=castle":         `there is no building \"castle\"; there are: house`,
		"/api/v1/events?limit=0":                 "from 1 to 1000",
		"/api/v1/events?limit=x":                 "from 1 to 1000",
		"/api/v1/events?since=yesterday":         "it must be a time such as",
		"/api/v1/buildings/castle/curve":         "there are: house",
		"/api/v1/buildings/house/curve?every=1s": "at least 10s",
		"/api/v1/buildings/house/curve?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "the range must be positive",
		"/api/v1/buildings/house/curve?from=2000-01-01T00:00:00Z&every=10s":               "at most 5000 steps",
	} {
		status, body, _ := ask(t, app, path, "m")
		if status < 400 || status >= 500 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s; want %s", path, status, body, want)
		}
	}
}

func TestDatabaseAway(t *testing.T) {
	app, _ := serve(t, past{err: errors.New("secret address refused")})
	for _, path := range []string{"/api/v1/events", "/api/v1/buildings/house/curve", "/healthz"} {
		status, body, _ := ask(t, app, path, "m")
		if status != 503 || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s; want 503 without the inner cause", path, status, body)
		}
	}
	if status, body, _ := ask(t, app, "/api/v1/buildings", "m"); status != 200 {
		t.Errorf("the live numbers need no database: %d %s", status, body)
	}
}

func TestEventsJoinLiveAndHistory(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	old := func(seq uint64, at time.Time) history.Event {
		return history.Event{Gateway: "g", Event: event.Event{Seq: seq, At: at, Kind: event.DoorOpened, Door: "main"}}
	}
	app, hub := serve(t, past{events: []history.Event{old(2, now), old(1, now.Add(-time.Hour))}})
	entered(t, hub, 2, now)
	_, body, _ := ask(t, app, "/api/v1/events?building=house&since="+now.Add(-2*time.Hour).Format(time.RFC3339), "m")
	var evs []live.Event
	if err := json.Unmarshal([]byte(body), &evs); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if len(evs) != 2 || evs[0].Seq != 2 || evs[1].Seq != 1 || evs[0].Kind != event.AccessEntered {
		t.Errorf("got %+v; want the live event, then the older one, each once", evs)
	}
}

// The stream is a snapshot, then what changes, to each as much as they may see, and it ends when the server does.
func TestStream(t *testing.T) {
	app, hub := serve(t, past{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	defer app.Shutdown()
	open := func(token string) *bufio.Reader {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		t.Cleanup(cancel)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/api/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" || resp.Header.Get("Etag") != "" {
			t.Errorf("content type %q, etag %q", ct, resp.Header.Get("Etag"))
		}
		return bufio.NewReader(resp.Body)
	}
	line := func(r *bufio.Reader) string {
		s, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		return strings.TrimSuffix(s, "\n")
	}
	until := func(r *bufio.Reader, prefix string) string {
		for {
			if s := line(r); strings.HasPrefix(s, prefix) {
				return s
			}
		}
	}
	manager, tenant := open("m"), open("t")
	for _, r := range []*bufio.Reader{manager, tenant} {
		if s := line(r); !strings.HasPrefix(s, "retry: ") {
			t.Errorf("first line %q, want retry", s)
		}
		until(r, "event: snapshot")
	}
	if s := line(manager); !strings.Contains(s, `"id":"lobby"`) {
		t.Errorf("manager's snapshot: %s", s)
	}
	if s := line(tenant); strings.Contains(s, "lobby") {
		t.Errorf("tenant's snapshot: %s", s)
	}
	entered(t, hub, 1, time.Now())
	until(manager, "event: event")
	if s := line(manager); !strings.Contains(s, `"badge":"b_x"`) {
		t.Errorf("event: %s", s)
	}
	hub.Close()
	rest, err := io.ReadAll(tenant)
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(string(rest), "b_x") {
		t.Errorf("a tenant heard of a person: %s", rest)
	}
	if status, _, _ := ask(t, app, "/api/v1/stream", "m"); status != 503 {
		t.Errorf("a stream of a server that stops: %d, want 503", status)
	}
}
