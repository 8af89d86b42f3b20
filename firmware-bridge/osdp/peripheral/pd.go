// Package peripheral is a simulated OSDP 2.2 reader (IEC 60839-11-5, "peripheral device", PD): what hangs on the virtual
// wires of the demo, and what the panel is tested against.
//
// A PD is pure: bytes and time in, bytes and the time at which they are sent out. It is strict where the standard is: it
// refuses what the standard says is refused, and repeats its reply to a command that is repeated. It takes messages
// apart, and does the cryptography of Annex D, by its own code, so that it is a second reading of the standard and not a
// mirror of the panel's. Any of its Faults can be switched on. A Line joins PDs on two wires with a speed and a turn-around
// time; Serve runs one in real time behind a port.
//
// It never logs. Cards, key strokes and keys leave it only as the bytes on the line.
//
// Concurrency: a PD and a Line may be used from any goroutine. A PD holds at most 64 events that wait for a POLL; the
// next is refused. What a reply carried is told again with each repeat of its command, and is gone with the next one or when
// the panel begins anew; a power cut loses all.
package peripheral

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const (
	turnaround = 3 * time.Millisecond // unless it is configured
	lateness   = 300 * time.Millisecond
	offline    = 8 * time.Second // of silence end a session (clause "Communication timing")
	most       = 64              // events that wait
	never      = 0xFF            // no sequence number yet
)

// Burst is what a PD sends at once.
type Burst struct {
	At    time.Duration // its first bit
	Baud  int
	Bytes []byte
}

// Identity is what a PD answers to ID.
type Identity struct {
	Vendor         [3]byte
	Model, Version byte
	Serial         uint32
	Firmware       [3]byte
}

// Config is what a PD is when it comes out of its box. The zero value is a reader at address 0 in install mode, at
// 9600 baud, that obeys nothing outside a Secure Channel.
type Config struct {
	Address    byte
	Baud       int // 0: 9600
	ID         Identity
	Key        secure.Key    // zero: none, install mode
	Install    bool          // install mode in spite of a key
	Plain      bool          // it knows no Secure Channel
	Open       bool          // it also obeys clear text
	Checksum   bool          // it has no CRC: of the commands that have one it understands ID and CAP alone
	Caps       []byte        // records of three bytes (Annex B); nil: those of a reader with keypad, display, 2 outputs, 2 inputs
	Outputs    int           // 0: 2
	Inputs     int           // 0: 2
	ClearAck   bool          // it answers KEYSET in clear, as some do
	Turnaround time.Duration // from the end of a command to its reply; 0: 3 ms
	File       File          // how it takes a file
	Rand       io.Reader     // for its random numbers; nil: crypto/rand
}

// PD is one simulated reader.
type PD struct {
	mu    sync.Mutex
	cfg   Config
	id    Identity
	addr  byte
	baud  int
	next  *settings // from COMSET, in force once its reply is out
	scan  wire.Scanner
	heard time.Duration // the last command

	seq     byte // of the last command, or never
	command []byte
	reply   []byte    // to it
	history [4][]byte // by sequence, for Replay
	channel channel

	queue   []event
	sent    bool // queue[0] is in the last reply
	faults  map[Fault]int
	shown   shown
	status  status
	file    transfer
	refused map[byte]int // NAKs by reason
}

type settings struct {
	addr byte
	baud int
}

// New makes a PD that has just got power.
func New(cfg Config) *PD {
	if cfg.Baud == 0 {
		cfg.Baud = 9600
	}
	if cfg.Outputs == 0 {
		cfg.Outputs = 2
	}
	if cfg.Inputs == 0 {
		cfg.Inputs = 2
	}
	if cfg.Turnaround == 0 {
		cfg.Turnaround = turnaround
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	p := &PD{
		cfg: cfg, id: cfg.ID, addr: cfg.Address, baud: cfg.Baud, seq: never,
		faults: map[Fault]int{}, refused: map[byte]int{},
		status: status{inputs: make([]byte, cfg.Inputs)},
	}
	p.channel.key = cfg.Key
	p.shown.outputs = make([]timed, cfg.Outputs)
	return p
}

// Format hides the PD's key and cards from every verb of fmt.
func (p *PD) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "peripheral.PD(address %d)", p.Address()) }

// Address is the PD's present address, Baud its speed: COMSET changes both.
func (p *PD) Address() byte { p.mu.Lock(); defer p.mu.Unlock(); return p.addr }

// Baud is the PD's present speed.
func (p *PD) Baud() int { p.mu.Lock(); defer p.mu.Unlock(); return p.baud }

// Secure tells whether there is a Secure Channel session, and whether its key is the PD's own: not the default one.
func (p *PD) Secure() (session, own bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channel.up, p.channel.up && p.channel.own
}

// Key is the PD's own key; zero: none.
func (p *PD) Key() secure.Key { p.mu.Lock(); defer p.mu.Unlock(); return p.channel.key }

// Refused is how many commands got a NAK of this reason.
func (p *PD) Refused(reason byte) int { p.mu.Lock(); defer p.mu.Unlock(); return p.refused[reason] }

