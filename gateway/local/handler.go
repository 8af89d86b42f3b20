package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"
)

const cookie = "kapija_local"

// handler answers requests, any number at once.
type handler struct {
	c     Config
	pin   [sha256.Size]byte
	guard guard

	mu   sync.Mutex // one asks the gateway, the others wait for its answer
	view View
	seen time.Time
}

func newHandler(c Config) http.Handler {
	h := &handler{c: c, pin: sha256.Sum256([]byte(c.PIN))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.show)
	mux.HandleFunc("POST /enter", h.enter)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(styleCSS)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		if !direct(r.Host) {
			http.Error(w, "this page is asked for by address", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// direct says whether a page was asked for by an address. By a name, a site elsewhere could have its own name lead here, and
// read the page with its visitor's browser.
func direct(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return host == "localhost" || net.ParseIP(host) != nil
}

func (h *handler) show(w http.ResponseWriter, r *http.Request) {
	l := langOf(r.URL.Query().Get("lang"))
	if h.c.PIN != "" {
		if k, err := r.Cookie(cookie); err != nil || !h.guard.holds(k.Value, time.Now()) {
			h.write(w, http.StatusUnauthorized, h.form(l, ""))
			return
		}
	}
	v, err := h.look(r.Context())
	if err != nil {
		http.Error(w, "the gateway does not answer", http.StatusServiceUnavailable)
		return
	}
	h.write(w, http.StatusOK, h.shown(l, v))
}

func (h *handler) enter(w http.ResponseWriter, r *http.Request) {
	l := langOf(r.URL.Query().Get("lang"))
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	if !h.guard.mayTry(from, time.Now()) {
		h.write(w, http.StatusTooManyRequests, h.form(l, "page.later"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	typed := sha256.Sum256([]byte(r.PostFormValue("pin")))
	if h.c.PIN == "" || subtle.ConstantTimeCompare(typed[:], h.pin[:]) != 1 {
		h.guard.wrong(from, time.Now())
		h.c.Log.Warn("wrong PIN at the local page", "from", from)
		h.write(w, http.StatusForbidden, h.form(l, "page.wrong"))
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: h.guard.admit(time.Now()), Path: "/", MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/?lang="+string(l), http.StatusSeeOther)
}

// look asks the gateway, at most once a second.
func (h *handler) look(ctx context.Context) (View, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.seen.IsZero() && time.Since(h.seen) < fresh {
		return h.view, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	v, err := h.c.View(ctx)
	if err == nil {
		h.view, h.seen = v, time.Now()
	}
	return v, err
}

func (h *handler) write(w http.ResponseWriter, status int, d data) {
	var b bytes.Buffer
	if err := page().Execute(&b, d); err != nil {
		h.c.Log.Error("the local page could not be made", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
