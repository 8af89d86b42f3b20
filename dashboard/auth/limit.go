package auth

import (
	"sync"
	"time"
)

// The limits of failed log-ins.
const (
	freeOfUser   = 5  // failures before a user must wait
	freeOfRemote = 20 // before an address must wait: an office shares one
	firstWait    = 30 * time.Second
	longestWait  = 15 * time.Minute
	forgotten    = time.Hour // without a failure
	maxCounted   = 10_000    // users and addresses
)

// limiter counts failed log-ins. An attempt counts as failed from its beginning, so that many at once do not slip
// through together.
type limiter struct {
	mu     sync.Mutex
	counts map[string]*count
}

type count struct {
	failures int
	last     time.Time
	until    time.Time // nobody may try before
}

// subject is a user or an address, and how many failures it is allowed.
type subject struct {
	name string
	free int
}

func newLimiter() *limiter { return &limiter{counts: map[string]*count{}} }

func ofUser(name string) subject { return subject{"user " + name[:min(len(name), 64)], freeOfUser} }
func ofRemote(address string) subject {
	return subject{"remote " + address[:min(len(address), 64)], freeOfRemote}
}

// try counts an attempt, unless one of its subjects must wait: then it counts nothing and says until when.
func (l *limiter) try(subjects ...subject) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range subjects {
		if c := l.counts[s.name]; c != nil && now.Before(c.until) {
			return fault(rateLimited, "too many failed log-ins: try again in %s, at %s",
				c.until.Sub(now).Round(time.Second), c.until.Format("15:04:05"))
		}
	}
	for _, s := range subjects {
		l.fail(s, now)
	}
	return nil
}

func (l *limiter) fail(s subject, now time.Time) {
	c := l.counts[s.name]
	if c == nil {
		l.makeRoom(now)
		c = &count{}
		l.counts[s.name] = c
	}
	if now.Sub(c.last) > forgotten {
		*c = count{}
	}
	c.failures++
	c.last = now
	if over := c.failures - s.free; over >= 0 {
		c.until = now.Add(min(firstWait<<min(over, 10), longestWait))
	}
}

// makeRoom forgets what is old, and if nothing is, whoever failed least.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.counts) < maxCounted {
		return
	}
	least, fewest := "", 0
	for name, c := range l.counts {
		if now.Sub(c.last) > forgotten {
			delete(l.counts, name)
			continue
		}
		if least == "" || c.failures < fewest {
			least, fewest = name, c.failures
		}
		if fewest <= 1 {
			break // nobody has fewer: a flood of new names costs no search through all
		}
	}
	if len(l.counts) >= maxCounted {
		delete(l.counts, least)
	}
}

// succeeded forgets the failures of the first subject, and takes the attempt back from the others: one good log-in must
// not give an address free tries at other users.
func (l *limiter) succeeded(first subject, others ...subject) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.counts, first.name)
	l.takeBack(others...)
}

// takeBack undoes an attempt that was not judged.
func (l *limiter) takeBack(subjects ...subject) {
	for _, s := range subjects {
		if c := l.counts[s.name]; c != nil && c.failures > 0 {
			c.failures--
			if c.failures < s.free {
				c.until = time.Time{}
			}
		}
	}
}

// undo is takeBack for callers without the lock.
func (l *limiter) undo(subjects ...subject) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeBack(subjects...)
}
