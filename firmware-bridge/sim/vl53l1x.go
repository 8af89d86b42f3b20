package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// Registers of the VL53L1X, as named by ST's ultra lite driver (UM2510, STSW-IMG009).
const (
	vlAddress  = 0x0001
	vlPolarity = 0x0030
	vlReady    = 0x0031
	vlPeriod   = 0x006C
	vlClear    = 0x0086
	vlStart    = 0x0087
	vlStatus   = 0x0089
	vlDistance = 0x0096
	vlClock    = 0x00DE
	vlBooted   = 0x00E5
	vlModel    = 0x010F
)

const (
	vlDefaultAddress = 0x29
	vlNowhere        = 0xFFFF // the address of a chip that is held in reset
	vlBoot           = 1200 * time.Microsecond
	vlCalibration    = 592 // of its oscillator
)

// VL53L1X is an ST VL53L1X (DS12385): registers of 16-bit addresses, an I²C address that can be changed until the next
// power-on, a boot that takes 1.2 ms, and measurements one a period once it was started. It does not check that it was
// configured as ST wants it.
type VL53L1X struct {
	clock func() time.Duration

	mu     sync.Mutex
	regs   [0x0200]byte
	at     uint16
	addr   uint16
	held   bool // XSHUT
	boots  time.Duration
	began  time.Duration // when ranging was started
	taken  int64         // measurements since, up to the one that was cleared
	frozen bool
	mm     uint16
	status byte
}

// NewVL53L1X makes a chip at address 0x29, just powered, with nothing in front of it for 1 m.
func NewVL53L1X(clock func() time.Duration) *VL53L1X {
	c := &VL53L1X{clock: clock, mm: 1000, status: 9}
	c.reset()
	return c
}

// SetDistance sets the distance in mm to what is in front of it, which is measured well.
func (c *VL53L1X) SetDistance(mm uint16) { c.SetResult(mm, 9) }

// SetResult sets the distance and the range status as the chip writes it: 9 is a good one, 4 no signal, 6 a noisy one, 7
// a wrapped target.
func (c *VL53L1X) SetResult(mm uint16, status byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mm, c.status = mm, status
}

// Freeze makes measurements never end, or ends that.
func (c *VL53L1X) Freeze(frozen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = frozen
}

// XSHUT is the line that holds the chip in reset while it is on.
func (c *VL53L1X) XSHUT() bridge.Output { return (*vlReset)(c) }

type vlReset VL53L1X

func (r *vlReset) Set(on bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held && !on {
		(*VL53L1X)(r).reset()
	}
	r.held = on
	return nil
}

func (r *vlReset) Level() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held, nil
}

func (c *VL53L1X) address() uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		return vlNowhere
	}
	return c.addr
}

func (c *VL53L1X) set(quantity string, value float64) error {
	return check("vl53l1x", nil, quantity, value)
}

func (c *VL53L1X) powerOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *VL53L1X) reset() {
	c.regs = [0x0200]byte{vlBooted: 3, vlModel: 0xEA, vlModel + 1: 0xCC}
	binary.BigEndian.PutUint16(c.regs[vlClock:], vlCalibration)
	c.addr, c.at = vlDefaultAddress, 0
	c.boots = c.clock() + vlBoot
}

func (c *VL53L1X) tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock() < c.boots {
		return errors.New("refused while it boots")
	}
	if len(w) == 1 {
		return errors.New("refused a register address of one byte")
	}
	if len(w) > 0 {
		c.at = binary.BigEndian.Uint16(w)
		for _, b := range w[2:] {
			if err := c.write(c.at, b); err != nil {
				return err
			}
			c.at++
		}
	}
	c.measure()
	for i := range r {
		r[i] = 0
		if int(c.at) < len(c.regs) {
			r[i] = c.regs[c.at]
		}
		c.at++
	}
	return nil
}

func (c *VL53L1X) write(reg uint16, value byte) error {
	if int(reg) >= len(c.regs) {
		return fmt.Errorf("refused a write to register 0x%04x", reg)
	}
	switch {
	case reg == vlStart && value == 0x40 && c.regs[vlStart] != 0x40:
		c.began, c.taken = c.clock(), 0
	case reg == vlClear && value&1 != 0:
		c.taken = c.done()
		return nil
	case reg >= vlStatus:
		return nil // results and what is burnt in
	}
	c.regs[reg] = value
	if reg == vlAddress {
		c.addr = uint16(value & 0x7F)
	}
	return nil
}

// done is how many measurements ended since the start.
func (c *VL53L1X) done() int64 {
	ms := float64(binary.BigEndian.Uint32(c.regs[vlPeriod:])) / (vlCalibration * 1.075)
	if c.regs[vlStart] != 0x40 || c.frozen || ms < 1 {
		return c.taken
	}
	return int64((c.clock() - c.began).Seconds() * 1000 / ms)
}

// measure fills the results, and says on the interrupt line that they are there.
func (c *VL53L1X) measure() {
	ready := c.done() > c.taken
	if ready {
		c.regs[vlStatus] = c.status
		binary.BigEndian.PutUint16(c.regs[vlDistance:], c.mm)
	}
	level := c.regs[vlPolarity]>>4&1 == 0
	c.regs[vlReady] &^= 1
	if ready == level {
		c.regs[vlReady] |= 1
	}
}

var (
	_ chip          = (*VL53L1X)(nil)
	_ bridge.Output = (*vlReset)(nil)
)
