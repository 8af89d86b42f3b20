package wire

// Ask is a command without parameters: POLL, ID, CAP, LSTAT, ISTAT, OSTAT, RSTAT or ABORT.
type Ask byte

// Code is the command's code.
func (a Ask) Code() byte { return byte(a) }

// Data is one byte for ID and CAP (the standard report), else none.
func (a Ask) Data() []byte {
	if byte(a) == CmdID || byte(a) == CmdCap {
		return []byte{0}
	}
	return nil
}

// What OUT does with an output.
const (
	OutNothing      byte = 0
	OutOff          byte = 1 // for good, ends a time that runs
	OutOn           byte = 2 // for good, ends a time that runs
	OutOffAfterTime byte = 3 // off for good, when a time that runs is over
	OutOnAfterTime  byte = 4 // on for good, when a time that runs is over
	OutOnFor        byte = 5 // then as before
	OutOffFor       byte = 6 // then as before
)

// Out sets one output (OUT).
type Out struct {
	Output byte   // 0 is the first
	Do     byte   // OutNothing …
	Time   uint16 // 100 ms
}

// LED sets one LED (LED). Times are in 100 ms.
type LED struct {
	Reader, LED                  byte // 0 is the first
	Temporary                    byte // LEDNothing, LEDCancel or LEDTemporary
	TempOn, TempOff              byte
	TempOnColour, TempOffColour  byte
	TempTime                     uint16
	Permanent                    byte // LEDNothing or LEDPermanent
	On, Off, OnColour, OffColour byte
}

// What LED does, and the colours.
const (
	LEDNothing   byte = 0
	LEDCancel    byte = 1 // temporary: back to the permanent state
	LEDTemporary byte = 2
	LEDPermanent byte = 1

	Black   byte = 0
	Red     byte = 1
	Green   byte = 2
	Amber   byte = 3
	Blue    byte = 4
	Magenta byte = 5
	Cyan    byte = 6
	White   byte = 7
)

// Outs is OUT for several outputs, and LEDs is LED for several LEDs.
type (
	Outs []Out
	LEDs []LED
)

// Buzzer sounds the buzzer (BUZ). Times are in 100 ms.
type Buzzer struct {
	Reader  byte
	Tone    byte // 1 off, 2 the default tone
	On, Off byte
	Count   byte // 0: until it is told otherwise
}

// Text shows text on a display (TEXT).
type Text struct {
	Reader      byte
	Mode        byte // 1 for good, 2 for good and wrapped, 3 for a time, 4 for a time and wrapped
	Seconds     byte // of modes 3 and 4
	Row, Column byte // 1 is the first
	Text        string
}

// ComSet gives a reader another address and speed (COMSET).
type ComSet struct {
	Address byte
	Baud    uint32
}

// KeySet gives a reader its key, the SCBK (KEYSET). It hides itself.
type KeySet struct{ Key [16]byte }

// Challenge is the panel's random number (CHLNG).
type Challenge struct{ RndA [8]byte }

// SCrypt is the panel's cryptogram (SCRYPT).
type SCrypt struct{ Cryptogram [16]byte }

// RxSize tells how many bytes of a reply the panel takes (ACURXSIZE).
type RxSize uint16

// FileTransfer is a part of a file (FILETRANSFER). One without data asks how far the reader is.
type FileTransfer struct {
	Type   byte // 1: opaque, for the reader to know
	Total  uint32
	Offset uint32
	Part   []byte
}

// FileHeader is the number of bytes of FileTransfer's data before its part.
const FileHeader = 11
