// Package api is the HTTP interface for programs: JSON under /api/v1, the live stream, health and metrics. Every answer
// under /api/v1 needs a session or a bearer token; errors are JSON with a code for machines and a message for people.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kapija/dashboard/auth"
	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/dashboard/occupancy"
	"kapija/internal/site"
)

// SessionCookie is the name of the cookie that carries a session.
const SessionCookie = "kapija_session"

// Live is the present state.
type Live interface {
	Snapshot() live.Snapshot
	Events(building string, since time.Time, limit int) (events []live.Event, complete bool)
	Watch(scope live.Scope) *live.Viewer
}

// Past is what the API asks history for.
type Past interface {
	Events(ctx context.Context, building string, from, to time.Time, limit int) ([]history.Event, error)
	Curve(ctx context.Context, building string, from, to time.Time, every time.Duration) ([]history.Point, error)
}

// Auth tells who asks.
type Auth interface {
	Session(ctx context.Context, session string) (auth.User, bool)
	Bearer(ctx context.Context, token string) (auth.User, bool)
}

// Check is one part of the system that health asks.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// Deps is what the API serves from.
type Deps struct {
	Site     *site.District
	DayStart time.Duration // see package occupancy
	Live     Live
	Past     Past
	Auth     Auth
	Checks   []Check
	Metrics  prometheus.Gatherer
	Log      *slog.Logger
}

type server struct{ Deps }

// Mount adds the routes to app.
func Mount(app *fiber.App, d Deps) {
	s := &server{d}
	app.Get("/healthz", s.health)
	app.Get("/metrics", adaptor.HTTPHandler(promhttp.HandlerFor(d.Metrics, promhttp.HandlerOpts{})))
	v1 := app.Group("/api/v1", s.authenticate)
	v1.Get("/buildings", s.buildings)
	v1.Get("/buildings/:id/curve", s.curve)
	v1.Get("/events", s.events)
	v1.Get("/stream", s.stream)
	v1.Use(func(*fiber.Ctx) error { return fail(fiber.StatusNotFound, "not_found", "there is no such resource") })
}

// problem is an error as a program reads it.
type problem struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p problem) Error() string { return p.Message }

func fail(status int, code, message string, args ...any) error {
	return problem{status, code, fmt.Sprintf(message, args...)}
}

