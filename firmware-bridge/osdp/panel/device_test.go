package panel

import (
	"bytes"
	"crypto/rand"
	"slices"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// device is a reader that is strict about the protocol: a wrong sequence number, MAC or block is refused.
type device struct {
	address byte
	baud    int
	id      wire.ID
	caps    wire.Caps
	key     *secure.Key // nil: install mode
	plain   bool        // it has no Secure Channel
	turn    time.Duration

	dead     bool
	busy     int  // so many answers are BUSY
	clearAck bool // it answers KEYSET in clear
	deaf     map[byte]byte
	local    wire.LocalStatus
	inputs   wire.Inputs
	mute     bool // it ignores what is of a session that it lost
	blurt    bool // it answers ID with its events
	keepKey  bool // it says that it takes a key, and does not
	claim    int  // key flag of SCS_12 that it claims; -1: the true one
	status   byte // of SCS_14
	ft       func(*device, wire.FileTransfer) wire.FTStat
	alter    func(*wire.Frame) // changes an answer before it is sent

	sequence  byte
	started   bool
	session   *secure.Session
	accepting *secure.Acceptance
	lastIn    []byte
	lastOut   []byte
	events    []wire.Reply // to be told at POLL, the first may be told and not acknowledged
	told      bool
	next      func() // after the answer is sent

	got      []wire.Command // in order, repeats not counted
	repeats  int
	sealed   int // of got
	file     []byte
	sessions int
}

func newDevice(address byte, key *secure.Key) *device {
	return &device{
		address: address, baud: 9600, key: key, turn: 3 * time.Millisecond, claim: -1, status: 1,
		id: wire.ID{Vendor: [3]byte{0, 6, 0x8E}, Model: 1, Version: 2, Serial: 1000 + uint32(address), Firmware: [3]byte{1, 0, 0}},
		caps: wire.Caps{{Function: wire.CapInputs, Level: 1, Count: 2}, {Function: wire.CapCard, Level: 1},
			{Function: wire.CapLED, Level: 4, Count: 1}, {Function: wire.CapCheck, Level: 1}, {Function: wire.CapSecurity, Level: 1, Count: 1}},
		inputs: wire.Inputs{0, 0},
	}
}

// powerCut makes the device forget what it does not keep in flash.
func (d *device) powerCut() {
	d.sequence, d.started, d.session, d.accepting, d.lastIn, d.lastOut, d.events, d.told = 0, false, nil, nil, nil, nil, nil, false
}

// hear takes a command and gives the bytes of the answer, or nil.
func (d *device) hear(line []byte) []byte {
	var s wire.Scanner
	s.Push(0, line)
	f, ok := s.Next()
	if !ok || f.Reply || f.Address != d.address || d.dead {
		return nil
	}
	out := d.answer(f)
	if out == nil {
		return nil
	}
	return append([]byte{wire.Mark}, out...)
}

func (d *device) answer(f wire.Frame) []byte {
	raw := f.Bytes()
	clear := func(sequence byte, r wire.Reply) []byte {
		out := wire.Frame{Address: d.address, Reply: true, Sequence: sequence, Checksum: f.Checksum, Code: r.ReplyCode(), Data: r.Data()}
		if d.alter != nil {
			d.alter(&out)
		}
		return out.Bytes()
	}
	switch {
	case d.busy > 0:
		d.busy--
		return clear(0, wire.Busy{})
	case d.caps.ChecksumOnly() && !f.Checksum:
		out := wire.Frame{Address: d.address, Reply: true, Sequence: f.Sequence, Checksum: true, Code: wire.ReplyNak, Data: []byte{wire.NakCheck}}
		return out.Bytes()
	case bytes.Equal(raw, d.lastIn):
		d.repeats++
		return d.lastOut
	case f.Sequence == 0:
		d.session, d.started = nil, true
		d.told = false
	case !d.started && d.mute:
		return nil
	case !d.started || f.Sequence != d.sequence%3+1:
		return clear(f.Sequence, wire.Nak{Reason: wire.NakSequence})
	}
	d.sequence, d.lastIn = f.Sequence, raw
	if d.told {
		d.events, d.told = d.events[1:], false
	}
	d.lastOut = d.process(f, clear)
	return d.lastOut
}

func (d *device) process(f wire.Frame, clear func(byte, wire.Reply) []byte) []byte {
	nak := func(reason byte) []byte { return clear(f.Sequence, wire.Nak{Reason: reason}) }
	if reason := d.deaf[f.Code]; reason != 0 && d.session == nil {
		return nak(reason)
	}
	switch f.Security {
	case wire.NoSecurity:
		if d.session != nil {
			d.session = nil
		}
	case wire.SCS11, wire.SCS13:
		return d.handshake(f, nak)
	default:
		if d.session == nil && d.mute {
			return nil
		}
		if d.session == nil {
			return nak(wire.NakSecurity)
		}
		open, err := d.session.Open(f)
		if err != nil {
			d.session = nil
			return nak(wire.NakSecurity)
		}
		f = open
		d.sealed++
	}
	c, err := wire.ParseCommand(f.Code, f.Data)
	if err != nil {
		return d.seal(f.Sequence, wire.Nak{Reason: wire.NakUnknown}, clear)
	}
	d.got = append(d.got, c)
	if reason := d.deaf[f.Code]; reason != 0 {
		return d.seal(f.Sequence, wire.Nak{Reason: reason}, clear)
	}
	reply := d.do(c)
	if _, ok := c.(wire.KeySet); ok && d.clearAck {
		d.session = nil
		return clear(f.Sequence, reply)
	}
	return d.seal(f.Sequence, reply, clear)
}

func (d *device) do(c wire.Command) wire.Reply {
	switch c := c.(type) {
	case wire.Ask:
		switch byte(c) {
		case wire.CmdID:
			if d.blurt && d.session != nil {
				return d.events[0]
			}
			return d.id
		case wire.CmdCap:
			return d.caps
		case wire.CmdLStat:
			return d.local
		case wire.CmdIStat:
			return d.inputs
		case wire.CmdRStat, wire.CmdOStat:
			return wire.Nak{Reason: wire.NakUnknown}
		}
		if len(d.events) > 0 {
			d.told = true
			return d.events[0]
		}
	case wire.KeySet:
		if d.session == nil {
			return wire.Nak{Reason: wire.NakEncryption}
		}
		if !d.keepKey {
			key := secure.Key(c.Key)
			d.key = &key
		}
	case wire.ComSet:
		d.next = func() { d.address, d.baud = c.Address, int(c.Baud) }
		return wire.Com(c)
	case wire.FileTransfer:
		if d.ft != nil {
			return d.ft(d, c)
		}
		return d.take(c)
	}
	return wire.Ack{}
}

// take puts a part of a file where it belongs.
func (d *device) take(c wire.FileTransfer) wire.FTStat {
	if int(c.Offset) > len(d.file) {
		return wire.FTStat{Status: wire.FileAborted}
	}
	d.file = append(d.file[:c.Offset], c.Part...)
	if len(d.file) == int(c.Total) {
		return wire.FTStat{Action: wire.FileInterleave, Status: wire.FileProcessed}
	}
	return wire.FTStat{Action: wire.FileInterleave}
}

func (d *device) seal(sequence byte, r wire.Reply, clear func(byte, wire.Reply) []byte) []byte {
	if d.session == nil {
		return clear(sequence, r)
	}
	f, err := d.session.Seal(wire.Frame{Address: d.address, Reply: true, Sequence: sequence, Code: r.ReplyCode(), Data: r.Data()})
	if err != nil {
		return nil
	}
	if d.alter != nil {
		d.alter(&f)
	}
	return f.Bytes()
}

func (d *device) handshake(f wire.Frame, nak func(byte) []byte) []byte {
	d.session = nil
	if d.plain {
		return nak(wire.NakUnknown)
	}
	key, flag := secure.Default, byte(0)
	if d.key != nil {
		key, flag = *d.key, 1
	}
	if d.claim >= 0 {
		flag = byte(d.claim)
	}
	c, err := wire.ParseCommand(f.Code, f.Data)
	if err != nil {
		return nak(wire.NakLength)
	}
	out := wire.Frame{Address: d.address, Reply: true, Sequence: f.Sequence}
	switch c := c.(type) {
	case wire.Challenge:
		a, reply, err := secure.Accept(key, [8]byte{1, 2, 3, 4, 5, 6, 7, d.address}, c, rand.Reader)
		if err != nil {
			return nil
		}
		d.accepting = a
		out.Security, out.SCB, out.Code, out.Data = wire.SCS12, []byte{flag}, reply.ReplyCode(), reply.Data()
	case wire.SCrypt:
		if d.accepting == nil {
			return nak(wire.NakSecurity)
		}
		session, reply, err := d.accepting.Verify(c)
		out.Security, out.SCB, out.Code = wire.SCS14, []byte{d.status}, wire.ReplyRMAC
		if err != nil {
			out.SCB, out.Data = []byte{0xFF}, make([]byte, 16)
			break
		}
		d.session, d.accepting, out.Data = session, nil, reply.Data()
		d.sessions++
	}
	d.got = append(d.got, c)
	if d.alter != nil {
		d.alter(&out)
	}
	return out.Bytes()
}

// count is how often a command was heard.
func (d *device) count(code byte) int {
	n := 0
	for _, c := range d.got {
		if c.Code() == code {
			n++
		}
	}
	return n
}

// present holds a badge in front of the device.
func (d *device) present(b ...byte) {
	d.events = append(d.events, wire.Raw{Bits: slices.Clone(b), Len: 8 * len(b)})
}
