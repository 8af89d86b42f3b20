// Package panel is the control panel's side of OSDP 2.2 (IEC 60839-11-5) on one line that several readers share: bytes and
// time in, bytes and events out.
//
// A reader is spoken to over Secure Channel with its own key. Before that it is asked who it is and what it can do, and is
// challenged; nothing that it says in clear is acted on. The panel never uses the default key but to pair a reader while a
// technician lets it, never makes a key, and never falls back to clear text: that is a reader's own setting.
//
// Order: the events of a reader come in the order in which it sent them. A card is told once, though its reply be lost and
// repeated. A command that was sent when its reader lost the session is sent again.
//
// Bounds: up to 127 readers, one file and sixteen commands each; a later command for the same LED, output, buzzer or
// display replaces the one that waits, and when there is no room Send says so. Up to 256 events, and those of one more
// frame, are held: while they are not drained no reader is asked, so that what it has to say waits in the reader.
//
// A Panel is not safe for concurrent use, starts nothing, and reads no clock.
package panel

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// Config is what a line is made of.
type Config struct {
	Baud    int // 9600, 19200, 38400, 57600, 115200 or 230400; 0 is 9600
	Readers []Reader
	Rand    io.Reader     // cryptographic source; nil is the system's
	Rekey   time.Duration // a session is replaced by a new one after so long; 0 is an hour
}

// Reader is one reader on the line.
type Reader struct {
	Address byte // 0 … wire.MaxAddress
	Key     *secure.Key
	// Pending is a key that the reader was given and has not proven to hold yet: see PairingFailed.
	Pending *secure.Key
	// ClearText lets a reader without a key be used without Secure Channel. It is told as insecure.
	ClearText bool
	// Known is what the reader was when it was paired. Another device raises Swapped. Nil: the first one that is seen.
	Known *wire.ID
}

// Action is what the line needs next.
type Action struct {
	Send []byte        // bytes to be written now; nil: none
	Baud int           // the speed at which to write them and to listen for the answer; 0 without Send
	Next time.Duration // when to call Step again at the latest; earlier after each Receive
}

const (
	replyWait   = 200 * time.Millisecond // a reader's time to answer, without the frames themselves
	shortWait   = 30 * time.Millisecond  // the same for one that is silent: more when it was slower
	longReply   = 48                     // bytes of the longest usual answer: CCRYPT, with its mark
	idReply     = 21                     // bytes of PDID in clear, with its mark
	offlineWait = 8 * time.Second        // a reader that says nothing useful for so long is offline
	pollEvery   = 25 * time.Millisecond  // from one question to the next, when the reader has nothing to do
	idleGap     = 2                      // characters of silence before a command
	maxEvents   = 256
)

// speeds are those that a line can have, in baud.
var speeds = []int{9600, 19200, 38400, 57600, 115200, 230400}

// Panel is the control panel of one line.
type Panel struct {
	readers []*reader
	random  io.Reader
	rekey   time.Duration

	now     time.Duration
	started bool
	stalled bool // the events were full when Step was last called
	scan    wire.Scanner
	asking  *reader       // whose answer is waited for
	sent    time.Duration // when the last byte of the command is on the line
	until   time.Duration // when the answer is late
	heard   time.Duration // when the last byte was on the line, whosever
	gap     time.Duration // the silence after it
	events  []Event
}

// New makes the panel of a line. The error names every reader that is configured wrongly.
func New(c Config) (*Panel, error) {
	p := &Panel{random: c.Rand, rekey: c.Rekey}
	if p.random == nil {
		p.random = rand.Reader
	}
	if p.rekey == 0 {
		p.rekey = time.Hour
	}
	if c.Baud == 0 {
		c.Baud = speeds[0]
	}
	if !slices.Contains(speeds, c.Baud) {
		return nil, fmt.Errorf("osdp: speed of %d baud, expected one of %v", c.Baud, speeds)
	}
	for _, r := range c.Readers {
		switch {
		case r.Address > wire.MaxAddress:
			return nil, fmt.Errorf("osdp: reader address %d, expected 0 to %d", r.Address, wire.MaxAddress)
		case p.find(r.Address) != nil:
			return nil, fmt.Errorf("osdp: two readers have address %d: give one of them another, alone on the line", r.Address)
		case r.ClearText && (r.Key != nil || r.Pending != nil):
			return nil, fmt.Errorf("osdp: reader %d has a key and is set to clear text: take one of both away", r.Address)
		}
		p.readers = append(p.readers, newReader(p, r, c.Baud))
	}
	return p, nil
}

