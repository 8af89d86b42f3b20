package cardformat

import "math/bits"

// Format is one card format. It is read-only.
type Format struct {
	Name        string   // as in configuration and in the directory
	Bits        int      // length of the frame
	Facility    Field    // Width 0: the format has no facility code
	Number      Field    // the card's number
	Parity      []Parity // computed in this order; none: nothing in the frame shows an error
	Contactless bool     // what a reader chip gives for a contactless card; otherwise a frame on two Wiegand wires
}

// Field is a binary number in a frame, most significant bit first. At most 64 bits wide.
type Field struct {
	Offset int `yaml:"offset"` // of its first bit; 0 is the frame's first
	Width  int `yaml:"width"`  // in bits; 0: there is no such field
}

// The formats that everybody has. Where several are in use with one length, the one is meant that is described here: a
// site that has another adds it under a name of its own. Descriptions compared are those of RfidResearchGroup/proxmark3,
// client/src/wiegand_formats.c (by its names), the Flipper application Wiegand (README), and manuals of readers that
// send the format: Civintec CN56X0B (6.4), Rosslare AY-T6350 (5.5), Rosslare AYC-6355, ZKTeco RevFace15 (Wiegand formats);
// and AccessGrid's list of bit formats.
var builtIn = []Format{
	{
		// HID H10301, the SIA AC-01 standard format.
		Name: "wiegand-26", Bits: 26,
		Facility: Field{1, 8}, Number: Field{9, 16},
		Parity: drawn(
			"Exxxxxxxxxxxx.............",
			".............xxxxxxxxxxxxO",
		),
	},
	{
		// Four bytes of a card's serial number as they are: Rosslare Wiegand 32-Bit, Civintec Wiegand32e.
		Name: "wiegand-32", Bits: 32, Number: Field{0, 32},
	},
	{
		// HID H10306; Civintec and ZKTeco Wiegand34, Rosslare Wiegand 34-Bit, which call all 32 bits one number: their
		// upper half is the facility code here.
		Name: "wiegand-34", Bits: 34,
		Facility: Field{1, 16}, Number: Field{17, 16},
		Parity: drawn(
			"Exxxxxxxxxxxxxxxx.................",
			".................xxxxxxxxxxxxxxxxO",
		),
	},
	{
		// HID Corporate 1000, 35 bits: C1k35s, Flipper W35. Of each three bits two count for each of the interleaved
		// parities. The last bit covers the second; the first covers all and is computed last.
		Name: "wiegand-35", Bits: 35,
		Facility: Field{2, 12}, Number: Field{14, 20},
		Parity: drawn(
			".Exx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.",
			".xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.O",
			"Oxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		),
	},
	{
		// ZKTeco Wiegand36a; HID C15001 (Keyscan), Flipper W36, which part the facility code into a manufacturer's 10 bits
		// and a facility's 8: that of a Keyscan card is 900 · 256 + the printed one.
		Name: "wiegand-36", Bits: 36,
		Facility: Field{1, 18}, Number: Field{19, 16},
		Parity: drawn(
			"Exxxxxxxxxxxxxxxxx..................",
			"..................xxxxxxxxxxxxxxxxxO",
		),
	},
	{
		// HID H10304. Both parities cover bit 18, the middle one.
		Name: "wiegand-37", Bits: 37,
		Facility: Field{1, 16}, Number: Field{17, 19},
		Parity: drawn(
			"Exxxxxxxxxxxxxxxxxx..................",
			"..................xxxxxxxxxxxxxxxxxxO",
		),
	},
	{
		// HID H10302: the bits of H10304 with one long number instead of two. A frame does not tell which of the two it is.
		Name: "wiegand-37-h10302", Bits: 37,
		Number: Field{1, 35},
		Parity: drawn(
			"Exxxxxxxxxxxxxxxxxx..................",
			"..................xxxxxxxxxxxxxxxxxxO",
		),
	},
	{
		// Five bytes as they are: Civintec Wiegand40; Rosslare Wiegand 40-Bit, whose last byte is a sum of the others.
		Name: "wiegand-40", Bits: 40, Number: Field{0, 40},
	},
	{
		// HID Corporate 1000, 48 bits: C1k48s, Flipper W48. Here the last bit does not cover the second.
		Name: "wiegand-48", Bits: 48,
		Facility: Field{2, 22}, Number: Field{24, 23},
		Parity: drawn(
			".E.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.",
			"..xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.xx.O",
			"Oxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		),
	},
	{
		// Seven bytes of a card's serial number as they are: Civintec Wiegand56; AccessGrid "7byte CSN 56bit".
		Name: "wiegand-56", Bits: 56, Number: Field{0, 56},
	},
	{
		// Eight bytes of a card's serial number as they are: AccessGrid "8byte iCLASS CSN 64bit".
		Name: "wiegand-64", Bits: 64, Number: Field{0, 64},
	},

	// UIDs of ISO/IEC 14443-3 (6.5.4), in the order of the anticollision: leading zeros count (L31).
	{Name: "uid-32", Bits: 32, Number: Field{0, 32}, Contactless: true},
	{Name: "uid-56", Bits: 56, Number: Field{0, 56}, Contactless: true},
	{Name: "uid-80", Bits: 80, Facility: Field{0, 16}, Number: Field{16, 64}, Contactless: true},
	// The UID of a card that has proven that it knows its key.
	{Name: "desfire", Bits: 56, Number: Field{0, 56}, Contactless: true},
	{Name: "ntag424", Bits: 56, Number: Field{0, 56}, Contactless: true},
}

func drawn(parities ...string) []Parity {
	list := make([]Parity, len(parities))
	for i, s := range parities {
		var err error
		if list[i], err = ParseParity(s); err != nil {
			panic("cardformat: the table: " + err.Error()) // no input comes here
		}
	}
	return list
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

// fits says whether a frame has the format's length, and its unused bits are zero.
func (f *Format) fits(frame []byte, n int) bool {
	return n == f.Bits && len(frame) == (n+7)/8 && bits.TrailingZeros8(frame[len(frame)-1]) >= 8*len(frame)-n
}

func (f *Format) parityOK(frame words) bool {
	for i := range f.Parity {
		if !f.Parity[i].ok(frame) {
			return false
		}
	}
	return true
}

func bitAt(frame []byte, i int) byte { return frame[i/8] >> (7 - i%8) & 1 }

func flip(frame []byte, i int) { frame[i/8] ^= 0x80 >> (i % 8) }
