package local

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	sessionLife = 12 * time.Hour
	maxSessions = 64
	triesEach   = 5
	triesAll    = 30
	triesWithin = 10 * time.Minute
)

// guard counts wrong PINs and knows who typed the right one. Any goroutine may use it.
type guard struct {
	mu       sync.Mutex
	failures []failure // within triesWithin, oldest first; at most triesAll
	sessions []session // oldest first
}

type failure struct {
	from string
	at   time.Time
}

type session struct {
	token [sha256.Size]byte // of what the browser holds
	until time.Time
}

// mayTry says whether a PIN from this address is looked at.
func (g *guard) mayTry(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.failures) > 0 && now.Sub(g.failures[0].at) >= triesWithin {
		g.failures = g.failures[1:]
	}
	n := 0
	for _, f := range g.failures {
		if f.from == from {
			n++
		}
	}
	return n < triesEach && len(g.failures) < triesAll
}

func (g *guard) wrong(from string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.failures) >= triesAll {
		g.failures = g.failures[1:]
	}
	g.failures = append(g.failures, failure{from, now})
}

// admit makes a session.
func (g *guard) admit(now time.Time) (token string) {
	token = rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.sessions) == maxSessions {
		g.sessions = g.sessions[1:]
	}
	g.sessions = append(g.sessions, session{sha256.Sum256([]byte(token)), now.Add(sessionLife)})
	return token
}

func (g *guard) holds(token string, now time.Time) bool {
	sum := sha256.Sum256([]byte(token))
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sessions {
		if s.token == sum && now.Before(s.until) {
			return true
		}
	}
	return false
}
