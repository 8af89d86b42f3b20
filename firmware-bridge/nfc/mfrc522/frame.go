package mfrc522

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/iso14443"
	"kapija/firmware-bridge/poll"
)

const (
	tick    = 500 * time.Microsecond // of the chip's timer, see settings
	pause   = 250 * time.Microsecond // between two looks at the chip
	airTime = 20 * time.Millisecond  // of the longest frame there and back, 10.5 ms at 106 kbit/s, and of the SPI port
)

// Frame sends and receives one frame (section 10.3.1.8), as iso14443.Link says.
func (l *link) Frame(ctx context.Context, tx []byte, bits int, timeout time.Duration) ([]byte, error) {
	if len(tx) > fifoSize {
		return nil, fmt.Errorf("mfrc522: frame of %d bytes, the chip holds %d", len(tx), fifoSize)
	}
	ticks := timeout/tick + 1 // the first may be short
	for _, w := range []struct {
		r      register
		values []byte
	}{
		{commandReg, []byte{idle}},
		{comIrqReg, []byte{irqClear}},
		{fifoLevelReg, []byte{flush}},
		{fifoDataReg, tx},
		{tReloadHigh, []byte{byte(ticks >> 8)}},
		{tReloadLow, []byte{byte(ticks)}},
		{bitFramingReg, []byte{byte(bits)}},
		{commandReg, []byte{transceive}},
		{bitFramingReg, []byte{send | byte(bits)}},
	} {
		if err := l.write(w.r, w.values...); err != nil {
			return nil, err
		}
	}
	for range (timeout + airTime) / pause {
		if !poll.Sleep(ctx, pause) {
			return nil, ctx.Err()
		}
		got, err := l.read(comIrqReg, errorReg, fifoLevelReg, controlReg)
		if err != nil {
			return nil, err
		}
		switch irq := got[0]; {
		case irq&irqSet != 0:
			return nil, fmt.Errorf("mfrc522: register 0x%02x holds 0x%02x, whose highest bit is always 0: check power and wiring",
				byte(comIrqReg), irq)
		case irq&irqRx != 0:
			return l.received(got[1], int(got[2]), got[3])
		case irq&irqTimer != 0:
			return nil, iso14443.ErrNoAnswer
		}
	}
	return nil, fmt.Errorf("mfrc522: neither an answer nor the chip's own timeout in %v: it was reset, lost power or hangs", timeout+airTime)
}

// received fetches an answer.
func (l *link) received(errs byte, level int, control byte) ([]byte, error) {
	switch {
	case errs&errWrite != 0 || level > fifoSize:
		return nil, fmt.Errorf("mfrc522: error register 0x%02x, %d bytes in a FIFO of %d: check power and wiring", errs, level, fifoSize)
	case errs&errHot != 0:
		return nil, errors.New("mfrc522: the chip is too hot and switched its antenna off: check its place and its power supply")
	case errs&errCollision != 0:
		return nil, nfc.ErrCollision
	case errs&errCard != 0:
		return nil, fmt.Errorf("%w: error register 0x%02x", iso14443.ErrDisturbed, errs)
	case level == 0 || control&lastBits != 0:
		return nil, fmt.Errorf("%w: %d bytes, the last with %d bits", iso14443.ErrDisturbed, level, control&lastBits)
	}
	rs := make([]register, level)
	for i := range rs {
		rs[i] = fifoDataReg
	}
	return l.read(rs...)
}
