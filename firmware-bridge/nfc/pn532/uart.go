package pn532

import (
	"context"
	"errors"
	"time"

	bridge "kapija/firmware-bridge"
)

const (
	baud  = 115200                // section 6.2.3
	slice = 10 * time.Millisecond // of waiting, after which ctx is looked at
)

// wakeUp takes the chip out of its power-down: the first bytes wake it, the others give it time (section 6.2.3 and the
// application note AN10609).
var wakeUp = append([]byte{0x55, 0x55}, make([]byte, 14)...)

// onUART is the chip on a serial port (section 6.2.3).
type onUART struct {
	port bridge.Port
	buf  []byte // what was read behind the last frame
}

// NewUART makes the reader on a serial port, without touching it. Reset is as in NewI2C.
func NewUART(port bridge.Port, reset bridge.Output) *Dev {
	return &Dev{link: link{&onUART{port: port}}, reset: reset}
}

func (t *onUART) wake(context.Context) error {
	if err := t.port.SetSpeed(baud); err != nil {
		return err
	}
	if err := t.port.SetReadTimeout(slice); err != nil {
		return err
	}
	return t.send(wakeUp)
}

func (t *onUART) send(f []byte) error {
	_, err := t.port.Write(f)
	return err
}

// receive returns one frame. Size does not matter: a frame is read to its end.
func (t *onUART) receive(ctx context.Context, until time.Time, _ int) ([]byte, error) {
	for {
		if _, used, err := decode(t.buf); !errors.Is(err, errShort) && !errors.Is(err, errNone) {
			got := t.buf[:used]
			t.buf = t.buf[used:]
			return got, nil
		}
		switch n, err := t.more(); {
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case n == 0 && !time.Now().Before(until):
			return nil, errSilent
		}
	}
}

// more reads what there is, and waits for it no longer than a slice. What begins no frame is dropped when it is too long
// for one.
func (t *onUART) more() (int, error) {
	if len(t.buf) > 2*maxExtended {
		t.buf = nil
	}
	b := make([]byte, 64)
	n, err := t.port.Read(b)
	t.buf = append(t.buf, b[:n]...)
	return n, err
}

// discard reads until the line is silent.
func (t *onUART) discard(ctx context.Context) error {
	for range maxExtended {
		n, err := t.more()
		t.buf = nil
		if err != nil || n == 0 {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("the line does not get silent")
}
