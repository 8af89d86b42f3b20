package web

import (
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/auth"
	"kapija/dashboard/web/lang"
)

const langCookie = "kapija_lang"

// chooseLang takes what was switched to on this browser, then the user's setting, then what the browser asks for.
func chooseLang(c *fiber.Ctx, u auth.User) lang.Lang {
	if l, ok := lang.Parse(c.Cookies(langCookie)); ok {
		return l
	}
	if l, ok := lang.Parse(u.Language); ok {
		return l
	}
	return lang.Match(c.Get(fiber.HeaderAcceptLanguage))
}

func (s *server) language(c *fiber.Ctx, _ *page) error {
	l, ok := lang.Parse(c.Params("lang"))
	if !ok {
		return errNotFound
	}
	c.Cookie(&fiber.Cookie{
		Name: langCookie, Value: string(l), Path: "/", HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: s.TLS || c.Secure(), Expires: time.Now().AddDate(1, 0, 0),
	})
	return c.Redirect(localPath(c.Query("next")), fiber.StatusSeeOther)
}

func (s *server) loginForm(c *fiber.Ctx, p *page) error {
	p.title = p.T("login.title")
	return s.show(c, p, fiber.StatusOK, loginPage(p, "", "", localPath(c.Query("next"))))
}

func (s *server) login(c *fiber.Ctx, p *page) error {
	name, next := field(c, "user"), localPath(field(c, "next"))
	password := string(c.Request().PostArgs().Peek("password"))
	session, err := s.Auth.Login(c.UserContext(), name, password, strings.Clone(c.IP()))
	if err != nil {
		code, status := judge(err)
		if code == "internal" {
			return err
		}
		p.title = p.T("login.title")
		return s.show(c, p, status, loginPage(p, code, name, next))
	}
	s.setCookie(c, SessionCookie, session)
	return c.Redirect(next, fiber.StatusSeeOther)
}

func (s *server) logout(c *fiber.Ctx, _ *page) error {
	s.Auth.Logout(c.UserContext(), strings.Clone(c.Cookies(SessionCookie)))
	c.Cookie(&fiber.Cookie{
		Name: SessionCookie, Path: "/", HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: s.TLS || c.Secure(), Expires: time.Unix(1, 0),
	})
	return c.Redirect("/login", fiber.StatusSeeOther)
}

func (s *server) passwordForm(c *fiber.Ctx, p *page) error {
	p.title = p.T("password.title")
	return s.show(c, p, fiber.StatusOK, passwordPage(p, ""))
}

func (s *server) password(c *fiber.Ctx, p *page) error {
	args := c.Request().PostArgs()
	old, fresh, again := string(args.Peek("old")), string(args.Peek("new")), string(args.Peek("again"))
	p.title = p.T("password.title")
	if fresh != again {
		return s.show(c, p, fiber.StatusUnprocessableEntity, passwordPage(p, "differ"))
	}
	ctx := auth.KeepSession(c.UserContext(), strings.Clone(c.Cookies(SessionCookie))) // the others end
	if err := s.Auth.ChangePassword(ctx, p.user.Name, old, fresh); err != nil {
		code, status := judge(err)
		if code == "internal" {
			return err
		}
		return s.show(c, p, status, passwordPage(p, code))
	}
	return c.Redirect("/", fiber.StatusSeeOther)
}

// loginPath is the log-in page that returns to where the reader wanted to go.
func loginPath(c *fiber.Ctx, p *page) string {
	if c.Method() != fiber.MethodGet || p.path == "/" {
		return "/login"
	}
	return "/login?next=" + url.QueryEscape(p.path)
}

// localPath keeps a redirect on this server: whatever is not a plain path is "/".
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(to, "/language/") {
		return "/"
	}
	return strings.Clone(to)
}
