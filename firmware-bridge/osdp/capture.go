package osdp

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// capture writes one line a frame: time, direction (> to the reader), address, sequence number, name and bytes. What may
// be a card, a PIN or belong to a key is written as dots, and so is the rest of the frame, whose check would tell it.
type capture struct {
	w    io.Writer // nil: nothing is written, from the first error on as well
	scan wire.Scanner
}

// sent and heard take what goes over the line.
func (c *capture) sent(at time.Time, b []byte) {
	if c.w == nil {
		return
	}
	var s wire.Scanner
	s.Push(0, b)
	c.drain(at, ">", &s)
}

func (c *capture) heard(at time.Time, since time.Duration, b []byte) {
	if c.w == nil {
		return
	}
	c.scan.Push(since, b)
	c.drain(at, "<", &c.scan)
}

// note writes what the panel noticed.
func (c *capture) note(at time.Time, address byte, words string) {
	if c.w != nil {
		c.write("%s ! %3d %s\n", at.Format(stamp), address, words)
	}
}

func (c *capture) write(format string, args ...any) {
	if _, err := fmt.Fprintf(c.w, format, args...); err != nil {
		c.w = nil
	}
}

func (c *capture) drain(at time.Time, arrow string, s *wire.Scanner) {
	for f, ok := s.Next(); ok && c.w != nil; f, ok = s.Next() {
		c.write("%s %s %3d #%d %-12s %s\n", at.Format(stamp), arrow, f.Address, f.Sequence, name(f), shown(f))
	}
}

const stamp = "2006-01-02T15:04:05.000000Z07:00"

// secret are the codes whose data are never written, in clear or encrypted.
var secret = map[bool]string{
	false: string([]byte{wire.CmdKeySet, wire.CmdChallenge, wire.CmdSCrypt}),
	true:  string([]byte{wire.ReplyRaw, wire.ReplyFmt, wire.ReplyKeypad, wire.ReplyCCrypt, wire.ReplyRMAC}),
}

// shown is the frame in hexadecimal. What a code that is not known says is not written either.
func shown(f wire.Frame) string {
	b := f.Bytes()
	text := hex.EncodeToString(b)
	hide := strings.IndexByte(secret[f.Reply], f.Code) >= 0
	if f.Reply && replies[f.Code] == "" || !f.Reply && strings.HasPrefix(wire.Name(f.Code), "command") {
		hide = true
	}
	if !hide {
		return text
	}
	open := len(f.Covered()) - len(f.Data)
	return text[:2*open] + strings.Repeat("..", len(b)-open)
}

var replies = map[byte]string{
	wire.ReplyAck: "ACK", wire.ReplyNak: "NAK", wire.ReplyPDID: "PDID", wire.ReplyPDCap: "PDCAP", wire.ReplyLStat: "LSTATR",
	wire.ReplyIStat: "ISTATR", wire.ReplyOStat: "OSTATR", wire.ReplyRStat: "RSTATR", wire.ReplyRaw: "RAW", wire.ReplyFmt: "FMT",
	wire.ReplyKeypad: "KEYPAD", wire.ReplyCom: "COM", wire.ReplyCCrypt: "CCRYPT", wire.ReplyRMAC: "RMAC_I", wire.ReplyBusy: "BUSY",
	wire.ReplyFTStat: "FTSTAT",
}

func name(f wire.Frame) string {
	if !f.Reply {
		return wire.Name(f.Code)
	}
	if n := replies[f.Code]; n != "" {
		return n
	}
	return fmt.Sprintf("reply 0x%02x", f.Code)
}
