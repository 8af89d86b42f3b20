package mfrc522

import (
	"fmt"

	"periph.io/x/conn/v3/spi"
)

// register is a register of the chip (section 9.2, table 20).
type register byte

const (
	commandReg    register = 0x01 // section 9.3.1.2
	comIrqReg     register = 0x04 // section 9.3.1.5
	errorReg      register = 0x06 // section 9.3.1.7
	fifoDataReg   register = 0x09
	fifoLevelReg  register = 0x0A
	controlReg    register = 0x0C // section 9.3.1.13: RxLastBits
	bitFramingReg register = 0x0D // section 9.3.1.14
	txControlReg  register = 0x14 // section 9.3.2.5
	txASKReg      register = 0x15 // section 9.3.2.6
	tModeReg      register = 0x2A // section 9.3.3.10
	tPrescalerReg register = 0x2B
	tReloadHigh   register = 0x2C // section 9.3.3.11
	tReloadLow    register = 0x2D
	versionReg    register = 0x37 // section 9.3.4.8
)

// Commands (section 10.3, table 149), and the bit of commandReg that is set until the chip is awake.
const (
	idle       = 0x00
	transceive = 0x0C
	softReset  = 0x0F
	powerDown  = 0x10
)

// Bits of comIrqReg and errorReg.
const (
	irqClear = 0x7F // written: clears all
	irqSet   = 0x80 // read: always 0
	irqRx    = 0x20
	irqTimer = 0x01

	errWrite     = 0x80
	errHot       = 0x40
	errCollision = 0x08
	errCard      = 0x10 | 0x04 | 0x02 | 0x01 // BufferOvfl, CRCErr, ParityErr, ProtocolErr
)

const (
	flush    = 0x80 // in fifoLevelReg
	send     = 0x80 // in bitFramingReg: StartSend
	lastBits = 0x07 // in controlReg: how many bits of the last byte are valid, 0 means all
	fifoSize = 64   // section 8.3
)

// Registers are read and written as section 8.1.2 says: the address is in bits 6 to 1, bit 7 means reading.
const readBit = 0x80

func (l *link) write(r register, values ...byte) error {
	if err := l.conn.Tx(append([]byte{byte(r) << 1}, values...), nil); err != nil {
		return fmt.Errorf("mfrc522: writing register 0x%02x: %w", byte(r), err)
	}
	return nil
}

// read reads registers in one transaction, each as often as it is named.
func (l *link) read(rs ...register) ([]byte, error) {
	w, got := make([]byte, len(rs)+1), make([]byte, len(rs)+1)
	for i, r := range rs {
		w[i] = byte(r)<<1 | readBit
	}
	if err := l.conn.Tx(w, got); err != nil {
		return nil, fmt.Errorf("mfrc522: reading register 0x%02x: %w", byte(rs[0]), err)
	}
	return got[1:], nil
}

// setting is a register that keeps what is written to it.
type setting struct {
	r     register
	value byte
}

// settings make the chip a reader of type A. Each differs from the value after a reset, which is 0x80 for txControlReg and
// 0x00 for the others: a chip that was reset is found by reading any of them.
var settings = []setting{
	{tModeReg, 0x8D},      // the timer starts at the end of each transmission; high bits of the prescaler
	{tPrescalerReg, 0x3E}, // 13.56 MHz / (2 × 0xD3E + 1) = 2 kHz (section 8.5)
	{txASKReg, 0x40},      // 100 % ASK: type A
	{txControlReg, 0x83},  // both antenna drivers on
}

// check compares the settings with what the chip holds.
func (l *link) check() error {
	rs := []register{versionReg}
	for _, s := range settings {
		rs = append(rs, s.r)
	}
	got, err := l.read(rs...)
	if err != nil {
		return err
	}
	if err := known(got[0]); err != nil {
		return err
	}
	for i, s := range settings {
		if got[i+1] != s.value {
			return fmt.Errorf("mfrc522: register 0x%02x holds 0x%02x, expected 0x%02x: the chip was reset or lost power",
				byte(s.r), got[i+1], s.value)
		}
	}
	return nil
}

// known says whether the version is NXP's (section 9.3.4.8).
func known(version byte) error {
	what := "expected 0x91 or 0x92: check which chip it is"
	switch version {
	case 0x91, 0x92:
		return nil
	case 0x00, 0xFF:
		what = "so nothing answers: check power, wiring and the reset line"
	case 0x88:
		what = "a Fudan FM17522, expected an NXP MFRC522 (0x91 or 0x92): replace the module"
	case 0xB2:
		what = "a Fudan FM17522 of another revision, expected an NXP MFRC522 (0x91 or 0x92): replace the module"
	case 0x12:
		what = "a counterfeit, expected an NXP MFRC522 (0x91 or 0x92): replace the module"
	}
	return fmt.Errorf("mfrc522: the version is 0x%02x, %s", version, what)
}

// link is the chip at its SPI port: an iso14443.Link.
type link struct{ conn spi.Conn }
