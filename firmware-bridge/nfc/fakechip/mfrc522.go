package fakechip

import (
	"fmt"
	"syscall"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
)

// MFRC522 is an NXP MFRC522 (datasheet revision 3.9) at its registers: an spi.PortCloser whose connection is the chip.
// It has the FIFO, the commands, the timer and the error bits that a reader of type A needs, and no others.
type MFRC522 struct {
	*Field
	Version byte // what VersionReg shows, 0x92 at first; set it before the chip is used

	held    bool // in reset by its line
	reg     [64]byte
	fifo    []byte
	awake   time.Time // when the oscillator runs
	rx      []byte    // the answer that is coming
	rxError byte
	rxAt    time.Time // zero: none is coming
	timerAt time.Time // zero: it does not run
}

// NewMFRC522 makes a chip that is powered, with an empty field.
func NewMFRC522() *MFRC522 {
	c := &MFRC522{Version: 0x92}
	c.Field = newField(c.reset)
	c.reset()
	return c
}

// The registers that matter (section 9.2, table 20).
const (
	rCommand    = 0x01
	rComIrq     = 0x04
	rError      = 0x06
	rFIFOData   = 0x09
	rFIFOLevel  = 0x0A
	rControl    = 0x0C
	rBitFraming = 0x0D
	rColl       = 0x0E
	rTxControl  = 0x14
	rTxASK      = 0x15
	rTMode      = 0x2A
	rTPrescaler = 0x2B
	rTReloadHi  = 0x2C
	rTReloadLo  = 0x2D
	rVersion    = 0x37
)

// reset gives the registers their values after power-on (section 9.3).
func (c *MFRC522) reset() {
	c.reg = [64]byte{rCommand: 0x20, 0x02: 0x80, rComIrq: 0x14, 0x07: 0x21, 0x0B: 0x08, rControl: 0x10, rColl: 0xA0,
		0x11: 0x3F, rTxControl: 0x80, 0x16: 0x10, 0x17: 0x84, 0x18: 0x84, 0x19: 0x4D, 0x1C: 0x62, 0x1F: 0xEB,
		0x21: 0xFF, 0x22: 0xFF, 0x24: 0x26, 0x26: 0x48, 0x27: 0x88, 0x28: 0x20, 0x29: 0x20, rVersion: c.Version}
	c.fifo, c.rx = nil, nil
	c.rxAt, c.timerAt = time.Time{}, time.Time{}
	c.awake = time.Now().Add(2 * time.Millisecond)
}

// tx is one transaction: the address comes first, bit 7 of it means reading (section 8.1.2).
func (c *MFRC522) tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.fault == Failing:
		return fmt.Errorf("fakechip: mfrc522: %w", syscall.EIO)
	case len(w) == 0 || len(r) != 0 && len(r) != len(w):
		return fmt.Errorf("fakechip: mfrc522: transaction of %d bytes out and %d in", len(w), len(r))
	case c.dead(r):
		return nil
	case c.held:
		clear(r)
		return nil
	}
	c.pass()
	if w[0]&0x80 == 0 {
		for _, v := range w[1:] {
			c.write(w[0]>>1&0x3F, v)
		}
		return nil
	}
	for i := range w[:len(w)-1] {
		if i+1 < len(r) {
			r[i+1] = c.read(w[i] >> 1 & 0x3F)
		}
	}
	if w[0]>>1&0x3F == rFIFOData && len(r) > 1 {
		copy(r[1:], c.garbled(r[1:]))
	}
	return nil
}

// pass does what has happened since: an answer came, or the timer ran out.
func (c *MFRC522) pass() {
	now := time.Now()
	if !c.rxAt.IsZero() && !now.Before(c.rxAt) {
		c.fifo, c.rxAt, c.timerAt = append(c.fifo, c.rx...), time.Time{}, time.Time{}
		c.reg[rComIrq] |= 0x20
		c.reg[rError] = c.rxError
		if len(c.fifo) > 64 {
			c.fifo, c.reg[rError] = c.fifo[:64], c.rxError|0x10
		}
	}
	if !c.timerAt.IsZero() && !now.Before(c.timerAt) {
		c.timerAt = time.Time{}
		c.reg[rComIrq] |= 0x01
	}
}

func (c *MFRC522) read(r byte) byte {
	switch r {
	case rCommand:
		if time.Now().Before(c.awake) {
			return c.reg[r] | 0x10
		}
	case rFIFOLevel:
		return byte(len(c.fifo))
	case rFIFOData:
		if len(c.fifo) == 0 {
			return 0
		}
		v := c.fifo[0]
		c.fifo = c.fifo[1:]
		return v
	}
	return c.reg[r]
}

