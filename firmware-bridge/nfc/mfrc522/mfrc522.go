// Package mfrc522 drives an NXP MFRC522 on an SPI port: a reader chip for cards of ISO/IEC 14443 type A. Sections are
// those of the datasheet "MFRC522", revision 3.9, 27 April 2016.
//
// It does not use periph's driver of the same name (devices v3.7.4): with the GPIO driver of the kernel's character
// device that one hangs after each read, since it waits for an edge in a goroutine that nothing ends. It knows no
// MIFARE Classic cipher, and does not tell where bits collide: two cards are refused.
//
// Concurrency: a Dev is used by one goroutine at a time. The chip is looked at every 250 µs while a frame is on the air,
// as long as the chip's own timer was set for and 20 ms more; then it counts as hung. Nothing else waits.
package mfrc522

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/nfc/iso14443"
	"kapija/firmware-bridge/poll"
)

const (
	speed    = 4 * physic.MegaHertz // the chip takes 10 MHz (section 8.1.2); wires to a door's frame do not
	starting = time.Millisecond     // between two looks whether the chip is awake, and the length of the reset
	startups = 50                   // such looks: an oscillator may need some milliseconds (section 8.8.2)
	fieldOff = 6 * time.Millisecond // resets every card in the field
	fieldOn  = 5 * time.Millisecond // until a card is ready: ISO/IEC 14443-3, clause 5
	txOff    = 0x80                 // txControlReg with both antenna drivers off
)

// Dev is one MFRC522: an nfc.Chip.
type Dev struct {
	link    link
	reset   bridge.Output
	card    bool              // one is selected
	session *iso14443.Session // with the selected card, nil when it speaks no ISO/IEC 14443-4
}

// New connects to the chip, which is alone on the port, without touching it. Reset is the line to NRSTPD, on while the
// chip is held in reset; without one it is nil.
func New(port spi.Port, reset bridge.Output) (*Dev, error) {
	conn, err := port.Connect(speed, spi.Mode0, 8)
	if err != nil {
		return nil, fmt.Errorf("mfrc522: %w", err)
	}
	return &Dev{link: link{conn}, reset: reset}, nil
}

// Reset resets the chip, checks its version, sets it up and reads back what was set. The antenna is then on.
func (d *Dev) Reset(ctx context.Context) error {
	d.card, d.session = false, nil
	if err := d.restart(ctx); err != nil {
		return err
	}
	version, err := d.link.read(versionReg)
	if err != nil {
		return err
	}
	if err := known(version[0]); err != nil {
		return err
	}
	if !poll.Sleep(ctx, fieldOff) {
		return ctx.Err()
	}
	for _, s := range settings {
		if err := d.link.write(s.r, s.value); err != nil {
			return err
		}
	}
	if !poll.Sleep(ctx, fieldOn) {
		return ctx.Err()
	}
	return d.link.check()
}

// restart resets the chip by its line, if there is one, and by command, and returns when it is awake.
func (d *Dev) restart(ctx context.Context) error {
	if d.reset != nil {
		for _, on := range []bool{true, false} {
			if err := d.reset.Set(on); err != nil {
				return fmt.Errorf("mfrc522: reset line: %w", err)
			}
			if !poll.Sleep(ctx, starting) {
				return ctx.Err()
			}
		}
	}
	if err := d.link.write(commandReg, softReset); err != nil {
		return err
	}
	var command []byte
	for range startups {
		if !poll.Sleep(ctx, starting) {
			return ctx.Err()
		}
		var err error
		if command, err = d.link.read(commandReg); err != nil {
			return err
		}
		if command[0]&powerDown == 0 {
			return nil
		}
	}
	return fmt.Errorf("mfrc522: the chip does not wake after its reset, register 0x%02x holds 0x%02x: check power, wiring and the reset line",
		byte(commandReg), command[0])
}

// Alive reads the version and the settings back (L24).
func (d *Dev) Alive(context.Context) error { return d.link.check() }

// Poll looks for a card, for about 4 ms when there is none. A card that was not released is released first.
func (d *Dev) Poll(ctx context.Context) (nfc.Card, error) {
	if err := d.Release(ctx); err != nil {
		return nfc.Card{}, err
	}
	card, err := iso14443.Activate(ctx, &d.link)
	if err != nil {
		return nfc.Card{}, err
	}
	if card.ISO14443Part4() {
		d.session, err = iso14443.Open(ctx, &d.link)
		if errors.Is(err, nfc.ErrNoCard) {
			if fault := d.cycleField(ctx); fault != nil {
				err = fault
			}
		}
		if err != nil {
			return nfc.Card{}, err
		}
	}
	d.card = true
	return card, nil
}

// Exchange sends one APDU to the selected card.
func (d *Dev) Exchange(ctx context.Context, apdu []byte) ([]byte, error) {
	if d.session == nil {
		return nil, fmt.Errorf("mfrc522: %w: none is selected that takes APDUs", nfc.ErrCardLost)
	}
	return d.session.Exchange(ctx, apdu)
}

// Release ends the card's session. When the card does not confirm it, the field is off for 6 ms. After an error it can be
// called again.
func (d *Dev) Release(ctx context.Context) error {
	if !d.card {
		return nil
	}
	var err error
	if d.session == nil {
		err = iso14443.Halt(ctx, &d.link)
	} else if err = d.session.Deselect(ctx); errors.Is(err, nfc.ErrCardLost) {
		err = d.cycleField(ctx)
	}
	if err == nil {
		d.card, d.session = false, nil
	}
	return err
}

// cycleField takes the power from every card, so that each begins anew.
func (d *Dev) cycleField(ctx context.Context) error {
	if err := d.link.write(txControlReg, txOff); err != nil {
		return err
	}
	slept := poll.Sleep(ctx, fieldOff)
	if err := d.link.write(txControlReg, txOff|0x03); err != nil {
		return err
	}
	if !slept || !poll.Sleep(ctx, fieldOn) {
		return ctx.Err()
	}
	return nil
}

var _ nfc.Chip = (*Dev)(nil)
