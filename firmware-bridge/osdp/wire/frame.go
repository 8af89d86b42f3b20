// Package wire holds the messages of OSDP 2.2 (IEC 60839-11-5) as bytes and as types: frames with their check, a scanner
// that finds frames in what a serial line gives, and every command and reply that a reader of badges needs, in both
// directions.
//
// It knows nothing of who speaks when, and of Secure Channel only the shape of its blocks: see packages panel and secure.
//
// It never reads a clock or a line. Whatever the bytes, it neither panics nor keeps more than MaxFrame of them. Types that
// hold card bits, key strokes or keys hide them from fmt, slog and JSON.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// Mark may come before and after a frame, any number of times.
	Mark = 0xFF
	// Start begins each frame; it may occur inside as well.
	Start = 0x53
	// MaxFrame bounds a frame, from Start to the end of its check, in bytes.
	MaxFrame = 1440
	// MaxAddress is the highest address of a reader. The next one, Broadcast, is heard by each.
	MaxAddress = 0x7E
	Broadcast  = 0x7F
)

// Types of the security block of a frame (Annex D).
const (
	NoSecurity byte = 0
	SCS11      byte = 0x11 // panel's challenge
	SCS12      byte = 0x12 // reader's cryptogram
	SCS13      byte = 0x13 // panel's cryptogram
	SCS14      byte = 0x14 // reader's first MAC
	SCS15      byte = 0x15 // command with MAC, no data
	SCS16      byte = 0x16 // reply with MAC, no data
	SCS17      byte = 0x17 // command with MAC, data encrypted
	SCS18      byte = 0x18 // reply with MAC, data encrypted
)

const (
	header     = 5
	replyFlag  = 0x80 // of the address
	sequence   = 0x03 // of the control byte, as are the next two
	useCRC     = 0x04
	secured    = 0x08
	reserved   = 0xF0
	macLen     = 4
	maxSCBData = 16
)

// Frame is one message. Its slices are its own.
type Frame struct {
	Address  byte // of the reader, whoever sends: 0 … MaxAddress, or Broadcast
	Reply    bool // it comes from the reader
	Sequence byte // 0 … 3
	Checksum bool // its check is the 8-bit sum instead of the CRC
	Security byte // type of its security block, or NoSecurity
	SCB      []byte
	Code     byte
	Data     []byte
	MAC      []byte // 4 bytes in SCS15 … SCS18, else none
}

// Sealed tells whether the frame belongs to a Secure Channel session: it bears a MAC.
func (f Frame) Sealed() bool { return f.Security >= SCS15 && f.Security <= SCS18 }

// Size is the number of bytes of the frame on the line, without marks.
func (f Frame) Size() int {
	n := header + 1 + len(f.Data) + 2
	if f.Checksum {
		n--
	}
	if f.Security != NoSecurity {
		n += 2 + len(f.SCB)
	}
	if f.Sealed() {
		n += macLen
	}
	return n
}

// Covered is what the MAC of a sealed frame is computed over: all that comes before it.
func (f Frame) Covered() []byte {
	control := f.Sequence & sequence
	if !f.Checksum {
		control |= useCRC
	}
	if f.Security != NoSecurity {
		control |= secured
	}
	address := f.Address & Broadcast
	if f.Reply {
		address |= replyFlag
	}
	size := f.Size()
	b := make([]byte, 0, size)
	b = append(b, Start, address, byte(size), byte(size>>8), control)
	if f.Security != NoSecurity {
		b = append(b, byte(2+len(f.SCB)), f.Security)
		b = append(b, f.SCB...)
	}
	b = append(b, f.Code)
	return append(b, f.Data...)
}

// Bytes is the frame as it goes on the line, without marks. A MAC that is missing counts as zeros.
func (f Frame) Bytes() []byte {
	b := f.Covered()
	if f.Sealed() {
		var mac [macLen]byte
		copy(mac[:], f.MAC)
		b = append(b, mac[:]...)
	}
	if f.Checksum {
		return append(b, sum(b))
	}
	return binary.LittleEndian.AppendUint16(b, crc16(b))
}