func (c *MFRC522) write(r, v byte) {
	switch r {
	case rCommand:
		c.command(v)
	case rComIrq: // section 9.3.1.5: Set1 says whether the marked bits are set or cleared
		if v&0x80 != 0 {
			c.reg[r] |= v & 0x7F
		} else {
			c.reg[r] &^= v
		}
	case rFIFOLevel:
		if v&0x80 != 0 {
			c.fifo = nil
			c.reg[rError] = 0
		}
	case rFIFOData:
		if len(c.fifo) == 64 {
			c.reg[rError] |= 0x10
			return
		}
		c.fifo = append(c.fifo, v)
	case rBitFraming:
		c.reg[r] = v & 0x7F
		if v&0x80 != 0 && c.reg[rCommand]&0x0F == 0x0C {
			c.transmit(int(v & 0x07))
		}
	case rTxControl:
		c.reg[r] = v
		c.radiate(v&0x03 == 0x03)
	case rError, rControl, rColl, rVersion: // read only, as far as it matters
	default:
		c.reg[r] = v
	}
}

func (c *MFRC522) command(v byte) {
	switch v & 0x0F {
	case 0x0F: // soft reset, section 10.3.1.10
		c.radiate(false)
		c.reset()
	default:
		c.reg[rCommand] = c.reg[rCommand]&0xF0 | v&0x0F
		c.rxAt, c.timerAt = time.Time{}, time.Time{}
	}
}

// transmit sends what is in the FIFO and starts the timer, when that is set to start by itself (section 8.5).
func (c *MFRC522) transmit(bits int) {
	tx := c.fifo
	c.fifo = nil
	c.rxAt, c.timerAt = time.Time{}, time.Time{}
	if c.fault == Hung {
		return
	}
	now := time.Now()
	if c.reg[rTMode]&0x80 != 0 {
		prescaler := int64(c.reg[rTMode]&0x0F)<<8 | int64(c.reg[rTPrescaler])
		reload := int64(c.reg[rTReloadHi])<<8 | int64(c.reg[rTReloadLo])
		c.timerAt = now.Add(time.Duration((reload + 1) * (2*prescaler + 1) * int64(time.Second) / 13_560_000))
	}
	heard, damaged := c.frame()
	if !heard || c.reg[rTxASK]&0x40 == 0 {
		return // a card of type A does not understand less than 100 % ASK
	}
	var answers [][]byte
	for _, p := range c.cards {
		if a := p.frame(tx, bits, c.slow); a != nil {
			answers = append(answers, a)
		}
	}
	if len(answers) == 0 {
		return
	}
	merged, position, collided := collide(answers)
	c.rx, c.rxError, c.rxAt = merged, 0, now.Add(onAir)
	c.reg[rColl] = 0xA0
	if collided {
		c.rxError, c.reg[rColl] = 0x08, 0x80|byte(position&0x1F)
	}
	if damaged {
		c.rx = flip(c.rx)
	}
}

// Connect is spi.Port's. The chip takes 10 MHz and mode 0 (section 8.1.2).
func (c *MFRC522) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if f > 10*physic.MegaHertz || mode != spi.Mode0 || bits != 8 {
		return nil, fmt.Errorf("fakechip: mfrc522: connected with %v, %v, %d bits; it takes 10 MHz, mode 0, 8 bits", f, mode, bits)
	}
	return spiConn{"fake MFRC522", c.tx}, nil
}

func (c *MFRC522) String() string { return "fake MFRC522" }

// LimitSpeed does nothing: virtual wires have no speed.
func (c *MFRC522) LimitSpeed(physic.Frequency) error { return nil }

// Close does nothing.
func (c *MFRC522) Close() error { return nil }

// ResetLine is the line to NRSTPD: on while the chip is held in reset.
func (c *MFRC522) ResetLine() bridge.Output { return &resetLine{f: c.Field, held: &c.held} }

// resetLine holds a chip in reset.
type resetLine struct {
	f    *Field
	held *bool
}

func (l *resetLine) Set(on bool) error {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	*l.held = on
	l.f.restart()
	return nil
}

func (l *resetLine) Level() (bool, error) {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	return *l.held, nil
}

// spiConn is the connection of a fake chip's SPI port.
type spiConn struct {
	name string
	tx   func(w, r []byte) error
}

func (c spiConn) String() string       { return c.name }
func (c spiConn) Tx(w, r []byte) error { return c.tx(w, r) }
func (c spiConn) Duplex() conn.Duplex  { return conn.Full }

// TxPackets does one transaction a packet, as without KeepCS.
func (c spiConn) TxPackets(packets []spi.Packet) error {
	for _, p := range packets {
		if p.KeepCS {
			return fmt.Errorf("fakechip: %s: KeepCS is not supported", c.name)
		}
		if err := c.tx(p.W, p.R); err != nil {
			return err
		}
	}
	return nil
}

var (
	_ spi.PortCloser = (*MFRC522)(nil)
	_ bridge.Output  = (*resetLine)(nil)
)
