package policy

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
)

// sealVersion is the first byte of a sealed payload; the signature and the body follow.
const sealVersion = 1

const sealOverhead = 1 + ed25519.SignatureSize

// ErrSeal is wrapped by Unseal when the signature is not that of the key over this topic and this body.
var ErrSeal = errors.New("signature does not match")

// Seal signs body for one topic. The topic is signed too, so that what is meant for one gateway or one shard is refused
// on the topic of another (L52). It panics when key is not ed25519.PrivateKeySize long.
func Seal(key ed25519.PrivateKey, topic string, body []byte) []byte {
	payload := make([]byte, 0, sealOverhead+len(body))
	payload = append(payload, sealVersion)
	payload = append(payload, ed25519.Sign(key, sealed(topic, body))...)
	return append(payload, body...)
}

// Unseal checks a payload that came on topic, and returns its body, which shares memory with payload.
func Unseal(pub ed25519.PublicKey, topic string, payload []byte) ([]byte, error) {
	switch {
	case len(pub) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("policy: the public key has %d bytes: %d are expected", len(pub), ed25519.PublicKeySize)
	case len(payload) < sealOverhead:
		return nil, fmt.Errorf("policy: a sealed payload of %d bytes on %s is too short: at least %d are expected", len(payload), topic, sealOverhead)
	case payload[0] != sealVersion:
		return nil, fmt.Errorf("policy: the sealed payload on %s has version %d: %d is expected", topic, payload[0], sealVersion)
	}
	body := payload[sealOverhead:]
	if !ed25519.Verify(pub, sealed(topic, body), payload[1:sealOverhead]) {
		return nil, fmt.Errorf("policy: payload on %s: %w: it is damaged, or made for another topic or with another key", topic, ErrSeal)
	}
	return body, nil
}

// sealed is what is signed. The first part keeps these signatures apart from those over commands.
func sealed(topic string, body []byte) []byte {
	const domain = "kapija policy seal v1\x00"
	m := make([]byte, 0, len(domain)+4+len(topic)+len(body))
	m = append(m, domain...)
	m = binary.BigEndian.AppendUint32(m, uint32(len(topic)))
	m = append(m, topic...)
	return append(m, body...)
}