// The errors of Decode.
var (
	// ErrShort: the bytes begin a frame and do not end it.
	ErrShort = errors.New("osdp: frame is not complete")
	// ErrFrame is wrapped by every other error: the bytes do not begin a frame.
	ErrFrame = errors.New("osdp: not a frame")
)

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFrame}, args...)...)
}

// Decode takes the frame that begins at b[0], and says how many bytes it has. The error is ErrShort, or wraps ErrFrame.
func Decode(b []byte) (Frame, int, error) {
	if len(b) > 0 && b[0] != Start {
		return Frame{}, 0, bad("begins with 0x%02x, expected 0x%02x", b[0], Start)
	}
	if len(b) >= header {
		if b[4]&reserved != 0 {
			return Frame{}, 0, bad("control byte 0x%02x has reserved bits", b[4])
		}
	}
	if len(b) < 4 {
		return Frame{}, 0, ErrShort
	}
	size := int(binary.LittleEndian.Uint16(b[2:]))
	if size < header+2 || size > MaxFrame {
		return Frame{}, 0, bad("length of %d, expected %d to %d", size, header+2, MaxFrame)
	}
	if len(b) < size {
		return Frame{}, 0, ErrShort
	}
	f, err := decode(b[:size])
	if err != nil {
		return Frame{}, 0, err
	}
	return f, size, nil
}

func decode(b []byte) (Frame, error) {
	f := Frame{
		Address:  b[1] &^ replyFlag,
		Reply:    b[1]&replyFlag != 0,
		Sequence: b[4] & sequence,
		Checksum: b[4]&useCRC == 0,
	}
	body, err := checked(b, f.Checksum)
	if err != nil {
		return Frame{}, err
	}
	rest := body[header:]
	if b[4]&secured != 0 {
		if len(rest) < 2 || rest[0] < 2 || int(rest[0]) > len(rest) || rest[0] > 2+maxSCBData || rest[1] == NoSecurity {
			return Frame{}, bad("its security block does not fit")
		}
		f.Security = rest[1]
		f.SCB = append([]byte(nil), rest[2:rest[0]]...)
		rest = rest[rest[0]:]
	}
	if f.Sealed() {
		if len(rest) < macLen {
			return Frame{}, bad("no room for its MAC")
		}
		f.MAC = append([]byte(nil), rest[len(rest)-macLen:]...)
		rest = rest[:len(rest)-macLen]
	}
	if len(rest) == 0 {
		return Frame{}, bad("without a code")
	}
	f.Code = rest[0]
	f.Data = append([]byte(nil), rest[1:]...)
	return f, nil
}

// checked is b without its check, which must be right.
func checked(b []byte, checksum bool) ([]byte, error) {
	if checksum {
		body, have := b[:len(b)-1], b[len(b)-1]
		if want := sum(body); have != want {
			return nil, bad("checksum 0x%02x, expected 0x%02x: the line is disturbed", have, want)
		}
		return body, nil
	}
	body := b[:len(b)-2]
	have := binary.LittleEndian.Uint16(b[len(b)-2:])
	if want := crc16(body); have != want {
		return nil, bad("CRC 0x%04x, expected 0x%04x: the line is disturbed", have, want)
	}
	return body, nil
}

// crc16 has polynomial 0x1021 and starts with 0x1D0F (clause "Message check codes"; examples in Annex E).
func crc16(b []byte) uint16 {
	crc := uint16(0x1D0F)
	for _, c := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^c]
	}
	return crc
}

var crcTable = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*0x1021
		}
		t[i] = crc
	}
	return t
}()

// sum is the two's complement of the sum of all bytes.
func sum(b []byte) byte {
	var s byte
	for _, c := range b {
		s += c
	}
	return -s
}
