package ntag424

import (
	"context"
	"encoding/binary"
	"fmt"

	"kapija/firmware-bridge/nfc"
)

// The application and the file of the NDEF message (NFC Forum, Type 4 Tag, NDEF Tag Application; AN12196, table 22).
var (
	selectApplication = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01, 0x00}
	selectFile        = []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, 0xE1, 0x04}
)

const (
	statusOK        = 0x9000
	statusForbidden = 0x6982 // the file needs an authentication

	maxNDEF = 254 // the file has 256 bytes, of which two are the length
)

// readNDEF reads the message of the NDEF file in two pieces. The tag makes its message once after the file was selected,
// so both are of the same one.
func readNDEF(ctx context.Context, x nfc.Exchanger) ([]byte, error) {
	for _, apdu := range [][]byte{selectApplication, selectFile} {
		_, status, err := exchange(ctx, x, apdu)
		if err != nil {
			return nil, err
		}
		if status != statusOK {
			return nil, fmt.Errorf("ntag424: %w: status %04x when its NDEF file is selected", nfc.ErrOtherKind, status)
		}
	}
	length, err := readBinary(ctx, x, 0, 2)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length))
	if n == 0 || n > maxNDEF {
		return nil, fmt.Errorf("ntag424: %w: its NDEF message has %d bytes, expected 1 to %d", nfc.ErrOtherKind, n, maxNDEF)
	}
	return readBinary(ctx, x, 2, n)
}

func readBinary(ctx context.Context, x nfc.Exchanger, at, n int) ([]byte, error) {
	data, status, err := exchange(ctx, x, []byte{0x00, 0xB0, byte(at >> 8), byte(at), byte(n)})
	switch {
	case err != nil:
		return nil, err
	case status == statusForbidden:
		return nil, fmt.Errorf("ntag424: %w: its NDEF file cannot be read without a key", nfc.ErrOtherKind)
	case status != statusOK:
		return nil, fmt.Errorf("ntag424: status %04x when the NDEF file is read, expected 9000", status)
	case len(data) != n:
		return nil, fmt.Errorf("ntag424: %d bytes of the NDEF file, expected %d", len(data), n)
	}
	return data, nil
}

func exchange(ctx context.Context, x nfc.Exchanger, apdu []byte) (data []byte, status int, err error) {
	answer, err := x.Exchange(ctx, apdu)
	if err != nil {
		return nil, 0, fmt.Errorf("ntag424: command %02x: %w", apdu[1], err)
	}
	n := len(answer) - 2
	if n < 0 {
		return nil, 0, fmt.Errorf("ntag424: command %02x: an answer of %d bytes, expected two status bytes", apdu[1], len(answer))
	}
	return answer[:n], int(binary.BigEndian.Uint16(answer[n:])), nil
}

// uri finds the first URI of an NDEF message, without what its identifier code stands for (NFC Forum, NDEF 1.0, section
// 3.2, and URI Record Type Definition 1.0, section 3.2). A record in chunks is refused: no tag of this kind has one.
func uri(message []byte) (string, error) {
	const (
		chunked, short, hasID = 0x20, 0x10, 0x08
		wellKnown             = 1
	)
	other := func(why string) (string, error) {
		return "", fmt.Errorf("ntag424: %w: %s", nfc.ErrOtherKind, why)
	}
	for rest := message; len(rest) > 0; {
		flags, head := rest[0], 3
		if flags&short == 0 {
			head = 6
		}
		if flags&hasID != 0 {
			head++
		}
		if flags&chunked != 0 || len(rest) < head {
			return other("its NDEF message is cut short, or in chunks")
		}
		kind, size, id := int(rest[1]), int64(rest[2]), 0
		if flags&short == 0 {
			size = int64(binary.BigEndian.Uint32(rest[2:]))
		}
		if flags&hasID != 0 {
			id = int(rest[head-1])
		}
		rest = rest[head:]
		if int64(kind)+int64(id)+size > int64(len(rest)) {
			return other("its NDEF message is cut short")
		}
		name, payload := rest[:kind], rest[kind+id:kind+id+int(size)]
		if flags&7 == wellKnown && string(name) == "U" && len(payload) > 0 {
			return string(payload[1:]), nil
		}
		rest = rest[kind+id+int(size):]
	}
	return other("its NDEF message has no link")
}
