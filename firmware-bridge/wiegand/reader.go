package wiegand

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/keypad"
)

// second is how long a read looks for edges once the silence is over by the clock: an edge that was stamped in time may
// still be on its way from the interrupt to the buffer.
const second = 2 * time.Millisecond

// Reader is one badge reader.
type Reader struct {
	id  string
	src bridge.EdgeSource

	mu  sync.Mutex
	dec *Decoder

	typed keypad.Collector
}

var _ bridge.Source = (*Reader)(nil)

// New makes a reader over its two data lines: line 0 is D0, line 1 is D1. The lines count as opened now. They belong to
// the reader from here on: Run closes them.
func New(id string, src bridge.EdgeSource, opts Opts) (*Reader, error) {
	dec, err := NewDecoder(opts, src.Now())
	if err != nil {
		return nil, fmt.Errorf("%w (reader %s)", err, id)
	}
	return &Reader{id: id, src: src, dec: dec}, nil
}

// ID is the reader's ID.
func (r *Reader) ID() string { return r.id }

// Stats is what the reader counted so far. It may be called at any time.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dec.Stats()
}

// Run says that the reader is online and then sends one bridge.Read a frame, at the time of its last bit, and one for the
// digits before each Enter. A card forgets digits that were typed before it. It returns nil when ctx is done, and an error when the lines failed: they must then be opened anew.
func (r *Reader) Run(ctx context.Context, out chan<- bridge.Signal) error {
	defer r.src.Close()
	defer context.AfterFunc(ctx, func() { r.src.Close() })()
	if !r.send(ctx, out, time.Now(), bridge.Health{Online: true}) {
		return nil
	}
	var edges [64]bridge.Edge
	for {
		asked := r.src.Now()
		n, err := r.read(asked, edges[:])
		for _, e := range edges[:n] {
			if f, ok := r.edge(e); ok && !r.deliver(ctx, out, f) {
				return nil
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Nothing was waiting after the lines were asked, so no edge from before is missing.
			if f, ok := r.flush(asked); ok && !r.deliver(ctx, out, f) {
				return nil
			}
		case err != nil:
			return fmt.Errorf("wiegand: reader %s: data lines: %w", r.id, err)
		}
	}
}

func (r *Reader) read(now time.Duration, edges []bridge.Edge) (int, error) {
	var deadline time.Time
	if due, ok := r.dec.Due(); ok {
		deadline = time.Now().Add(max(due-now, second))
	}
	if err := r.src.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	return r.src.ReadEdges(edges)
}

func (r *Reader) edge(e bridge.Edge) (Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dec.Edge(e)
}

func (r *Reader) flush(now time.Duration) (Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dec.Flush(now)
}

func (r *Reader) deliver(ctx context.Context, out chan<- bridge.Signal, f Frame) bool {
	at := time.Now().Add(f.Last - r.src.Now())
	if f.Key != 0 {
		digits, ok := r.typed.Press(f.Key, at)
		return !ok || r.send(ctx, out, at, bridge.Read{Format: bridge.FormatPIN, Bits: digits, Len: 8 * len(digits)})
	}
	if f.Fault == bridge.NoFault {
		r.typed.Reset()
	}
	bits := append([]byte(nil), f.bytes()...)
	return r.send(ctx, out, at, bridge.Read{Format: f.Format, Bits: bits, Len: f.Len, Fault: f.Fault})
}

func (r *Reader) send(ctx context.Context, out chan<- bridge.Signal, at time.Time, what any) bool {
	select {
	case out <- bridge.Signal{Device: r.id, At: at, What: what}:
		return true
	case <-ctx.Done():
		return false
	}
}
