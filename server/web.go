package server

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"kapija/dashboard/api"
	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/dashboard/occupancy"
	"kapija/dashboard/web"
	"kapija/internal/mqtt"
	"kapija/internal/site"
)

// connections at once: more wait, so that files for the rest of the process remain.
const connections = 2000

type parts struct {
	users   *auth.Auth
	people  *directory.Directory
	past    *history.History
	hub     *live.Hub
	client  *mqtt.Client
	metrics *prometheus.Registry
}

// dashboard puts the pages and the API into one fiber app.
func dashboard(c Config, p parts) *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: "Kapija", DisableStartupMessage: true, Immutable: true, BodyLimit: 1 << 20,
		ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute, // no WriteTimeout: it would cut streams
	})
	app.Use(recover.New())
	app.Use(compress.New(compress.Config{Next: func(c *fiber.Ctx) bool { return c.Path() == "/api/v1/stream" }}))
	api.Mount(app, api.Deps{
		Site: c.Site, DayStart: c.DayStart, Live: p.hub, Past: p.past, Auth: p.users, Metrics: p.metrics, Log: c.Log,
		Checks: []api.Check{
			{Name: "broker", Ask: func(context.Context) error {
				if !p.client.Connected() {
					return mqtt.ErrNotConnected
				}
				return nil
			}},
			{Name: "influxdb", Ask: p.past.Ready},
		},
	})
	p.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kapija_live_viewers", Help: "Open live streams."},
		func() float64 { return float64(p.hub.Viewers()) }))
	web.Mount(app, web.Deps{
		Site: c.Site, Live: p.hub, History: today{p.past, c.Site, c.DayStart}, People: p.people, Auth: p.users, Log: c.Log, TLS: c.TLS,
	})
	return app
}

// serve answers until ctx is done. Streams end first: a shutdown waits for them.
func serve(ctx context.Context, app *fiber.App, l net.Listener, hub *live.Hub, ready func(string)) error {
	done := make(chan error, 1)
	go func() { done <- app.Listener(netutil.LimitListener(l, connections)) }()
	if ready != nil {
		ready(l.Addr().String())
	}
	select {
	case err := <-done:
		return errors.Join(errors.New("server: the dashboard has stopped listening"), err)
	case <-ctx.Done():
	}
	hub.Close()
	err := app.ShutdownWithTimeout(2 * time.Second)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // a client that never closes its connection
	}
	return errors.Join(err, <-done)
}

// today is the curve of the present day.
type today struct {
	past  *history.History
	site  *site.District
	start time.Duration
}

// Today is the curve since the day's start, in steps of five minutes.
func (t today) Today(ctx context.Context, building string) ([]history.Point, error) {
	b := t.site.Building(building)
	if b == nil {
		return nil, errors.New("server: unknown building")
	}
	now := time.Now()
	return t.past.Curve(ctx, b.ID, occupancy.DayStart(b, t.start, now), now, 5*time.Minute)
}
