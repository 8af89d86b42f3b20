package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"kapija/firmware-bridge/osdp/wire"
)

// The errors of a handshake.
var (
	// ErrCryptogram: the other side does not hold the same key.
	ErrCryptogram = errors.New("osdp: cryptogram does not fit: the other side has another key")
	// ErrFirstMAC: the reader's first MAC is not the one that follows from the handshake.
	ErrFirstMAC = errors.New("osdp: the reader's first MAC does not fit the handshake")
)

// Handshake is the panel's side until there is a session. Each one is used once.
type Handshake struct {
	base   Key
	rndA   [8]byte
	keys   keys
	sCrypt wire.SCrypt
}

// Begin starts a handshake with key, and a new random number out of random.
func Begin(key Key, random io.Reader) (*Handshake, wire.Challenge, error) {
	h := &Handshake{base: key}
	if _, err := io.ReadFull(random, h.rndA[:]); err != nil {
		return nil, wire.Challenge{}, fmt.Errorf("osdp: no random numbers for a handshake: %w", err)
	}
	return h, wire.Challenge{RndA: h.rndA}, nil
}

// Answer checks the reader's cryptogram and gives the panel's. The error is ErrCryptogram.
func (h *Handshake) Answer(c wire.CCrypt) (wire.SCrypt, error) {
	if !h.Proves(h.base, c) {
		return wire.SCrypt{}, ErrCryptogram
	}
	h.keys = derive(h.base, h.rndA)
	h.sCrypt = wire.SCrypt{Cryptogram: h.keys.serverCryptogram(h.rndA, c.RndB)}
	return h.sCrypt, nil
}

// Proves tells whether the reader's cryptogram was made with key. It serves to say which key a reader has.
func (h *Handshake) Proves(key Key, c wire.CCrypt) bool {
	want := derive(key, h.rndA).clientCryptogram(h.rndA, c.RndB)
	return subtle.ConstantTimeCompare(want[:], c.Cryptogram[:]) == 1
}

// Finish checks the reader's first MAC and gives the session. The error is ErrFirstMAC.
func (h *Handshake) Finish(r wire.RMAC) (*Session, error) {
	want := h.keys.firstMAC(h.sCrypt.Cryptogram)
	if h.keys.enc == nil || subtle.ConstantTimeCompare(want[:], r.MAC[:]) != 1 {
		return nil, ErrFirstMAC
	}
	return &Session{keys: h.keys, other: want}, nil
}

// Acceptance is the reader's side until there is a session. Each one is used once.
type Acceptance struct {
	keys keys
	want [16]byte
}

// Accept answers a panel's challenge with key and a new random number out of random. Client tells who the reader is.
func Accept(key Key, client [8]byte, c wire.Challenge, random io.Reader) (*Acceptance, wire.CCrypt, error) {
	reply := wire.CCrypt{Client: client}
	if _, err := io.ReadFull(random, reply.RndB[:]); err != nil {
		return nil, wire.CCrypt{}, fmt.Errorf("osdp: no random numbers for a handshake: %w", err)
	}
	a := &Acceptance{keys: derive(key, c.RndA)}
	a.want = a.keys.serverCryptogram(c.RndA, reply.RndB)
	reply.Cryptogram = a.keys.clientCryptogram(c.RndA, reply.RndB)
	return a, reply, nil
}

// Verify checks the panel's cryptogram and gives the session and the first MAC. The error is ErrCryptogram.
func (a *Acceptance) Verify(s wire.SCrypt) (*Session, wire.RMAC, error) {
	if subtle.ConstantTimeCompare(a.want[:], s.Cryptogram[:]) != 1 {
		return nil, wire.RMAC{}, ErrCryptogram
	}
	mac := a.keys.firstMAC(s.Cryptogram)
	return &Session{keys: a.keys, own: mac, reader: true}, wire.RMAC{MAC: mac}, nil
}

// keys are those of one session.
type keys struct{ enc, mac1, mac2 cipher.Block }

// derive makes the keys of a session: a constant and the first six bytes of RND.A, encrypted with the base key.
func derive(base Key, rndA [8]byte) keys {
	with := block(base)
	make := func(kind byte) cipher.Block {
		k := Key{0x01, kind, rndA[0], rndA[1], rndA[2], rndA[3], rndA[4], rndA[5]}
		with.Encrypt(k[:], k[:])
		return block(k)
	}
	return keys{enc: make(0x82), mac1: make(0x01), mac2: make(0x02)}
}

func block(k Key) cipher.Block {
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic("unreachable: a key of 16 bytes is one of AES-128")
	}
	return b
}

func (k keys) clientCryptogram(rndA, rndB [8]byte) [16]byte { return k.pair(rndA, rndB) }
func (k keys) serverCryptogram(rndA, rndB [8]byte) [16]byte { return k.pair(rndB, rndA) }

func (k keys) pair(first, second [8]byte) (out [16]byte) {
	copy(out[:8], first[:])
	copy(out[8:], second[:])
	k.enc.Encrypt(out[:], out[:])
	return out
}

// firstMAC is the panel's cryptogram, encrypted with S-MAC1 and then with S-MAC2.
func (k keys) firstMAC(server [16]byte) (out [16]byte) {
	if k.mac1 == nil {
		return out
	}
	k.mac1.Encrypt(out[:], server[:])
	k.mac2.Encrypt(out[:], out[:])
	return out
}

// Format hides the keys from every verb of fmt.
func (*Handshake) Format(f fmt.State, _ rune)  { _, _ = io.WriteString(f, "osdp.Handshake(secret)") }
func (*Acceptance) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "osdp.Acceptance(secret)") }
