package peripheral

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// Line is two wires with a panel and some PDs, in virtual time. What one sends, all others hear that have the same speed;
// who has another one hears noise. Two that send at the same time garble each other.
type Line struct {
	mu   sync.Mutex
	baud int // of the panel; 0: bytes take no time, and no speed is wrong
	pds  []*PD
	way  []sending
}

// sending is what is on the wires, or will be.
type sending struct {
	from       *PD // nil: the panel
	baud       int
	start, end time.Duration
	bytes      []byte
	garbled    bool
}

// NewLine joins PDs with a panel that begins at baud; 0: bytes take no time.
func NewLine(baud int, pds ...*PD) *Line { return &Line{baud: baud, pds: pds} }

// SetBaud is the panel's change of speed.
func (l *Line) SetBaud(baud int) { l.mu.Lock(); defer l.mu.Unlock(); l.baud = baud }

// Send is what the panel sends at a time; it says when the last bit is out.
func (l *Line) Send(at time.Duration, b []byte) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(nil, Burst{at, l.baud, bytes.Clone(b)})
}

// Next is when something will have passed over the wires; false: they are silent.
func (l *Line) Next() (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.first()
	if i < 0 {
		return 0, false
	}
	return l.way[i].end, true
}

// Advance lets time pass up to now, and gives what the panel hears meanwhile; At is the time of the last byte.
func (l *Line) Advance(now time.Duration) []Burst {
	l.mu.Lock()
	defer l.mu.Unlock()
	var heard []Burst
	for {
		i := l.first()
		if i < 0 || l.way[i].end > now {
			return heard
		}
		s := l.way[i]
		l.way = slices.Delete(l.way, i, i+1)
		if s.garbled {
			for i := range s.bytes {
				s.bytes[i] ^= 0x5A
			}
		}
		if s.from != nil {
			heard = append(heard, Burst{s.end, s.baud, l.hears(l.baud, s)})
		}
		for _, pd := range l.pds {
			if pd == s.from {
				continue
			}
			baud := pd.Baud()
			for _, b := range pd.Receive(s.end, l.hears(baud, s)) {
				l.add(pd, b)
			}
		}
	}
}

// hears is what somebody at baud makes of what was sent.
func (l *Line) hears(baud int, s sending) []byte {
	if l.baud == 0 || s.baud == baud {
		return s.bytes
	}
	return bytes.Repeat([]byte{wire.Start, 0xE0}, 1+len(s.bytes)/4)
}

// piece is how many characters arrive at once: less than a pause makes of them, at any speed.
const piece = 16

// add puts something on the wires, after what the same sender still has to say, and tells when its last bit is out.
func (l *Line) add(from *PD, b Burst) time.Duration {
	start := b.At
	for _, o := range l.way {
		if o.from == from {
			start = max(start, o.end)
		}
	}
	for part := range slices.Chunk(b.Bytes, piece) {
		s := sending{from: from, baud: b.Baud, start: start, end: start, bytes: part}
		if l.baud != 0 {
			s.end += time.Duration(len(part)) * 10 * time.Second / time.Duration(b.Baud)
		}
		for i := range l.way {
			if o := &l.way[i]; o.start < s.end && s.start < o.end {
				o.garbled, s.garbled = true, true
			}
		}
		l.way = append(l.way, s)
		start = s.end
	}
	return start
}

// first is the index of what is over first; -1: nothing.
func (l *Line) first() int {
	first := -1
	for i, s := range l.way {
		if first < 0 || s.end < l.way[first].end {
			first = i
		}
	}
	return first
}
