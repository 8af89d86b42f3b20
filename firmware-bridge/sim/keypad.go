package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kapija/internal/cardformat"
)

// keypadLines is the keypad of a Wiegand reader: it sends each key as a burst of its own, or the whole PIN as a card.
type keypadLines struct {
	lines    *lines
	kind     string // 4-bit, 8-bit, 26-bit: see package wiegand
	facility int
}

// keysOf are the keys, by the number that is sent for them.
const keysOf = "0123456789*#"

// press sends keys: digits, * and #. A keypad that sends the whole PIN does so at #.
func (k *keypadLines) press(keys string) (end time.Duration, err error) {
	if k.kind == "26-bit" {
		return k.whole(keys)
	}
	if at := strings.IndexFunc(keys, func(key rune) bool { return !strings.ContainsRune(keysOf, key) }); at >= 0 {
		return 0, fmt.Errorf("key %d is none of %s", at+1, keysOf)
	}
	for _, key := range keys {
		code := strings.IndexRune(keysOf, key)
		bits := fmt.Sprintf("%04b", code)
		if k.kind == "8-bit" {
			bits = fmt.Sprintf("%04b", ^code&0xF) + bits
		}
		if end, err = k.lines.badge(bits); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (k *keypadLines) whole(keys string) (time.Duration, error) {
	digits := keys
	if n := len(keys); n > 0 && keys[n-1] == '#' {
		digits = keys[:n-1]
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("a keypad that sends 26 bits sends a number up to 65535, ended by #")
	}
	bits, n, err := cardformat.Encode("wiegand-26", uint64(k.facility), number)
	if err != nil {
		return 0, err
	}
	return k.lines.badge(cardformat.String(bits, n))
}
