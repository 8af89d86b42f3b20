package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/auth"
	"kapija/dashboard/live"
	"kapija/internal/site"
)

// bench is the pages over fakes.
type bench struct {
	*testing.T
	app    *fiber.App
	site   *site.District
	live   *fakeLive
	people *fakePeople
	auth   *fakeAuth
}

func newBench(t *testing.T, change ...func(*Deps)) *bench {
	t.Helper()
	d, now := district(t), time.Now()
	b := &bench{T: t, app: fiber.New(), site: d, live: &fakeLive{s: plausible(d, now)}, people: newFakePeople(d, now), auth: newFakeAuth()}
	deps := Deps{Site: d, Live: b.live, History: fakeHistory{d: d, now: func() time.Time { return now }}, People: b.people, Auth: b.auth}
	for _, f := range change {
		f(&deps)
	}
	Mount(b.app, deps)
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
	wire   int // bytes of the body as sent
}

// do sends a request as a user ("" is nobody). header holds pairs.
func (b *bench) do(method, path, user, body string, header ...string) answer {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != "" {
		r.Header.Set("Cookie", SessionCookie+"=session-of-"+user)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := b.app.Test(r, -1)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(raw), wire: len(raw)}
	if resp.Header.Get("Content-Encoding") == "br" {
		plain, err := io.ReadAll(brotli.NewReader(strings.NewReader(a.body)))
		if err != nil {
			b.Fatal(err)
		}
		a.body = string(plain)
	}
	return a
}

func (b *bench) get(path, user string, header ...string) answer {
	b.Helper()
	return b.do("GET", path, user, "", header...)
}

// post sends a form with the token of the user's session.
func (b *bench) post(path, user string, form url.Values, header ...string) answer {
	b.Helper()
	form.Set("csrf", token("session-of-"+user))
	return b.do("POST", path, user, form.Encode(), header...)
}

func (a answer) must(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %.300s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not hold %q", text)
		}
	}
}

func (a answer) mustNot(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("the page holds %q", text)
		}
	}
}

var allPages = []string{"/", "/buildings/lozionica", "/buildings/kragujevac", "/doors", "/devices", "/events", "/events?building=lozionica",
	"/people", "/people?q=ana", "/people?page=2", "/people/new", "/people/p000", "/people/p004", "/people/p004/badges/b0004/revoke", "/password", "/nowhere"}

func TestOverviewHoldsTheNumbers(t *testing.T) {
	b := newBench(t)
	a := b.get("/", "manager", "Cookie", "kapija_lang=en")
	for _, now := range b.live.s.Buildings {
		en := (&page{Lang: "en"}).count(now.Known, now.Partial, now.Count)
		a.must(t, 200, `data-f="count">`+en+`<`, (&page{Lang: "en"}).Int(now.Capacity))
	}
	a.must(t, 200, "Door forced", "Door held open", "Gateway is silent", "moderate", "estimate", `data-f="doors">`, "+23", "−37", "ppm", "peak ")
	if strings.Index(a.body, `class="alarms"`) > strings.Index(a.body, `class="cards"`) || strings.Index(a.body, `class="cards"`) > strings.Index(a.body, `class="today"`) {
		t.Error("the order is alarms, cards, curve")
	}
}

// Unknown is never 0; a silent gateway makes a count a lower bound.
func TestUnknownIsNotZero(t *testing.T) {
	b := newBench(t)
	b.live.s = live.Snapshot{At: time.Now()}
	a := b.get("/", "viewer", "Cookie", "kapija_lang=en")
	a.must(t, 200, `data-f="count">—<`, `data-f="entered">—<`, "unknown", "no data yet")
	a.mustNot(t, `data-f="count">0<`, `data-f="entered">0<`, "0 %")
	if !strings.Contains(newBench(t).get("/", "viewer").body, "≥\u00a0") {
		t.Error("a partial count has no ≥")
	}
}

// TestL58 shows how sure a count is, and tells an assumed passage from a seen one.
func TestL58CountsSayHowSureTheyAre(t *testing.T) {
	b := newBench(t)
	e := b.live.s.Events[0]
	for _, d := range b.site.Building(e.Building).Doors {
		if d.ID == e.Door {
			d.Contact = ""
		}
	}
	b.get("/events", "manager", "Cookie", "kapija_lang=en").must(t, 200, "Passed, assumed")
	b.get("/", "manager", "Cookie", "kapija_lang=en").must(t, 200, "estimate ")
}

// TestL47 marks what arrived late.
func TestL47LateEventsAreMarked(t *testing.T) {
	newBench(t).get("/events", "manager").must(t, 200, `class="tag"`, ">kasno<")
}

