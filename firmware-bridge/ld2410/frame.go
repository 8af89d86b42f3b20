package ld2410

import (
	"bytes"
	"encoding/binary"
)

// A report ("Radar data output protocol"): header, length of the data, data, tail; numbers are little-endian. The data
// of basic and of engineering mode begin and end alike:
//
//	type      02 basic, 01 engineering
//	AA
//	state     00 nobody, 01 moving, 02 still, 03 moving and still
//	8 bytes   distance and energy of who moves and of who is still, distance of detection
//	          in engineering mode, the energy of each gate
//	55 00
var (
	header = []byte{0xF4, 0xF3, 0xF2, 0xF1}
	tail   = []byte{0xF8, 0xF7, 0xF6, 0xF5}
)

const (
	typeEngineering, typeBasic = 0x01, 0x02

	prefix    = 4 + 2                // header and length
	basicData = 1 + 1 + 1 + 8 + 2    // the least data
	maxData   = 64                   // engineering mode has some 35 to 40
	maxFrame  = prefix + maxData + 4 // the most that is held
)

// parser finds reports in a stream. What does not belong to one is skipped, byte by byte, so that a report that follows
// a broken one, or is part of it, is found. It holds one frame at most.
type parser struct{ buf []byte }

// feed takes the next byte. It says when that completes a report, and whether the report sees somebody; of several the
// last one counts.
func (p *parser) feed(b byte) (there, ok bool) {
	p.buf = append(p.buf, b)
	at := 0
	for at < len(p.buf) {
		frame, n := cut(p.buf[at:])
		if n == 0 {
			break
		}
		at += n
		if frame != nil {
			there, ok = frame[2]&3 != 0, true
		}
	}
	p.buf = p.buf[:copy(p.buf, p.buf[at:])]
	return there, ok
}

// cut takes the data of the report that b begins with, and says how many bytes are done with: 0 when more are needed to
// tell, 1 when none begins here.
func cut(b []byte) (data []byte, n int) {
	if k := min(len(b), len(header)); !bytes.Equal(b[:k], header[:k]) {
		return nil, 1
	}
	if len(b) < prefix {
		return nil, 0
	}
	size := int(binary.LittleEndian.Uint16(b[len(header):]))
	if size < basicData || size > maxData {
		return nil, 1
	}
	n = prefix + size + len(tail)
	if len(b) < n {
		return nil, 0
	}
	data = b[prefix : prefix+size]
	if !bytes.Equal(b[prefix+size:n], tail) || !valid(data) {
		return nil, 1
	}
	return data, n
}

func valid(data []byte) bool {
	engineering := data[0] == typeEngineering
	basic := data[0] == typeBasic && len(data) == basicData
	return (engineering || basic) && data[1] == 0xAA && data[2] <= 3 && data[len(data)-2] == 0x55
}
