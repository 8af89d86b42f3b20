package fakecard

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

// DESFireOpts is what a DESFire card was made with.
type DESFireOpts struct {
	UID    [7]byte
	AID    [3]byte // of its one application, least significant byte first
	Master keys.Key
	KeyNo  byte // holds the key that Master, UID, AID and System give
	System []byte

	RandomUID  bool
	Identify   keys.Key // held by IdentifyNo when it is not zero
	IdentifyNo byte
}

// DESFire is a MIFARE DESFire EV1 with one application with AES keys. It knows SelectApplication, AuthenticateAES and
// GetCardUID, wrapped in APDUs.
type DESFire struct {
	uid    [7]byte
	shown  []byte // in the anticollision
	aid    [3]byte
	keys   map[byte]keys.Key
	random bool

	selected [3]byte
	pending  *pending  // an authentication that is half done
	session  *keys.Key // of one that succeeded
	iv       []byte    // of the session
}

type pending struct {
	key            keys.Key
	random, sealed []byte
}

// NewDESFire makes a card that has just come into the field.
func NewDESFire(o DESFireOpts) *DESFire {
	d := &DESFire{uid: o.UID, aid: o.AID, random: o.RandomUID, keys: map[byte]keys.Key{
		o.KeyNo: diversified(o.Master, o.UID[:], o.AID[:], o.System)}}
	if o.Identify != (keys.Key{}) {
		d.keys[o.IdentifyNo] = o.Identify
	}
	d.PowerOn()
	return d
}

// PowerOn ends the session and makes a new random UID, when the card has one: 08 and three bytes (ISO/IEC 14443-3,
// 6.5.4).
func (d *DESFire) PowerOn() {
	d.shown = d.uid[:]
	if d.random {
		d.shown = append([]byte{0x08}, noise(3)...)
	}
	d.selected = [3]byte{}
	d.forget()
}

// Identity shows the UID or the random one.
func (d *DESFire) Identity() nfc.Card {
	atqa := uint16(0x0344)
	if d.random {
		atqa = 0x0304
	}
	return nfc.Card{UID: bytes.Clone(d.shown), ATQA: atqa, SAK: 0x20}
}

// Answer takes a wrapped native command.
func (d *DESFire) Answer(apdu []byte) []byte {
	ins, data, ok := unwrap(apdu)
	switch {
	case len(apdu) < 4:
		return []byte{0x67, 0x00}
	case apdu[0] == 0x00 && apdu[1] == 0xA4:
		return []byte{0x6A, 0x82} // it has no file of this name
	case apdu[0] != 0x90:
		return []byte{0x6E, 0x00}
	case !ok:
		return status(0x7E)
	}
	half := d.pending
	d.pending = nil
	switch ins {
	case 0x5A:
		return d.selectApplication(data)
	case 0xAA:
		return d.begin(data)
	case 0xAF:
		return d.finish(half, data)
	case 0x51:
		return d.cardUID(data)
	}
	d.forget()
	return status(0x1C)
}

func (d *DESFire) forget() { d.pending, d.session, d.iv = nil, nil, nil }

func (d *DESFire) selectApplication(aid []byte) []byte {
	d.forget()
	if len(aid) != 3 {
		return status(0x7E)
	}
	if wanted := [3]byte(aid); wanted != d.aid && wanted != [3]byte{} {
		return status(0xA0)
	}
	d.selected = [3]byte(aid)
	return status(0x00)
}

func (d *DESFire) begin(data []byte) []byte {
	d.forget()
	if len(data) != 1 {
		return status(0x7E)
	}
	key, ok := d.keys[data[0]]
	if !ok || d.selected != d.aid {
		return status(0x40)
	}
	b := noise(block)
	d.pending = &pending{key, b, encipher(key, make([]byte, block), b)}
	return status(0xAF, d.pending.sealed...)
}

func (d *DESFire) finish(half *pending, data []byte) []byte {
	if half == nil {
		d.forget()
		return status(0x1C)
	}
	if len(data) != 2*block {
		return status(0x7E)
	}
	plain := decipher(half.key, half.sealed, data)
	a, b := plain[:block], half.random
	if !bytes.Equal(plain[block:], rotated(b)) {
		return status(0xAE)
	}
	session := keys.Key(bytes.Join([][]byte{a[:4], b[:4], a[12:], b[12:]}, nil))
	d.session, d.iv = &session, make([]byte, block)
	return status(0x00, encipher(half.key, data[block:], rotated(a))...)
}

func (d *DESFire) cardUID(data []byte) []byte {
	switch {
	case d.session == nil:
		return status(0xAE)
	case len(data) != 0:
		d.forget()
		return status(0x7E)
	}
	d.iv = cmac(*d.session, d.iv, []byte{0x51}, 0)
	plain := make([]byte, block)
	copy(plain, d.uid[:])
	sum := crc32.ChecksumIEEE(append(d.uid[:len(d.uid):len(d.uid)], 0x00))
	binary.LittleEndian.PutUint32(plain[len(d.uid):], 0xFFFFFFFF-sum)
	d.iv = encipher(*d.session, d.iv, plain)
	return status(0x00, d.iv...)
}

// unwrap takes 90 INS 00 00 [Lc data] 00 apart.
func unwrap(apdu []byte) (ins byte, data []byte, ok bool) {
	switch n := len(apdu); {
	case n < 5 || apdu[2] != 0 || apdu[3] != 0 || apdu[n-1] != 0:
		return 0, nil, false
	case n == 5:
		return apdu[1], nil, true
	default:
		return apdu[1], apdu[5 : n-1], int(apdu[4]) == n-6
	}
}

func status(code byte, data ...byte) []byte { return append(bytes.Clone(data), 0x91, code) }

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
