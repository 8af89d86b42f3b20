package pn532

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	bridge "kapija/firmware-bridge"
)

// Address is the only one the chip has on I²C (section 6.2.4: 0x48 with the bit for writing).
const Address = 0x24

// onI2C is the chip on an I²C bus (section 6.2.4): each read begins with a byte whose lowest bit says that a frame is
// there, and begins the frame anew.
type onI2C struct{ bus i2c.Dev }

// NewI2C makes the reader at addr, which is Address, without touching the bus. Reset is the line to RSTPDN, on while the
// chip is held in reset; without one it is nil.
func NewI2C(bus i2c.Bus, addr uint16, reset bridge.Output) (*Dev, error) {
	if addr != Address {
		return nil, fmt.Errorf("pn532: address 0x%02x; the chip has 0x%02x", addr, Address)
	}
	return &Dev{link: link{&onI2C{i2c.Dev{Bus: bus, Addr: addr}}}, reset: reset}, nil
}

// wake does nothing: being addressed wakes the chip, which may refuse that first time.
func (t *onI2C) wake(context.Context) error { return nil }

func (t *onI2C) send(f []byte) error { return t.bus.Tx(f, nil) }

func (t *onI2C) receive(ctx context.Context, until time.Time, size int) ([]byte, error) {
	ready := make([]byte, 1)
	err := untilReady(ctx, until, func() (bool, error) {
		err := t.bus.Tx(nil, ready)
		return ready[0]&1 != 0, err
	})
	if err != nil {
		return nil, err
	}
	b := make([]byte, 1+size)
	if err := t.bus.Tx(nil, b); err != nil {
		return nil, err
	}
	return b[1:], nil
}

// discard does nothing: the chip drops what was not read when it is given the next command.
func (t *onI2C) discard(context.Context) error { return nil }
