// Package pn532 drives an NXP PN532 on I²C, SPI or a serial port: a reader chip for cards of ISO/IEC 14443 type A whose
// firmware does the protocol with the card. Sections and pages are those of the user manual UM0701-02, revision 02,
// 5 November 2007.
//
// It emulates no card, and knows no MIFARE Classic cipher and no other type of card. On I²C the chip stretches the clock,
// which a Pi's bus takes badly: where there is a choice, SPI or the serial port is the better one.
//
// Concurrency: a Dev is used by one goroutine at a time. Each command has a bound, the longest is that of an APDU, 5 s; one
// that is over it, or whose context is done, is aborted, which takes 10 ms on a serial port.
package pn532

import (
	"context"
	"errors"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/nfc"
	"kapija/firmware-bridge/poll"
)

// Commands.
const (
	getFirmwareVersion  = 0x02 // section 7.2.2, p. 73
	readRegister        = 0x06 // section 7.2.4, p. 76
	setParameters       = 0x12 // section 7.2.9, p. 85
	samConfiguration    = 0x14 // section 7.2.10, p. 89
	rfConfiguration     = 0x32 // section 7.3.1, p. 101
	inDataExchange      = 0x40 // section 7.3.8, p. 127
	inListPassiveTarget = 0x4A // section 7.3.5, p. 115
	inRelease           = 0x52 // section 7.3.11, p. 140
)

// Their parameters.
const (
	samUnused     = 0x01 // normal mode
	automaticRATS = 0x14 // with fAutomaticATR_RES: both are the defaults
	itemField     = 0x01 // RFConfiguration: the field
	itemRetries   = 0x05 // RFConfiguration: MxRtyATR, MxRtyPSL, MxRtyPassiveActivation
	bothTargets   = 0x00 // InRelease
	chained       = 0x40 // InDataExchange: more of the APDU follows
)

// txControl is the chip's register CIU_TxControl: its low bits are set while the antenna is driven, and clear after a reset.
const (
	txControlHigh, txControlLow = 0x63, 0x04
	antennaOn                   = 0x03
)

const (
	commandTime = 100 * time.Millisecond // of a command that does not use the field
	listTime    = time.Second            // of finding two cards with their RATS
	apduTime    = 5 * time.Second        // the longest FWT is 4.95 s: ISO/IEC 14443-4, 7.2
	resetTime   = 5 * time.Millisecond   // of the reset line, and until the chip is awake
	fieldOff    = 6 * time.Millisecond   // resets every card in the field
	fieldOn     = 5 * time.Millisecond   // until a card is ready: ISO/IEC 14443-3, clause 5
)

const (
	maxPart   = maxLoad - 2 // of an APDU in one command, beside the command and the target
	maxAnswer = 65538       // an extended APDU: ISO/IEC 7816-4, 5.1
)

// Dev is one PN532: an nfc.Chip.
type Dev struct {
	link     link
	reset    bridge.Output
	firmware string // as it was at Reset
	card     bool   // one is selected
}

// Reset resets the chip by its line, if there is one, checks what it is, and sets it up. The antenna is then on.
func (d *Dev) Reset(ctx context.Context) error {
	d.card = false
	if err := pulse(ctx, d.reset); err != nil {
		return err
	}
	version, err := d.link.insist(ctx, getFirmwareVersion)
	if err != nil {
		return err
	}
	if len(version) != 4 || version[0] != 0x32 || version[3]&1 == 0 {
		return fmt.Errorf("pn532: firmware version % x, expected 4 bytes that begin with 32 and support type A: check which chip it is", version)
	}
	d.firmware = string(version)
	if _, err := d.link.insist(ctx, samConfiguration, samUnused); err != nil {
		return err
	}
	if _, err := d.link.command(ctx, commandTime, setParameters, automaticRATS); err != nil {
		return err
	}
	if _, err := d.link.command(ctx, commandTime, rfConfiguration, itemRetries, 0xFF, 0x01, 0x01); err != nil {
		return err
	}
	if err := d.cycleField(ctx); err != nil {
		return err
	}
	return d.Alive(ctx)
}

// Alive reads back the firmware's version, and whether the antenna is still on (L24).
func (d *Dev) Alive(ctx context.Context) error {
	version, err := d.link.command(ctx, commandTime, getFirmwareVersion)
	if err != nil {
		return err
	}
	if string(version) != d.firmware {
		return fmt.Errorf("pn532: firmware version % x, expected % x as at the last reset: check power and wiring", version, d.firmware)
	}
	got, err := d.link.command(ctx, commandTime, readRegister, txControlHigh, txControlLow)
	if err != nil {
		return err
	}
	if len(got) != 1 || got[0]&antennaOn != antennaOn {
		return fmt.Errorf("pn532: register CIU_TxControl holds % x, expected the two low bits set: the chip was reset or lost power", got)
	}
	return nil
}

