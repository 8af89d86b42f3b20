// Package wiegand reads badge readers over the two Wiegand data lines: edges in, frames and keys out.
//
// The Decoder is pure: it is told edges with the kernel's time and sequence number and never looks at a clock. The
// Reader runs it over a bridge.EdgeSource in one goroutine, holds at most one unfinished frame of 128 bits and eight typed
// digits, and sends to a channel that it never closes; while that channel is full it reads no edges, the kernel's buffer
// fills, and what is lost there is seen as a gap in the sequence numbers.
//
// It never decides about a card and never logs or counts its bits. Card formats are those of internal/cardformat.
//
// Timing is that of SIA AC-01-1996.10: pulses of 20 to 100 µs, 200 µs to 20 ms apart.
package wiegand

import (
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/keypad"
	"kapija/internal/cardformat"
)

const (
	// Silence ends a frame. SIA allows 20 ms between two bits.
	Silence = 30 * time.Millisecond
	// Closest is the least time between two bits; a pulse that follows sooner is noise. SIA allows 200 µs.
	Closest = 150 * time.Microsecond
	// Settle is the time after the lines were opened in which frames are thrown away: readers that power up, and lines
	// that were opened in the middle of a frame, give short ones.
	Settle = time.Second
	// MaxBits bounds a frame. Of a longer one the first MaxBits are kept, and it fits no format.
	MaxBits = cardformat.MaxBits

	stray = 3 // a burst of so few bits is noise
)

// Frame is what a reader sent between two silences. Its bits are secret.
type Frame struct {
	Format      string            // the configured format of this length, or bridge.FormatPIN; empty when there is none
	Bits        [MaxBits / 8]byte // first bit in the most significant bit of Bits[0], unused bits zero; of a PIN, its digits
	Len         int               // number of bits
	Fault       bridge.Fault      //
	Key         keypad.Key        // the one key that the frame is; 0: it is none
	First, Last time.Duration     // kernel time of the first and of the last bit
}

// Stats counts what a reader sent since its lines were opened.
type Stats struct {
	Frames uint64 // delivered, with or without a fault, without Keys
	Noise  uint64 // pulses too close together, and bits of bursts of up to three
	Gaps   uint64 // gaps in the kernel's sequence numbers
	Torn   uint64 // frames discarded because of a gap
	Early  uint64 // frames discarded because they began within Settle
	Keys   uint64 // keys that were pressed

	// Inverted counts the frames with wrong parity whose parity would be right with D0 and D1 swapped. When that is each
	// card, they are. A format without a parity over an odd number of bits cannot show it: its cards are unknown then.
	Inverted uint64
}

// Add sums two counts.
func (s Stats) Add(o Stats) Stats {
	return Stats{
		s.Frames + o.Frames, s.Noise + o.Noise, s.Gaps + o.Gaps, s.Torn + o.Torn, s.Early + o.Early, s.Keys + o.Keys,
		s.Inverted + o.Inverted,
	}
}

// Opts says what a reader sends.
type Opts struct {
	Formats        []cardformat.Format // of its cards. Where several have one length, the first whose parity is right counts
	Keypad         Keypad
	KeypadFacility uint8 // of Keypad26
}

// Decoder turns the edges of one reader's lines into frames. It allocates nothing and is not safe for concurrent use.
type Decoder struct {
	formats  []cardformat.Format
	keypad   Keypad
	facility uint8 // of Keypad26
	cards26  bool  // there is a format as long as the frames of Keypad26
	whole    int   // a frame of so many bits and without a fault is complete; 0: none is before its silence
	settled  time.Duration
	stats    Stats

	seq     uint32        // of the last edge
	last    time.Duration // time of the last bit
	started bool          // there was one
	frame   Frame         // in progress when Len > 0
	torn    bool          // edges of it, or about it, were lost
	over    bool          // it has more than MaxBits
}

// NewDecoder makes a decoder for what a reader is configured to send. Opened is the kernel time at which its lines were
// opened.
func NewDecoder(o Opts, opened time.Duration) (*Decoder, error) {
	d := &Decoder{formats: o.Formats, keypad: o.Keypad, facility: o.KeypadFacility, settled: opened + Settle}
	if o.Keypad != NoKeypad && o.Keypad.bits() == 0 {
		return nil, fmt.Errorf("wiegand: unknown keypad %.40q: expected %s, %s or %s", string(o.Keypad), Keypad4, Keypad8, Keypad26)
	}
	d.whole = o.Keypad.bits()
	checked := o.Keypad != Keypad4 // what has the length d.whole shows by its parity that it is complete
	for _, f := range o.Formats {
		switch {
		case f.Contactless:
			return nil, fmt.Errorf("wiegand: format %s is that of a contactless card: expected formats of Wiegand frames", f.Name)
		case f.Bits <= stray || f.Bits > MaxBits:
			return nil, fmt.Errorf("wiegand: format %s has %d bits: expected %d to %d", f.Name, f.Bits, stray+1, MaxBits)
		}
		d.cards26 = d.cards26 || f.Bits == Keypad26.bits()
		switch has := len(f.Parity) > 0; {
		case f.Bits > d.whole:
			d.whole, checked = f.Bits, has
		case f.Bits == d.whole:
			checked = checked && has
		}
	}
	if !checked {
		d.whole = 0
	}
	return d, nil
}

