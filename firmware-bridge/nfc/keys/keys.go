// Package keys holds what the strong kinds of card have in common: AES-128 keys that hide themselves, AES-CMAC (NIST
// SP 800-38B), and keys of their own for each card (NXP AN10922).
//
// It never prints, logs or marshals a key, and its errors never quote one. Every function is pure and may be called by
// any number of goroutines.
package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Size is the size of a key, of a block and of a CMAC, in bytes.
const Size = 16

// Key is an AES-128 key. The zero Key, the factory's, means that there is none. Every verb of fmt, slog and JSON shows a
// placeholder; as a field that is not exported it is hidden by the type that holds it.
type Key [Size]byte

// Parse reads a key of 32 hexadecimal digits; white space around it is allowed. A key whose bytes are all the same, such
// as the factory's, is refused. The error does not quote the text.
func Parse(text string) (Key, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != Size {
		return Key{}, fmt.Errorf("keys: a text of %d characters is no key: %d hexadecimal digits are expected",
			len(strings.TrimSpace(text)), 2*Size)
	}
	if strings.Count(string(raw), string(raw[:1])) == Size {
		return Key{}, errors.New("keys: all bytes of the key are the same, as in a factory key: a random key is expected")
	}
	return Key(raw), nil
}

// Zero says whether there is no key.
func (k Key) Zero() bool { return Equal(k[:], make([]byte, Size)) }

// Cipher is the AES-128 cipher with this key.
func (k Key) Cipher() cipher.Block {
	c, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the key has the one size that this cannot refuse
	}
	return c
}

// CMAC is the AES-CMAC of a message (NIST SP 800-38B, section 6.2; RFC 4493).
func (k Key) CMAC(message []byte) [Size]byte {
	return mac(k.Cipher(), message, Size)
}

// Diversify makes the key of one card from the master key and 1 to 31 bytes of diversification input (AN10922, section
// 2.2, AES-128): those should name the card by its UID, the application, and the system.
func (k Key) Diversify(input ...[]byte) (Key, error) {
	const constant, span = 0x01, 2 * Size
	m := make([]byte, 1, span)
	m[0] = constant
	for _, part := range input {
		m = append(m, part...)
	}
	if len(m) < 2 || len(m) > span {
		return Key{}, fmt.Errorf("keys: %d bytes of diversification input, expected 1 to %d: shorten the system identifier",
			len(m)-1, span-1)
	}
	return mac(k.Cipher(), m, span), nil
}

// Equal compares in a time that depends on the lengths alone.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// mac is a CMAC in which the message is padded to a multiple of span: Size in the standard, two blocks in AN10922.
func mac(c cipher.Block, message []byte, span int) (x [Size]byte) {
	var k1 [Size]byte
	c.Encrypt(k1[:], k1[:])
	k1 = double(k1)
	last, whole := k1, len(message) > 0 && len(message)%span == 0
	if !whole {
		last = double(k1)
	}
	end := max(1, (len(message)+span-1)/span) * span
	for at := 0; at < end; at += Size {
		rest := message[min(at, len(message)):]
		n := subtle.XORBytes(x[:], x[:], rest)
		if n < Size && at+n == len(message) {
			x[n] ^= 0x80
		}
		if at+Size == end {
			subtle.XORBytes(x[:], x[:], last[:])
		}
		c.Encrypt(x[:], x[:])
	}
	return x
}

// double multiplies by two in GF(2^128) (SP 800-38B, section 6.1), without a branch on the key.
func double(in [Size]byte) (out [Size]byte) {
	carry := byte(0)
	for i := Size - 1; i >= 0; i-- {
		out[i] = in[i]<<1 | carry
		carry = in[i] >> 7
	}
	out[Size-1] ^= carry * 0x87
	return out
}
