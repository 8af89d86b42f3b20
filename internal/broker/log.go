package broker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	quiet   = 10 * time.Second // between two lines of one kind
	formats = 256              // kinds remembered
)

// bridge carries the server's log into slog. One kind of line (one format string) comes at most once in ten seconds, so
// that a client that misbehaves in a loop does not fill the disk.
type bridge struct {
	log   *slog.Logger
	fatal chan string // the first thing that kept the server from starting

	mu   sync.Mutex
	seen map[string]*said
}

type said struct {
	at      time.Time
	dropped int
}

func newBridge(log *slog.Logger) *bridge {
	return &bridge{log: log, fatal: make(chan string, 1), seen: map[string]*said{}}
}

func (b *bridge) line(level slog.Level, format string, v []any) {
	if !b.log.Enabled(context.Background(), level) {
		return
	}
	b.mu.Lock()
	s := b.seen[format]
	if s == nil {
		if len(b.seen) >= formats {
			clear(b.seen)
		}
		s = &said{}
		b.seen[format] = s
	}
	now := time.Now()
	if now.Sub(s.at) < quiet {
		s.dropped++
		b.mu.Unlock()
		return
	}
	dropped := s.dropped
	*s = said{at: now}
	b.mu.Unlock()
	b.log.Log(context.Background(), level, "broker: "+fmt.Sprintf(format, v...), "suppressed", dropped)
}

// What the server calls an error is, seen from outside, mostly a client's doing: a warning.

func (b *bridge) Noticef(format string, v ...any) { b.line(slog.LevelDebug, format, v) }
func (b *bridge) Debugf(string, ...any)           {}
func (b *bridge) Tracef(string, ...any)           {}
func (b *bridge) Warnf(format string, v ...any)   { b.line(slog.LevelWarn, format, v) }
func (b *bridge) Errorf(format string, v ...any)  { b.line(slog.LevelWarn, format, v) }

// started makes what is fatal from now on a line in the log.
func (b *bridge) started() {
	select {
	case b.fatal <- "":
	default:
	}
}

// Fatalf must not end the process: Start turns it into an error.
func (b *bridge) Fatalf(format string, v ...any) {
	select {
	case b.fatal <- fmt.Sprintf(format, v...):
	default:
		b.line(slog.LevelError, format, v)
	}
}
