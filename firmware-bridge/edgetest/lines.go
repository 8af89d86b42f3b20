// Package edgetest holds the contract of bridge.EdgeSource as one suite that every implementation passes, and Lines: an
// implementation in memory, for the tests of what reads edges.
//
// It is for tests only. Lines may be driven by any number of goroutines and read by one; its buffer holds Buffer edges
// and drops the oldest when it is full, as the kernel's does.
package edgetest

import (
	"os"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// Buffer is how many edges Lines keeps.
const Buffer = 256

// Detect says which edges a source reports.
type Detect int

// Readers ask for falling edges, inputs for both.
const (
	Falling Detect = iota
	Both
)

// Lines is a bridge.EdgeSource in memory. Its clock is the runtime's, so that it stands still in a synctest bubble.
type Lines struct {
	detect Detect
	start  time.Time
	wake   chan struct{} // holds one token when something below changed
	gone   chan struct{} // closed by Close

	mu       sync.Mutex
	levels   []bool
	seq      uint32
	lineSeq  []uint32
	edges    []bridge.Edge
	lose     int
	deadline time.Time
	closed   bool
	failed   error
}

var _ bridge.EdgeSource = (*Lines)(nil)

// NewLines makes n lines, all high.
func NewLines(n int, d Detect) *Lines {
	l := &Lines{detect: d, start: time.Now(), wake: make(chan struct{}, 1), gone: make(chan struct{}),
		levels: make([]bool, n), lineSeq: make([]uint32, n)}
	for i := range l.levels {
		l.levels[i] = true
	}
	return l
}

// Set drives a line.
func (l *Lines) Set(line int, high bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.levels[line] == high {
		return
	}
	l.levels[line] = high
	if l.detect == Falling && high {
		return
	}
	l.seq++
	l.lineSeq[line]++
	if l.lose > 0 {
		l.lose--
		return
	}
	l.edges = append(l.edges, bridge.Edge{At: l.now(), Line: line, Rising: high, Seq: l.seq, LineSeq: l.lineSeq[line]})
	if len(l.edges) > Buffer {
		l.edges = l.edges[1:]
	}
	l.signal()
}

// Pulse drives a line low and high again.
func (l *Lines) Pulse(line int) {
	l.Set(line, false)
	l.Set(line, true)
}

// Lose makes the next n edges get lost: they are numbered and never read.
func (l *Lines) Lose(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = n
}

// Fail makes every later call return err, as a chip does that went away.
func (l *Lines) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = err
	l.signal()
}

// ReadEdges implements bridge.EdgeSource.
func (l *Lines) ReadEdges(dst []bridge.Edge) (int, error) {
	for {
		n, wait, err := l.take(dst)
		if n > 0 || err != nil {
			return n, err
		}
		l.sleep(wait)
	}
}

func (l *Lines) take(dst []bridge.Edge) (n int, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.err(); err != nil {
		return 0, 0, err
	}
	if n = copy(dst, l.edges); n > 0 {
		l.edges = l.edges[n:]
		return n, 0, nil
	}
	if l.deadline.IsZero() {
		return 0, -1, nil
	}
	if wait = time.Until(l.deadline); wait <= 0 {
		return 0, 0, os.ErrDeadlineExceeded
	}
	return 0, wait, nil
}

// sleep waits for a change, or for wait when it is not negative.
func (l *Lines) sleep(wait time.Duration) {
	var after <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-l.wake:
	case <-l.gone:
	case <-after:
	}
}

// SetReadDeadline implements bridge.EdgeSource.
func (l *Lines) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = t
	l.signal()
	return l.err()
}

// Levels implements bridge.EdgeSource.
func (l *Lines) Levels() ([]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]bool(nil), l.levels...), l.err()
}

// Now implements bridge.EdgeSource.
func (l *Lines) Now() time.Duration { return l.now() }

// Close implements bridge.EdgeSource.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	l.closed = true
	close(l.gone)
	return nil
}

func (l *Lines) now() time.Duration { return time.Since(l.start) }

func (l *Lines) err() error {
	if l.closed {
		return os.ErrClosed
	}
	return l.failed
}

func (l *Lines) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
