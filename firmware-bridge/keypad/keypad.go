// Package keypad collects the keys that are pressed at a reader into what was typed: digits, ended by Enter.
//
// It is pure: it is told keys and times, and never looks at a clock. It never decides about a PIN and never shows one:
// fmt, slog and JSON see a placeholder. A Collector belongs to one reader, holds at most MaxDigits digits, and is not safe
// for concurrent use. What is longer is refused as a whole: no part of it passes for a PIN.
package keypad

import (
	"fmt"
	"time"
)

const (
	// Gap is the longest time between two keys of one input; a later key begins a new one. Keypads that collect for
	// themselves wait as long (Rosslare AYC-Qx4, 4.2.3).
	Gap = 5 * time.Second
	// MaxDigits is the longest input.
	MaxDigits = 8
)

// Key is one key: a digit in ASCII, Enter or Cancel. The codes are those of OSDP (osdp_KEYPAD).
type Key byte

// The keys that are no digits.
const (
	Enter  Key = 0x0D // also #
	Cancel Key = 0x7F // also *
)

// FromNibble is the key of the four bits that Wiegand keypads send: 0 … 9 are digits, 10 is Cancel (*), 11 Enter (#)
// (Rosslare AYC-Qx4, 4.2.3.9; CDVI KCPROXWLC). False: there is no such key.
func FromNibble(v byte) (Key, bool) {
	switch {
	case v <= 9:
		return Key('0' + v), true
	case v == 10:
		return Cancel, true
	case v == 11:
		return Enter, true
	}
	return 0, false
}

func (k Key) digit() bool { return k >= '0' && k <= '9' }

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "keypad.Key(secret)") }

// MarshalText hides the key from JSON and from slog.
func (Key) MarshalText() ([]byte, error) { return []byte("keypad.Key(secret)"), nil }

// Collector is what was typed since the last Enter or Cancel. The zero value is ready.
type Collector struct {
	digits [MaxDigits]byte
	n      int
	refuse bool // too long, or with a key that is no digit
	last   time.Time
}

// Press takes one key, and returns the digits when it is Enter and there are any. Other keys than digits, Enter and
// Cancel spoil the input.
func (c *Collector) Press(k Key, at time.Time) (digits []byte, ok bool) {
	if at.Sub(c.last) > Gap {
		c.Reset()
	}
	c.last = at
	switch {
	case k == Cancel:
		c.Reset()
	case k == Enter:
		if ok = c.n > 0 && !c.refuse; ok {
			digits = append([]byte(nil), c.digits[:c.n]...)
		}
		c.Reset()
	case !k.digit() || c.n == MaxDigits:
		c.refuse = true
	default:
		c.digits[c.n] = byte(k)
		c.n++
	}
	return digits, ok
}

// Reset forgets what was typed.
func (c *Collector) Reset() { *c = Collector{} }

// Format hides the digits from every verb of fmt.
func (Collector) Format(f fmt.State, _ rune) { fmt.Fprint(f, "keypad.Collector(secret)") }

// MarshalText hides the digits from JSON and from slog.
func (Collector) MarshalText() ([]byte, error) { return []byte("keypad.Collector(secret)"), nil }
