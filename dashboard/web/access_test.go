package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"kapija/dashboard/auth"
)

func TestRoles(t *testing.T) {
	b := newBench(t)
	sees := map[string]string{ // manager, guard, technician, viewer, tenant-admin
		"/": "11111", "/password": "11111", "/buildings/lozionica": "11110", "/doors": "11100", "/devices": "11100",
		"/events": "11100", "/people": "11000", "/people/p000": "11000", "/people/new": "10000", "/people/p004/badges/b0004/revoke": "10000",
	}
	for path, who := range sees {
		for i, user := range []string{"manager", "guard", "technician", "viewer", "tenant-admin"} {
			want := 403
			if who[i] == '1' {
				want = 200
			}
			if a := b.get(path, user); a.status != want {
				t.Errorf("%s as %s: %d, want %d", path, user, a.status, want)
			}
		}
		if a := b.get(path, ""); a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/login") {
			t.Errorf("%s as nobody: %d to %q", path, a.status, a.header.Get("Location"))
		}
	}
	b.get("/people/p000", "guard").mustNot(t, "<form class=\"inline\"", "/revoke", "/suspended")
	for _, user := range []string{"viewer", "tenant-admin"} {
		a := b.get("/", user)
		a.mustNot(t, "Nasilno otvorena vrata", `href="/people"`, `href="/events"`)
	}
	b.get("/", "tenant-admin").mustNot(t, "data-zone=", "Blek boks", "/buildings/lozionica")
	for path := range map[string]bool{"/people": true, "/people/p000/badges": true, "/people/p000/suspended": true, "/people/p000/badges/b0000/revoke": true} {
		for _, user := range []string{"guard", "technician", "viewer", "tenant-admin"} {
			if a := b.post(path, user, url.Values{"name": {"x"}}); a.status != 403 {
				t.Errorf("POST %s as %s: %d, want 403", path, user, a.status)
			}
		}
	}
	if len(b.people.calls) != 0 {
		t.Errorf("changes went through: %v", b.people.calls)
	}
	b.auth.sessions["session-of-x"] = auth.User{Name: "x", Role: "no-such-role"}
	if a := b.get("/buildings/lozionica", "x"); a.status != 403 {
		t.Errorf("an unknown role sees zones: %d", a.status)
	}
}

// Strings of a request are kept by the register; later requests must not change them.
func TestStringsAreCopied(t *testing.T) {
	b := newBench(t)
	b.post("/people", "manager", url.Values{"name": {"Ana Prva"}, "level": {"lozionica-staff"}})
	b.post("/people/p001/badges", "manager", url.Values{"format": {"wiegand-26"}, "number": {"77"}})
	for i := range 50 {
		b.post("/people", "guard", url.Values{"name": {strings.Repeat("Z", 40)}, "level": {fmt.Sprint("zzzzzzzzzzzz", i)}})
		b.get("/people?q="+strings.Repeat("q", 60), "manager")
	}
	want := "manager adds Ana Prva lozionica-staff; manager gives p001 wiegand-26/0/77 until -"
	if got := strings.Join(b.people.calls, "; "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
