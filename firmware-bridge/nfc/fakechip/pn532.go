package fakechip

import (
	"time"

	bridge "kapija/firmware-bridge"
)

// PN532 is an NXP PN532 (user manual UM0701-02) with firmware 1.6: I2C, SPI and Serial are its wires, of which one is used.
// It has the commands that a reader of type A needs and answers others with the error frame. A halted card is not found
// before the field was off: the manual does not promise that the chip wakes it.
type PN532 struct {
	*Field
	Firmware [4]byte // IC, version, revision, support; set it before the chip is used

	held    bool
	asleep  bool // until the wires wake it
	normal  bool // SAMConfiguration came
	retries byte // of InListPassiveTarget, 0xFF without end
	targets []*picc
	in      []byte // of an APDU in parts
	answer  []byte // what is still to be fetched

	wire []byte  // from the host, as far as it is no whole frame
	out  []reply // what the host can read, in order
	last []byte  // the response that a NACK asks for again
}

// reply is a frame to the host and when it is ready.
type reply struct {
	frame []byte
	at    time.Time
}

// NewPN532 makes a chip that was just powered, with an empty field.
func NewPN532() *PN532 {
	c := &PN532{Firmware: [4]byte{0x32, 0x01, 0x06, 0x07}}
	c.Field = newField(c.reset)
	c.reset()
	return c
}

func (c *PN532) reset() {
	c.asleep, c.normal, c.retries = true, false, 0xFF
	c.targets, c.in, c.answer = nil, nil, nil
	c.wire, c.out, c.last = nil, nil, nil
}

// ResetLine is the line to RSTPDN: on while the chip is held in reset.
func (c *PN532) ResetLine() bridge.Output { return &resetLine{f: c.Field, held: &c.held} }

// maxData is what one InDataExchange carries (UM0701-02, p. 127).
const maxData = 262

const never = -1

// run executes a command. Without an end, it takes never.
func (c *PN532) run(code byte, p []byte) (response []byte, takes time.Duration) {
	const ms = time.Millisecond
	switch {
	case code == 0x02: // GetFirmwareVersion, p. 73
		return c.Firmware[:], ms
	case code == 0x14 && len(p) >= 1 && p[0] == 0x01: // SAMConfiguration, p. 89
		c.normal = true
		return []byte{}, ms
	case code == 0x12 && len(p) == 1: // SetParameters, p. 85
		return []byte{}, ms
	case code == 0x06 && len(p) == 2: // ReadRegister, p. 76
		value := byte(0)
		if p[0] == 0x63 && p[1] == 0x04 { // CIU_TxControl
			value = 0x80
			if c.on {
				value = 0x83
			}
		}
		return []byte{value}, ms
	case code == 0x32 && len(p) == 2 && p[0] == 0x01: // RFConfiguration, p. 101: the field
		c.radiate(c.normal && p[1]&0x01 != 0)
		return []byte{}, ms
	case code == 0x32 && len(p) == 4 && p[0] == 0x05: // MaxRetries
		c.retries = p[3]
		return []byte{}, ms
	case code == 0x4A && len(p) == 2 && p[1] == 0x00: // InListPassiveTarget, p. 115
		return c.list(int(p[0]))
	case code == 0x40 && len(p) >= 1: // InDataExchange, p. 127
		return c.exchange(p[0], p[1:])
	case code == 0x52 && len(p) == 1: // InRelease, p. 140
		for _, t := range c.targets {
			t.state = halted
		}
		c.targets = nil
		return []byte{0x00}, 2 * ms
	}
	return nil, ms
}

// list looks for cards with REQA: one that is active goes idle at the first and is found at the second.
func (c *PN532) list(most int) ([]byte, time.Duration) {
	c.targets, c.in, c.answer = nil, nil, nil
	if !c.normal {
		return nil, never
	}
	c.radiate(true)
	heard, _ := c.frame()
	response := []byte{0}
	for _, p := range c.cards {
		if !heard || p.state == halted || p.state == active && c.retries == 0 || len(c.targets) == most {
			continue
		}
		p.state = active
		c.targets = append(c.targets, p)
		id := p.card.Identity()
		response[0]++
		response = append(response, response[0], byte(id.ATQA>>8), byte(id.ATQA), id.SAK, byte(len(id.UID)))
		response = append(response, id.UID...)
		if id.ISO14443Part4() {
			response = append(response, ats...)
		}
	}
	if len(c.targets) > 0 {
		return response, 12 * time.Millisecond
	}
	if c.retries == 0xFF {
		return nil, never
	}
	return response, time.Duration(c.retries+1) * 4 * time.Millisecond
}

// The error codes that can happen here (p. 67), and the flag of more information.
const (
	stTimeout = 0x01
	stCRC     = 0x02
	stContext = 0x27
	more      = 0x40
)

func (c *PN532) exchange(target byte, data []byte) ([]byte, time.Duration) {
	n := int(target & 0x07)
	if n < 1 || n > len(c.targets) {
		return []byte{stContext}, time.Millisecond
	}
	c.in = append(c.in, data...)
	if target&more != 0 {
		return []byte{0x00}, time.Millisecond
	}
	takes := 3 * time.Millisecond
	if len(c.answer) == 0 || len(data) > 0 {
		apdu := c.in
		c.in = nil
		heard, damaged := c.frame()
		takes += time.Duration(c.slow) * 20 * time.Millisecond
		present := false
		for _, p := range c.cards {
			present = present || heard && p == c.targets[n-1]
		}
		if present {
			c.answer = append([]byte(nil), c.targets[n-1].card.Answer(apdu)...)
		}
		switch {
		case !present || len(c.answer) == 0:
			c.answer = nil
			return []byte{stTimeout}, 80 * time.Millisecond
		case damaged:
			c.answer = nil
			return []byte{stCRC}, takes
		}
	}
	part := c.answer[:min(len(c.answer), maxData)]
	status := byte(0)
	if c.answer = c.answer[len(part):]; len(c.answer) > 0 {
		status = more
	}
	return append([]byte{status}, part...), takes
}
