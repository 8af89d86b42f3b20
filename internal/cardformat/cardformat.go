// Package cardformat holds the Wiegand card formats as data: what a number on a card looks like as bits on the wire, and
// back. A further format is one further entry in the table of formats.go; nothing else changes.
//
// It decides nothing, does no I/O and keeps no state: every function is pure and may be called by any number of
// goroutines. It never logs or prints a card; its errors say lengths and ranges, and the number only where the caller
// has just typed it.
//
// A frame is bits and n: bit 0, the first on the wire, is the most significant bit of bits[0]; n is the number of bits;
// the unused bits of the last byte are zero.
package cardformat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxBits is the longest frame that Parse takes. The longest Wiegand format in use has fewer than 100 bits.
const MaxBits = 256

// ErrUnknown is wrapped by every error about a format that the table does not hold.
var ErrUnknown = errors.New("unknown card format")

// ErrRange is wrapped by every error about a number that does not fit its field.
var ErrRange = errors.New("out of range")

// Names lists the formats that are known, in the order of the table.
func Names() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, bool) {
	for _, f := range formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Lengths says how many bits the frames of each known format have.
func Lengths() map[string]int {
	m := make(map[string]int, len(formats))
	for _, f := range formats {
		m[f.Name] = f.Bits
	}
	return m
}

// Encode makes the frame of a card. Facility must be 0 in a format that has no facility code.
// The errors wrap ErrUnknown or ErrRange.
func Encode(format string, facility, number uint64) (bits []byte, n int, err error) {
	f, ok := Lookup(format)
	if !ok {
		return nil, 0, unknown(format)
	}
	if facility > f.Facility.Max() {
		return nil, 0, fmt.Errorf("cardformat: facility %d of %s is %w: 0 … %d is expected", facility, format, ErrRange, f.Facility.Max())
	}
	if number > f.Number.Max() {
		return nil, 0, fmt.Errorf("cardformat: number %d of %s is %w: 0 … %d is expected", number, format, ErrRange, f.Number.Max())
	}
	bits = make([]byte, (f.Bits+7)/8)
	f.Facility.put(bits, facility)
	f.Number.put(bits, number)
	for _, p := range f.Parity {
		p.put(bits)
	}
	return bits, f.Bits, nil
}

// Decode takes a frame apart. With wrong parity it returns the numbers as they stand in the frame, and parityOK false:
// such a frame is not a credential. The error wraps ErrUnknown, or says which length was expected.
func Decode(format string, bits []byte, n int) (facility, number uint64, parityOK bool, err error) {
	f, ok := Lookup(format)
	if !ok {
		return 0, 0, false, unknown(format)
	}
	if !f.fits(bits, n) {
		return 0, 0, false, fmt.Errorf("cardformat: a frame of %d bits in %d bytes is not %s: %d bits in %d bytes are expected", n, len(bits), format, f.Bits, (f.Bits+7)/8)
	}
	return f.Facility.get(bits), f.Number.get(bits), f.parityOK(bits), nil
}

// Check says whether a frame has the length of the format, and whether its parity is right. A frame of another length, or
// an unknown format, is not known, and its parity is not OK.
func Check(format string, bits []byte, n int) (parityOK bool, known bool) {
	f, ok := Lookup(format)
	if !ok || !f.fits(bits, n) {
		return false, false
	}
	return f.parityOK(bits), true
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

func unknown(format string) error {
	known := Names()
	slices.Sort(known)
	return fmt.Errorf("cardformat: %q is an %w: one of %s is expected", format, ErrUnknown, strings.Join(known, ", "))
}
