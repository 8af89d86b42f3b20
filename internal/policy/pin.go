package policy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strconv"
)

// The length of a PIN.
const (
	MinPIN = 4
	MaxPIN = 8
)

// PersonOf is the number that stands for a person in entries: never 0. Persons whose numbers are the same by chance, one
// pair in four thousand million, count as one: a door that needs two refuses them.
func PersonOf(id string) uint32 {
	sum := sha256.Sum256([]byte(id))
	return max(1, binary.BigEndian.Uint32(sum[:]))
}

// PINKey is the key of a person's PIN: of another kind than a card's (L11), and another for the same digits of another
// person. Without the site key nobody can find the digits. Its error says what is wrong with the digits, without them.
func (k SiteKey) PINKey(person uint32, digits string) (Key, error) {
	if len(digits) < MinPIN || len(digits) > MaxPIN {
		return Key{}, fmt.Errorf("policy: a PIN of %d characters: %d … %d digits are expected", len(digits), MinPIN, MaxPIN)
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return Key{}, fmt.Errorf("policy: a PIN with something that is no digit: %d … %d digits are expected", MinPIN, MaxPIN)
		}
	}
	return k.derive(kindPIN, strconv.FormatUint(uint64(person), 16), []byte(digits), 8*len(digits)), nil
}

// PIN is what was typed at a reader. It lives as long as the request, and is never printed.
type PIN struct {
	site   SiteKey
	digits string
}

// PIN is what was typed, whatever it is; what is no PIN is wrong.
func (k SiteKey) PIN(digits string) *PIN { return &PIN{k, digits} }

// match says whether the PIN is this person's; duress: its last digit is one more, 0 after 9.
func (p *PIN) match(person uint32, want Key) (ok, duress bool) {
	is := func(digits string) bool {
		key, err := p.site.PINKey(person, digits)
		return err == nil && subtle.ConstantTimeCompare(key[:], want[:]) == 1
	}
	if is(p.digits) {
		return true, false
	}
	last := len(p.digits) - 1
	if last < 0 || p.digits[last] < '0' || p.digits[last] > '9' {
		return false, false
	}
	duress = is(p.digits[:last] + string('0'+(p.digits[last]-'0'+9)%10))
	return duress, duress
}

// Format hides the PIN from every verb of fmt.
func (PIN) Format(f fmt.State, _ rune) { fmt.Fprint(f, "policy.PIN(secret)") }

// MarshalText hides the PIN from JSON and from slog.
func (PIN) MarshalText() ([]byte, error) { return []byte("policy.PIN(secret)"), nil }
