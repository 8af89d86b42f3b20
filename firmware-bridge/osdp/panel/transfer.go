package panel

import (
	"fmt"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const (
	maxFile      = 16 << 20
	finishPause  = 500 * time.Millisecond // between questions whether the reader is at the end
	finishWait   = 5 * time.Minute
	fileRestarts = 3
	partTime     = 150 * time.Millisecond // the longest that a part takes on the line: the neighbours' cards wait for it
)

// transfer is a file on its way to a reader.
type transfer struct {
	kind      byte
	data      []byte
	offset    int           // up to here the reader has it
	at        time.Duration // the next part not before
	limit     int           // of a frame, when the reader said so; else 0
	tenths    int           // told
	restarts  int
	finishing time.Duration // since when the reader is at work, when not 0
}

// SendFile has a file sent to a reader that is online: its firmware, as a rule (kind 1). Transfer tells how it goes. While
// it does, the reader is polled between any two parts. One file at a time.
func (p *Panel) SendFile(address byte, kind byte, data []byte) error {
	r, err := p.online(address)
	switch {
	case err != nil:
		return err
	case r.transfer != nil:
		return fmt.Errorf("osdp: the reader at address %d is being sent a file already", address)
	case len(data) == 0 || len(data) > maxFile:
		return fmt.Errorf("osdp: file of %d bytes, expected 1 to %d", len(data), maxFile)
	}
	r.transfer = &transfer{kind: kind, data: append([]byte(nil), data...)}
	r.hurry()
	return nil
}

// part is the next part of the file, when it is time.
func (r *reader) part() wire.Command {
	t := r.transfer
	if t == nil || r.p.now < t.at {
		return nil
	}
	limit := t.limit
	if limit == 0 {
		limit = r.caps.Receive()
	}
	limit = min(limit, wire.MaxFrame)
	n := room(min(limit, int(partTime/transmit(1, r.baud))), r.session != nil)
	if n < 1 {
		r.transferFailed(fmt.Sprintf("it takes frames of %d bytes, which is too little for a part of a file", limit))
		return nil
	}
	part := t.data[t.offset:min(t.offset+n, len(t.data))]
	return wire.FileTransfer{Type: t.kind, Total: uint32(len(t.data)), Offset: uint32(t.offset), Part: part}
}

// room is how many bytes of a file fit into a frame of limit bytes.
func room(limit int, sealed bool) int {
	if !sealed {
		return limit - wire.Frame{}.Size() - wire.FileHeader
	}
	const block = 16
	data := limit - wire.Frame{}.Size() - secure.Overhead(0)
	return data/block*block - 1 - wire.FileHeader
}

// ftstat takes the reader's word on a part.
func (r *reader) ftstat(c wire.Command, s wire.FTStat) {
	sent, ok := c.(wire.FileTransfer)
	t := r.transfer
	if !ok || t == nil || int(sent.Offset) != t.offset {
		return
	}
	if s.Status < 0 {
		r.transferFailed(s.String())
		return
	}
	if s.Action&wire.FileInClear != 0 && r.session != nil {
		r.transferFailed("it wants the file without encryption, which it does not get")
		return
	}
	t.offset += len(sent.Part)
	t.at = r.p.now + time.Duration(s.Delay)*time.Millisecond
	if s.Max > 0 {
		t.limit = int(s.Max)
	}
	end := t.offset == len(t.data)
	switch {
	case end && s.Status == wire.FileFinishing:
		if t.finishing == 0 {
			t.finishing = r.p.now
		}
		if r.p.now-t.finishing > finishWait {
			r.transferFailed("it has the file and is at work for 5 minutes: look at the reader")
			return
		}
		t.at = max(t.at, r.p.now+finishPause)
	case end:
		r.transfer = nil
		r.tell(Transfer{Sent: t.offset, Total: len(t.data), Done: true})
	case s.Status == wire.FileRebooting:
		r.transferFailed(fmt.Sprintf("it restarts at byte %d of %d", t.offset, len(t.data)))
	default:
		if tenths := 10 * t.offset / len(t.data); tenths > t.tenths {
			t.tenths = tenths
			r.tell(Transfer{Sent: t.offset, Total: len(t.data)})
		}
	}
}

// restartTransfer begins the file anew: the reader restarted, and has forgotten what it had.
func (r *reader) restartTransfer() {
	t := r.transfer
	if t == nil || t.offset == 0 {
		return
	}
	t.restarts++
	if t.restarts > fileRestarts {
		r.transferFailed("it restarts again and again")
		return
	}
	t.offset, t.tenths, t.finishing, t.limit = 0, 0, 0, 0
}

func (r *reader) transferFailed(cause string) {
	if t := r.transfer; t != nil {
		r.transfer = nil
		r.tell(Transfer{Sent: t.offset, Total: len(t.data), Failed: cause})
	}
}
