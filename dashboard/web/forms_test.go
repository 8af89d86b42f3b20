package web

import (
	"net/url"
	"strings"
	"testing"
	"testing/quick"
)

var loginForm = url.Values{"user": {"manager"}, "password": {"correct horse"}}

func (b *bench) login(form url.Values, header ...string) answer {
	b.Helper()
	const secret = "0123456789abcdef0123456789abcdef"
	if !form.Has("csrf") {
		form.Set("csrf", token(secret))
	}
	return b.do("POST", "/login", "", form.Encode(), append([]string{"Cookie", formCookie + "=" + secret}, header...)...)
}

func with(v url.Values, key, value string) url.Values {
	c := url.Values{}
	for k, all := range v {
		c[k] = all
	}
	c.Set(key, value)
	return c
}

func TestLogin(t *testing.T) {
	b := newBench(t)
	page := b.get("/login?next=/doors", "")
	page.must(t, 200, `name="csrf"`, `value="/doors"`, `autocomplete="current-password"`)
	if c := page.header.Get("Set-Cookie"); !strings.Contains(c, formCookie+"=") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
		t.Errorf("form cookie: %s", c)
	}
	a := b.login(with(loginForm, "next", "/doors"))
	c := a.header.Get("Set-Cookie")
	if a.status != 303 || a.header.Get("Location") != "/doors" || !strings.Contains(c, SessionCookie+"=session-of-manager") ||
		!strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || strings.Contains(strings.ToLower(c), "secure") {
		t.Errorf("log-in: %d to %q, %s", a.status, a.header.Get("Location"), c)
	}
	a = b.login(with(loginForm, "password", "wr0ng-secret"))
	a.must(t, 401, "Korisničko ime ili lozinka nisu tačni.", `role="alert"`, `value="manager"`)
	a.mustNot(t, "wr0ng-secret")
	tls := newBench(t, func(d *Deps) { d.TLS = true }).login(with(loginForm, "x", ""))
	if c := strings.ToLower(tls.header.Get("Set-Cookie")); !strings.Contains(c, "; secure") {
		t.Errorf("behind TLS the cookie is not Secure: %s", c)
	}
}

// TestL51 exceeds the limit and sees it said.
func TestL51TooManyAttempts(t *testing.T) {
	b := newBench(t)
	for range 5 {
		b.login(with(loginForm, "password", "no")).must(t, 401)
	}
	b.login(with(loginForm, "password", "no")).must(t, 429, "Previše pokušaja")
	b.login(with(loginForm, "x", "")).must(t, 429)
}

// TestL50 leaves somebody with a generated password no page but the one that changes it.
func TestL50FirstPasswordMustBeChanged(t *testing.T) {
	b := newBench(t)
	for _, path := range allPages[:len(allPages)-2] {
		if a := b.get(path, "fresh"); a.status != 303 || a.header.Get("Location") != "/password" {
			t.Errorf("%s: %d to %q", path, a.status, a.header.Get("Location"))
		}
	}
	b.post("/people", "fresh", url.Values{"name": {"Ana"}})
	if len(b.people.calls) != 0 {
		t.Errorf("changes went through: %v", b.people.calls)
	}
	b.get("/password", "fresh").must(t, 200, "Prva lozinka je napravljena automatski")
	form := url.Values{"old": {"correct horse"}, "new": {"a long phrase"}, "again": {"another phrase"}}
	b.post("/password", "fresh", form).must(t, 422, "nije oba puta ista")
	b.post("/password", "fresh", url.Values{"old": {"no"}, "new": {"a long phrase"}, "again": {"a long phrase"}}).must(t, 401, "nije tačna")
	b.post("/password", "fresh", url.Values{"old": {"correct horse"}, "new": {"short"}, "again": {"short"}}).must(t, 422, "prekratka")
	form.Set("again", "a long phrase")
	if a := b.post("/password", "fresh", form); a.status != 303 || !b.auth.changed {
		t.Errorf("changing: %d", a.status)
	}
	b.get("/", "fresh").must(t, 200)
}

