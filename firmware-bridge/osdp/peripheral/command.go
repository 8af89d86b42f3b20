package peripheral

import (
	"bytes"
	"encoding/binary"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// lengths are those of the commands whose data have a fixed one.
var lengths = map[byte]int{
	wire.CmdPoll: 0, wire.CmdID: 1, wire.CmdCap: 1, wire.CmdLStat: 0, wire.CmdIStat: 0, wire.CmdOStat: 0, wire.CmdRStat: 0,
	wire.CmdBuz: 5, wire.CmdACURxSize: 2, wire.CmdComSet: 5, wire.CmdKeySet: 18,
}

func refuse(reason byte) (byte, []byte) { return wire.ReplyNak, []byte{reason} }

// obey does one command, and gives the code and the data of its reply.
func (p *PD) obey(at time.Duration, code byte, data []byte) (byte, []byte) {
	if want, fixed := lengths[code]; fixed && len(data) != want {
		return refuse(wire.NakLength)
	}
	switch code {
	case wire.CmdPoll:
		return p.poll()
	case wire.CmdID:
		return wire.ReplyPDID, p.identity().bytes()
	case wire.CmdCap:
		return wire.ReplyPDCap, p.caps()
	case wire.CmdLStat:
		return wire.ReplyLStat, p.status.local()
	case wire.CmdIStat:
		return wire.ReplyIStat, bytes.Clone(p.status.inputs)
	case wire.CmdOStat:
		return wire.ReplyOStat, p.shown.levels(at)
	case wire.CmdRStat:
		return wire.ReplyRStat, []byte{wire.ReaderNormal}
	case wire.CmdLED:
		return each(data, 14, func(b []byte) bool { return p.shown.led(at, b) })
	case wire.CmdBuz:
		return each(data, 5, func(b []byte) bool { return p.shown.buzz(at, b) })
	case wire.CmdOut:
		return each(data, 4, func(b []byte) bool { return p.shown.output(at, b) })
	case wire.CmdText:
		if len(data) < 6 {
			return refuse(wire.NakLength)
		}
		return each(data, 6+int(data[5]), func(b []byte) bool { return p.shown.write(at, b) })
	case wire.CmdACURxSize:
		return wire.ReplyAck, nil
	case wire.CmdComSet:
		return p.comset(data)
	case wire.CmdKeySet:
		return p.keyset(data)
	case wire.CmdFileTransfer:
		return p.take(at, data)
	}
	return refuse(wire.NakUnknown)
}

// each does a command of one or more records of n bytes; a record that names what is not there refuses the command.
func each(data []byte, n int, do func([]byte) bool) (byte, []byte) {
	if len(data) == 0 || len(data)%n != 0 {
		return refuse(wire.NakLength)
	}
	for ; len(data) > 0; data = data[n:] {
		if !do(data[:n]) {
			return refuse(wire.NakRecord)
		}
	}
	return wire.ReplyAck, nil
}

func (p *PD) identity() Identity {
	id := p.id
	if p.hit(OtherPD) {
		id.Vendor, id.Serial = [3]byte{0xBA, 0xD0, 0x00}, ^id.Serial
	}
	return id
}

// caps are three bytes a function: its code, its level of compliance, its number (Annex B).
func (p *PD) caps() []byte {
	caps := bytes.Clone(p.cfg.Caps)
	if caps == nil {
		secure, check := byte(1), byte(1)
		if p.cfg.Plain {
			secure = 0
		}
		if p.cfg.Checksum {
			check = 0
		}
		caps = []byte{
			1, 2, byte(p.cfg.Inputs), 2, 4, byte(p.cfg.Outputs), 3, 1, 0, 4, 4, leds, 5, 2, 1, 6, 1, 1, 8, check, 0,
			9, secure, secure, 10, byte(p.cfg.File.receive()), byte(p.cfg.File.receive() >> 8), 13, 0, 1, 16, 2, 0,
		}
	}
	if p.hit(Downgrade) {
		for i := 0; i+2 < len(caps); i += 3 {
			if caps[i] == 9 {
				caps[i+1], caps[i+2] = 0, 0
			}
		}
	}
	return caps
}

// comset answers at the old settings; the new ones are in force when the answer is out.
func (p *PD) comset(data []byte) (byte, []byte) {
	to := settings{data[0], int(binary.LittleEndian.Uint32(data[1:]))}
	if to.addr > wire.MaxAddress {
		to.addr = p.addr
	}
	switch to.baud {
	case 9600, 19200, 38400, 57600, 115200, 230400:
	default: // it tells what it will use instead (clause "COM")
		to.baud = p.baud
	}
	p.next = &to
	return wire.ReplyCom, binary.LittleEndian.AppendUint32([]byte{to.addr}, uint32(to.baud))
}

// keyset is obeyed in a session alone; the key is used from the next handshake on.
func (p *PD) keyset(data []byte) (byte, []byte) {
	switch {
	case !p.channel.up:
		return refuse(wire.NakEncryption)
	case data[0] != 1 || data[1] != 16:
		return refuse(wire.NakRecord)
	}
	p.channel.key = secure.Key(data[2:])
	p.cfg.Install = false
	return wire.ReplyAck, nil
}
