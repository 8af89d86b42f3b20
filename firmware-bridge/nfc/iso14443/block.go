package iso14443

import "fmt"

// kind is what a block is for (ISO/IEC 14443-4, 7.1.1.1).
type kind int

const (
	information kind = iota // I-block
	acknowledge             // R(ACK)
	repeat                  // R(NAK)
	deselect                // S(DESELECT)
	moreTime                // S(WTX)
)

// block is what came in one frame.
type block struct {
	kind    kind
	number  byte // of I- and R-blocks: 0 or 1
	chained bool // of an I-block: more follows
	info    []byte
}

// The first byte of a block, without CID and NAD (7.1.1.1).
const (
	pcbI        = 0x02
	pcbChaining = 0x10
	pcbAck      = 0xA2
	pcbNak      = 0xB2
	pcbDeselect = 0xC2
	pcbWTX      = 0xF2
)

// maxWTXM is the largest factor of a waiting time extension (7.3); 0 and what is above are RFU.
const maxWTXM = 59

// parseBlock takes a block without its CRC. What has a CID or a NAD is refused: neither was asked for.
func parseBlock(b []byte) (block, error) {
	if len(b) == 0 {
		return block{}, fmt.Errorf("%w: empty block", ErrDisturbed)
	}
	pcb, info := b[0], b[1:]
	switch {
	case pcb&^(pcbChaining|1) == pcbI:
		return block{information, pcb & 1, pcb&pcbChaining != 0, info}, nil
	case pcb&^1 == pcbAck && len(info) == 0:
		return block{kind: acknowledge, number: pcb & 1}, nil
	case pcb&^1 == pcbNak && len(info) == 0:
		return block{kind: repeat, number: pcb & 1}, nil
	case pcb == pcbDeselect && len(info) == 0:
		return block{kind: deselect}, nil
	case pcb == pcbWTX && len(info) == 1:
		if m := info[0] & 0x3F; m < 1 || m > maxWTXM { // the two high bits tell the power level (7.3)
			return block{}, fmt.Errorf("%w: waiting time extension by %d, expected 1 to %d", ErrDisturbed, m, maxWTXM)
		}
		return block{kind: moreTime, info: []byte{info[0] & 0x3F}}, nil
	}
	return block{}, fmt.Errorf("%w: block 0x%02x with %d bytes is of no kind that was asked for", ErrDisturbed, pcb, len(info))
}
