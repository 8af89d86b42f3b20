package cardformat

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// Parity is one parity bit and the bits that it covers; they hold an even or an odd number of ones together.
type Parity struct {
	n    int // length of the frame
	own  int // the parity bit
	odd  bool
	mask words // the parity bit and what it covers
}

// ParseParity reads a parity that is drawn over the frame: E (even) or O (odd) stands at the parity bit itself, x at each
// bit that it covers, a point at each other. E alone is a bit that is always 0, O alone one that is always 1.
func ParseParity(s string) (Parity, error) {
	p := Parity{n: len(s), own: -1}
	if p.n > MaxBits {
		return Parity{}, fmt.Errorf("has %d places: at most %d are expected", p.n, MaxBits)
	}
	for i, c := range []byte(s) {
		switch c {
		case 'E', 'O':
			if p.own >= 0 {
				return Parity{}, fmt.Errorf("has a second E or O at place %d: one E (even) or O (odd) is expected, at the parity bit itself", i+1)
			}
			p.own, p.odd = i, c == 'O'
		case 'x':
		case '.':
			continue
		default:
			return Parity{}, fmt.Errorf("has %q at place %d: only E, O, x and . are expected", c, i+1)
		}
		p.mask[i/64] |= 1 << (63 - i%64)
	}
	if p.own < 0 {
		return Parity{}, fmt.Errorf("has no E or O: one E (even) or O (odd) is expected, at the parity bit itself")
	}
	return p, nil
}

// String draws the parity as ParseParity reads it.
func (p Parity) String() string {
	var b strings.Builder
	for i := range p.n {
		switch {
		case i == p.own && p.odd:
			b.WriteByte('O')
		case i == p.own:
			b.WriteByte('E')
		case p.covers(i):
			b.WriteByte('x')
		default:
			b.WriteByte('.')
		}
	}
	return b.String()
}

// covers says whether bit i counts, be it the parity bit itself.
func (p *Parity) covers(i int) bool { return p.mask[i/64]>>(63-i%64)&1 == 1 }

// ok says whether the parity holds.
func (p *Parity) ok(frame words) bool {
	ones := bits.OnesCount64(frame[0]&p.mask[0]) + bits.OnesCount64(frame[1]&p.mask[1])
	return ones%2 == 1 == p.odd
}

// words is a frame in two numbers, the first bit in the most significant one.
type words [MaxBits / 64]uint64

func load(frame []byte) (w words) {
	var b [MaxBits / 8]byte
	copy(b[:], frame)
	for i := range w {
		w[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return w
}