// Poll looks for two cards, so that a second one is noticed; it takes the chip about 10 ms when there is none. A card that
// was not released is released first.
func (d *Dev) Poll(ctx context.Context) (nfc.Card, error) {
	if err := d.Release(ctx); err != nil {
		return nfc.Card{}, err
	}
	got, err := d.link.command(ctx, listTime, inListPassiveTarget, 2, 0x00)
	if err != nil {
		return nfc.Card{}, err
	}
	if len(got) == 1 && got[0] == 0 {
		return nfc.Card{}, nfc.ErrNoCard
	}
	d.card = true
	card, err := parseTarget(got)
	if err != nil {
		if fault := d.Release(ctx); fault != nil {
			err = fault
		}
		return nfc.Card{}, err
	}
	return card, nil
}

// parseTarget takes the answer of InListPassiveTarget at 106 kbit/s type A: number of targets, then of the first its
// number, SENS_RES, SEL_RES, the UID with its length, and maybe an ATS (section 7.3.5).
func parseTarget(b []byte) (nfc.Card, error) {
	switch {
	case len(b) > 0 && b[0] == 2:
		return nfc.Card{}, nfc.ErrCollision
	case len(b) < 6 || b[0] != 1 || b[1] != 1 || len(b) < 6+int(b[5]):
		return nfc.Card{}, fmt.Errorf("pn532: list of targets with %d bytes is not one of type A", len(b))
	}
	uid := b[6 : 6+int(b[5])]
	switch len(uid) {
	case 4, 7, 10:
	default:
		return nfc.Card{}, fmt.Errorf("pn532: %w: UID of %d bytes, expected 4, 7 or 10", nfc.ErrNoCard, len(uid))
	}
	return nfc.Card{UID: append([]byte(nil), uid...), ATQA: uint16(b[2])<<8 | uint16(b[3]), SAK: b[4]}, nil
}

// Exchange sends one APDU to the selected card.
func (d *Dev) Exchange(ctx context.Context, apdu []byte) ([]byte, error) {
	if !d.card {
		return nil, fmt.Errorf("pn532: %w: none is selected", nfc.ErrCardLost)
	}
	for len(apdu) > maxPart {
		if _, _, err := d.part(ctx, 1|chained, apdu[:maxPart]); err != nil {
			return nil, err
		}
		apdu = apdu[maxPart:]
	}
	answer, more, err := d.part(ctx, 1, apdu)
	for err == nil && more {
		var next []byte
		next, more, err = d.part(ctx, 1, nil)
		if answer = append(answer, next...); more && len(next) == 0 || len(answer) > maxAnswer {
			return nil, fmt.Errorf("pn532: %w: its answer does not end", nfc.ErrCardLost)
		}
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// part is one InDataExchange.
func (d *Dev) part(ctx context.Context, target byte, data []byte) (answer []byte, more bool, err error) {
	got, err := d.link.command(ctx, apduTime, inDataExchange, append([]byte{target}, data...)...)
	if errors.Is(err, errSilent) {
		if alive := d.Alive(ctx); alive == nil {
			return nil, false, fmt.Errorf("pn532: %w: it does not come to an end in %v", nfc.ErrCardLost, apduTime)
		}
	}
	if err != nil {
		return nil, false, err
	}
	if len(got) == 0 {
		return nil, false, errors.New("pn532: answer of a card without a status")
	}
	return got[1:], got[0]&statusMore != 0, status(got[0])
}

// Release ends the card's session and takes its power for 6 ms: the manual does not say whether the chip would find a card
// that was halted. After an error it can be called again.
func (d *Dev) Release(ctx context.Context) error {
	if !d.card {
		return nil
	}
	if _, err := d.link.command(ctx, listTime, inRelease, bothTargets); err != nil {
		return err
	}
	if err := d.cycleField(ctx); err != nil {
		return err
	}
	d.card = false
	return nil
}

// cycleField takes the power from every card, so that each begins anew.
func (d *Dev) cycleField(ctx context.Context) error {
	for _, step := range []struct {
		on   byte
		wait time.Duration
	}{{0, fieldOff}, {1, fieldOn}} {
		if _, err := d.link.command(ctx, commandTime, rfConfiguration, itemField, step.on); err != nil {
			return err
		}
		if !poll.Sleep(ctx, step.wait) {
			return ctx.Err()
		}
	}
	return nil
}

var _ nfc.Chip = (*Dev)(nil)
