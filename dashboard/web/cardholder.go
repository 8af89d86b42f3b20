package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"kapija/dashboard/directory"
	"kapija/dashboard/web/lang"
	"kapija/internal/policy"
)

func (p *page) levelNames(ids []string, levels map[string]directory.Level) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		if l, ok := levels[id]; ok {
			names = append(names, l.Name)
		} else {
			names = append(names, id)
		}
	}
	return strings.Join(names, ", ")
}

// badgeHints are the endings of the badges that still hold.
func (p *page) badgeHints(badges []directory.Badge) string {
	var hints []string
	for _, b := range badges {
		if !p.badgeOver(b) {
			hints = append(hints, b.Hint)
		}
	}
	if len(hints) == 0 {
		return lang.Dash
	}
	return strings.Join(hints, ", ")
}

func (p *page) badgeOver(b directory.Badge) bool {
	return !b.Revoked.IsZero() || !b.NotAfter.IsZero() && !p.now.Before(b.NotAfter)
}

func (p *page) badgeState(b directory.Badge) string {
	switch {
	case !b.Revoked.IsZero():
		return p.T("badge.revoked", "date", p.Day(b.Revoked.In(local(p.site))))
	case !b.NotAfter.IsZero() && !p.now.Before(b.NotAfter):
		return p.T("badge.expired")
	case p.now.Before(b.NotBefore):
		return p.T("badge.early", "date", p.Day(b.NotBefore.In(local(p.site))))
	}
	return p.T("badge.valid")
}

// until is the last day on which a badge opens.
func (p *page) until(b directory.Badge) string {
	if b.NotAfter.IsZero() {
		return p.T("badge.no_end")
	}
	return p.Day(b.NotAfter.In(local(p.site)).Add(-time.Second))
}

func (p *page) personState(x directory.Person) string {
	if x.Suspended {
		return p.T("person.suspended")
	}
	return p.T("person.active")
}

func (p *page) releaseTime(extended bool) string {
	if extended {
		return p.T("person.extended")
	}
	return p.T("person.normal")
}

// format is a card format as people write it: Wiegand 26, UID 56.
func (p *page) format(f string) string {
	kind, rest, _ := strings.Cut(f, "-")
	if name, ok := cardKinds[kind]; ok {
		return strings.TrimSpace(name + " " + rest)
	}
	return f
}

// strength says what a card of this format is worth, where it is read without a reader in between: a UID can be copied by
// who holds it for a second.
func (p *page) strength(f string) string {
	switch {
	case policy.StrengthOf(f) >= policy.StrengthSecret:
		return p.T("badge.proven")
	case strings.HasPrefix(f, "uid-"):
		return p.T("badge.weak")
	}
	return ""
}

var cardKinds = map[string]string{"wiegand": "Wiegand", "uid": "UID", "desfire": "DESFire", "ntag424": "NTAG 424"}

func personPath(id, what string) string {
	path := "/people/" + url.PathEscape(id)
	if what != "" {
		path += "/" + what
	}
	return path
}

func personURL(id string) templ.SafeURL { return templ.SafeURL(personPath(id, "")) }

func personAction(id, what string) templ.SafeURL { return templ.SafeURL(personPath(id, what)) }

func revokePath(person, badge string) string {
	return personPath(person, "badges/"+url.PathEscape(badge)+"/revoke")
}

func pageURL(query string, number int) templ.SafeURL {
	v := url.Values{"page": {strconv.Itoa(number)}}
	if query != "" {
		v.Set("q", query)
	}
	return templ.SafeURL("/people?" + v.Encode())
}

// columns is how many columns the table of badges has for this reader.
func columns(p *page) string {
	if p.may(editPeople) {
		return "6"
	}
	return "5"
}

func contains(all []string, s string) bool { return slices.Contains(all, s) }

// loginError tells a wrong password from too many attempts, and nothing else.
func loginError(p *page, code string) string {
	if code == "rate_limited" {
		return p.T("error.rate_limited")
	}
	return p.T("login.wrong")
}

func passwordError(p *page, code string) string {
	switch code {
	case "differ":
		return p.T("password.differ")
	case "invalid":
		return p.T("password.weak")
	case "rate_limited":
		return p.T("error.rate_limited")
	}
	return p.T("password.wrong")
}
