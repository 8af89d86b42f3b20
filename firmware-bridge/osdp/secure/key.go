// Package secure is Secure Channel of OSDP 2.2 (IEC 60839-11-5, Annex D): the handshake by which a panel and a reader prove
// to each other that they hold the same key, and the session that follows, in which each message bears a MAC that depends
// on all before it, and data is encrypted. Both sides are here, the panel's and the reader's.
//
// It never sends anything, never chooses a key, and never falls back to another one. A message that does not prove itself
// changes nothing in a session: what to do then is the caller's to say.
//
// Keys hide themselves from fmt, slog and JSON, and are compared in constant time. A Session is not safe for concurrent
// use.
package secure

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// Key is a Secure Channel base key (SCBK). Every verb of fmt and slog shows a placeholder.
type Key [16]byte

// Default is the key that everybody knows (SCBK-D): it protects nothing, and is of use only to give a reader its own.
var Default = Key{0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F}

// NewKey makes a key of random, which is a cryptographic source.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, fmt.Errorf("osdp: no random numbers for a new key: %w", err)
	}
	if err := Check(k); err != nil {
		return Key{}, fmt.Errorf("osdp: the source of random numbers is broken: %w", err)
	}
	return k, nil
}

// Equal compares in constant time.
func (k Key) Equal(o Key) bool { return subtle.ConstantTimeCompare(k[:], o[:]) == 1 }

// ErrWeak is wrapped by the errors of Check.
var ErrWeak = errors.New("osdp: key is weak")

// samples are keys that stand in public manuals, examples and test suites.
var samples = []Key{
	{0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}, // GlobalPlatform
	{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}, // FIPS 197, Appendix C
	{0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C}, // FIPS 197, Appendix A
	{0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00}, //
	{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF}, // FIPS 81
	{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10}, //
}

// Check refuses keys that an attacker tries first: the default one, those of which each byte follows from the one before
// by the same step (equal, ascending, descending), those made of a repeated part, and published ones.
func Check(k Key) error {
	if k.Equal(Default) {
		return fmt.Errorf("%w: it is the default key SCBK-D", ErrWeak)
	}
	if step, ok := stepped(k); ok {
		return fmt.Errorf("%w: each byte differs from the one before by %d", ErrWeak, int8(step))
	}
	for _, n := range []int{2, 4, 8} {
		if bytes.Equal(k[n:], k[:16-n]) {
			return fmt.Errorf("%w: it repeats %d bytes", ErrWeak, n)
		}
	}
	for _, s := range samples {
		if k.Equal(s) {
			return fmt.Errorf("%w: it stands in public examples", ErrWeak)
		}
	}
	if few := distinct(k); few <= 4 {
		return fmt.Errorf("%w: it has only %d different bytes", ErrWeak, few)
	}
	return nil
}

func stepped(k Key) (byte, bool) {
	step := k[1] - k[0]
	for i := 1; i < len(k); i++ {
		if k[i]-k[i-1] != step {
			return 0, false
		}
	}
	return step, true
}

func distinct(k Key) int {
	seen := map[byte]bool{}
	for _, b := range k {
		seen[b] = true
	}
	return len(seen)
}

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// MarshalText hides the key from JSON and from slog.
func (Key) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

const placeholder = "osdp.Key(secret)"
