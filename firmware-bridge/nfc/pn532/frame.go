package pn532

import (
	"bytes"
	"errors"
	"fmt"
)

// kind of a frame (section 6.2.1).
type kind int

const (
	information kind = iota
	acknowledge
	repeat      // NACK
	syntaxError // the chip did not understand the command
)

// frame is what came in one frame: of an information frame, what follows the frame identifier.
type frame struct {
	kind kind
	data []byte
}

// Frame identifiers (section 6.2.1.1), and the two frames without data (sections 6.2.1.3 and 6.2.1.4).
const (
	toChip   = 0xD4
	fromChip = 0xD5
	tfiError = 0x7F
)

var (
	startCode = []byte{0x00, 0xFF}
	ackFrame  = []byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	nackFrame = []byte{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00}
)

// The errors of decode.
var (
	errNone    = errors.New("no frame begins in what the chip sends: check the wires")
	errShort   = errors.New("the frame is not complete")
	errGarbled = errors.New("the frame is damaged: check the wires")
)

// maxLoad is what a normal information frame holds behind its frame identifier.
const maxLoad = 254

// encode makes a normal information frame of at most maxLoad bytes (section 6.2.1.1).
func encode(data []byte) []byte {
	n := byte(len(data) + 1)
	f := append([]byte{0x00, 0x00, 0xFF, n, -n, toChip}, data...)
	return append(f, -sum(f[5:]), 0x00)
}

func sum(b []byte) (s byte) {
	for _, v := range b {
		s += v
	}
	return s
}

// decode finds the first frame in b. Used is where in b it ends; with errShort, how long b has to be at least; with
// errGarbled, where to go on. The postamble is not waited for: any byte may follow.
func decode(b []byte) (f frame, used int, err error) {
	start := bytes.Index(b, startCode)
	if start < 0 {
		return frame{}, 0, errNone
	}
	head := b[start+2:]
	need := func(n int) bool { used = start + 2 + n; return len(head) < n }
	if need(2) {
		return frame{}, used, errShort
	}
	size, at := int(head[0]), 2
	switch {
	case head[0] == 0x00 && head[1] == 0xFF:
		return frame{kind: acknowledge}, used, nil
	case head[0] == 0xFF && head[1] == 0x00:
		return frame{kind: repeat}, used, nil
	case head[0] == 0xFF && head[1] == 0xFF: // extended information frame, section 6.2.1.2
		if need(5) {
			return frame{}, used, errShort
		}
		if size, at = int(head[2])<<8|int(head[3]), 5; sum(head[2:5]) != 0 || size > maxExtended {
			return frame{}, used, fmt.Errorf("%w: length", errGarbled)
		}
	case sum(head[:2]) != 0:
		return frame{}, used, fmt.Errorf("%w: length", errGarbled)
	}
	if size == 0 {
		return frame{}, used, fmt.Errorf("%w: length", errGarbled)
	}
	if need(at + size + 1) {
		return frame{}, used, errShort
	}
	body := head[at : at+size]
	switch {
	case sum(head[at:at+size+1]) != 0:
		return frame{}, used, fmt.Errorf("%w: check sum", errGarbled)
	case body[0] == tfiError && size == 1:
		return frame{kind: syntaxError}, used, nil
	case body[0] != fromChip || size < 2:
		return frame{}, used, fmt.Errorf("%w: identifier 0x%02x, expected 0x%02x", errGarbled, body[0], fromChip)
	}
	return frame{information, body[1:]}, used, nil
}

// maxExtended is the length of the longest frame of the chip: identifier, command, status and 262 bytes.
const maxExtended = 265
