// Package web is what people see in a browser: pages rendered on the server, their forms, and the static files they
// need. Every page says something without script; live.js then keeps its numbers current from /api/v1/stream.
//
// It keeps no state of its own. It never talks to a gateway, a broker or a database: it asks the narrow interfaces of
// Deps, which must be safe for concurrent use. The JSON API and the stream are not here. Whatever fiber hands out is
// copied before it is kept or passed on.
package web

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/dashboard/web/static"
	"kapija/internal/site"
)

// SessionCookie is the name of the cookie that holds the session.
const SessionCookie = "kapija_session"

// Deps is what the pages are made from. Site, Live, History, People and Auth are needed; Log may be nil.
type Deps struct {
	Site    *site.District
	Live    Live
	History History
	People  People
	Auth    Auth
	Log     *slog.Logger
	TLS     bool // people reach this server by HTTPS even where the request itself comes from a proxy in plain
}

// Live is the present state.
type Live interface {
	Snapshot() live.Snapshot
}

// History is the past.
type History interface {
	// Today is the building's curve since the start of its day, oldest first.
	Today(ctx context.Context, building string) ([]history.Point, error)
}

// People is the register of cardholders. Errors that people can do something about have a Code() string: invalid,
// not_found, conflict or forbidden. by is the name of the user who acts.
// A zero notBefore or notAfter is no limit; notAfter is exclusive.
type People interface {
	People(ctx context.Context, query string, limit, offset int) (page []directory.Person, total int, err error)
	Person(ctx context.Context, id string) (directory.Person, error)
	Holder(ctx context.Context, badge string) (p directory.Person, found bool, err error)
	AddPerson(ctx context.Context, by string, p directory.Person) (directory.Person, error)
	AddBadge(ctx context.Context, by, personID string, c directory.Card, notBefore, notAfter time.Time) (directory.Badge, error)
	RevokeBadge(ctx context.Context, by, badgeID string) error
	Suspend(ctx context.Context, by, personID string, suspended bool) error
	Levels(ctx context.Context) ([]directory.Level, error)
}

// Auth is who may come in. Its errors have a Code() string: unauthorized, rate_limited or invalid.
type Auth interface {
	Login(ctx context.Context, user, password, remote string) (session string, err error)
	Session(ctx context.Context, session string) (auth.User, bool)
	Logout(ctx context.Context, session string)
	ChangePassword(ctx context.Context, user, old, new string) error
}

// Mount adds the pages, the static files and, for every other path outside /api, /healthz and /metrics, a page that
// says that there is nothing. Routes mounted before it on the same paths win.
func Mount(app *fiber.App, deps Deps) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{Deps: deps}

	app.Get("/static/:file", static.Serve)
	app.Get("/favicon.ico", func(c *fiber.Ctx) error {
		return c.Redirect(static.URL("icon.svg"), fiber.StatusFound)
	})
	app.Get("/language/:lang", s.guarded(s.language))
	app.Get("/login", s.open(s.loginForm))
	app.Post("/login", s.open(s.login))
	app.Post("/logout", s.user(nothing, s.logout))
	app.Get("/password", s.user(nothing, s.passwordForm))
	app.Post("/password", s.user(nothing, s.password))

	app.Get("/", s.user(nothing, s.overview))
	app.Get("/buildings/:id", s.user(seeZones, s.building))
	app.Get("/doors", s.user(seeDoors, s.doors))
	app.Get("/devices", s.user(seeDevices, s.devices))
	app.Get("/events", s.user(seeEvents, s.events))

	app.Get("/people", s.user(seePeople, s.people))
	app.Get("/people/new", s.user(editPeople, s.newPerson))
	app.Post("/people", s.user(editPeople, s.addPerson))
	app.Get("/people/:id", s.user(seePeople, s.person))
	app.Post("/people/:id/badges", s.user(editPeople, s.addBadge))
	app.Get("/people/:id/badges/:badge/revoke", s.user(editPeople, s.confirmRevoke))
	app.Post("/people/:id/badges/:badge/revoke", s.user(editPeople, s.revoke))
	app.Post("/people/:id/suspended", s.user(editPeople, s.suspend))

	app.Use(s.nowhere)
}

// server holds what every handler needs.
type server struct {
	Deps
}