// TestL12 names each cause of a refusal.
func TestL12EachRefusalHasItsWords(t *testing.T) {
	newBench(t).get("/events", "guard").must(t, 200, "bedž je opozvan", "nepoznat bedž", "van rasporeda")
}

func TestPartsAreTheListsAlone(t *testing.T) {
	b := newBench(t)
	for path, part := range map[string]string{"/": "alarms", "/doors": "doors", "/devices": "devices", "/events": "events", "/buildings/lozionica": "doors"} {
		a := b.get(path, "manager", "X-Part", part)
		a.must(t, 200)
		a.mustNot(t, "<html", "<main")
		if !strings.Contains(b.get(path, "manager").body, `data-part="`+part+`"`) {
			t.Errorf("%s has no place for the part %s", path, part)
		}
	}
	if a := b.get("/doors", "", "X-Part", "doors"); a.status != 401 {
		t.Errorf("without a session a part is %d, want 401", a.status)
	}
}

func TestOverviewStaysUnderItsWeight(t *testing.T) {
	const limit = 60 << 10
	b := newBench(t)
	for _, path := range []string{"/", "/buildings/lozionica", "/people", "/events"} {
		a := b.get(path, "manager", "Accept-Encoding", "br", "Cookie", "kapija_lang=sr-Cyrl")
		page, all := a.wire, a.wire
		for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(a.body, -1) {
			f := b.get(m[1], "", "Accept-Encoding", "br")
			if f.status != 200 {
				t.Fatalf("%s: status %d", m[1], f.status)
			}
			all += f.wire
		}
		t.Logf("%s: page %d bytes, all told %d", path, page, all)
		if all > limit {
			t.Errorf("%s: %d bytes all told, the limit is %d", path, all, limit)
		}
	}
}

func TestHistoryDownLeavesThePage(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.History = fakeHistory{fail: errDown} })
	b.get("/", "manager", "Cookie", "kapija_lang=en").must(t, 200, "history is not available now", `data-f="count">`)
}

type panicking struct{ Live }

func (panicking) Snapshot() live.Snapshot { panic("a bug") }

func TestPanicIsAPage(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Live = panicking{} })
	a := b.get("/", "manager", "Cookie", "kapija_lang=en")
	a.must(t, 500, "Something is wrong on the server")
	a.mustNot(t, "a bug", "goroutine")
}

func TestNothingHere(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/nowhere", "/buildings/none", "/events?building=none", "/people/none", "/language/de"} {
		b.get(path, "manager").must(t, 404)
	}
	if a := b.get("/api/v1/other", ""); a.status != 404 || strings.Contains(a.body, "<html") {
		t.Errorf("paths of the API are not ours: %d %.60s", a.status, a.body)
	}
}

func TestHeaders(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.TLS = true })
	a := b.get("/", "manager")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=", "Content-Language": "sr-Latn",
	} {
		if got := a.header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := a.header.Get("Access-Control-Allow-Origin") + a.header.Get("ETag"); got != "" { // L57
		t.Errorf("CORS or ETag: %q", got)
	}
	if csp := a.header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("the policy is not strict: %s", csp)
	}
}

func TestLanguages(t *testing.T) {
	b := newBench(t)
	b.get("/login", "").must(t, 200, `<html lang="sr-Latn"`, "Prijava")
	b.get("/login", "", "Accept-Language", "sr-Cyrl-RS,en;q=0.3").must(t, 200, `<html lang="sr-Cyrl"`, "Пријава")
	b.get("/login", "", "Accept-Language", "en", "Cookie", "kapija_lang=sr-Latn").must(t, 200, "Prijava")
	b.auth.sessions["session-of-ana"] = auth.User{Name: "ana", Role: auth.Viewer, Language: "en"}
	b.get("/", "ana", "Accept-Language", "sr").must(t, 200, "Overview")
	b.get("/", "ana", "Cookie", "kapija_lang=sr-Cyrl").must(t, 200, "Преглед")
	a := b.get("/language/en?next="+url.QueryEscape("/events?building=lozionica"), "")
	if a.status != 303 || a.header.Get("Location") != "/events?building=lozionica" || !strings.HasPrefix(a.header.Get("Set-Cookie"), "kapija_lang=en") {
		t.Errorf("switching: %d %v", a.status, a.header)
	}
	// Latin pages hold no Serbian Cyrillic but what people entered themselves.
	for _, path := range []string{"/", "/buildings/lozionica", "/doors", "/devices", "/events"} {
		body := strings.NewReplacer("Српски", "", "Срп", "").Replace(b.get(path, "manager", "Cookie", "kapija_lang=sr-Latn").body)
		if m := regexp.MustCompile(`\p{Cyrillic}+`).FindString(body); m != "" {
			t.Errorf("%s: Cyrillic in a Latin page: %q", path, m)
		}
	}
}
