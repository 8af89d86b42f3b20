package web

import (
	"bytes"
	"context"
	"runtime/debug"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/web/lang"
	"kapija/internal/site"
)

// page is one request as the templates see it.
type page struct {
	lang.Lang
	user  auth.User // zero on the log-in page
	csrf  string
	path  string // with its query; where a change of language returns to
	part  string // the one part of the page that is asked for; empty: all of it
	htmx  bool
	now   time.Time
	site  *site.District
	title string // already in the page's language
	live  bool   // live.js runs here
	chart bool   // charts.js runs here
	forms bool   // htmx runs here

	holders map[string]directory.Person // by badge, on the events page
}

type handler func(c *fiber.Ctx, p *page) error

// policyText allows what this package serves and nothing else: no inline script or style, no frames, no other origin.
const policyText = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// squeeze compresses an answer that is complete.
var squeeze = fasthttp.CompressHandlerBrotliLevel(func(*fasthttp.RequestCtx) {},
	fasthttp.CompressBrotliDefaultCompression, fasthttp.CompressDefaultCompression)

// open serves a page to anybody.
func (s *server) open(h handler) fiber.Handler {
	return s.guarded(func(c *fiber.Ctx, p *page) error {
		secret := s.formSecret(c)
		if c.Method() == fiber.MethodPost {
			if err := checkForm(c, secret); err != nil {
				return err
			}
		}
		p.csrf = token(secret)
		return h(c, p)
	})
}

// user serves a page to those who are logged in, have changed their first password (L50) and have the right.
func (s *server) user(want right, h handler) fiber.Handler {
	return s.guarded(func(c *fiber.Ctx, p *page) error {
		session := strings.Clone(c.Cookies(SessionCookie))
		user, ok := s.Auth.Session(c.UserContext(), session)
		if session == "" || !ok {
			return s.away(c, p, loginPath(c, p))
		}
		p.user = user
		p.Lang = chooseLang(c, user)
		if c.Method() == fiber.MethodPost {
			if err := checkForm(c, session); err != nil {
				return err
			}
		}
		p.csrf = token(session)
		if user.MustChange && c.Path() != "/password" && c.Path() != "/logout" {
			return s.away(c, p, "/password")
		}
		if !may(user.Role, want) {
			return errForbidden
		}
		return h(c, p)
	})
}

// guarded makes the page, sets the headers, compresses, and turns errors and panics into pages.
func (s *server) guarded(h handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		secure(c, s.TLS)
		p := &page{
			Lang: chooseLang(c, auth.User{}), path: strings.Clone(c.OriginalURL()), part: strings.Clone(c.Get("X-Part")),
			htmx: c.Get("HX-Request") == "true", now: time.Now(), site: s.Site,
		}
		if c.Method() != fiber.MethodGet {
			p.path = "/"
		}
		if err := s.protected(c, p, h); err != nil {
			if err := s.problem(c, p, err); err != nil {
				return err
			}
		}
		squeeze(c.Context())
		return nil
	}
}

func (s *server) protected(c *fiber.Ctx, p *page, h handler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.Log.Error("web: panic in a handler", "path", c.Path(), "panic", r, "stack", string(debug.Stack()))
			err = problem("internal")
		}
	}()
	return h(c, p)
}

// problem shows what went wrong. Only what is nobody's fault but ours is logged.
func (s *server) problem(c *fiber.Ctx, p *page, err error) error {
	code, status := judge(err)
	if code == "internal" {
		s.Log.Error("web: a page failed", "path", c.Path(), "err", err)
	}
	p.title = p.T("error." + code)
	p.live, p.chart = false, false
	if p.part != "" || p.htmx {
		return s.show(c, p, status, notice(p, code))
	}
	return s.show(c, p, status, problemPage(p, code))
}

func (s *server) nowhere(c *fiber.Ctx) error {
	for _, other := range []string{"/api/", "/healthz", "/metrics"} {
		if strings.HasPrefix(c.Path(), other) {
			return c.Next()
		}
	}
	return s.guarded(func(*fiber.Ctx, *page) error { return errNotFound })(c)
}

// show renders whole, so that a template that fails never leaves half a page.
func (s *server) show(c *fiber.Ctx, p *page, status int, t templ.Component) error {
	var b bytes.Buffer
	if err := t.Render(c.UserContext(), &b); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentLanguage, string(p.Lang))
	return c.Status(status).Send(b.Bytes())
}

// away redirects; for requests by script, which would follow it unseen, it asks htmx to do so.
func (s *server) away(c *fiber.Ctx, p *page, to string) error {
	if p.htmx {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusNoContent)
	}
	if p.part != "" {
		return c.SendStatus(fiber.StatusUnauthorized)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

func secure(c *fiber.Ctx, tls bool) {
	c.Set(fiber.HeaderContentSecurityPolicy, policyText)
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), geolocation=(), microphone=()")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderVary, "Cookie, Accept-Language")
	if tls || c.Secure() {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

// within bounds a question to a store.
func within(c *fiber.Ctx, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.UserContext(), d)
}

func (p *page) may(r right) bool { return may(p.user.Role, r) }

// name is a name of the configuration in the page's language.
func (p *page) name(t site.Text) string { return p.Text(t.Sr, t.En) }

// here is the path without its query.
func (p *page) here() string {
	path, _, _ := strings.Cut(p.path, "?")
	return path
}
