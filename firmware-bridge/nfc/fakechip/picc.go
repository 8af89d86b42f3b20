package fakechip

import (
	"kapija/firmware-bridge/nfc/fakecard"
	"kapija/firmware-bridge/nfc/iso14443"
)

// state is that of a card (ISO/IEC 14443-3, 6.3, and ISO/IEC 14443-4).
type state int

const (
	idle state = iota
	ready
	active
	halted
	protocol
)

// picc is a card on the air: it takes frames and answers them, as ISO/IEC 14443-3 and -4 say for a card of type A.
type picc struct {
	card  fakecard.Card
	state state
	woken bool // by WUPA, from HALT: an error leads back there
	level int  // of the cascade, 0 … 2

	fsd    int    // longest frame that the reader takes
	number byte   // of the last block (ISO/IEC 14443-4, 7.5.3.2)
	in     []byte // of the APDU, as far as it has come
	out    []byte // of the answer, as far as it has not gone
	last   []byte // the last block sent
	extend int    // how often more time will be asked for
}

// ats is that of a DESFire: frames of 64 bytes, FWI 8, SFGI 1, CID supported.
var ats = []byte{0x06, 0x75, 0x77, 0x81, 0x02, 0x80}

const frameSize = 64 // as ats says

func (p *picc) powerOn() {
	*p = picc{card: p.card}
	if c, ok := p.card.(fakecard.Powered); ok {
		c.PowerOn()
	}
}

// levels are the UID in the parts that the cascade levels carry, each with its check byte.
func (p *picc) levels() [][]byte {
	var parts [][]byte
	for uid := p.card.Identity().UID; ; {
		part := append([]byte(nil), uid[:min(4, len(uid))]...)
		if len(uid) > 4 {
			part = append([]byte{0x88}, uid[:3]...)
		}
		parts = append(parts, append(part, part[0]^part[1]^part[2]^part[3]))
		if len(uid) <= 4 {
			return parts
		}
		uid = uid[3:]
	}
}

// frame takes a frame with its CRC and returns the answer, nil for none.
func (p *picc) frame(tx []byte, bits, slow int) []byte {
	if p.state == protocol {
		if b, ok := checked(tx); ok && bits == 0 {
			return crc(p.block(b, slow))
		}
		return nil
	}
	switch {
	case bits == 7 && len(tx) == 1 && (tx[0] == 0x26 && p.state == idle || tx[0] == 0x52 && (p.state == idle || p.state == halted)):
		p.woken, p.state, p.level = p.state == halted, ready, 0
		atqa := p.card.Identity().ATQA
		return []byte{byte(atqa), byte(atqa >> 8)}
	case bits == 0 && p.state == ready && len(tx) > 1 && int(tx[0]) == 0x93+2*p.level:
		if got := p.selecting(tx); got != nil {
			return got
		}
	case bits == 0 && p.state == active:
		if b, ok := checked(tx); ok && len(b) == 2 {
			switch {
			case b[0] == 0x50 && b[1] == 0x00:
				p.state = halted
				return nil
			case b[0] == 0xE0 && p.card.Identity().ISO14443Part4():
				p.state, p.number, p.in, p.out = protocol, 1, nil, nil
				p.fsd = [...]int{16, 24, 32, 40, 48, 64, 96, 128, 256}[min(b[1]>>4, 8)]
				return crc(ats)
			}
		}
	}
	if p.state == ready || p.state == active {
		p.state = idle
		if p.woken {
			p.state = halted
		}
	}
	return nil
}

// selecting is the anticollision and SELECT of one level.
func (p *picc) selecting(tx []byte) []byte {
	parts := p.levels()
	part := parts[p.level]
	if len(tx) == 2 && tx[1] == 0x20 {
		return part
	}
	b, ok := checked(tx)
	if !ok || len(b) != 7 || b[1] != 0x70 || string(b[2:]) != string(part) {
		return nil
	}
	sak := p.card.Identity().SAK &^ 0x04
	if p.level++; p.level < len(parts) {
		sak = 0x04
	} else {
		p.state = active
	}
	return crc([]byte{sak})
}

// block is one block of ISO/IEC 14443-4 (the rules are those of 7.5.3.2 and 7.5.4.3).
func (p *picc) block(b []byte, slow int) []byte {
	switch pcb := b[0]; {
	case pcb&0xEE == 0x02:
		p.number ^= 1 // rule D
		p.in = append(p.in, b[1:]...)
		if pcb&0x10 != 0 {
			p.last = []byte{0xA2 | p.number}
			break
		}
		p.out, p.in, p.extend = p.card.Answer(p.in), nil, slow
		p.last = p.next()
	case pcb&0xEE == 0xA2:
		switch {
		case pcb&1 == p.number: // rule 11
		case pcb&0x10 != 0: // rule 12
			return []byte{0xA2 | p.number}
		default: // rules E and 13
			p.number ^= 1
			p.last = p.next()
		}
	case pcb == 0xF2 && p.extend > 0:
		p.extend--
		p.last = p.next()
	case pcb == 0xC2:
		p.state = halted
		return []byte{0xC2}
	default:
		return nil
	}
	return p.last
}

// next is the next block of the answer, or the question for more time.
func (p *picc) next() []byte {
	if p.extend > 0 {
		return []byte{0xF2, 0x02}
	}
	n := min(len(p.out), min(p.fsd, frameSize)-3)
	b := append([]byte{0x02 | p.number}, p.out[:n]...)
	if p.out = p.out[n:]; len(p.out) > 0 {
		b[0] |= 0x10
	}
	return b
}

func crc(b []byte) []byte {
	if b == nil {
		return nil
	}
	c := iso14443.CRC(b)
	return append(b[:len(b):len(b)], byte(c), byte(c>>8))
}

// checked takes the CRC off.
func checked(b []byte) ([]byte, bool) {
	n := len(b) - 2
	if n < 1 {
		return nil, false
	}
	c := iso14443.CRC(b[:n])
	return b[:n], b[n] == byte(c) && b[n+1] == byte(c>>8)
}

// collide is what several answers look like at once: the bits are those of the first, up to the first that differs.
func collide(answers [][]byte) (merged []byte, position int, collided bool) {
	merged = answers[0]
	for _, other := range answers[1:] {
		for i := range min(len(merged), len(other)) {
			for bit := range 8 {
				if (merged[i]^other[i])>>bit&1 != 0 {
					return merged[:i+1], 8*i + bit + 1, true
				}
			}
		}
	}
	return merged, 0, false
}
