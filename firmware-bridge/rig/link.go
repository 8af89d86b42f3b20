package rig

import (
	"context"
	"errors"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/wiegand"
)

// The pauses between two tries to open a device.
const (
	firstPause = 250 * time.Millisecond
	longPause  = 2 * time.Second
)

// link is a device that is opened when it runs, and again when it fails.
type link struct {
	id   string
	open func() (bridge.Source, []bridge.EdgeSource, error)
}

var _ bridge.Source = (*link)(nil)

func (l *link) ID() string { return l.id }

// Run implements bridge.Source. It always returns nil.
func (l *link) Run(ctx context.Context, out chan<- bridge.Signal) error {
	pause, health := firstPause, newest{out: out}
	for ctx.Err() == nil {
		start := time.Now()
		err := l.once(ctx, &health)
		if ctx.Err() != nil {
			break
		}
		if time.Since(start) > longPause {
			pause = firstPause
		}
		if !health.offline {
			health.send(ctx, bridge.Signal{Device: l.id, At: time.Now(), What: bridge.Health{Cause: err.Error()}})
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, longPause)
		case <-ctx.Done():
		}
	}
	return nil
}

// once opens the device and runs it until it fails or ctx is done.
func (l *link) once(ctx context.Context, out *newest) error {
	src, lines, err := l.open()
	for _, line := range lines {
		defer line.Close()
	}
	if err != nil {
		return err
	}
	signals, done := make(chan bridge.Signal), make(chan error, 1)
	go func() { done <- src.Run(ctx, signals) }()
	for {
		select {
		case s := <-signals:
			out.send(ctx, s)
		case err := <-done:
			if err == nil {
				err = errors.New("the device stopped without a cause")
			}
			return err
		}
	}
}

// newest sends signals on and remembers whether the last word about the device was that it is offline.
type newest struct {
	out     chan<- bridge.Signal
	offline bool
}

func (n *newest) send(ctx context.Context, s bridge.Signal) {
	select {
	case n.out <- s:
		if h, ok := s.What.(bridge.Health); ok {
			n.offline = !h.Online
		}
	case <-ctx.Done():
	}
}

// reader adds up what a Wiegand reader counts over all its runs.
type reader struct {
	mu     sync.Mutex
	before wiegand.Stats
	now    *wiegand.Reader // nil: it never ran
}

func (r *reader) follow(dev *wiegand.Reader) {
	if dev == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.before = r.before.Add(r.now.Stats())
	}
	r.now = dev
}

func (r *reader) stats() wiegand.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return r.before
	}
	return r.before.Add(r.now.Stats())
}
