package peripheral

import (
	"encoding/binary"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// File is how a PD takes a file.
type File struct {
	Delay     time.Duration // that it asks for between two parts
	Receive   int           // the largest frame that it takes; 0: 512
	Finishing int           // how often it says that it is at work before Final
	Final     int16         // its last word: 0 means wire.FileProcessed
	AbortAt   int           // it aborts when it has so many bytes; 0: never
	Alone     bool          // no other command may come between
}

// transfer is a file under way.
type transfer struct {
	data  []byte
	total int
	work  int           // how often it said that it is at work
	ready time.Duration // before that no part may come
	early int
}

func (f File) receive() int {
	if f.Receive == 0 {
		return 512
	}
	return f.Receive
}

// take does FILETRANSFER: type, total size, offset and length of the part, and the part.
func (p *PD) take(at time.Duration, b []byte) (byte, []byte) {
	if len(b) < 11 || len(b) != 11+int(binary.LittleEndian.Uint16(b[9:])) {
		return refuse(wire.NakLength)
	}
	total, offset := int(binary.LittleEndian.Uint32(b[1:])), int(binary.LittleEndian.Uint32(b[5:]))
	t, cfg, part := &p.file, p.cfg.File, b[11:]
	if offset == 0 && len(part) > 0 {
		*t = transfer{total: total, early: t.early}
	}
	if at < t.ready {
		t.early++
	}
	t.ready = at + cfg.Delay
	status := wire.FileOK
	switch {
	case len(part) > 0 && (total != t.total || offset != len(t.data) || offset+len(part) > total):
		status = wire.FileMalformed
	default:
		t.data = append(t.data, part...)
		switch {
		case cfg.AbortAt > 0 && len(t.data) >= cfg.AbortAt:
			status = wire.FileAborted
		case len(t.data) < t.total:
		case t.work < cfg.Finishing:
			t.work++
			status = wire.FileFinishing
		case cfg.Final != 0:
			status = cfg.Final
		default:
			status = wire.FileProcessed
		}
	}
	action := wire.FileInterleave
	if cfg.Alone {
		action = 0
	}
	out := binary.LittleEndian.AppendUint16([]byte{action}, uint16(cfg.Delay/time.Millisecond))
	out = binary.LittleEndian.AppendUint16(out, uint16(status))
	return wire.ReplyFTStat, binary.LittleEndian.AppendUint16(out, uint16(cfg.receive()))
}

// File is what the PD has of a file, and how many parts came before their time.
func (p *PD) File() (data []byte, early int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]byte(nil), p.file.data...), p.file.early
}
