package fakechip

import (
	"fmt"
	"math/bits"
	"os"
	"syscall"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
)

// I2C is the bus that the chip is alone on, at address 0x24 (UM0701-02, section 6.2.4). After power-on it does not
// acknowledge the first transaction, which wakes it.
func (c *PN532) I2C() i2c.Bus { return (*pnI2C)(c) }

// SPI is the port that the chip is on: mode 0, least significant bit first (section 6.2.5), at most 5 MHz. After power-on
// the first transaction only wakes it.
func (c *PN532) SPI() spi.PortCloser { return (*pnSPI)(c) }

// Serial is the port that the chip is on, at 115200 baud (section 6.2.3). After power-on it is deaf until it is woken.
func (c *PN532) Serial() bridge.Port {
	return &pnSerial{c: c, closed: make(chan struct{}), timeout: -1}
}

type pnI2C PN532

func (b *pnI2C) String() string { return "fake PN532" }

func (b *pnI2C) SetSpeed(physic.Frequency) error { return nil }

func (b *pnI2C) Tx(addr uint16, w, r []byte) error {
	c := (*PN532)(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.fault == Failing:
		return fmt.Errorf("fakechip: pn532: %w", syscall.EIO)
	case addr != 0x24 || c.held:
		return fmt.Errorf("fakechip: pn532: address 0x%02x: %w", addr, syscall.ENXIO)
	case c.dead(r):
		return nil
	case c.asleep:
		c.asleep = false
		return fmt.Errorf("fakechip: pn532: asleep: %w", syscall.ENXIO)
	}
	if len(w) > 0 {
		c.feed(w)
	}
	if len(r) > 0 {
		clear(r)
		if ok, _ := c.ready(); ok {
			r[0] = 0x01
			if len(r) > 1 {
				copy(r[1:], c.fetch())
			}
		}
	}
	return nil
}

type pnSPI PN532

func (p *pnSPI) String() string                    { return "fake PN532" }
func (p *pnSPI) LimitSpeed(physic.Frequency) error { return nil }
func (p *pnSPI) Close() error                      { return nil }

func (p *pnSPI) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if f > 5*physic.MegaHertz || mode != spi.Mode0 || bits != 8 {
		return nil, fmt.Errorf("fakechip: pn532: connected with %v, %v, %d bits; the port takes 5 MHz, mode 0, 8 bits", f, mode, bits)
	}
	return spiConn{"fake PN532", (*PN532)(p).spi}, nil
}

// spi is one transaction. The port is one that sends the most significant bit first, as a Pi's: each byte is turned.
func (c *PN532) spi(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.fault == Failing:
		return fmt.Errorf("fakechip: pn532: %w", syscall.EIO)
	case len(w) == 0 || len(r) != 0 && len(r) != len(w):
		return fmt.Errorf("fakechip: pn532: transaction of %d bytes out and %d in", len(w), len(r))
	case c.dead(r):
		return nil
	case c.held, c.asleep:
		c.asleep = false
		clear(r)
		return nil
	}
	ok, _ := c.ready()
	switch in := make([]byte, len(r)); bits.Reverse8(w[0]) {
	case 0x01:
		turned := make([]byte, len(w)-1)
		for i, v := range w[1:] {
			turned[i] = bits.Reverse8(v)
		}
		c.feed(turned)
	case 0x02:
		if ok && len(in) > 1 {
			in[1] = 0x01
		}
		turn(r, in)
	case 0x03:
		if ok && len(in) > 1 {
			copy(in[1:], c.fetch())
		}
		turn(r, in)
	}
	return nil
}

func turn(dst, src []byte) {
	for i, v := range src {
		dst[i] = bits.Reverse8(v)
	}
}

type pnSerial struct {
	c       *PN532
	closed  chan struct{}
	timeout time.Duration
	baud    int
	rest    []byte // of a frame that was read in part
}

func (s *pnSerial) Write(p []byte) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	switch {
	case s.isClosed():
		return 0, os.ErrClosed
	case s.c.fault == Failing:
		return 0, fmt.Errorf("fakechip: pn532: %w", syscall.EIO)
	case s.c.dead(nil) || s.c.held || s.baud != 115200:
		return len(p), nil
	}
	if s.c.asleep && len(p) > 1 && p[0] == 0x55 && p[1] == 0x55 {
		s.c.asleep = false
	}
	if !s.c.asleep {
		for ok, _ := s.c.ready(); ok; ok, _ = s.c.ready() { // it is on its way and cannot be aborted
			s.rest = append(s.rest, s.c.fetch()...)
		}
		s.c.feed(p)
		s.wake()
	}
	return len(p), nil
}

// wake makes a Read look again.
func (s *pnSerial) wake() {
	close(s.c.changed)
	s.c.changed = make(chan struct{})
}

func (s *pnSerial) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

func (s *pnSerial) Read(p []byte) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	end := time.Now().Add(s.timeout)
	for {
		switch {
		case s.isClosed():
			return 0, os.ErrClosed
		case s.c.fault == Failing:
			return 0, fmt.Errorf("fakechip: pn532: %w", syscall.EIO)
		}
		ok, at := s.c.ready()
		if ok {
			s.rest = append(s.rest, s.c.fetch()...)
		}
		if len(s.rest) > 0 {
			n := copy(p, s.rest[:min(len(s.rest), 16)]) // as a UART's FIFO gives them
			s.rest = s.rest[n:]
			return n, nil
		}
		now := time.Now()
		if s.timeout >= 0 && !now.Before(end) {
			return 0, nil
		}
		if s.timeout >= 0 && (at.IsZero() || end.Before(at)) {
			at = end
		}
		s.await(at)
	}
}

// await waits without the lock until at, or for a change; the zero time means only for a change.
func (s *pnSerial) await(at time.Time) {
	changed := s.c.changed
	s.c.mu.Unlock()
	defer s.c.mu.Lock()
	var due <-chan time.Time
	if !at.IsZero() {
		due = time.After(time.Until(at))
	}
	select {
	case <-due:
	case <-changed:
	case <-s.closed:
	}
}

func (s *pnSerial) SetReadTimeout(d time.Duration) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.timeout = d
	return nil
}

func (s *pnSerial) SetSpeed(baud int) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.baud = baud
	return nil
}

func (s *pnSerial) Close() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.isClosed() {
		return os.ErrClosed
	}
	close(s.closed)
	return nil
}

var (
	_ i2c.Bus        = (*pnI2C)(nil)
	_ spi.PortCloser = (*pnSPI)(nil)
	_ bridge.Port    = (*pnSerial)(nil)
)
