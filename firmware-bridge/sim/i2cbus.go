package sim

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// I2CBus is an I²C bus that several fake chips share: an i2c.Bus, with the errors that Linux gives. Chips that have the
// same address all take what is written, and what they answer is wired together: a bit is 1 when none pulls it low.
type I2CBus struct {
	name string

	mu     sync.Mutex
	chips  []chip
	dark   map[chip]bool // without power
	failed bool
	closed bool
	every  int // each so many transactions one is disturbed; 0: none
	count  int
}

// NewI2CBus makes a bus with these chips, which have power.
func NewI2CBus(name string, chips ...chip) *I2CBus {
	return &I2CBus{name: name, chips: chips, dark: map[chip]bool{}}
}

func (b *I2CBus) String() string { return b.name }

// Tx is one transaction.
func (b *I2CBus) Tx(addr uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("sim: %s: %w", b.name, os.ErrClosed)
	}
	b.count++
	if b.failed || b.every > 0 && b.count%b.every == 0 {
		return fmt.Errorf("sim: %s: address 0x%02x: %w", b.name, addr, syscall.EIO)
	}
	for i := range r {
		r[i] = 0xFF
	}
	answered := false
	for _, c := range b.chips {
		if b.dark[c] || c.address() != addr {
			continue
		}
		said := make([]byte, len(r))
		if err := c.tx(w, said); err != nil {
			return fmt.Errorf("sim: %s: address 0x%02x: %w", b.name, addr, err)
		}
		for i := range r {
			r[i] &= said[i]
		}
		answered = true
	}
	if !answered {
		return fmt.Errorf("sim: %s: address 0x%02x: %w", b.name, addr, syscall.ENXIO)
	}
	return nil
}

// SetSpeed does nothing: virtual wires have no speed.
func (b *I2CBus) SetSpeed(physic.Frequency) error { return nil }

// Fail makes each transaction fail, or ends that. The chips keep their power.
func (b *I2CBus) Fail(failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = failed
}

// Disturb makes one of so many transactions fail, at least 2; 0 ends that.
func (b *I2CBus) Disturb(oneOf int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.every = oneOf
}

// Power cuts the power of a chip of this bus, or gives it back: the chip then is as after power-on.
func (b *I2CBus) Power(c chip, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if on && b.dark[c] {
		c.powerOn()
	}
	b.dark[c] = !on
}

func (b *I2CBus) powered(c chip) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.dark[c]
}

func (b *I2CBus) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

var _ i2c.Bus = (*I2CBus)(nil)
