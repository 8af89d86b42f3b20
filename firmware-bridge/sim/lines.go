package sim

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	bridge "kapija/firmware-bridge"
)

const (
	bufferedEdges = 256                   // of one request
	bitPeriod     = time.Millisecond      // from pulse to pulse
	pulseWidth    = 50 * time.Microsecond // low
	frameSilence  = 40 * time.Millisecond // after a frame, before the next one
	maxQueue      = 10 * time.Second      // of frames that wait at one reader
)

// lines are the pins of one reader or input. They exist whether somebody has them open or not.
type lines struct {
	name  string // "reader r1", for errors
	clock func() time.Duration
	both  bool // report rising edges too

	mu      sync.Mutex
	high    []bool  // level without pulses
	pulses  []pulse // not yet due, in order of time
	last    []pulse // the latest pulse of each line
	stuck   []bool  // to ground
	free    time.Duration
	failed  bool
	closed  bool
	request *request // nil: nobody has them open
}

type pulse struct {
	at   time.Duration
	line int
}

func newLines(name string, clock func() time.Duration, both bool, high ...bool) *lines {
	l := &lines{name: name, clock: clock, both: both, high: high}
	for range high {
		l.last = append(l.last, pulse{at: -time.Hour})
		l.stuck = append(l.stuck, false)
	}
	return l
}

// request is one opened set of lines: a bridge.EdgeSource.
type request struct {
	*lines
	edges    []bridge.Edge
	seq      uint32
	lineSeq  []uint32
	deadline time.Time
	closed   bool
	wake     chan struct{} // closed and replaced when a blocked reader has to look again
}

func (l *lines) open() (*request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, fmt.Errorf("sim: %s: %w", l.name, os.ErrClosed)
	case l.failed:
		return nil, l.gone()
	case l.request != nil:
		return nil, fmt.Errorf("sim: %s is open already, close it first: %w", l.name, syscall.EBUSY)
	}
	l.settle()
	l.request = &request{lines: l, lineSeq: make([]uint32, len(l.high)), wake: make(chan struct{})}
	return l.request, nil
}

func (l *lines) gone() error { return fmt.Errorf("sim: %s: %w", l.name, syscall.ENODEV) }

// settle turns the pulses that are due into edges, as the interrupts would have done at their time.
func (l *lines) settle() {
	now := l.clock()
	for len(l.pulses) > 0 && l.pulses[0].at <= now {
		p := l.pulses[0]
		l.pulses = l.pulses[1:]
		if l.stuck[p.line] {
			continue
		}
		l.last[p.line] = p
		l.edge(p.at, p.line, false)
	}
}

func (l *lines) edge(at time.Duration, line int, rising bool) {
	r := l.request
	if r == nil || rising && !l.both {
		return
	}
	r.seq++
	r.lineSeq[line]++
	if l.failed {
		return
	}
	if len(r.edges) == bufferedEdges {
		copy(r.edges, r.edges[1:])
		r.edges = r.edges[:bufferedEdges-1]
	}
	r.edges = append(r.edges, bridge.Edge{At: at, Line: line, Rising: rising, Seq: r.seq, LineSeq: r.lineSeq[line]})
}

func (l *lines) notify() {
	if l.request != nil {
		close(l.request.wake)
		l.request.wake = make(chan struct{})
	}
}

// badge puts one frame on the two lines of a reader, after the frames that are there, and says when it ends.
func (l *lines) badge(bits string) (end time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	now := l.clock()
	if l.free-now > maxQueue {
		return 0, fmt.Errorf("%s has frames for %v to send already, at most %v are kept", l.name, l.free-now, maxQueue)
	}
	at := max(now, l.free)
	for _, bit := range bits {
		l.pulses = append(l.pulses, pulse{at, int(bit - '0')})
		at += bitPeriod
	}
	l.free = at + frameSilence
	l.notify()
	return at, nil
}

func (l *lines) set(high bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.become(high)
}

// flip is the other level.
func (l *lines) flip() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.become(!l.high[0])
}

func (l *lines) become(high bool) {
	if l.high[0] == high {
		return
	}
	l.high[0] = high
	l.edge(l.clock(), 0, high)
	l.notify()
}

// stick shorts lines to ground, and ends that of the others.
func (l *lines) stick(stuck ...bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	for i, now := range stuck {
		if before := l.stuck[i]; before != now && l.high[i] {
			l.edge(l.clock(), i, before)
		}
	}
	l.stuck = stuck
	l.notify()
}

func (l *lines) fail(failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	l.failed = failed
	if failed && l.request != nil {
		l.request.edges = nil
	}
	l.notify()
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.request != nil {
		l.request.closed = true
	}
	l.notify()
	l.request = nil
}

// ReadEdges gives the edges that are there even when the deadline has passed, so that an edge in the buffer is never
// taken for silence.
func (r *request) ReadEdges(dst []bridge.Edge) (int, error) {
	if len(dst) == 0 {
		return 0, fmt.Errorf("sim: %s: read into an empty slice", r.name)
	}
	for {
		n, wake, next, err := r.try(dst)
		if n > 0 || err != nil {
			return n, err
		}
		if next < 0 {
			<-wake
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// try reads without blocking. Without edges and error it says what to wait for: wake, and next unless that is
// negative.
func (r *request) try(dst []bridge.Edge) (n int, wake <-chan struct{}, next time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, nil, 0, fmt.Errorf("sim: %s: %w", r.name, os.ErrClosed)
	}
	r.settle()
	if r.failed {
		return 0, nil, 0, r.gone()
	}
	if len(r.edges) > 0 {
		n = copy(dst, r.edges)
		r.edges = r.edges[:copy(r.edges, r.edges[n:])]
		return n, nil, 0, nil
	}
	next = -1
	if len(r.pulses) > 0 {
		next = max(0, r.pulses[0].at-r.clock())
	}
	if !r.deadline.IsZero() {
		left := time.Until(r.deadline)
		if left <= 0 {
			return 0, nil, 0, fmt.Errorf("sim: %s: %w", r.name, os.ErrDeadlineExceeded)
		}
		if next < 0 || left < next {
			next = left
		}
	}
	return 0, r.wake, next, nil
}

func (r *request) SetReadDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("sim: %s: %w", r.name, os.ErrClosed)
	}
	r.deadline = t
	r.notify()
	return nil
}

func (r *request) Levels() ([]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fmt.Errorf("sim: %s: %w", r.name, os.ErrClosed)
	}
	r.settle()
	if r.failed {
		return nil, r.gone()
	}
	levels := make([]bool, len(r.high))
	for i := range levels {
		levels[i] = r.high[i] && !r.stuck[i] && r.clock() >= r.last[i].at+pulseWidth
	}
	return levels, nil
}

func (r *request) Now() time.Duration { return r.clock() }

func (r *request) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("sim: %s: %w", r.name, os.ErrClosed)
	}
	r.closed = true
	r.notify()
	r.request = nil
	return nil
}

var _ bridge.EdgeSource = (*request)(nil)
