package rig

import (
	"context"
	"errors"
	"io"
	"time"

	bridge "kapija/firmware-bridge"
)

// The pauses between two tries to open a device.
const (
	firstPause = 250 * time.Millisecond
	longPause  = 2 * time.Second
)

// opener makes the driver of a device over wires that it opens. What it opened is closed when the driver's Run has
// returned, and at once when there is an error.
type opener func() (bridge.Source, []io.Closer, error)

// link is a device, or several behind one chip, that is opened when it runs, and again when it fails.
type link struct {
	id    string
	ids   []string // the devices that are offline when it fails
	open  opener
	alert *bridge.Alert // what there is to be told of it at start; nil: nothing
}

var _ bridge.Source = (*link)(nil)

func (l *link) ID() string { return l.id }

// Run implements bridge.Source. It always returns nil.
func (l *link) Run(ctx context.Context, out chan<- bridge.Signal) error {
	pause, health := firstPause, newest{out: out, offline: map[string]bool{}}
	if l.alert != nil {
		health.send(ctx, bridge.Signal{Device: l.id, At: time.Now(), What: *l.alert})
	}
	for ctx.Err() == nil {
		start := time.Now()
		err := l.once(ctx, &health)
		if ctx.Err() != nil {
			break
		}
		if time.Since(start) > longPause {
			pause = firstPause
		}
		for _, id := range l.ids {
			if !health.offline[id] {
				health.send(ctx, bridge.Signal{Device: id, At: time.Now(), What: bridge.Health{Cause: err.Error()}})
			}
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
	src, opened, err := l.open()
	for _, c := range opened {
		defer c.Close()
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

// newest sends signals on and remembers the devices whose last word was that they are offline.
type newest struct {
	out     chan<- bridge.Signal
	offline map[string]bool
}

func (n *newest) send(ctx context.Context, s bridge.Signal) {
	select {
	case n.out <- s:
		if h, ok := s.What.(bridge.Health); ok {
			n.offline[s.Device] = !h.Online
		}
	case <-ctx.Done():
	}
}
