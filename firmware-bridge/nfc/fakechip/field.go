// Package fakechip holds virtual reader chips that behave as the real ones do at the wires: an MFRC522 behind SPI
// registers, and a PN532 behind I²C, SPI and a serial port. Each has a field that virtual cards are put into, and can be
// broken. It is for tests and for virtual wires.
//
// It never takes part in a real door. Timing is roughly that of the chips, by the clock of the process.
//
// Concurrency: the wires, the field and the faults may be used from different goroutines; a card is used by one at a time.
package fakechip

import (
	"sync"
	"time"

	"kapija/firmware-bridge/nfc/fakecard"
)

// Fault is what is wrong with a chip.
type Fault int

// The faults of a chip.
const (
	Sound   Fault = iota
	Low           // without power: whatever is read is 0x00, and a serial port is silent
	High          // not connected: whatever is read is 0xFF, and a serial port is silent
	Failing       // each transaction fails with EIO
	Hung          // it takes commands and never comes to their end
)

// Field is the field of a chip: the cards in it, and what can be wrong with cards, air, chip and wires.
type Field struct {
	mu    sync.Mutex
	cards []*picc
	on    bool

	leaving  int    // frames until the cards leave, 0: they stay
	disturb  window // answers that are damaged on the air
	deaf     window // frames that do not reach the cards
	slow     int    // times that a card asks for more time before each answer
	fault    Fault
	garble   int // answers to be damaged on the wires
	powerOn  func()
	changed  chan struct{} // closed at the next fault or power cut
	airborne int           // frames, of all cards
}

func newField(powerOn func()) *Field {
	return &Field{powerOn: powerOn, changed: make(chan struct{})}
}

// Put replaces the cards in the field.
func (f *Field) Put(cards ...fakecard.Card) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cards, f.leaving = nil, 0
	for _, c := range cards {
		p := &picc{card: c}
		p.powerOn()
		f.cards = append(f.cards, p)
	}
}

// LeaveAfter makes the cards leave after n more frames; at a PN532 a frame is one command to the card.
func (f *Field) LeaveAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = f.airborne + n
	if n == 0 {
		f.cards = nil
	}
}

// Disturb damages n answers of cards on the air, after the next ones that are good.
func (f *Field) Disturb(after, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disturb = window{after, n}
}

// Deafen keeps n frames from the cards, after the next ones that they hear.
func (f *Field) Deafen(after, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = window{after, n}
}

// window is n events, after some that are not in it.
type window struct{ after, n int }

func (w *window) next() bool {
	switch {
	case w.after > 0:
		w.after--
	case w.n > 0:
		w.n--
		return true
	}
	return false
}

// Slow makes each card ask for more time n times before it answers an APDU.
func (f *Field) Slow(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = n
}

// Garble damages the next n answers of the chip on the wires: what is in the FIFO of an MFRC522, and the frames of a PN532.
func (f *Field) Garble(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.garble = n
}

// Break gives the chip a fault, or heals it with Sound: it then starts as after power-on, as it does when its power goes.
func (f *Field) Break(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	if fault != Failing && fault != Hung {
		f.restart()
	}
}

// PowerCut takes the power from the chip for a moment: it has its defaults again, and the field is off.
func (f *Field) PowerCut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restart()
}

func (f *Field) restart() {
	f.radiate(false)
	f.powerOn()
	close(f.changed)
	f.changed = make(chan struct{})
}

// radiate switches the field, without which the cards forget.
func (f *Field) radiate(on bool) {
	if f.on && !on {
		for _, p := range f.cards {
			p.powerOn()
		}
	}
	f.on = on
}

// frame counts one frame on the air, and tells whether the cards hear it and whether their answer is damaged.
func (f *Field) frame() (heard, damaged bool) {
	f.airborne++
	if f.leaving > 0 && f.airborne > f.leaving {
		f.cards, f.leaving = nil, 0
	}
	if !f.on || len(f.cards) == 0 || f.deaf.next() {
		return false, false
	}
	return true, f.disturb.next()
}

// dead tells whether the chip has no power or no wires, and fills r with what is then read.
func (f *Field) dead(r []byte) bool {
	if f.fault != Low && f.fault != High {
		return false
	}
	for i := range r {
		r[i] = 0x00
		if f.fault == High {
			r[i] = 0xFF
		}
	}
	return true
}

// garbled damages b when it is to be.
func (f *Field) garbled(b []byte) []byte {
	if f.garble == 0 || len(b) == 0 {
		return b
	}
	f.garble--
	return flip(b)
}

// flip damages one bit in the middle.
func flip(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[len(b)/2] ^= 0x04
	return b
}

// onAir is roughly what a frame, a card's work and its answer take.
const onAir = 400 * time.Microsecond
