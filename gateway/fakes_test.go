package gateway

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// fakeOutput is a line that remembers.
type fakeOutput struct {
	mu     sync.Mutex
	on     bool
	broken error
	log    []string // when it was driven
	sets   chan bool
	hangs  chan struct{} // Set waits until this is closed
}

func (o *fakeOutput) Set(on bool) error {
	o.mu.Lock()
	hangs := o.hangs
	o.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return o.broken
	}
	o.on = on
	o.log = append(o.log, fmt.Sprint(on))
	select {
	case o.sets <- on:
	default:
	}
	return nil
}

func (o *fakeOutput) Level() (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on, o.broken
}

func (o *fakeOutput) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = err
}

func (o *fakeOutput) driven() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.log, " ")
}

// fakeSource is a device that says what the test has it say.
type fakeSource struct {
	id    string
	first []any // said at start
	after time.Duration
	say   chan any
	hangs chan struct{} // it does not stop until this is closed
}

func (s *fakeSource) ID() string { return s.id }

func (s *fakeSource) Run(ctx context.Context, out chan<- bridge.Signal) error {
	if s.hangs != nil {
		<-s.hangs
		return nil
	}
	select {
	case <-time.After(s.after):
	case <-ctx.Done():
		return nil
	}
	for _, w := range s.first {
		out <- bridge.Signal{Device: s.id, At: time.Now(), What: w}
	}
	for {
		select {
		case w := <-s.say:
			if err, ok := w.(error); ok {
				return err
			}
			out <- bridge.Signal{Device: s.id, At: time.Now(), What: w}
		case <-ctx.Done():
			return nil
		}
	}
}
