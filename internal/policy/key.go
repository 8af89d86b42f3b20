package policy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// SiteKey is the secret that turns cards into keys. It is the same in the directory and in every gateway of a site, and
// never printed: every verb of fmt and slog shows a placeholder.
type SiteKey [32]byte

// The kinds of credential are keyed apart (L11).
const (
	kindCard byte = 1
	kindPIN  byte = 2
)

// Card is the key of a card: format as in package cardformat, and its frame: the first bit is the most significant of
// bits[0], n is the number of bits. Bits beyond n do not count. A frame shorter than n says has a key of its own.
func (k SiteKey) Card(format string, bits []byte, n int) Key {
	return k.derive(kindCard, format, bits, n)
}

// derive is HMAC-SHA-256 over kind, length of format, format, n and the bits; each field before the last has a fixed or
// a stated length, so that no two credentials give the same message.
func (k SiteKey) derive(kind byte, format string, bits []byte, n int) Key {
	n = max(n, 0)
	frame := bits[:min(len(bits), (n+7)/8)]
	msg := make([]byte, 0, 64)
	msg = append(msg, kind)
	msg = binary.BigEndian.AppendUint32(msg, uint32(len(format)))
	msg = append(msg, format...)
	msg = binary.BigEndian.AppendUint32(msg, uint32(n))
	msg = append(msg, frame...)
	if unused := 8*len(frame) - n; unused > 0 {
		msg[len(msg)-1] &^= 1<<unused - 1
	}
	mac := hmac.New(sha256.New, k[:])
	mac.Write(msg)
	return Key(mac.Sum(nil)[:len(Key{})])
}

// Shard is the number of the shard that holds the key: its first byte.
func (k Key) Shard() uint8 { return k[0] }

// Format hides the key from every verb of fmt.
func (SiteKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "policy.SiteKey(secret)") }

// MarshalText hides the key from JSON and from slog.
func (SiteKey) MarshalText() ([]byte, error) { return []byte("policy.SiteKey(secret)"), nil }