// Edge takes the next edge, in the order in which the kernel gave them. It returns the frame that this edge ended: the
// one before it, when there was Silence between, or the one that it completed: length and parity fit, and no configured
// format or burst of keys is longer. A format without a parity never completes a frame, because its length alone may be
// the beginning of a longer one. There is never more than one.
func (d *Decoder) Edge(e bridge.Edge) (f Frame, ok bool) {
	lost := e.Seq != d.seq+1
	d.seq = e.Seq
	since := e.At - d.last
	// A step back by more than a silence is not jitter between two interrupts: the time before it means nothing.
	apart := !d.started || since >= Silence || since <= -Silence

	if lost {
		d.stats.Gaps++
		d.torn = d.torn || d.frame.Len > 0
	}
	if apart {
		f, ok = d.end()
	}
	// What was lost may have been bits of the frame before the silence, of the one after it, or of both.
	d.torn = d.torn || lost

	switch {
	case e.Rising:
		return f, ok
	case !apart && since < Closest, e.Line != 0 && e.Line != 1:
		d.stats.Noise++
		return f, ok
	}
	d.started, d.last = true, e.At
	d.bit(e)
	if d.complete() {
		return d.end()
	}
	return f, ok
}

// Flush ends the frame in progress when it is followed by Silence. Now is a kernel time up to which every edge has been
// given to Edge.
func (d *Decoder) Flush(now time.Duration) (Frame, bool) {
	if d.frame.Len == 0 || now-d.last < Silence {
		return Frame{}, false
	}
	return d.end()
}

// Due is the kernel time at which the frame in progress ends when no further bit comes; false when there is none.
func (d *Decoder) Due() (time.Duration, bool) { return d.last + Silence, d.frame.Len > 0 }

// Stats is what was counted so far.
func (d *Decoder) Stats() Stats { return d.stats }

func (d *Decoder) bit(e bridge.Edge) {
	if d.frame.Len == 0 {
		d.frame.First = e.At
	}
	d.frame.Last = e.At
	if d.frame.Len == MaxBits {
		d.over = true
		return
	}
	d.frame.Bits[d.frame.Len/8] |= byte(e.Line) << (7 - d.frame.Len%8)
	d.frame.Len++
}

func (d *Decoder) complete() bool {
	if d.torn || d.over || d.frame.Len != d.whole {
		return false
	}
	f := d.frame
	d.classify(&f)
	return f.Fault == bridge.NoFault
}

// end closes the frame in progress and says whether it is to be delivered.
func (d *Decoder) end() (Frame, bool) {
	f, torn, over := d.frame, d.torn, d.over
	d.frame, d.torn, d.over = Frame{}, false, false
	switch {
	case f.Len == 0:
	case torn:
		d.stats.Torn++
	case f.Len <= stray:
		d.stats.Noise += uint64(f.Len)
	case f.First < d.settled:
		d.stats.Early++
	case over:
		d.stats.Frames++
		f.Fault = bridge.UnknownFormat
		return f, true
	default:
		d.classify(&f)
		d.count(&f)
		return f, true
	}
	return Frame{}, false
}

// classify says what a frame of at most MaxBits is.
func (d *Decoder) classify(f *Frame) {
	if f.Len == d.keypad.bits() && d.keyed(f) {
		return
	}
	name, match := cardformat.Classify(d.formats, f.bytes(), f.Len)
	f.Format = name
	switch match {
	case cardformat.Unknown:
		f.Fault = bridge.UnknownFormat
	case cardformat.BadParity:
		f.Fault = bridge.BadParity
	}
}

func (d *Decoder) count(f *Frame) {
	if f.Key != 0 {
		d.stats.Keys++
		return
	}
	d.stats.Frames++
	if f.Fault == bridge.BadParity && cardformat.Inverted(d.formats, f.bytes(), f.Len) {
		d.stats.Inverted++
	}
}

func (f *Frame) bytes() []byte { return f.Bits[:(f.Len+7)/8] }
