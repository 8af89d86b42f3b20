package wiegand

import (
	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/keypad"
	"kapija/internal/cardformat"
)

// Keypad is how a reader sends what is pressed on it.
type Keypad string

// The keypads.
const (
	NoKeypad Keypad = ""
	// Keypad4 sends four bits a key (Rosslare AYC-Qx4, 4.2.3.9).
	Keypad4 Keypad = "4-bit"
	// Keypad8 sends eight bits a key, the upper four the inverted lower ones (Rosslare AYC-F/Gx4, 4.2.3.3; CDVI
	// KCPROXWLC, "ARK 8 bits").
	Keypad8 Keypad = "8-bit"
	// Keypad26 sends the whole PIN as the number of a card of format H10301, with a facility code of its own (Rosslare
	// AYC-F/Gx4, 4.2.3.4 and the option of one to five keys). A PIN of up to 9999 is taken for one of four digits, so one
	// of five that begins with 0 cannot be typed.
	Keypad26 Keypad = "26-bit"
)

// bits is the length of a burst; 0 without a keypad.
func (k Keypad) bits() int {
	switch k {
	case Keypad4:
		return 4
	case Keypad8:
		return 8
	case Keypad26:
		return 26
	}
	return 0
}

// pinFormat is the frame in which Keypad26 sends a PIN.
var pinFormat = func() cardformat.Format {
	f, _ := (*cardformat.Set)(nil).Lookup("wiegand-26")
	return f
}()

// keyed finds out whether a frame that is as long as a burst of the keypad is one, and puts what it says in place of its
// bits. A frame of 26 bits with the keypad's facility code is a PIN and never a card (L11), and with another one it is
// never a PIN.
func (d *Decoder) keyed(f *Frame) bool {
	switch d.keypad {
	case Keypad4:
		return f.press(f.Bits[0] >> 4)
	case Keypad8:
		if f.Bits[0]>>4 != ^f.Bits[0]&0xF {
			f.Format, f.Fault = bridge.FormatPIN, bridge.BadParity
			return true
		}
		return f.press(f.Bits[0] & 0xF)
	}
	facility, number, ok, _ := pinFormat.Decode(f.Bits[:4], f.Len)
	switch {
	case ok && facility == uint64(d.facility):
		f.pin(number)
		return true
	case !ok && !d.cards26:
		f.Format, f.Fault = bridge.FormatPIN, bridge.BadParity
		return true
	}
	return false
}

func (f *Frame) press(nibble byte) (ok bool) {
	if f.Key, ok = keypad.FromNibble(nibble); ok {
		f.Format = bridge.FormatPIN
	}
	return ok
}

// pin puts the digits of a number of at most five in place of the bits.
func (f *Frame) pin(number uint64) {
	n := 4
	if number > 9999 {
		n = 5
	}
	f.Format, f.Len, f.Bits = bridge.FormatPIN, 8*n, [MaxBits / 8]byte{}
	for i := n - 1; i >= 0; i-- {
		f.Bits[i] = '0' + byte(number%10)
		number /= 10
	}
}
