package panel

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const ms = time.Millisecond

// arrival is bytes that come to the panel at a time, or that the devices hear.
type arrival struct {
	at    time.Duration
	bytes []byte
	baud  int // of what the devices hear; 0: it comes to the panel
}

// line is a panel and its devices on one line, in virtual time. It holds the panel to its promises at each frame.
type line struct {
	t        testing.TB
	p        *Panel
	devices  []*device
	now      time.Duration
	arrivals []arrival
	events   []Event
	drain    bool

	// fault changes what is on the line: it gives the bytes that arrive, and how much later. Reply tells the direction.
	fault   func(b []byte, reply bool) ([]byte, time.Duration)
	echo    bool
	pairing bool // SCBK-D is allowed
	clear   map[byte]bool
	quiet   time.Duration // no command before
	baud    int           // of the last one
	last    map[byte][]byte
	rndA    map[[8]byte]bool
	sent    []wire.Frame
	at      []time.Duration
}

func newKey(t testing.TB) *secure.Key {
	t.Helper()
	k, err := secure.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

func newLine(t testing.TB, c Config, devices ...*device) *line {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, p: p, devices: devices, drain: true, now: time.Hour, clear: map[byte]bool{}, last: map[byte][]byte{},
		rndA: map[[8]byte]bool{}}
	for _, r := range c.Readers {
		l.clear[r.Address] = r.ClearText
	}
	return l
}

// secured is a line with paired devices at addresses 1 … n.
func secured(t testing.TB, n int) *line {
	t.Helper()
	var c Config
	var devices []*device
	for a := 1; a <= n; a++ {
		key := newKey(t)
		d := newDevice(byte(a), key)
		id := d.id
		devices = append(devices, d)
		c.Readers = append(c.Readers, Reader{Address: byte(a), Key: key, Known: &id})
	}
	return newLine(t, c, devices...)
}

// plain is the same in clear text.
func plain(t testing.TB, n int) *line {
	t.Helper()
	var c Config
	var devices []*device
	for a := 1; a <= n; a++ {
		devices = append(devices, newDevice(byte(a), nil))
		c.Readers = append(c.Readers, Reader{Address: byte(a), ClearText: true})
	}
	return newLine(t, c, devices...)
}

// run lets time pass.
func (l *line) run(d time.Duration) { l.until(d, func() bool { return false }) }

// until lets time pass until done, and at most d; it tells whether it was done.
func (l *line) until(d time.Duration, done func() bool) bool {
	for end := l.now + d; l.now < end; {
		if done() {
			return true
		}
		a := l.p.Step(l.now)
		if l.drain {
			l.events = append(l.events, l.p.Events()...)
		}
		if a.Send != nil {
			l.put(a)
		} else if a.Next <= l.now {
			l.t.Fatalf("at %v the panel wants to be called at %v", l.now, a.Next)
		}
		next := min(a.Next, end)
		slices.SortStableFunc(l.arrivals, func(a, b arrival) int { return int(a.at/time.Microsecond - b.at/time.Microsecond) })
		if len(l.arrivals) > 0 && l.arrivals[0].at <= next {
			got := l.arrivals[0]
			l.arrivals = l.arrivals[1:]
			l.now = max(l.now, got.at)
			if got.baud > 0 {
				l.hear(got)
				continue
			}
			l.quiet = max(l.quiet, l.now+transmit(idleGap, l.baud))
			l.p.Receive(l.now, got.bytes)
			if l.drain {
				l.events = append(l.events, l.p.Events()...)
			}
			continue
		}
		l.now = max(l.now, next)
	}
	return done()
}

func (l *line) put(a Action) {
	l.watch(a)
	end := l.now + transmit(len(a.Send), a.Baud)
	l.quiet, l.baud = end+transmit(idleGap, a.Baud), a.Baud
	send, late := l.faulty(a.Send, false)
	if l.echo {
		l.arrivals = append(l.arrivals, arrival{at: end, bytes: a.Send})
	}
	if send != nil {
		l.arrivals = append(l.arrivals, arrival{end + late, send, a.Baud})
	}
}

// hear has the devices answer a command.
func (l *line) hear(command arrival) {
	for _, d := range l.devices {
		if d.baud != command.baud {
			continue
		}
		out := d.hear(command.bytes)
		if out == nil {
			continue
		}
		back, more := l.faulty(out, true)
		at := l.now + more + d.turn
		if d.next != nil {
			d.next()
			d.next = nil
		}
		// A serial port gives what came every few characters.
		for part := range slices.Chunk(back, 8) {
			at += transmit(len(part), d.baud)
			l.arrivals = append(l.arrivals, arrival{at: at, bytes: part})
		}
	}
}

