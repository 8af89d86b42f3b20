package cardformat

import "math/bits"

// Format is one card format.
type Format struct {
	Name     string   // as in configuration and in the directory
	Bits     int      // length of the frame
	Facility Field    // Width 0: the format has no facility code
	Number   Field    // the card's number
	Parity   []Parity // computed in this order
}

// Field is a binary number in a frame, most significant bit first.
type Field struct{ Offset, Width int }

// Parity is one parity bit, drawn over the frame: E (even) or O (odd) stands at the parity bit itself, x at each bit that
// it covers, a point at each other. Covered bits and the parity bit together hold an even or an odd number of ones.
type Parity string

var formats = []Format{
	{
		// HID H10301, the SIA AC-01 standard format.
		Name: "wiegand-26", Bits: 26,
		Facility: Field{1, 8}, Number: Field{9, 16},
		Parity: []Parity{
			"Exxxxxxxxxxxx.............",
			".............xxxxxxxxxxxxO",
		},
	},
	{
		// HID H10304. Both parities cover bit 18, the middle one.
		Name: "wiegand-37", Bits: 37,
		Facility: Field{1, 16}, Number: Field{17, 19},
		Parity: []Parity{
			"Exxxxxxxxxxxxxxxxxx..................",
			"..................xxxxxxxxxxxxxxxxxxO",
		},
	},
	{
		// HID H10302: the bits of H10304 with one long number instead of two. A frame does not tell which of the two it is.
		Name: "wiegand-37-h10302", Bits: 37,
		Number: Field{1, 35},
		Parity: []Parity{
			"Exxxxxxxxxxxxxxxxxx..................",
			"..................xxxxxxxxxxxxxxxxxxO",
		},
	},
}

// Max is the greatest number that the field holds: 0 when the format has no such field.
func (f Field) Max() uint64 { return 1<<f.Width - 1 }

func (f Field) put(frame []byte, v uint64) {
	for i := range f.Width {
		if v>>(f.Width-1-i)&1 == 1 {
			flip(frame, f.Offset+i)
		}
	}
}

func (f Field) get(frame []byte) (v uint64) {
	for i := range f.Width {
		v = v<<1 | uint64(bitAt(frame, f.Offset+i))
	}
	return v
}

// ok says whether the parity holds.
func (p Parity) ok(frame []byte) bool {
	var ones, odd byte
	for i := range len(p) {
		switch p[i] {
		case 'O':
			odd = 1
			ones ^= bitAt(frame, i)
		case 'E', 'x':
			ones ^= bitAt(frame, i)
		}
	}
	return ones == odd
}

// put sets the parity bit, which is zero before, so that ok holds.
func (p Parity) put(frame []byte) {
	if p.ok(frame) {
		return
	}
	for i := range len(p) {
		if p[i] == 'E' || p[i] == 'O' {
			flip(frame, i)
		}
	}
}

// fits says whether a frame has the format's length, and its unused bits are zero.
func (f Format) fits(frame []byte, n int) bool {
	return n == f.Bits && len(frame) == (n+7)/8 && bits.TrailingZeros8(frame[len(frame)-1]) >= 8*len(frame)-n
}

func (f Format) parityOK(frame []byte) bool {
	for _, p := range f.Parity {
		if !p.ok(frame) {
			return false
		}
	}
	return true
}

func bitAt(frame []byte, i int) byte { return frame[i/8] >> (7 - i%8) & 1 }

func flip(frame []byte, i int) { frame[i/8] ^= 0x80 >> (i % 8) }