// answer turns an error into JSON, in one place.
func (s *server) answer(c *fiber.Ctx, err error) error {
	var p problem
	if !errors.As(err, &p) {
		s.Log.Error("request failed", "path", c.Path(), "error", err)
		p = problem{fiber.StatusServiceUnavailable, "unavailable", "the database did not answer; try again"}
	}
	if p.status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="kapija"`)
	}
	return c.Status(p.status).JSON(fiber.Map{"error": p})
}

const userKey = "user"

func (s *server) authenticate(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	u, ok := s.who(c)
	if !ok {
		return s.answer(c, fail(fiber.StatusUnauthorized, "unauthorized",
			"log in, or send `Authorization: Bearer TOKEN`; make a token with `kapija token create`"))
	}
	if u.MustChange {
		return s.answer(c, fail(fiber.StatusForbidden, "password_change", "change the first password before anything else"))
	}
	c.Locals(userKey, u)
	if err := c.Next(); err != nil {
		return s.answer(c, err)
	}
	return nil
}

func (s *server) who(c *fiber.Ctx) (auth.User, bool) {
	if token, ok := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer "); ok {
		return s.Auth.Bearer(c.UserContext(), strings.Clone(token))
	}
	return s.Auth.Session(c.UserContext(), strings.Clone(c.Cookies(SessionCookie)))
}

// scope is how much a role may see. A tenant's administrator sees totals until zones belong to companies.
func scope(r auth.Role) live.Scope {
	switch r {
	case auth.Manager, auth.Guard, auth.Technician:
		return live.Persons
	case auth.Viewer:
		return live.Zones
	}
	return live.Totals
}

func (s *server) building(id string) (*site.Building, error) {
	if b := s.Site.Building(id); b != nil {
		return b, nil
	}
	var known []string
	for _, b := range s.Site.Buildings {
		known = append(known, b.ID)
	}
	return nil, fail(fiber.StatusNotFound, "not_found", "there is no building %q; there are: %s", id, strings.Join(known, ", "))
}

func (s *server) curve(c *fiber.Ctx) error {
	b, err := s.building(c.Params("id"))
	if err != nil {
		return err
	}
	now := time.Now()
	from, err := timeParam(c, "from", occupancy.DayStart(b, s.DayStart, now))
	if err != nil {
		return err
	}
	to, err := timeParam(c, "to", now)
	if err != nil {
		return err
	}
	every := 5 * time.Minute
	if v := c.Query("every"); v != "" {
		if every, err = time.ParseDuration(v); err != nil || every < 10*time.Second {
			return fail(fiber.StatusBadRequest, "invalid", "every is %q; it must be a duration of at least 10s, such as 5m or 1h", v)
		}
	}
	const most = 5000
	if !to.After(from) || to.Sub(from)/every > most {
		return fail(fiber.StatusBadRequest, "invalid", "from %s to %s in steps of %s: the range must be positive and hold at most %d steps", from.Format(time.RFC3339), to.Format(time.RFC3339), every, most)
	}
	points, err := s.Past.Curve(c.UserContext(), b.ID, from, to, every)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"building": b.ID, "capacity": b.People(), "from": from.UTC(), "to": to.UTC(), "every_s": every.Seconds(), "points": points})
}

func (s *server) events(c *fiber.Ctx) error {
	if u := c.Locals(userKey).(auth.User); scope(u.Role) < live.Persons {
		return fail(fiber.StatusForbidden, "forbidden", "role %s does not see events", u.Role)
	}
	ids := make([]string, 0, len(s.Site.Buildings))
	if id := c.Query("building"); id != "" {
		b, err := s.building(id)
		if err != nil {
			return err
		}
		ids = append(ids, b.ID)
	} else {
		for _, b := range s.Site.Buildings {
			ids = append(ids, b.ID)
		}
	}
	now := time.Now()
	since, err := timeParam(c, "since", now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	limit := 100
	if v := c.Query("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > 1000 {
			return fail(fiber.StatusBadRequest, "invalid", "limit is %q; it must be a number from 1 to 1000", v)
		}
	}
	var out []live.Event
	for _, id := range ids {
		evs, complete := s.Live.Events(id, since, limit)
		if !complete {
			if evs, err = s.older(c.UserContext(), id, since, now, limit, evs); err != nil {
				return err
			}
		}
		out = append(out, evs...)
	}
	slices.SortStableFunc(out, func(a, b live.Event) int { return b.At.Compare(a.At) })
	if out = out[:min(limit, len(out))]; out == nil {
		out = []live.Event{}
	}
	return c.JSON(out)
}

// older adds what history knows to what the live view keeps.
func (s *server) older(ctx context.Context, building string, since, now time.Time, limit int, kept []live.Event) ([]live.Event, error) {
	past, err := s.Past.Events(ctx, building, since, now.Add(time.Hour), limit)
	if err != nil {
		return nil, err
	}
	have := make(map[string]map[uint64]bool)
	for _, e := range kept {
		if have[e.Gateway] == nil {
			have[e.Gateway] = map[uint64]bool{}
		}
		have[e.Gateway][e.Seq] = true
	}
	for _, e := range past {
		if !have[e.Gateway][e.Seq] {
			kept = append(kept, live.Event{Building: building, Gateway: e.Gateway, Event: e.Event})
		}
	}
	return kept, nil
}

func timeParam(c *fiber.Ctx, name string, otherwise time.Time) (time.Time, error) {
	v := c.Query(name)
	if v == "" {
		return otherwise, nil
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return t, fail(fiber.StatusBadRequest, "invalid", "%s is %q; it must be a time such as %s", name, v, time.Now().UTC().Format(time.RFC3339))
	}
	return t, nil
}