// PowerCut takes the PD's power away for a moment: all is gone but its key, its address and its speed.
func (p *PD) PowerCut() { p.mu.Lock(); defer p.mu.Unlock(); p.powerCut() }

func (p *PD) powerCut() {
	p.scan.Reset()
	p.forget()
	p.seq, p.queue = never, nil
	p.history = [4][]byte{}
	p.shown = shown{outputs: make([]timed, p.cfg.Outputs)}
	p.file = transfer{}
}

// forget ends the session and the memory of the last exchange.
func (p *PD) forget() {
	p.channel.drop()
	p.command, p.reply, p.next = nil, nil, nil
	p.delivered()
}

// Receive takes what the PD hears, up to the time at, and gives what it sends, in order.
func (p *PD) Receive(at time.Duration, b []byte) []Burst {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Burst
	for part := range slices.Chunk(b, 256) {
		p.scan.Push(at, part)
		for f, ok := p.scan.Next(); ok; f, ok = p.scan.Next() {
			if f.Reply || f.Address != p.addr && f.Address != wire.Broadcast || p.mute(f) || p.hit(LoseCommand) {
				continue
			}
			out = append(out, p.answer(at, f)...)
		}
	}
	return out
}

// mute tells whether the PD cannot read the frame's check: one without CRC answers to what tells the panel so.
func (p *PD) mute(f wire.Frame) bool {
	return p.cfg.Checksum && !f.Checksum && f.Code != wire.CmdID && f.Code != wire.CmdCap
}

// answer is the reply to one command, with what the faults make of it.
func (p *PD) answer(at time.Duration, f wire.Frame) []Burst {
	if p.heard != 0 && at-p.heard > offline {
		p.forget()
		p.seq = never
	}
	p.heard = at
	if p.hit(Restart) {
		p.powerCut()
	}
	if p.hit(Busy) {
		// BUSY has number 0 and no security block, and changes nothing (clause "BUSY").
		return p.send(at, f, p.frame(f, 0, wire.ReplyBusy, nil).Bytes())
	}
	raw := f.Bytes()
	switch {
	case f.Sequence == 0: // the panel begins anew
		p.forget()
		p.seq = 0
	case p.seq != never && f.Sequence == p.seq && string(raw) == string(p.command):
		return p.send(at, f, p.reply)
	case p.seq == never || f.Sequence != p.seq%3+1:
		return p.send(at, f, p.nak(f, wire.NakSequence).Bytes())
	}
	reply := p.judge(at, &f).Bytes()
	p.seq, p.command, p.reply = f.Sequence, raw, reply
	old := p.history[f.Sequence]
	p.history[f.Sequence] = reply
	if old != nil && p.hit(Replay) {
		reply = old
	}
	out := p.send(at, f, reply)
	if to := p.next; to != nil {
		p.forget()
		p.seq = never
		if !p.hit(StaysPut) {
			p.addr, p.baud = to.addr, to.baud
		}
	}
	return out
}

// judge is the reply to a command that is new.
func (p *PD) judge(at time.Duration, f *wire.Frame) wire.Frame {
	if f.Size() > p.cfg.File.receive() {
		return p.nak(*f, wire.NakLength)
	}
	if f.Security != wire.NoSecurity {
		if p.cfg.Plain {
			return p.nak(*f, wire.NakSecurity)
		}
		switch f.Security {
		case wire.SCS11:
			return p.challenge(*f)
		case wire.SCS13:
			return p.cryptogram(*f)
		case wire.SCS15, wire.SCS17:
			data, ok := p.channel.open(*f)
			if !ok {
				p.channel.drop()
				return p.nak(*f, wire.NakEncryption)
			}
			f.Data = data
		default:
			return p.nak(*f, wire.NakSecurity)
		}
	} else if !p.allowed(f.Code) {
		return p.nak(*f, wire.NakEncryption)
	}
	p.delivered()
	code, data := p.obey(at, f.Code, f.Data)
	if code == wire.ReplyNak {
		p.refused[data[0]]++
	}
	reply := p.frame(*f, f.Sequence, code, data)
	if !f.Sealed() || f.Code == wire.CmdKeySet && p.cfg.ClearAck && code == wire.ReplyAck {
		return reply
	}
	return p.channel.seal(reply)
}

// delivered takes the event off the queue that was in the last reply.
func (p *PD) delivered() {
	if p.sent {
		p.queue, p.sent = p.queue[1:], false
	}
}

// allowed tells whether a command in clear is obeyed.
func (p *PD) allowed(code byte) bool {
	switch {
	case p.channel.up:
		return false
	case code == wire.CmdID, code == wire.CmdCap, p.cfg.Plain, p.cfg.Open:
		return true
	}
	return false
}

// frame is a reply in clear.
func (p *PD) frame(f wire.Frame, seq, code byte, data []byte) wire.Frame {
	return wire.Frame{Address: p.addr, Reply: true, Sequence: seq, Checksum: f.Checksum, Code: code, Data: data}
}

func (p *PD) nak(f wire.Frame, reason byte) wire.Frame {
	p.refused[reason]++
	return p.frame(f, f.Sequence, wire.ReplyNak, []byte{reason})
}
