package pn532

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/poll"
)

// The first byte of a transaction (section 6.2.5).
const (
	dataWriting   = 0x01
	statusReading = 0x02
	dataReading   = 0x03
)

const (
	spiSpeed = physic.MegaHertz     // the chip takes 5 MHz (section 6.2.5)
	spiWake  = 2 * time.Millisecond // its oscillator starts when it is selected
)

// onSPI is the chip on an SPI port (section 6.2.5). It sends the least significant bit first, which a Pi's port cannot:
// each byte is turned here.
type onSPI struct{ conn spi.Conn }

// NewSPI connects to the chip, which is alone on the port, without touching it. Reset is as in NewI2C.
func NewSPI(port spi.Port, reset bridge.Output) (*Dev, error) {
	conn, err := port.Connect(spiSpeed, spi.Mode0, 8)
	if err != nil {
		return nil, fmt.Errorf("pn532: %w", err)
	}
	return &Dev{link: link{&onSPI{conn}}, reset: reset}, nil
}

// wake selects the chip and gives it time.
func (t *onSPI) wake(ctx context.Context) error {
	if _, err := t.read(statusReading, 1); err != nil {
		return err
	}
	if !poll.Sleep(ctx, spiWake) {
		return ctx.Err()
	}
	return nil
}

func (t *onSPI) send(f []byte) error {
	return t.conn.Tx(turned(append([]byte{dataWriting}, f...)), nil)
}

func (t *onSPI) receive(ctx context.Context, until time.Time, size int) ([]byte, error) {
	err := untilReady(ctx, until, func() (bool, error) {
		status, err := t.read(statusReading, 1)
		return err == nil && status[0]&1 != 0, err
	})
	if err != nil {
		return nil, err
	}
	return t.read(dataReading, size)
}

func (t *onSPI) read(what byte, n int) ([]byte, error) {
	w, r := make([]byte, 1+n), make([]byte, 1+n)
	w[0] = what
	if err := t.conn.Tx(turned(w), r); err != nil {
		return nil, err
	}
	return turned(r[1:]), nil
}

// discard does nothing: the chip drops what was not read when it is given the next command.
func (t *onSPI) discard(context.Context) error { return nil }

// turned reverses the bits of each byte, in place.
func turned(b []byte) []byte {
	for i, v := range b {
		b[i] = bits.Reverse8(v)
	}
	return b
}
