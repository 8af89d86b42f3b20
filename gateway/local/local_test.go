package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/internal/event"
	"kapija/internal/site"
)

var discard = slog.New(slog.DiscardHandler)

var (
	noon     = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	building = &site.Building{
		ID: "b", Name: site.Text{Sr: "Ложионица", En: "Ložionica"},
		Zones: []*site.Zone{{ID: "hall", Name: site.Text{Sr: "Хол", En: "Hall"}}},
		Doors: []*site.Door{{ID: "main", Name: site.Text{Sr: "Главни улаз", En: "Main entrance"}}},
	}
)

func sample(context.Context) (View, error) {
	return View{
		State:  event.State{At: noon, Clock: event.ClockIsHeld, Doors: []event.Door{{ID: "main", Open: true, Forced: true, Mode: "lockdown", By: "command: ana"}}},
		Events: []event.Event{{At: noon, Kind: event.AccessDuress, Badge: "hidden", Reason: event.Duress}, {At: noon, Kind: event.AccessDenied, Door: "main", Side: event.In, Badge: "b<7>", Reason: event.NoAccess}},
		Places: []Place{{"b7", "hall", noon}, {"b8", "hall", noon}, {"b9", "attic", noon}},
	}, nil
}

func config(pin string) Config {
	return Config{Addr: "127.0.0.1:0", PIN: pin, Building: building, Gateway: &site.Gateway{ID: "g"}, View: sample}
}

func ask(h http.Handler, r *http.Request) (*http.Response, string) {
	r.Host = "192.0.2.1:8081"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func get(h http.Handler, path string) (*http.Response, string) {
	return ask(h, httptest.NewRequest("GET", path, nil))
}

func try(h http.Handler, from, pin string) *http.Response {
	r := httptest.NewRequest("POST", "/enter?lang=en", strings.NewReader(url.Values{"pin": {pin}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	res, _ := ask(h, r)
	return res
}

func TestPageInThreeLanguages(t *testing.T) {
	h := newHandlerOf(config(""))
	for l, want := range map[string][]string{
		"en":      {"Main entrance", "FORCED", "lockdown", "Hall: 2", "attic: 1", "no access to this door", "b&lt;7&gt;", "2026-06-01 12:00:00"},
		"sr-Cyrl": {"Главни улаз", "блокада", "Хол: 2", "нема приступ овим вратима"},
		"":        {"Glavni ulaz", "blokada", "Hol: 2", "nema pristup ovim vratima", `lang="sr-Latn"`},
	} {
		res, body := get(h, "/?lang="+l)
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v %v", l, res.Status, res.Header)
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: %q is missing in\n%s", l, w, body)
			}
		}
		if strings.Contains(body, "<script") || strings.Contains(body, "hidden") || strings.Contains(strings.ToLower(body), "duress") {
			t.Errorf("%s: a script, or duress is shown", l)
		}
	}
	if res, body := get(h, "/style.css"); res.StatusCode != http.StatusOK || !strings.Contains(body, "@media print") {
		t.Error(res.Status)
	}
}

func newHandlerOf(c Config) http.Handler {
	if c.Log == nil {
		c.Log = discard
	}
	return newHandler(c)
}

func TestNamesElsewhereAreRefused(t *testing.T) {
	for host, want := range map[string]bool{"evil.example": false, "127.0.0.1:80": true, "localhost": true, "[::1]:80": true, "": false} {
		if direct(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	newHandlerOf(config("")).ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Error(w.Code)
	}
}

func TestL51WrongPINsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandlerOf(config("246810"))
		if res, body := get(h, "/?lang=en"); res.StatusCode != http.StatusUnauthorized || strings.Contains(body, "Main entrance") {
			t.Fatalf("without a PIN: %v", res.Status)
		}
		in := try(h, "10.0.0.9:1", "246810")
		if in.StatusCode != http.StatusSeeOther || len(in.Cookies()) != 1 || !in.Cookies()[0].HttpOnly {
			t.Fatalf("%v", in.Status)
		}
		inside := func() int {
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(in.Cookies()[0])
			res, _ := ask(h, r)
			return res.StatusCode
		}
		for i := range triesEach {
			if res := try(h, "10.0.0.1:1", "000000"); res.StatusCode != http.StatusForbidden {
				t.Fatalf("try %d: %v", i, res.Status)
			}
		}
		if res := try(h, "10.0.0.1:2", "246810"); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the sixth: %v", res.Status)
		}
		if res := try(h, "10.0.0.2:2", "246810"); res.StatusCode != http.StatusSeeOther {
			t.Errorf("somebody else: %v", res.Status)
		}
		for i := range 100 {
			try(h, fmt.Sprintf("10.0.1.%d:1", i), "000000")
		}
		if res := try(h, "10.0.2.2:2", "246810"); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("from many addresses: %v", res.Status)
		}
		if c := inside(); c != http.StatusOK {
			t.Errorf("who is in is out: %d", c)
		}
		time.Sleep(triesWithin)
		if res := try(h, "10.0.0.1:2", "246810"); res.StatusCode != http.StatusSeeOther {
			t.Errorf("ten minutes later: %v", res.Status)
		}
		time.Sleep(sessionLife)
		if c := inside(); c != http.StatusUnauthorized {
			t.Errorf("a session of yesterday: %d", c)
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	var g guard
	first := g.admit(noon)
	for range maxSessions {
		g.admit(noon)
	}
	if g.holds(first, noon) || len(g.sessions) != maxSessions || g.holds("", noon) {
		t.Error(len(g.sessions))
	}
}

func TestGatewayIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config("")
		n := 0
		c.View = func(context.Context) (View, error) { n++; return View{}, nil }
		h := newHandlerOf(c)
		for range 50 {
			get(h, "/")
		}
		if n != 1 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(fresh)
		get(h, "/")
		if n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
	c := config("")
	c.View = func(context.Context) (View, error) { return View{}, errors.New("hangs") }
	if res, _ := get(newHandlerOf(c), "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Error(res.Status)
	}
}

