// Package local is one gateway's own page, for when the server cannot be reached: its doors, what happened last, and who is
// inside as far as this gateway knows, to be read or printed at an evacuation. It changes nothing, needs no script, and
// is off unless it is asked for.
//
// On the loopback interface it is open; on any other it asks for a PIN, which is not encrypted on its way: it keeps the
// curious out, not somebody who listens on that network. It shows pseudonyms of badges; names are the server's.
//
// Bounds: 16 connections, each for some seconds; 64 sessions of 12 hours, the oldest gives way; five wrong PINs from one
// address, or thirty from all, within ten minutes close the door for PINs for ten minutes, and sessions go on. The gateway
// is asked at most once a second, however many look.
package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"kapija/internal/event"
	"kapija/internal/site"
)

// View is what the page shows, as it stands.
type View struct {
	State  event.State
	Events []event.Event // newest first
	Places []Place
}

// Place is one badge that is inside.
type Place struct {
	Badge, Zone string
	At          time.Time
}

// Config says what is shown, where and to whom.
type Config struct {
	Addr     string // host:port; the host must be a loopback address unless there is a PIN
	PIN      string // empty: none
	Building *site.Building
	Gateway  *site.Gateway
	View     func(context.Context) (View, error)
	Log      *slog.Logger // nil: none
}

const (
	maxConns = 16
	fresh    = time.Second
	minPIN   = 6
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

// page is parsed when it is first asked for: most gateways show none.
var page = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageHTML)) })

// ReadPIN reads a PIN of at least six characters from a file that its owner alone can read.
func ReadPIN(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("local: file of the PIN: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("local: %s has mode %#o and can be read by others: expected 0600; run chmod 600 on it", path, mode)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("local: file of the PIN: %w", err)
	}
	pin := strings.TrimSpace(string(b))
	if len(pin) < minPIN {
		return "", fmt.Errorf("local: the PIN in %s has %d characters: at least %d are expected", path, len(pin), minPIN)
	}
	return pin, nil
}

// Listen opens the address. It refuses one that others can reach when there is no PIN.
func Listen(c Config) (net.Listener, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("local: address %q: host:port is expected, such as 127.0.0.1:8081", c.Addr)
	}
	if c.PIN == "" && !loopback(host) {
		return nil, fmt.Errorf("local: address %s can be reached by others: a loopback address is expected, or a PIN besides", c.Addr)
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	return l, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Serve shows the page on l until ctx is done, and closes l.
func Serve(ctx context.Context, l net.Listener, c Config) error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &http.Server{
		Handler:           newHandler(c),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 15 * time.Second,
		MaxHeaderBytes: 8 << 10,
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(netutil.LimitListener(l, maxConns)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("local: %w", err)
	}
	return nil
}
