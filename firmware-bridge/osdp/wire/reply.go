package wire

import "fmt"

// Ack says that a command was done and that there is nothing to report (ACK).
type Ack struct{}

// Busy says that the reader cannot answer now: the same command is to be sent again (BUSY).
type Busy struct{}

// Nak says that the reader refuses a command (NAK).
type Nak struct{ Reason byte }

// Reasons of a Nak.
const (
	NakCheck      byte = 1
	NakLength     byte = 2
	NakUnknown    byte = 3
	NakSequence   byte = 4
	NakSecurity   byte = 5
	NakEncryption byte = 6
	NakBioType    byte = 7
	NakBioFormat  byte = 8
	NakRecord     byte = 9
)

// String is the reason in words.
func (n Nak) String() string {
	words := map[byte]string{
		0:             "no reason given",
		NakCheck:      "the check of the message was wrong",
		NakLength:     "the length of the command is wrong",
		NakUnknown:    "the reader does not know the command",
		NakSequence:   "the sequence number was not expected",
		NakSecurity:   "the reader does not take this security block",
		NakEncryption: "the reader wants an encrypted connection",
		NakBioType:    "the reader does not know this type of biometrics",
		NakBioFormat:  "the reader does not know this format of biometrics",
		NakRecord:     "the reader cannot do what the command says",
	}[n.Reason]
	if words == "" {
		words = "a reason that is not in the specification"
	}
	return fmt.Sprintf("NAK %d: %s", n.Reason, words)
}

// ID is what a reader is (PDID).
type ID struct {
	Vendor   [3]byte // IEEE OUI
	Model    byte
	Version  byte
	Serial   uint32
	Firmware [3]byte // major, minor, build
}

// SameDevice tells whether both are of one device, whatever its firmware.
func (i ID) SameDevice(o ID) bool {
	i.Firmware, o.Firmware = [3]byte{}, [3]byte{}
	return i == o
}

// String is for a technician.
func (i ID) String() string {
	return fmt.Sprintf("vendor %x, model %d.%d, serial %08x, firmware %d.%d.%d",
		i.Vendor, i.Model, i.Version, i.Serial, i.Firmware[0], i.Firmware[1], i.Firmware[2])
}

// Functions of a Capability (Annex B).
const (
	CapInputs   byte = 1
	CapOutputs  byte = 2
	CapCard     byte = 3
	CapLED      byte = 4
	CapBuzzer   byte = 5
	CapText     byte = 6
	CapTime     byte = 7
	CapCheck    byte = 8
	CapSecurity byte = 9
	CapReceive  byte = 10
	CapLargest  byte = 11
	CapSmart    byte = 12
	CapReaders  byte = 13
	CapBio      byte = 14
	CapSPE      byte = 15
	CapVersion  byte = 16
)

// Capability is one thing that a reader can do.
type Capability struct{ Function, Level, Count byte }

// Caps is what a reader can do (PDCAP). Functions that are not known here were skipped.
type Caps []Capability

// Get is the capability of a function; the zero one when there is none.
func (c Caps) Get(function byte) Capability {
	for _, x := range c {
		if x.Function == function {
			return x
		}
	}
	return Capability{}
}

// Receive is how many bytes of a frame the reader takes: 128 when it does not say.
func (c Caps) Receive() int {
	x := c.Get(CapReceive)
	if n := int(x.Level) | int(x.Count)<<8; n > 0 {
		return n
	}
	return 128
}

// Secure tells whether the reader says that it has Secure Channel with AES-128.
func (c Caps) Secure() bool { return c.Get(CapSecurity).Level&1 != 0 }

// ChecksumOnly tells whether the reader says that it has no CRC. One that does not say has it.
func (c Caps) ChecksumOnly() bool {
	x := c.Get(CapCheck)
	return x.Function == CapCheck && x.Level == 0
}

// LocalStatus is the state of the reader itself (LSTATR).
type LocalStatus struct {
	Tamper       bool
	PowerFailure bool
}

// Inputs, Outputs and Readers are the states of each, by number (ISTATR, OSTATR, RSTATR).
type (
	Inputs  []byte // InputOff …
	Outputs []byte // 0 off, 1 on
	Readers []byte // 0 normal, 1 not connected, 2 tamper
)

// States of an input.
const (
	InputOff     byte = 0
	InputOn      byte = 1
	InputShort   byte = 2
	InputOpen    byte = 3
	InputFault   byte = 4
	InputUnknown byte = 5
)

// States of one of a device's readers.
const (
	ReaderNormal       byte = 0
	ReaderDisconnected byte = 1
	ReaderTamper       byte = 2
)

// Raw is a card as bits (RAW). It hides itself.
type Raw struct {
	Reader byte
	Kind   byte   // 0 not said, 1 Wiegand with parity
	Bits   []byte // the first bit is the most significant of Bits[0]; unused bits are zero
	Len    int    // number of bits: 1 … MaxBits
}

// MaxBits bounds a card.
const MaxBits = 1024

// Fmt is a card as characters (FMT). What it said is not kept.
type Fmt struct{ Reader byte }

// Keypad is what was typed (KEYPAD): ASCII digits, KeyEnter and KeyCancel. It hides itself.
type Keypad struct {
	Reader byte
	Keys   []byte
}

// Keys that are no digits.
const (
	KeyEnter  byte = 0x0D // #
	KeyCancel byte = 0x7F // *
)

// Com is the address and speed that a reader uses from now on (COM).
type Com struct {
	Address byte
	Baud    uint32
}

// CCrypt is the reader's random number and cryptogram (CCRYPT).
type CCrypt struct {
	Client     [8]byte
	RndB       [8]byte
	Cryptogram [16]byte
}

// RMAC is the reader's first MAC (RMAC_I).
type RMAC struct{ MAC [16]byte }

// FTStat is how the transfer of a file goes on (FTSTAT).
type FTStat struct {
	Action byte   // bits FileInterleave …
	Delay  uint16 // ms before the next part
	Status int16  // FileOK …; negative: it failed
	Max    uint16 // size of frame that the reader takes from now on; 0: as before
}

// Bits of the action of an FTStat.
const (
	FileInterleave byte = 1 // other commands may come between
	FileInClear    byte = 2 // the reader wants the rest without Secure Channel
	FilePoll       byte = 4 // it has something to say to POLL
)

// States of an FTStat.
const (
	FileOK        int16 = 0
	FileProcessed int16 = 1
	FileRebooting int16 = 2
	FileFinishing int16 = 3 // parts without data are to be sent until this changes
	FileAborted   int16 = -1
	FileUnknown   int16 = -2
	FileMalformed int16 = -3
)

// String is the status in words.
func (s FTStat) String() string {
	words := map[int16]string{
		FileOK: "ready for more", FileProcessed: "the file was processed", FileRebooting: "the reader restarts",
		FileFinishing: "the reader is at work", FileAborted: "the reader aborted", FileUnknown: "the reader does not know such a file",
		FileMalformed: "the reader finds the file malformed",
	}[s.Status]
	if words == "" {
		words = "a status that is not in the specification"
	}
	return fmt.Sprintf("FTSTAT %d: %s", s.Status, words)
}