func (l *line) faulty(b []byte, reply bool) ([]byte, time.Duration) {
	if l.fault == nil {
		return b, 0
	}
	return l.fault(slices.Clone(b), reply)
}

// watch holds the panel to what it must never do.
func (l *line) watch(a Action) {
	l.t.Helper()
	var s wire.Scanner
	s.Push(0, a.Send)
	f, ok := s.Next()
	if !ok || f.Reply {
		l.t.Fatalf("at %v the panel sent what is no command", l.now)
	}
	l.sent, l.at = append(l.sent, f), append(l.at, l.now)
	if l.now < l.quiet {
		l.t.Errorf("at %v a command without an idle gap of two characters, expected it at %v", l.now, l.quiet)
	}
	r := l.p.asking
	if !f.Sealed() && !l.clear[r.name] && !slices.Contains([]byte{wire.CmdID, wire.CmdCap, wire.CmdChallenge, wire.CmdSCrypt}, f.Code) {
		l.t.Errorf("%s was sent in clear", wire.Name(f.Code))
	}
	if (f.Security == wire.SCS11 || f.Security == wire.SCS13) && f.SCB[0] == 0 && !l.pairing {
		l.t.Error("L30: the default key was offered")
	}
	if f.Checksum && f.Security != wire.NoSecurity {
		l.t.Error("a checksum in a session or in its handshake")
	}
	if last := l.last[f.Address]; last != nil {
		before, _, _ := wire.Decode(last)
		again := slices.Equal(last, f.Bytes())
		if !again && f.Sequence != 0 && f.Sequence != before.Sequence%3+1 {
			l.t.Errorf("sequence %d after %d", f.Sequence, before.Sequence)
		}
	} else if f.Sequence != 0 {
		l.t.Errorf("the first sequence number is %d", f.Sequence)
	}
	if f.Code == wire.CmdChallenge && !slices.Equal(l.last[f.Address], f.Bytes()) {
		var rnd [8]byte
		copy(rnd[:], f.Data)
		if l.rndA[rnd] {
			l.t.Error("the same random number in two handshakes")
		}
		l.rndA[rnd] = true
	}
	l.last[f.Address] = f.Bytes()
}

// told gives the events of one type.
func told[T any](l *line) []T {
	var all []T
	for _, e := range l.events {
		if got, ok := e.What.(T); ok {
			all = append(all, got)
		}
	}
	return all
}

func (l *line) online() bool { return len(told[Online](l)) >= len(l.devices) }

// up waits until all devices are online.
func (l *line) up() {
	l.t.Helper()
	if !l.until(10*time.Second, l.online) {
		l.t.Fatalf("not online: %s", l.story())
	}
}

// idle waits until no answer is awaited.
func (l *line) idle() {
	l.t.Helper()
	if !l.until(time.Second, func() bool { return l.p.asking == nil }) {
		l.t.Fatal("an answer is awaited for ever")
	}
}

// forget drops the events so far.
func (l *line) forget() { l.events = nil }

// story is the events in words. Cards and keys hide themselves.
func (l *line) story() string {
	var b strings.Builder
	for _, e := range l.events {
		fmt.Fprintf(&b, "\n  %v reader %d: %T%+v", e.At, e.Address, e.What, e.What)
	}
	return b.String()
}

// insecure gives the codes that began, in order.
func (l *line) insecure() []Code {
	var all []Code
	for _, i := range told[Insecure](l) {
		if i.Active {
			all = append(all, i.Code)
		}
	}
	return all
}

func (l *line) expectInsecure(want ...Code) {
	l.t.Helper()
	if have := l.insecure(); !slices.Equal(have, want) {
		l.t.Errorf("insecure %v, expected %v:%s", have, want, l.story())
	}
}

// cards gives the first byte of each card.
func (l *line) cards() []byte {
	var all []byte
	for _, c := range told[Card](l) {
		all = append(all, c.Bits[0])
	}
	return all
}

func (l *line) expectCards(want ...byte) {
	l.t.Helper()
	if have := l.cards(); !slices.Equal(have, want) {
		l.t.Errorf("cards % x, expected % x:%s", have, want, l.story())
	}
}
