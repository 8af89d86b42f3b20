package ntag424

import (
	"encoding/hex"
	"fmt"
	"strings"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

const (
	uidSize = 7
	macSize = 8
	// piccDataTag says that UID and counter follow, and that the UID has seven bytes.
	piccDataTag = 0x80 | 0x40 | uidSize
)

// message is what a SUN message says.
type message struct {
	uid     [uidSize]byte
	counter uint32 // SDMReadCtr, 24 bits
	id      ID
}

// verify takes the link of a tag apart and checks its MAC. It knows nothing about other messages.
func (o Opts) verify(link string) (m message, err error) {
	_, query, _ := strings.Cut(link, "?")
	sealed, _, err := parameter(query, o.PICC, keys.Size)
	if err != nil {
		return m, err
	}
	mac, macAt, err := parameter(query, o.MAC, macSize)
	if err != nil {
		return m, err
	}
	covered := ""
	if o.MACFrom != "" {
		from := valueAt(query, o.MACFrom)
		if from < 0 || from > macAt {
			return m, fmt.Errorf("ntag424: %w: its link has no %s before %s", nfc.ErrOtherKind, o.MACFrom, o.MAC)
		}
		covered = query[from:macAt]
	}

	// One block in CBC with a zero start is the block itself.
	var picc [keys.Size]byte
	o.MetaRead.Cipher().Decrypt(picc[:], sealed)
	if picc[0] != piccDataTag {
		return m, fmt.Errorf("ntag424: %w: its PICC data were not made with our SDMMetaRead key", nfc.ErrProof)
	}
	counter := picc[1+uidSize:][:3]
	m.uid = [uidSize]byte(picc[1:])
	m.counter = uint32(counter[0]) | uint32(counter[1])<<8 | uint32(counter[2])<<16
	own, err := o.Key.Diversify(m.uid[:], o.System)
	if err != nil {
		return m, fmt.Errorf("ntag424: %w", err)
	}
	want := sdmMAC(own, picc[1:1+uidSize+3], covered)
	if !keys.Equal(mac, want[:]) {
		return m, fmt.Errorf("ntag424: %w: the MAC of its message is wrong", nfc.ErrProof)
	}
	m.id = own.CMAC(append([]byte("SUN counter of "), m.uid[:]...))
	return m, nil
}

// sdmMAC is the MAC over a text under the session key that UID and counter give: each second byte of the CMAC (AN12196,
// sections 3.3 and 3.4.4).
func sdmMAC(own keys.Key, uidAndCounter []byte, text string) (mac [macSize]byte) {
	session := sessionMAC(own, uidAndCounter)
	full := session.CMAC([]byte(text))
	for i := range mac {
		mac[i] = full[2*i+1]
	}
	return mac
}

// sessionMAC is the key KSesSDMFileReadMAC: the CMAC of the vector SV2.
func sessionMAC(own keys.Key, uidAndCounter []byte) keys.Key {
	return own.CMAC(append([]byte{0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80}, uidAndCounter...))
}

// parameter is the value of a parameter of this many bytes, in hexadecimal digits, and where it stands in the query.
func parameter(query, name string, size int) (value []byte, at int, err error) {
	at = valueAt(query, name)
	if at < 0 {
		return nil, 0, fmt.Errorf("ntag424: %w: its link has no %s", nfc.ErrOtherKind, name)
	}
	text, _, _ := strings.Cut(query[at:], "&")
	value, err = hex.DecodeString(text)
	if err != nil || len(value) != size {
		return nil, 0, fmt.Errorf("ntag424: %w: %s has %d characters, expected %d hexadecimal digits; LRP is not supported",
			nfc.ErrProof, name, len(text), 2*size)
	}
	return value, at, nil
}

// valueAt is where the value of the first parameter of this name begins, or -1.
func valueAt(query, name string) int {
	for at := 0; ; {
		if strings.HasPrefix(query[at:], name+"=") {
			return at + len(name) + 1
		}
		next := strings.IndexByte(query[at:], '&')
		if next < 0 {
			return -1
		}
		at += next + 1
	}
}