// Events gives the events since the last call.
func (p *Panel) Events() []Event {
	events := p.events
	p.events = nil
	return events
}

// Step says what the line needs at now, which is any clock that does not step back. Call it at the time that the last
// Action said, and after each Receive and each request.
func (p *Panel) Step(now time.Duration) Action {
	p.tick(now)
	if r := p.asking; r != nil {
		if end := p.expires(); p.now < end {
			return Action{Next: end}
		}
		p.asking = nil
		p.scan.Reset()
		r.missed()
	}
	if len(p.events) >= maxEvents {
		p.stalled = true
		return Action{Next: p.now + pollEvery}
	}
	p.stalled = false
	for range 2 * len(p.readers) {
		r := p.first()
		if quiet := p.heard + max(p.gap, transmit(idleGap, r.baud)); p.now < quiet { // at the slower of both speeds
			return Action{Next: quiet}
		}
		if r.due > p.now {
			return Action{Next: p.wake(r.due)}
		}
		if frame := r.send(); frame != nil {
			return p.put(r, frame)
		}
		r.due = max(r.due, p.now+time.Millisecond)
	}
	return Action{Next: p.now + pollEvery}
}

// tick moves the time on. Time in which nobody drained the events does not count against a reader.
func (p *Panel) tick(now time.Duration) {
	before := p.now
	p.now = max(p.now, now)
	if !p.started {
		p.started = true
		for _, r := range p.readers {
			r.good, r.due = p.now, p.now
		}
	}
	for _, r := range p.readers {
		if p.stalled {
			r.good += p.now - before
		}
		r.check()
	}
}

// first is the reader whose turn it is, or the next whose turn it will be.
func (p *Panel) first() *reader {
	return slices.MinFunc(p.readers, func(a, b *reader) int { return cmp.Compare(a.due, b.due) })
}

// wake is at, or when the time for a pairing is over before that.
func (p *Panel) wake(at time.Duration) time.Duration {
	for _, r := range p.readers {
		if r.pairing != nil {
			at = min(at, r.pairing.until)
		}
	}
	return at
}

// put makes the action that sends a frame to r.
func (p *Panel) put(r *reader, frame []byte) Action {
	line := append([]byte{wire.Mark}, frame...)
	p.asking = r
	p.scan.Reset()
	p.sent = p.now + transmit(len(line), r.baud)
	p.until = p.sent + r.patience()
	p.heard, p.gap = p.sent, transmit(idleGap, r.baud)
	return Action{Send: line, Baud: r.baud, Next: p.until}
}

// expires is when the answer that is waited for is late. An answer that has begun may end.
func (p *Panel) expires() time.Duration {
	if p.heard <= p.sent || !p.scan.Pending() {
		return p.until
	}
	last := p.until + transmit(wire.MaxFrame, p.asking.baud)
	return min(max(p.until, p.heard+2*wire.Gap), last)
}

// Receive takes what came from the line, and the time at which the last byte of it came.
func (p *Panel) Receive(now time.Duration, b []byte) {
	p.tick(now)
	if len(b) == 0 {
		return
	}
	p.heard = max(p.heard, p.now)
	p.scan.Push(p.now, b)
	for f, ok := p.scan.Next(); ok; f, ok = p.scan.Next() {
		p.frame(f)
	}
}

// frame takes one frame: the awaited answer, our own echo, or somebody else's.
func (p *Panel) frame(f wire.Frame) {
	if !f.Reply {
		return
	}
	if r := p.asking; r != nil && r.address == f.Address {
		if r.received(f) {
			p.asking = nil
		}
		return
	}
	// A silent reader that answers too late is there again, and slow.
	for _, r := range p.readers {
		if r.address == f.Address && r.misses > 0 {
			r.late, r.due = true, min(r.due, p.now)
		}
	}
}

func (p *Panel) find(address byte) *reader {
	for _, r := range p.readers {
		if r.name == address {
			return r
		}
	}
	return nil
}

// transmit is the time that n characters take: 8 bits, start and stop.
func transmit(n, baud int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

// Format hides the keys from every verb of fmt.
func (*Panel) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "osdp.Panel") }
