package wire

import "fmt"

// Codes of commands (Annex A).
const (
	CmdPoll         byte = 0x60
	CmdID           byte = 0x61
	CmdCap          byte = 0x62
	CmdLStat        byte = 0x64
	CmdIStat        byte = 0x65
	CmdOStat        byte = 0x66
	CmdRStat        byte = 0x67
	CmdOut          byte = 0x68
	CmdLED          byte = 0x69
	CmdBuz          byte = 0x6A
	CmdText         byte = 0x6B
	CmdComSet       byte = 0x6E
	CmdKeySet       byte = 0x75
	CmdChallenge    byte = 0x76
	CmdSCrypt       byte = 0x77
	CmdACURxSize    byte = 0x7B
	CmdFileTransfer byte = 0x7C
	CmdAbort        byte = 0xA2
)

// Codes of replies (Annex A).
const (
	ReplyAck    byte = 0x40
	ReplyNak    byte = 0x41
	ReplyPDID   byte = 0x45
	ReplyPDCap  byte = 0x46
	ReplyLStat  byte = 0x48
	ReplyIStat  byte = 0x49
	ReplyOStat  byte = 0x4A
	ReplyRStat  byte = 0x4B
	ReplyRaw    byte = 0x50
	ReplyFmt    byte = 0x51
	ReplyKeypad byte = 0x53
	ReplyCom    byte = 0x54
	ReplyCCrypt byte = 0x76
	ReplyRMAC   byte = 0x78
	ReplyBusy   byte = 0x79
	ReplyFTStat byte = 0x7A
)

// Command is what a panel asks of a reader.
type Command interface {
	// Code is the command's code.
	Code() byte
	// Data is what follows the code.
	Data() []byte
}

// Reply is what a reader answers.
type Reply interface {
	// ReplyCode is the reply's code.
	ReplyCode() byte
	// Data is what follows the code.
	Data() []byte
}

// UnknownError says that a code is none of those of this package.
type UnknownError struct {
	What string // "command" or "reply"
	Code byte
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("osdp: %s 0x%02x is not known here", e.What, e.Code)
}

// wrong says that data do not fit their code. It shows no data: they may be a card, a PIN or a key.
func wrong(name string, have int, want string) error {
	return fmt.Errorf("osdp: %s with %d bytes of data, expected %s", name, have, want)
}

var commandParsers = map[byte]func([]byte) (Command, error){
	CmdOut: parseOut, CmdLED: parseLED, CmdBuz: parseBuzzer, CmdText: parseText, CmdComSet: parseComSet,
	CmdKeySet: parseKeySet, CmdChallenge: parseChallenge, CmdSCrypt: parseSCrypt, CmdACURxSize: parseRxSize,
	CmdFileTransfer: parseFileTransfer,
}

var replyParsers = map[byte]func([]byte) (Reply, error){
	ReplyNak: parseNak, ReplyPDID: parseID, ReplyPDCap: parseCaps, ReplyLStat: parseLocal, ReplyRaw: parseRaw,
	ReplyFmt: parseFmt, ReplyKeypad: parseKeypad, ReplyCom: parseCom, ReplyCCrypt: parseCCrypt, ReplyRMAC: parseRMAC,
	ReplyFTStat: parseFTStat,
}

// ParseCommand makes a command of its code and data. The error is an *UnknownError, or says what does not fit.
func ParseCommand(code byte, data []byte) (Command, error) {
	switch code {
	case CmdPoll, CmdLStat, CmdIStat, CmdOStat, CmdRStat, CmdAbort:
		if len(data) != 0 {
			return nil, wrong(Name(code), len(data), "none")
		}
		return Ask(code), nil
	case CmdID, CmdCap:
		if len(data) != 1 {
			return nil, wrong(Name(code), len(data), "1")
		}
		return Ask(code), nil
	}
	parse := commandParsers[code]
	if parse == nil {
		return nil, &UnknownError{"command", code}
	}
	return parse(data)
}

// ParseReply makes a reply of its code and data. The error is an *UnknownError, or says what does not fit.
func ParseReply(code byte, data []byte) (Reply, error) {
	switch code {
	case ReplyAck:
		return Ack{}, nil
	case ReplyBusy:
		return Busy{}, nil
	case ReplyRStat:
		return Readers(clone(data)), nil
	case ReplyIStat:
		return Inputs(clone(data)), nil
	case ReplyOStat:
		return Outputs(clone(data)), nil
	}
	parse := replyParsers[code]
	if parse == nil {
		return nil, &UnknownError{"reply", code}
	}
	return parse(data)
}

// Name is the name of a command in the specification.
func Name(command byte) string {
	if name, ok := names[command]; ok {
		return name
	}
	return fmt.Sprintf("command 0x%02x", command)
}

var names = map[byte]string{
	CmdPoll: "POLL", CmdID: "ID", CmdCap: "CAP", CmdLStat: "LSTAT", CmdIStat: "ISTAT", CmdOStat: "OSTAT",
	CmdRStat: "RSTAT", CmdOut: "OUT", CmdLED: "LED", CmdBuz: "BUZ", CmdText: "TEXT", CmdComSet: "COMSET",
	CmdKeySet: "KEYSET", CmdChallenge: "CHLNG", CmdSCrypt: "SCRYPT", CmdACURxSize: "ACURXSIZE",
	CmdFileTransfer: "FILETRANSFER", CmdAbort: "ABORT",
}

func clone(b []byte) []byte { return append([]byte{}, b...) }
