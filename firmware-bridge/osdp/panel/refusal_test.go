package panel

import (
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func TestReaderThatTellsNothingInClearIsUsedOverSecureChannel(t *testing.T) {
	l := secured(t, 1)
	d := l.devices[0]
	d.alter = func(f *wire.Frame) {
		if !f.Sealed() && (f.Code == wire.ReplyPDID || f.Code == wire.ReplyPDCap) {
			f.Code, f.Data = wire.ReplyNak, []byte{wire.NakEncryption}
		}
	}
	l.up()
	d.present(0xA1)
	l.run(2 * time.Second)
	l.expectCards(0xA1)
	if id := told[Identified](l); len(id) != 1 || !id[0].Verified || id[0].ID != d.id {
		t.Errorf("identified %+v", id)
	}
}

func TestCommandThatTheLineDamagedIsRepeated(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.present(0xA1)
		n := 0
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			f, _, _ := wire.Decode(b[1:])
			if !reply || n == 3 {
				return b, 0
			}
			n++
			nak := wire.Frame{Address: f.Address, Reply: true, Sequence: f.Sequence, Code: wire.ReplyNak, Data: []byte{wire.NakCheck}}
			return nak.Bytes(), 0
		}
		l.run(time.Second)
		l.expectCards(0xA1)
		if d.repeats != 3 || d.key != nil && d.sessions != 1 || len(told[Offline](l)) > 0 {
			t.Errorf("%d repeats, %d sessions%s", d.repeats, d.sessions, l.story())
		}
	})
}

func TestCommandThatIsDamagedForEverIsGivenUp(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.deaf = map[byte]byte{wire.CmdBuz: wire.NakCheck}
		l.fault = nil
		l.send(wire.Buzzer{Tone: 2})
		if d.key != nil {
			d.alter = func(f *wire.Frame) {
				if l.p.readers[0].pending.Code() == wire.CmdBuz {
					*f = wire.Frame{Address: 1, Reply: true, Sequence: f.Sequence, Code: wire.ReplyNak, Data: []byte{wire.NakCheck}}
				}
			}
		}
		l.run(2 * time.Second)
		d.alter = nil
		d.present(0xA1)
		l.run(time.Second)
		if r := told[Refused](l); len(r) != 1 {
			t.Error(l.story())
		}
		l.expectCards(0xA1)
	})
}

// broken gives random numbers while it is whole.
type broken struct{ whole bool }

func (b *broken) Read(p []byte) (int, error) {
	if b.whole {
		return rand.Read(p)
	}
	return 0, errors.New("no entropy")
}

func TestWithoutRandomNumbersThereIsNoSession(t *testing.T) {
	var random io.Reader = &broken{}
	key := newKey(t)
	l := newLine(t, Config{Rand: random, Readers: []Reader{{Address: 1, Key: key}}}, newDevice(1, key))
	l.run(20 * time.Second)
	if off := told[Offline](l); len(off) != 1 || !strings.Contains(off[0].Cause, "no entropy") || l.devices[0].count(wire.CmdChallenge) > 0 {
		t.Error(l.story())
	}
	random.(*broken).whole = true
	l.run(10 * time.Second)
	if len(told[Online](l)) != 1 {
		t.Error(l.story())
	}
}

func TestTheSameNoteIsToldOnce(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		for range 20 {
			l.devices[0].events = append(l.devices[0].events, odd{0x90, []byte{1}})
		}
		l.run(3 * time.Second)
		if n := told[Note](l); len(n) != 1 {
			t.Errorf("told %d times", len(n))
		}
	})
}
