package peripheral

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// Fault is something that goes wrong at a PD or on its way to the panel.
type Fault string

// The faults. Those of the second group need an attacker, or a PD that is broken on purpose.
const (
	LoseCommand Fault = "lose-command" // the PD does not hear a command
	LoseReply   Fault = "lose-reply"   // the panel does not hear a reply
	Corrupt     Fault = "corrupt"      // one byte of a reply is another
	Busy        Fault = "busy"         // BUSY instead of a reply; the command is not done
	Restart     Fault = "restart"      // a power cut before a command
	Late        Fault = "late"         // a reply comes 300 ms too late
	Echo        Fault = "echo"         // the panel hears its own command before the reply
	NoMark      Fault = "no-mark"      // no 0xFF before a reply
	ExtraMarks  Fault = "extra-marks"  // several before it and after it
	StaysPut    Fault = "stays-put"    // COMSET is answered, and the old settings stay
	Garbage     Fault = "garbage"      // noise before and after a reply, with bytes that look like a start

	OtherAddress Fault = "other-address" // a reply in the name of an address that is 64 away
	BadMAC       Fault = "bad-mac"       // a reply whose MAC is wrong, and its CRC right
	Replay       Fault = "replay"        // the reply to an older command of the same number
	Downgrade    Fault = "downgrade"     // PDCAP without Secure Channel
	KeyFlag      Fault = "key-flag"      // SCS_12 with another key than asked for
	RefuseKey    Fault = "refuse-key"    // SCS_14 with 0xFF: the PD does not trust the panel
	ClearCard    Fault = "clear-card"    // a forged card in clear inside a session, just before the true reply
	OtherPD      Fault = "other-pd"      // another identity: a reader that was exchanged
)

// Faults lists all of them.
func Faults() []Fault {
	return []Fault{LoseCommand, LoseReply, Corrupt, Busy, Restart, Late, Echo, NoMark, ExtraMarks, Garbage, StaysPut,
		OtherAddress, BadMAC, Replay, Downgrade, KeyFlag, RefuseKey, ClearCard, OtherPD}
}

// Inject switches a fault on for the next n times that it can strike; below zero: until it is switched off by 0.
func (p *PD) Inject(f Fault, n int) error {
	if !slices.Contains(Faults(), f) {
		return fmt.Errorf("peripheral: fault %q: expected one of %q", f, Faults())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[f] = n
	return nil
}

// Pending tells whether one of the faults is yet to strike; without any named, whether any is.
func (p *PD) Pending(of ...Fault) bool {
	if len(of) == 0 {
		of = Faults()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(of, func(f Fault) bool { return p.faults[f] != 0 })
}

// hit tells whether the fault strikes now.
func (p *PD) hit(f Fault) bool {
	n := p.faults[f]
	if n > 0 {
		p.faults[f]--
	}
	return n != 0
}

// send puts a reply on the line.
func (p *PD) send(at time.Duration, command wire.Frame, reply []byte) []Burst {
	if p.hit(LoseReply) {
		return nil
	}
	var forged []byte
	if f, _, err := wire.Decode(reply); err == nil && f.Sealed() && p.hit(ClearCard) {
		forged = p.frame(command, command.Sequence, wire.ReplyRaw, []byte{0, 0, 26, 0, 0xFF, 0xFF, 0xFF, 0xC0}).Bytes()
	}
	if p.hit(OtherAddress) {
		reply = forge(reply, func(f *wire.Frame) { f.Address ^= 0x40 })
	}
	if f, _, err := wire.Decode(reply); err == nil && f.Sealed() && p.hit(BadMAC) {
		reply = forge(reply, func(f *wire.Frame) { f.MAC[0] ^= 0x80 })
	}
	if p.hit(Corrupt) {
		reply = bytes.Clone(reply)
		reply[len(reply)/2] ^= 0x10
	}
	switch noise := []byte{0x53, 0x00, 0x53, 0x7E, 0x41}; {
	case p.hit(Garbage):
		reply = append(append(noise, reply...), 0x53, 0x00)
	case p.hit(ExtraMarks):
		marks := []byte{wire.Mark, wire.Mark, wire.Mark}
		reply = append(append(marks, reply...), wire.Mark, wire.Mark)
	case p.hit(NoMark):
		reply = bytes.Clone(reply) // what the PD keeps is its own
	default:
		reply = append([]byte{wire.Mark}, reply...)
	}
	due := at + p.cfg.Turnaround
	if p.hit(Late) {
		due += lateness
	}
	out := []Burst{{due, p.baud, reply}}
	if forged != nil {
		out = append([]Burst{{at, p.baud, forged}}, out...)
	}
	if p.hit(Echo) {
		out = append([]Burst{{at, p.baud, command.Bytes()}}, out...)
	}
	return out
}

// forge changes a frame, and makes its check right again.
func forge(b []byte, change func(*wire.Frame)) []byte {
	f, _, err := wire.Decode(b)
	if err != nil {
		return b
	}
	change(&f)
	return f.Bytes()
}