func TestListen(t *testing.T) {
	for addr, c := range map[string]struct {
		pin string
		ok  bool
	}{"127.0.0.1:0": {"", true}, "[::1]:0": {"", true}, "0.0.0.0:0": {"", false}, ":0": {"", false}, "localhost": {"", false}, "0.0.0.0:0 ": {"246810", false}} {
		l, err := Listen(Config{Addr: addr, PIN: c.pin})
		if (err == nil) != c.ok && !(addr == "[::1]:0" && err != nil) {
			t.Errorf("%q: %v", addr, err)
		}
		if err == nil {
			l.Close()
		}
	}
	l, err := Listen(Config{Addr: "0.0.0.0:0", PIN: "246810"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, config("246810")) }()
	res, err := http.Get("http://" + strings.Replace(l.Addr().String(), "[::]", "127.0.0.1", 1) + "/")
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatal(res, err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReadPIN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pin")
	for _, c := range []struct {
		text string
		mode os.FileMode
		ok   bool
	}{{"246810\n", 0o600, true}, {"123", 0o600, false}, {"246810", 0o644, false}} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if pin, err := ReadPIN(path); (err == nil) != c.ok || c.ok && pin != "246810" || err != nil && bytes.Contains([]byte(err.Error()), []byte("246810")) {
			t.Errorf("%+v: %q, %v", c, pin, err)
		}
	}
}

// TestWords holds that whatever the page names has words in each language.
func TestWords(t *testing.T) {
	for _, table := range []map[string][2]string{texts, protocol} {
		for key, w := range table {
			if w[0] == "" || w[1] == "" {
				t.Errorf("%s: %q", key, w)
			}
		}
	}
	for _, key := range strings.Split(pageHTML, `.T "`)[1:] {
		key, _, _ = strings.Cut(key, `"`)
		if _, ok := texts[key]; !ok {
			t.Errorf("%s has no words", key)
		}
	}
}
