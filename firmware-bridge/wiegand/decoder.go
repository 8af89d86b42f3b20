// Package wiegand reads badge readers over the two Wiegand data lines: edges in, frames out.
//
// The Decoder is pure: it is told edges with the kernel's time and sequence number and never looks at a clock. The
// Reader runs it over a bridge.EdgeSource in one goroutine, holds at most one unfinished frame of 128 bits, and sends
// to a channel that it never closes; while that channel is full it reads no edges, the kernel's buffer fills, and what
// is lost there is seen as a gap in the sequence numbers.
//
// It never decides about a card and never logs or counts its bits. Card formats are those of internal/cardformat.
//
// Timing is that of SIA AC-01-1996.10: pulses of 20 to 100 µs, 200 µs to 20 ms apart.
package wiegand

import (
	"fmt"
	"strings"
	"time"

	bridge "kapija/firmware-bridge"
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
	MaxBits = 128

	stray = 3 // a burst of so few bits is noise
)

// Frame is what a reader sent between two silences. Its bits are secret.
type Frame struct {
	Format      string            // the configured format of this length; empty when there is none
	Bits        [MaxBits / 8]byte // first bit in the most significant bit of Bits[0], unused bits zero
	Len         int               // number of bits
	Fault       bridge.Fault      //
	First, Last time.Duration     // kernel time of the first and of the last bit
}

// Stats counts what a reader sent since its lines were opened.
type Stats struct {
	Frames uint64 // delivered, with or without a fault
	Noise  uint64 // pulses too close together, and bits of bursts of up to three
	Gaps   uint64 // gaps in the kernel's sequence numbers
	Torn   uint64 // frames discarded because of a gap
	Early  uint64 // frames discarded because they began within Settle
}

// Add sums two counts.
func (s Stats) Add(o Stats) Stats {
	return Stats{s.Frames + o.Frames, s.Noise + o.Noise, s.Gaps + o.Gaps, s.Torn + o.Torn, s.Early + o.Early}
}

// Decoder turns the edges of one reader's lines into frames. It allocates nothing and is not safe for concurrent use.
type Decoder struct {
	formats []format
	longest int
	settled time.Duration
	stats   Stats

	seq     uint32        // of the last edge
	last    time.Duration // time of the last bit
	started bool          // there was one
	frame   Frame         // in progress when Len > 0
	torn    bool          // edges of it, or about it, were lost
	over    bool          // it has more than MaxBits
}

type format struct {
	name string
	bits int
}

// NewDecoder makes a decoder for the formats that are configured for a reader. Opened is the kernel time at which its
// lines were opened. The error names every format that is not known.
func NewDecoder(formats []string, opened time.Duration) (*Decoder, error) {
	d := &Decoder{settled: opened + Settle}
	var unknown []string
	for _, name := range formats {
		f, ok := cardformat.Lookup(name)
		if !ok || f.Bits <= stray || f.Bits > MaxBits {
			unknown = append(unknown, fmt.Sprintf("%q", name))
			continue
		}
		d.formats = append(d.formats, format{name, f.Bits})
		d.longest = max(d.longest, f.Bits)
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("wiegand: unknown format %s: expected %s", strings.Join(unknown, ", "),
			strings.Join(cardformat.Names(), ", "))
	}
	return d, nil
}

// Edge takes the next edge, in the order in which the kernel gave them. It returns the frame that this edge ended: the
// one before it, when there was Silence between, or the one that it completed, when length and parity fit and no longer
// format is configured. There is never more than one.
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
	if d.torn || d.over || d.frame.Len != d.longest {
		return false
	}
	_, fault := d.classify()
	return fault == bridge.NoFault
}

// end closes the frame in progress and says whether it is to be delivered.
func (d *Decoder) end() (Frame, bool) {
	f, torn := d.frame, d.torn
	f.Format, f.Fault = d.classify()
	d.frame, d.torn, d.over = Frame{}, false, false
	switch {
	case f.Len == 0:
	case torn:
		d.stats.Torn++
	case f.Len <= stray:
		d.stats.Noise += uint64(f.Len)
	case f.First < d.settled:
		d.stats.Early++
	default:
		d.stats.Frames++
		return f, true
	}
	return Frame{}, false
}

func (d *Decoder) classify() (string, bridge.Fault) {
	f := &d.frame
	near := ""
	for _, c := range d.formats {
		if c.bits != f.Len || d.over {
			continue
		}
		if ok, _ := cardformat.Check(c.name, f.Bits[:(f.Len+7)/8], f.Len); ok {
			return c.name, bridge.NoFault
		}
		if near == "" {
			near = c.name
		}
	}
	if near != "" {
		return near, bridge.BadParity
	}
	return "", bridge.UnknownFormat
}
