// Package osdp drives the readers on one RS-485 bus over OSDP 2.2 (IEC 60839-11-5): the protocol is that of package panel,
// the bytes come from a serial port. Besides, it is what a technician needs at a bus: Scan, Info, Pair, SetComm, Update.
//
// It never decides about a card, never makes a reader less secure than it is configured, and never logs a card, a PIN or a
// key: a capture of the bus has dots in their place. A key of its own is given to a reader by Pair alone.
//
// Concurrency: Run uses the port in its own goroutine and one that reads. The signals of a reader come in the order of
// what happened; while the channel is full some hundred of them wait, and then the readers are not asked, which keep
// what they have. Outputs, Pair and the others may be called from any goroutine; outputs never wait for the bus.
//
// A port that fails is closed and opened anew after a quarter of a second, then at growing intervals of up to two seconds:
// all readers are offline once, with the cause, and each is back when it answers.
package osdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
	"kapija/internal/cardformat"
)

// The pauses between two tries to open a port.
const (
	firstPause = 250 * time.Millisecond
	longPause  = 2 * time.Second
)

// Reader is one reader of a bus.
type Reader struct {
	ID      string
	Address byte                // 0 … wire.MaxAddress
	Formats []cardformat.Format // of its cards. Where several have one length, the first whose parity is right counts
	Tamper  string              // ID of the input that is active while the reader is open; empty: none
	Inputs  map[int]string      // IDs of inputs by the reader's number, from 0

	Key       *secure.Key // its own; nil: it was not paired
	Pending   *secure.Key // one that it was given and that it did not prove yet
	ClearText bool        // it may be used without Secure Channel; it is told as insecure
	Known     *wire.ID    // what it was when it was paired; nil: not known
}

// Opts says what is on a bus. A zero Baud is 9600; Capture may be nil.
type Opts struct {
	Baud    int
	Readers []Reader
	// Capture gets one line a frame. Its first error ends the capture.
	Capture io.Writer
}

// Bus is one bus: a bridge.Source whose signals bear the IDs of its readers and of their inputs.
type Bus struct {
	id      string
	open    func() (bridge.Port, error)
	engine  *engine
	readers []*reader
	opened  time.Time // when the port was last opened
	calls   chan func()
	wake    chan struct{}
	queue   []bridge.Signal
	watches []func(of *reader, what any) bool // each until it says that it saw what it waits for

	mu sync.Mutex // guards what is wanted and known of outputs
}

var _ bridge.Source = (*Bus)(nil)

// New makes a bus over the port that open gives. It does not open it yet. The error names what is configured wrongly.
func New(id string, open func() (bridge.Port, error), o Opts) (*Bus, error) {
	c := panel.Config{Baud: o.Baud}
	b := &Bus{id: id, open: open, calls: make(chan func()), wake: make(chan struct{}, 1)}
	for _, r := range o.Readers {
		c.Readers = append(c.Readers, panel.Reader{Address: r.Address, Key: r.Key, Pending: r.Pending, ClearText: r.ClearText, Known: r.Known})
		b.readers = append(b.readers, newReader(b, r))
	}
	p, err := panel.New(c)
	if err != nil {
		return nil, fmt.Errorf("%w (bus %s)", err, id)
	}
	b.engine = newEngine(p, o.Capture)
	return b, nil
}

// ID is the bus's ID.
func (b *Bus) ID() string { return b.id }

// Run drives the bus until ctx is done, and returns nil then. It is called once.
func (b *Bus) Run(ctx context.Context, out chan<- bridge.Signal) error {
	defer b.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause, retry := firstPause, time.Now()
	fail := func(err error) {
		if b.engine.port != nil && time.Since(b.opened) > longPause {
			pause = firstPause
		}
		b.close()
		retry = time.Now().Add(pause)
		pause = min(2*pause, longPause)
		b.down(err)
	}
	for ctx.Err() == nil {
		if b.engine.port == nil && !time.Now().Before(retry) {
			if err := b.connect(); err != nil {
				fail(err)
			}
		}
		b.drive()
		next, err := b.engine.step()
		if err != nil {
			fail(err)
			continue
		}
		b.drain()
		if b.engine.port == nil {
			next = min(next, time.Until(retry))
		}
		timer.Reset(max(next, 0))
		var to chan<- bridge.Signal
		var first bridge.Signal
		if len(b.queue) > 0 {
			to, first = out, b.queue[0]
		}
		select {
		case to <- first:
			b.queue = b.queue[1:]
		case c := <-b.engine.heard():
			if err := b.engine.take(c); err != nil {
				fail(err)
			}
		case call := <-b.calls:
			call()
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// connect opens the port, and has those readers asked whether they are still there that the panel takes to be.
func (b *Bus) connect() error {
	port, err := b.open()
	if err != nil {
		return err
	}
	if err := b.engine.attach(port); err != nil {
		return errors.Join(err, port.Close())
	}
	b.opened = time.Now()
	for _, r := range b.readers {
		if r.seen {
			_ = b.engine.panel.Identify(r.Address) // its error is that the reader went away meanwhile
		}
	}
	return nil
}

// close lets go of the port.
func (b *Bus) close() {
	port := b.engine.port
	if port == nil {
		return
	}
	_ = port.Close() // it is of no use any more, whatever it says
	b.engine.detach()
}

// drain takes the panel's events, when all signals before were taken.
func (b *Bus) drain() {
	if len(b.queue) > 0 {
		return
	}
	b.queue = nil
	for _, e := range b.engine.panel.Events() {
		b.event(e)
	}
}

func (b *Bus) event(e panel.Event) {
	at := b.engine.start.Add(e.At)
	address := e.Address
	if change, ok := e.What.(panel.CommChanged); ok {
		address = change.From
	}
	i := slices.IndexFunc(b.readers, func(r *reader) bool { return r.Address == address })
	if i < 0 {
		return
	}
	r := b.readers[i]
	r.event(at, e)
	b.watches = slices.DeleteFunc(b.watches, func(saw func(*reader, any) bool) bool { return saw(r, e.What) })
}

// down tells that no reader can be reached.
func (b *Bus) down(err error) {
	for _, r := range b.readers {
		r.health(time.Now(), false, err.Error())
	}
}

func (b *Bus) tell(device string, at time.Time, what any) {
	b.queue = append(b.queue, bridge.Signal{Device: device, At: at, What: what})
}

func (b *Bus) reader(id string) *reader {
	for _, r := range b.readers {
		if r.ID == id {
			return r
		}
	}
	return nil
}
