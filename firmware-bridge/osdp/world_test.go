package osdp_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// key is a different one for each n.
func key(n byte) secure.Key {
	return secure.Key{0x6B, 0x1F, 0x99, 0x02, 0xC4, 0x3D, 0x7A, 0xE8, 0x15, 0xB0, 0x5C, 0xF1, 0x22, 0x9E, 0x48, 0xD7 ^ n}
}

func identity(n byte) peripheral.Identity {
	return peripheral.Identity{Vendor: [3]byte{0x0A, 0x0B, 0x0C}, Model: 3, Version: 1, Serial: 0xC0FFEE00 + uint32(n), Firmware: [3]byte{1, 2, 3}}
}

// world is a panel and its readers on one line, in virtual time.
type world struct {
	t      testing.TB
	now    time.Duration
	panel  *panel.Panel
	line   *peripheral.Line
	pds    []*peripheral.PD
	events []panel.Event // all, unless forget is called
	sent   []wire.Frame  // commands
	polls  int
	keep   bool          // the commands too
	last   time.Duration // when the last byte was on the line
}

// mode is how the readers of a world are spoken to.
type mode string

const (
	clear  mode = "clear"
	sealed mode = "secure"
)

// modes runs a test for both.
func modes(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range []mode{clear, sealed} {
		t.Run(string(m), func(t *testing.T) { test(t, m) })
	}
}

// pd is the reader n of a mode, and how the panel knows it.
func (m mode) pd(n byte) (peripheral.Config, panel.Reader) {
	c := peripheral.Config{Address: n, ID: identity(n), Rand: rand.NewChaCha8([32]byte{n})}
	r := panel.Reader{Address: n}
	if m == clear {
		c.Open, r.ClearText = true, true
		return c, r
	}
	c.Key = key(n)
	k := key(n)
	r.Key = &k
	return c, r
}

// of makes a world of n readers of a mode.
func of(t testing.TB, m mode, n int) *world {
	var pds []peripheral.Config
	var readers []panel.Reader
	for i := range byte(n) {
		c, r := m.pd(i)
		pds, readers = append(pds, c), append(readers, r)
	}
	return newWorld(t, panel.Config{Readers: readers}, pds...)
}

func newWorld(t testing.TB, c panel.Config, pds ...peripheral.Config) *world {
	t.Helper()
	if c.Rand == nil {
		c.Rand = rand.NewChaCha8([32]byte{0xFF})
	}
	p, err := panel.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, panel: p, now: time.Second}
	for _, pd := range pds {
		w.pds = append(w.pds, peripheral.New(pd))
	}
	w.line = peripheral.NewLine(9600, w.pds...)
	return w
}

// step lets time pass to whatever happens next, but not beyond end.
func (w *world) step(end time.Duration) {
	a := w.panel.Step(w.now)
	if a.Send != nil {
		f, _, err := wire.Decode(a.Send[1:])
		if err != nil {
			w.t.Fatalf("the panel sent % x: %v", a.Send, err)
		}
		if f.Code == wire.CmdPoll {
			w.polls++
		}
		if w.keep {
			w.sent = append(w.sent, f)
		}
		if idle := w.now - w.last; idle < 2*10*time.Second/time.Duration(a.Baud) {
			w.t.Errorf("%s was sent %v after the last byte, expected an idle gap of two characters", wire.Name(f.Code), idle)
		}
		w.line.SetBaud(a.Baud)
		w.last = w.line.Send(w.now, a.Send)
	}
	w.events = append(w.events, w.panel.Events()...)
	next := min(a.Next, end)
	if due, ok := w.line.Next(); ok {
		next = min(next, due)
	}
	w.now = max(w.now, next)
	for _, b := range w.line.Advance(w.now) {
		w.last = max(w.last, b.At)
		w.panel.Receive(b.At, b.Bytes)
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.step(end)
	}
	w.events = append(w.events, w.panel.Events()...)
}

// until lets time pass until something is so, and says how long it took.
func (w *world) until(what string, within time.Duration, so func() bool) time.Duration {
	w.t.Helper()
	start := w.now
	for !so() {
		if w.now-start >= within {
			w.t.Fatalf("%s: not within %v; events %v", what, within, w.words())
		}
		w.step(start + within)
	}
	return w.now - start
}

// forget drops the events up to now.
func (w *world) forget() { w.events, w.sent = nil, nil }

// words are the events as text, without cards.
func (w *world) words() (all []string) {
	for _, e := range w.events {
		all = append(all, fmt.Sprintf("%.3fs reader %d %T%+v", e.At.Seconds(), e.Address, e.What, e.What))
	}
	return all
}

// all are the events of one type.
func all[T any](w *world) (got []T) {
	for _, e := range w.events {
		if what, ok := e.What.(T); ok {
			got = append(got, what)
		}
	}
	return got
}

func (w *world) insecure(code panel.Code) bool {
	for _, i := range all[panel.Insecure](w) {
		if i.Code == code && i.Active {
			return true
		}
	}
	return false
}

// online waits until all readers are, and forgets the events.
func (w *world) online() *world {
	w.t.Helper()
	w.until("all readers online", 10*time.Second, func() bool { return len(all[panel.Online](w)) == len(w.pds) })
	w.run(3 * time.Second) // each was asked for its state
	w.forget()
	return w
}

// card is one card of 26 bits, another one for each n.
func card(n uint32) ([]byte, int) { return []byte{byte(n >> 16), byte(n >> 8), byte(n), 0x40}, 26 }

func (w *world) present(pd int, n uint32) {
	w.t.Helper()
	bits, len := card(n)
	if err := w.pds[pd].Card(bits, len); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inject(pd int, f peripheral.Fault, n int) {
	w.t.Helper()
	if err := w.pds[pd].Inject(f, n); err != nil {
		w.t.Fatal(err)
	}
}

// cards are the numbers of the cards that arrived, in order.
func (w *world) cards() (got []uint32) {
	for _, c := range all[panel.Card](w) {
		if c.Len != 26 || len(c.Bits) != 4 || c.Bits[3] != 0x40 {
			w.t.Errorf("a card of %d bits that was never presented", c.Len)
			continue
		}
		got = append(got, uint32(c.Bits[0])<<16|uint32(c.Bits[1])<<8|uint32(c.Bits[2]))
	}
	return got
}