func TestLogout(t *testing.T) {
	b := newBench(t)
	if a := b.get("/logout", "manager"); a.status != 404 {
		t.Errorf("GET /logout: %d", a.status)
	}
	a := b.post("/logout", "manager", url.Values{})
	if a.status != 303 || !strings.Contains(a.header.Get("Set-Cookie"), SessionCookie+"=;") {
		t.Errorf("log-out: %d, %s", a.status, a.header.Get("Set-Cookie"))
	}
	if a := b.get("/", "manager"); a.status != 303 {
		t.Errorf("after log-out: %d", a.status)
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	b := newBench(t)
	for name, send := range map[string]func() answer{
		"no token":           func() answer { return b.do("POST", "/people", "manager", "name=x") },
		"garbage":            func() answer { return b.do("POST", "/people", "manager", "name=x&csrf=%00garbage") },
		"another's token":    func() answer { return b.do("POST", "/people", "manager", "name=x&csrf="+token("session-of-guard")) },
		"token of no secret": func() answer { return b.do("POST", "/people", "manager", "name=x&csrf="+token("")) },
		"token in address":   func() answer { return b.do("POST", "/people?csrf="+token("session-of-manager"), "manager", "name=x") },
		"another site": func() answer {
			return b.post("/people", "manager", url.Values{"name": {"x"}}, "Sec-Fetch-Site", "cross-site")
		},
		"another subdomain": func() answer {
			return b.post("/people", "manager", url.Values{"name": {"x"}}, "Sec-Fetch-Site", "same-site")
		},
		"log-in":             func() answer { return b.do("POST", "/login", "", loginForm.Encode()) },
		"log-in, other site": func() answer { return b.login(with(loginForm, "x", ""), "Sec-Fetch-Site", "cross-site") },
		"htmx": func() answer {
			return b.do("POST", "/people/p000/suspended", "manager", "suspended=true", "HX-Request", "true")
		},
	} {
		if a := send(); a.status != 403 || a.header.Get("Set-Cookie") != "" && strings.Contains(a.header.Get("Set-Cookie"), SessionCookie) {
			t.Errorf("%s: %d %v", name, a.status, a.header["Set-Cookie"])
		}
	}
	if len(b.people.calls) != 0 {
		t.Errorf("changes went through: %v", b.people.calls)
	}
}

func TestToken(t *testing.T) {
	err := quick.Check(func(secret, other string) bool {
		a, b := token(secret), token(secret)
		return a != b && tokenFits(a, secret) == (secret != "") && tokenFits(b, secret) == (secret != "") && (secret == other || !tokenFits(a, other))
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

func TestLocalPath(t *testing.T) {
	for to, want := range map[string]string{
		"/doors": "/doors", "/events?building=x": "/events?building=x", "": "/", "doors": "/", "//evil.example": "/", "/\\evil.example": "/",
		"https://evil.example/": "/", "javascript:alert(1)": "/", "/ok\r\nSet-Cookie: x": "/", "/\t/evil.example": "/", "/language/en?next=/": "/",
		"/%2f/evil": "/%2f/evil", "http:/evil": "/", "/a//b": "/a//b",
	} {
		if got := localPath(to); got != want {
			t.Errorf("localPath(%q) = %q, want %q", to, got, want)
		}
	}
}

func TestPeopleWithoutScript(t *testing.T) {
	b := newBench(t)
	b.get("/people?q=maja", "manager").must(t, 200, "Maja Kovač", `value="maja"`, ">15 osoba<")
	b.get("/people", "manager").must(t, 200, "124 osobe", `href="/people?page=2"`)
	b.get("/people?page=3", "manager").must(t, 200, "3 / 3", `href="/people?page=2"`)
	b.get("/people?q=nobody", "manager").must(t, 200, "Nema takvih osoba.")
	b.get("/people?page=-4", "manager").must(t, 200, "1 / 3")

	b.post("/people", "manager", url.Values{"name": {" "}}).must(t, 422, "Upišite ime.")
	b.people.bad = refused("conflict")
	b.post("/people", "manager", url.Values{"name": {"Ana"}, "company": {"Firma"}, "level": {"lozionica-staff"}, "extended": {"1"}}).
		must(t, 409, "Ovo već postoji", `value="Ana"`, `value="Firma"`, `value="lozionica-staff" checked`)
	a := b.post("/people", "manager", url.Values{"name": {"Ana"}})
	if a.status != 303 || a.header.Get("Location") != "/people/p124" {
		t.Errorf("adding: %d to %q", a.status, a.header.Get("Location"))
	}
	a = b.post("/people/p124/badges", "manager", url.Values{"format": {"wiegand-26"}, "facility": {"7"}, "number": {"4242"}, "until": {"2031-07-05"}})
	if a.status != 303 || a.header.Get("Location") != "/people/p124?done=added" {
		t.Errorf("adding a badge: %d to %q", a.status, a.header.Get("Location"))
	}
	if got, want := b.people.calls[len(b.people.calls)-1], "manager gives p124 wiegand-26 7/4242"; got != "manager gives p124 wiegand-26/7/4242 until 2031-07-05T22:00:00Z" {
		t.Errorf("%q, want %q through the local day", got, want)
	}
	b.get("/people/p124?done=added", "manager").must(t, 200, "Bedž je dodat.", "…42", "5. 7. 2031.")
	b.get("/people/p124?done=%3Cb%3E", "manager").mustNot(t, "done.", "<b>")
	b.get("/people/p124/badges/new01/revoke", "manager").must(t, 200, "Opozvati bedž …42 osobe Ana?", `class="danger"`)
	a = b.post("/people/p124/badges/new01/revoke", "manager", url.Values{})
	if a.status != 303 || a.header.Get("Location") != "/people/p124?done=revoked" {
		t.Errorf("revoking: %d to %q", a.status, a.header.Get("Location"))
	}
	b.get("/people/p124", "manager").must(t, 200, "opozvan ")
	b.post("/people/p124/suspended", "manager", url.Values{"suspended": {"true"}}).must(t, 303)
	b.get("/people/p124?done=suspended", "manager").must(t, 200, "Vrati pristup", "Pristup je obustavljen.")
	b.post("/people/p124/suspended", "manager", url.Values{"suspended": {"false"}}).must(t, 303)
	b.get("/people/p124", "manager").must(t, 200, "Obustavi pristup")
}

// What a card is worth is said beside its format: a UID is easily copied, a card that proves a secret is not.
func TestBadgesSayWhatTheyAreWorth(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ format, want, not string }{
		{"uid-56", "lako se kopira", "dokazuje"}, {"desfire", "dokazuje svoju tajnu", "kopira"}, {"wiegand-26", "Wiegand 26", "kopira"},
	} {
		b.people.all[1].Badges[0].Format = c.format
		page := b.get("/people/p001", "manager")
		page.must(t, 200, c.want)
		page.mustNot(t, c.not)
	}
}

func TestABadgeOfAnotherPersonIsNotRevoked(t *testing.T) {
	b := newBench(t)
	b.post("/people/p001/badges/b0004/revoke", "manager", url.Values{}).must(t, 404)
	if len(b.people.calls) != 0 {
		t.Error(b.people.calls)
	}
}

func TestPeopleWithHtmx(t *testing.T) {
	b := newBench(t)
	htmx := []string{"HX-Request", "true", "Cookie", "kapija_lang=en"}
	a := b.get("/people?q=maja", "manager", htmx...)
	a.must(t, 200, "Maja Kovač", `hx-swap-oob="innerHTML"`, "15 persons")
	a.mustNot(t, "<html")
	a = b.post("/people/p000/badges", "manager", url.Values{"format": {"wiegand-26"}, "number": {"no"}}, htmx...)
	a.must(t, 422, "as printed on the card", `value="no"`, `role="alert"`)
	a.mustNot(t, "<html")
	a = b.post("/people/p000/badges", "manager", url.Values{"format": {"wiegand-26"}, "number": {"12"}}, htmx...)
	a.must(t, 200, "The badge was added.", "…12")
	a.mustNot(t, "<html")
	b.get("/people/p000/badges/new01/revoke", "manager", htmx...).must(t, 200, "Revoke badge …12 of")
	b.post("/people/p000/badges/new01/revoke", "manager", url.Values{}, htmx...).must(t, 200, "The badge was revoked.")
	b.post("/people/p000/suspended", "manager", url.Values{"suspended": {"true"}}, htmx...).must(t, 200, "Access was suspended.")
	b.people.bad = refused("forbidden")
	a = b.post("/people/p000/suspended", "manager", url.Values{"suspended": {"true"}}, htmx...)
	a.must(t, 403, "You may not do this")
	a.mustNot(t, "<html")
	if a := b.get("/people", "", htmx...); a.status != 204 || a.header.Get("HX-Redirect") == "" {
		t.Errorf("without a session: %d %v", a.status, a.header)
	}
}

func TestBadCards(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ form, text string }{
		{"format=&number=1", "Choose a card format."},
		{"format=mifare&number=1", "Choose a card format."},
		{"format=wiegand-26&number=", "The card number is a number"},
		{"format=wiegand-26&number=-1", "The card number is a number"},
		{"format=wiegand-26&number=99999999999999999999999", "The card number is a number"},
		{"format=wiegand-26&number=1&facility=0x7", "The facility code is a number"},
		{"format=wiegand-26&number=1&until=tomorrow", "A date is not valid"},
		{"format=wiegand-26&number=1&from=2031-07-06&until=2031-07-05", "A date is not valid"},
		{"format=wiegand-26&number=1&from=6.7.2031.", "A date is not valid"},
	} {
		form, _ := url.ParseQuery(c.form)
		b.post("/people/p000/badges", "manager", form, "Cookie", "kapija_lang=en").must(t, 422, c.text)
	}
	b.people.bad = refused("conflict")
	b.post("/people/p000/badges", "manager", url.Values{"format": {"wiegand-26"}, "number": {"1"}}, "Cookie", "kapija_lang=en").must(t, 409, "This card is given out already")
	b.people.bad = refused("invalid")
	b.post("/people/p000/badges", "manager", url.Values{"format": {"wiegand-26"}, "facility": {"999"}, "number": {"1"}}, "Cookie", "kapija_lang=en").must(t, 422, "does not fit the chosen card format", `value="999"`)
	b.people.bad = errDown
	b.post("/people/p000/badges", "manager", url.Values{"format": {"wiegand-26"}, "number": {"1"}}).must(t, 500)
	b.people.fail = errDown
	b.get("/people", "manager").must(t, 500)
}

// TestL54 keeps card numbers out of what is shown: the register gives a hint and a pseudonym alone.
func TestL54NoCardNumberIsShown(t *testing.T) {
	b := newBench(t)
	b.post("/people/p001/badges", "manager", url.Values{"format": {"wiegand-26"}, "facility": {"211"}, "number": {"60777"}})
	for _, path := range []string{"/people/p001", "/people", "/events"} {
		b.get(path, "manager").mustNot(t, "60777")
	}
}

func TestFormatsAsPeopleWriteThem(t *testing.T) {
	for format, want := range map[string]string{
		"wiegand-26": "Wiegand 26", "wiegand-37-h10302": "Wiegand 37-h10302", "wiegand-own-30": "Wiegand own-30", "uid-56": "UID 56",
		"desfire": "DESFire", "ntag424": "NTAG 424", "rfid": "rfid", "": "",
	} {
		if got := (&page{}).format(format); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}
