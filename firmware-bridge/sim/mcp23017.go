package sim

import (
	"errors"
	"sync"
)

// Registers of the MCP23017 as numbered with IOCON.BANK = 0, of port A; port B follows each (DS20001952 table 3-5).
const (
	mcpIODIR   = 0x00
	mcpIPOL    = 0x02
	mcpGPINTEN = 0x04
	mcpDEFVAL  = 0x06
	mcpINTCON  = 0x08
	mcpIOCON   = 0x0A
	mcpGPPU    = 0x0C
	mcpINTF    = 0x0E
	mcpINTCAP  = 0x10
	mcpGPIO    = 0x12
	mcpOLAT    = 0x14
	mcpLast    = 0x15
)

// MCP23017 is a Microchip MCP23017 (DS20001952): both register layouts, the address pointer that wraps, interrupts on
// change with capture, and pins with a world outside. A pin that is an input and that nobody drives is high with its
// pull-up and low without.
type MCP23017 struct {
	addr uint16

	mu     sync.Mutex
	regs   [mcpLast + 1]byte
	at     byte     // the address pointer
	driven [16]bool // somebody drives the pin from outside, to
	high   [16]bool
	jammed [16]bool // the driver outside is stronger than the chip's own: a short circuit
	before [2]byte  // the ports' levels when last looked at
	onInt  func(high bool)
	intLow bool
}

// NewMCP23017 makes a chip at an address of 0x20 … 0x27, just powered.
func NewMCP23017(addr uint16) *MCP23017 {
	c := &MCP23017{addr: addr}
	c.reset()
	return c
}

// OnInt says what the INT line of both ports is connected to: it is told each change of the line, from whatever
// goroutine made it.
func (c *MCP23017) OnInt(line func(high bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onInt = line
	line(!c.intLow)
}

// SetPin drives a pin (0 … 7: A0 … A7, 8 … 15: B0 … B7) from outside, as a contact does.
func (c *MCP23017) SetPin(pin int, high bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.driven[pin], c.high[pin] = true, high
	c.changed()
}

// ReleasePin ends SetPin and Jam: nobody drives the pin from outside.
func (c *MCP23017) ReleasePin(pin int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.driven[pin], c.jammed[pin] = false, false
	c.changed()
}

// Jam holds a pin at a level, whatever the chip drives.
func (c *MCP23017) Jam(pin int, high bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.driven[pin], c.jammed[pin], c.high[pin] = true, true, high
	c.changed()
}

// Pin is the level that a pin has, and whether the chip drives it.
func (c *MCP23017) Pin(pin int) (high, output bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	port, bit := pin/8, byte(1)<<(pin%8)
	return c.levels()[port]&bit != 0, c.regs[mcpIODIR+port]&bit == 0
}

func (c *MCP23017) address() uint16 { return c.addr }

func (c *MCP23017) set(quantity string, value float64) error {
	return check("mcp23017", nil, quantity, value)
}

func (c *MCP23017) powerOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
	c.signal()
}

func (c *MCP23017) reset() {
	c.regs = [mcpLast + 1]byte{mcpIODIR: 0xFF, mcpIODIR + 1: 0xFF}
	c.at = 0
	c.before = c.levels()
}

// levels is what the two ports carry.
func (c *MCP23017) levels() (ports [2]byte) {
	for pin := range 16 {
		port, bit := pin/8, byte(1)<<(pin%8)
		high := c.regs[mcpGPPU+port]&bit != 0
		switch {
		case c.jammed[pin]:
			high = c.high[pin]
		case c.regs[mcpIODIR+port]&bit == 0:
			high = c.regs[mcpOLAT+port]&bit != 0
		case c.driven[pin]:
			high = c.high[pin]
		}
		if high {
			ports[port] |= bit
		}
	}
	return ports
}

// changed raises the interrupts of what is different: the first one of a port captures it, until it is read (section 3.6).
func (c *MCP23017) changed() {
	now := c.levels()
	for port := range 2 {
		compare := c.before[port]&^c.regs[mcpINTCON+port] | c.regs[mcpDEFVAL+port]&c.regs[mcpINTCON+port]
		raised := (now[port] ^ compare) & c.regs[mcpGPINTEN+port] & c.regs[mcpIODIR+port]
		if raised != 0 && c.regs[mcpINTF+port] == 0 {
			c.regs[mcpINTF+port] = raised
			c.regs[mcpINTCAP+port] = now[port] ^ c.regs[mcpIPOL+port]
		}
	}
	c.before = now
	c.signal()
}

// signal drives INT, which is active low and mirrored.
func (c *MCP23017) signal() {
	low := c.regs[mcpINTF]|c.regs[mcpINTF+1] != 0
	if low != c.intLow {
		c.intLow = low
		if c.onInt != nil {
			c.onInt(!low)
		}
	}
}

func (c *MCP23017) tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(w) > 0 {
		c.at = w[0]
		for _, b := range w[1:] {
			if reg, ok := c.register(); ok {
				c.write(reg, b)
			}
			c.step()
		}
	} else if len(r) == 0 {
		return errors.New("an empty transaction")
	}
	for i := range r {
		r[i] = 0
		if reg, ok := c.register(); ok {
			r[i] = c.read(reg)
		}
		c.step()
	}
	c.changed()
	return nil
}

// register is the register at the address pointer, numbered as with BANK = 0.
func (c *MCP23017) register() (reg byte, ok bool) {
	if c.regs[mcpIOCON]&0x80 == 0 {
		return c.at, c.at <= mcpLast
	}
	return c.at&0x0F*2 + c.at>>4, c.at <= 0x1A && c.at&0x0F <= 0x0A
}

// step moves the address pointer on, unless IOCON.SEQOP forbids it; behind the last register it goes to the first.
func (c *MCP23017) step() {
	last := byte(mcpLast)
	if c.regs[mcpIOCON]&0x80 != 0 {
		last = 0x1A
	}
	switch {
	case c.regs[mcpIOCON]&0x20 != 0:
	case c.at == last:
		c.at = 0
	case c.regs[mcpIOCON]&0x80 != 0 && c.at == 0x0A:
		c.at = 0x10
	default:
		c.at++
	}
}

func (c *MCP23017) write(reg, value byte) {
	switch reg {
	case mcpINTF, mcpINTF + 1, mcpINTCAP, mcpINTCAP + 1: // read only
	case mcpGPIO, mcpGPIO + 1: // a write changes the latch
		c.regs[reg-mcpGPIO+mcpOLAT] = value
	case mcpIOCON, mcpIOCON + 1: // one register at two addresses; bit 0 is not implemented
		c.regs[mcpIOCON], c.regs[mcpIOCON+1] = value&0xFE, value&0xFE
	default:
		c.regs[reg] = value
	}
}

func (c *MCP23017) read(reg byte) byte {
	port := reg & 1
	switch reg &^ 1 {
	case mcpGPIO:
		c.regs[mcpINTF+port] = 0
		return c.levels()[port] ^ c.regs[mcpIPOL+port]&c.regs[mcpIODIR+port]
	case mcpINTCAP:
		c.regs[mcpINTF+port] = 0
	}
	return c.regs[reg]
}

var _ chip = (*MCP23017)(nil)
