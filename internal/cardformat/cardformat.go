// Package cardformat holds card formats as data: what a number on a card looks like as bits, and back. The formats that
// everybody has are the table of formats.go; a site's own are added to them in a Set.
//
// It decides nothing, does no I/O and keeps no state: every function is pure, a Set does not change once it is made, and
// all may be used by any number of goroutines. It never logs or prints a card; its errors say lengths and ranges, and the
// number only where the caller has just typed it.
//
// A frame is bits and n: bit 0, the first on the wire, is the most significant bit of bits[0]; n is the number of bits;
// the unused bits of the last byte are zero.
package cardformat

import (
	"errors"
	"fmt"
	"strings"
)

// MaxBits is the longest frame. The longest Wiegand format in use has fewer than 100 bits.
const MaxBits = 128

// ErrUnknown is wrapped by every error about a format that is not known.
var ErrUnknown = errors.New("unknown card format")

// ErrRange is wrapped by every error about a number that does not fit its field.
var ErrRange = errors.New("out of range")

// Encode makes the frame of a card. Facility must be 0 in a format that has no facility code. The error wraps ErrRange.
func (f Format) Encode(facility, number uint64) (bits []byte, n int, err error) {
	if facility > f.Facility.Max() {
		return nil, 0, fmt.Errorf("cardformat: facility %d of %s is %w: 0 … %d is expected", facility, f.Name, ErrRange, f.Facility.Max())
	}
	if number > f.Number.Max() {
		return nil, 0, fmt.Errorf("cardformat: number %d of %s is %w: 0 … %d is expected", number, f.Name, ErrRange, f.Number.Max())
	}
	bits = make([]byte, (f.Bits+7)/8)
	f.Facility.put(bits, facility)
	f.Number.put(bits, number)
	for i := range f.Parity {
		if p := &f.Parity[i]; !p.ok(load(bits)) {
			flip(bits, p.own)
		}
	}
	return bits, f.Bits, nil
}

// Decode takes a frame apart. With wrong parity it returns the numbers as they stand in the frame, and parityOK false:
// such a frame is not a credential. The error says which length was expected.
func (f Format) Decode(bits []byte, n int) (facility, number uint64, parityOK bool, err error) {
	if !f.fits(bits, n) {
		return 0, 0, false, fmt.Errorf("cardformat: a frame of %d bits in %d bytes is not %s: %d bits in %d bytes are expected", n, len(bits), f.Name, f.Bits, (f.Bits+7)/8)
	}
	return f.Facility.get(bits), f.Number.get(bits), f.parityOK(load(bits)), nil
}

// Match says how a frame compares with formats.
type Match uint8

// The matches.
const (
	Unknown   Match = iota // no format has this length
	BadParity              // one has, and its parity is wrong
	Fits
)

// Classify finds the Wiegand format that a frame fits, or else the first one of its length. The name is empty when there
// is none. What a contactless card gives is no frame on two wires, and is never found. It allocates nothing.
func Classify(formats []Format, bits []byte, n int) (name string, m Match) {
	if n < 1 || n > MaxBits {
		return "", Unknown
	}
	frame := load(bits)
	for i := range formats {
		f := &formats[i]
		switch {
		case f.Contactless || !f.fits(bits, n):
		case f.parityOK(frame):
			return f.Name, Fits
		case m == Unknown:
			name, m = f.Name, BadParity
		}
	}
	return name, m
}

// Inverted says whether a frame with wrong parity would fit a format with each bit inverted, as with D0 and D1 swapped. A
// format without a parity over an odd number of bits cannot tell. It allocates nothing.
func Inverted(formats []Format, bits []byte, n int) bool {
	if n < 1 || n > MaxBits || len(bits) != (n+7)/8 {
		return false
	}
	if _, m := Classify(formats, bits, n); m != BadParity {
		return false
	}
	var swapped [MaxBits / 8]byte
	for i, b := range bits {
		swapped[i] = ^b
	}
	if unused := 8*len(bits) - n; unused > 0 {
		swapped[n/8] &^= 1<<unused - 1
	}
	_, m := Classify(formats, swapped[:len(bits)], n)
	return m == Fits
}

// String writes a frame as ones and zeros, the first bit first. It is for tests, simulators and a technician's screen;
// never for logs.
func String(bits []byte, n int) string {
	var b strings.Builder
	for i := range min(n, 8*len(bits)) {
		b.WriteByte('0' + bitAt(bits, i))
	}
	return b.String()
}

// Parse reads a frame from ones and zeros, the first bit first. Spaces and underscores between them are allowed.
func Parse(s string) (bits []byte, n int, err error) {
	for i, r := range s {
		switch r {
		case ' ', '_':
			continue
		case '0', '1':
		default:
			return nil, 0, fmt.Errorf("cardformat: %q at place %d is no bit: only 0, 1, space and _ are expected", r, i+1)
		}
		if n == MaxBits {
			return nil, 0, fmt.Errorf("cardformat: the frame has more than %d bits", MaxBits)
		}
		if n%8 == 0 {
			bits = append(bits, 0)
		}
		if r == '1' {
			flip(bits, n)
		}
		n++
	}
	if n == 0 {
		return nil, 0, errors.New("cardformat: the frame is empty: a text such as 0101 is expected")
	}
	return bits, n, nil
}
