package fakecard

import (
	"bytes"
	"encoding/hex"
	"strings"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/keys"
)

// NTAG424Opts is what a tag was made with.
type NTAG424Opts struct {
	UID       [7]byte
	Master    keys.Key // with UID and System it gives SDMFileRead
	MetaRead  keys.Key // SDMMetaRead
	System    []byte
	Counter   uint32 // SDMReadCtr: how often it was read before
	RandomUID bool
	// Link is the content of the NDEF file: PICC and MAC stand where the tag writes them, and the MAC covers the text
	// between FROM and MAC, when there is a FROM. Empty: a link with picc_data and cmac.
	Link string
}

// NTAG424 is an NTAG 424 DNA whose NDEF file is read freely and holds a SUN message.
type NTAG424 struct {
	opts  NTAG424Opts
	shown []byte // in the anticollision

	application bool   // is selected
	file        uint16 // that is selected, or 0
	ndef        []byte // of this selection, made at its first reading
}

// NewNTAG424 makes a tag that has just come into the field.
func NewNTAG424(o NTAG424Opts) *NTAG424 {
	if o.Link == "" {
		o.Link = "example.org/c?picc_data=PICC&cmac=MAC"
	}
	n := &NTAG424{opts: o}
	n.PowerOn()
	return n
}

// PowerOn ends the selection and makes a new random UID, when the tag has one.
func (n *NTAG424) PowerOn() {
	n.shown = n.opts.UID[:]
	if n.opts.RandomUID {
		n.shown = append([]byte{0x08}, noise(3)...)
	}
	n.application, n.file, n.ndef = false, 0, nil
}

// Identity shows the UID or the random one.
func (n *NTAG424) Identity() nfc.Card {
	atqa := uint16(0x0344)
	if n.opts.RandomUID {
		atqa = 0x0304
	}
	return nfc.Card{UID: bytes.Clone(n.shown), ATQA: atqa, SAK: 0x20}
}

// Counter is how often the NDEF file was read.
func (n *NTAG424) Counter() uint32 { return n.opts.Counter }

// Answer knows ISOSelectFile and ISOReadBinary.
func (n *NTAG424) Answer(apdu []byte) []byte {
	switch {
	case len(apdu) < 4:
		return []byte{0x67, 0x00}
	case apdu[0] == 0x90:
		return status(0x1C)
	case apdu[0] != 0x00:
		return []byte{0x6E, 0x00}
	case apdu[1] == 0xA4:
		return n.choose(apdu)
	case apdu[1] == 0xB0:
		return n.read(apdu)
	}
	return []byte{0x6D, 0x00}
}

func (n *NTAG424) choose(apdu []byte) []byte {
	if len(apdu) < 5 || len(apdu) < 5+int(apdu[4]) || len(apdu) > 6+int(apdu[4]) {
		return []byte{0x67, 0x00}
	}
	name := apdu[5 : 5+int(apdu[4])]
	n.file, n.ndef = 0, nil
	switch {
	case apdu[2] == 0x04 && bytes.Equal(name, []byte{0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01}):
		n.application = true
	case apdu[2] == 0x00 && n.application && len(name) == 2 && name[0] == 0xE1 && name[1] >= 3 && name[1] <= 5:
		n.file = 0xE100 | uint16(name[1])
	default:
		return []byte{0x6A, 0x82}
	}
	return []byte{0x90, 0x00}
}

func (n *NTAG424) read(apdu []byte) []byte {
	if len(apdu) != 5 || apdu[2]&0x80 != 0 {
		return []byte{0x67, 0x00}
	}
	var content []byte
	switch n.file {
	case 0:
		return []byte{0x69, 0x86}
	case 0xE103: // the capability container
		content = []byte{0x00, 0x17, 0x20, 0x01, 0x00, 0x00, 0xFF,
			0x04, 0x06, 0xE1, 0x04, 0x01, 0x00, 0x00, 0x00, 0x05, 0x06, 0xE1, 0x05, 0x00, 0x80, 0x82, 0x83}
	case 0xE104:
		if n.ndef == nil {
			if n.opts.Counter == 0xFFFFFF {
				return []byte{0x69, 0x85}
			}
			n.opts.Counter++
			n.ndef = n.message()
		}
		content = n.ndef
	default:
		return []byte{0x69, 0x82}
	}
	at, size := int(apdu[2])<<8|int(apdu[3]), int(apdu[4])
	if at >= len(content) {
		return []byte{0x6B, 0x00}
	}
	if size == 0 {
		size = 256
	}
	return append(bytes.Clone(content[at:min(at+size, len(content))]), 0x90, 0x00)
}

// message is the file of 256 bytes: its length, and one short record with the link, https:// before it.
func (n *NTAG424) message() []byte {
	zero, counter := make([]byte, block), n.opts.Counter
	known := append(n.opts.UID[:len(n.opts.UID):len(n.opts.UID)], byte(counter), byte(counter>>8), byte(counter>>16))
	picc := append(append([]byte{0xC7}, known...), noise(block-1-len(known))...)
	link := strings.Replace(n.opts.Link, "PICC", strings.ToUpper(hex.EncodeToString(encipher(n.opts.MetaRead, zero, picc))), 1)

	covered := ""
	if before, after, ok := strings.Cut(link, "FROM"); ok {
		link = before + after
		covered, _, _ = strings.Cut(after, "MAC")
	}
	own := diversified(n.opts.Master, n.opts.UID[:], n.opts.System)
	session := keys.Key(cmac(own, zero, append([]byte{0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80}, known...), 0))
	var mac []byte
	for i, b := range cmac(session, zero, []byte(covered), 0) {
		if i%2 == 1 {
			mac = append(mac, b)
		}
	}
	link = strings.Replace(link, "MAC", strings.ToUpper(hex.EncodeToString(mac)), 1)

	file := make([]byte, 256)
	record := append([]byte{0xD1, 0x01, byte(1 + len(link)), 'U', 0x04}, link...)
	file[1] = byte(len(record))
	copy(file[2:], record)
	return file
}
