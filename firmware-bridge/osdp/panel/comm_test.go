package panel

import (
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func TestComSet(t *testing.T) {
	for _, c := range []struct {
		address byte
		baud    int
	}{{5, 9600}, {1, 38400}, {5, 115200}} {
		both(t, 2, func(t *testing.T, l *line) {
			d := l.devices[0]
			l.clear[c.address] = l.clear[1]
			if err := l.p.SetComm(1, c.address, c.baud); err != nil {
				t.Fatal(err)
			}
			l.run(5 * time.Second)
			if have := told[CommChanged](l); len(have) != 1 || have[0] != (CommChanged{1, c.baud}) {
				t.Fatal(l.story())
			}
			if d.address != c.address || d.baud != c.baud || len(told[Offline](l)) > 0 {
				t.Error(l.story())
			}
			d.present(0xA1)
			l.run(time.Second)
			l.expectCards(0xA1)
			if e := l.events[len(l.events)-1]; e.Address != c.address {
				t.Errorf("the event is of reader %d", e.Address)
			}
			l.devices[1].present(0xA2)
			l.run(time.Second)
			l.expectCards(0xA1, 0xA2)
		})
	}
}

func TestComSetWhoseAnswerIsLost(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		comset := false
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if !reply {
				return b, 0
			}
			comset = comset || d.next != nil
			if comset {
				comset = false
				return nil, 0
			}
			return b, 0
		}
		if err := l.p.SetComm(1, 1, 38400); err != nil {
			t.Fatal(err)
		}
		l.run(7 * time.Second)
		if have := told[CommChanged](l); len(have) != 1 || d.baud != 38400 || len(told[Offline](l)) > 0 {
			t.Fatal(l.story())
		}
	})
}

func TestComSetThatTheReaderDoesNotDo(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		if err := l.p.SetComm(1, 9, 38400); err != nil {
			t.Fatal(err)
		}
		l.clear[9] = l.clear[1]
		l.until(5*time.Second, func() bool {
			done := d.count(wire.CmdComSet) > 0
			if done {
				d.address, d.baud = 1, 9600 // it answered, and stays where it was
			}
			return done
		})
		l.run(10 * time.Second)
		if have := told[Refused](l); len(have) != 1 || have[0].Words != "it answers at its old address and speed" {
			t.Fatal(l.story())
		}
		d.present(0xA1)
		l.run(time.Second)
		l.expectCards(0xA1)
		d.deaf = map[byte]byte{wire.CmdComSet: wire.NakRecord}
		if err := l.p.SetComm(1, 9, 38400); err != nil {
			t.Fatal(err)
		}
		l.run(time.Second)
		if have := told[Refused](l); len(have) != 2 {
			t.Error(l.story())
		}
	})
}

func TestSetCommRefuses(t *testing.T) {
	l := plain(t, 2)
	l.up()
	for name, err := range map[string]error{
		"address 127":              l.p.SetComm(1, 127, 9600),
		"speed of 1200":            l.p.SetComm(1, 3, 1200),
		"that of another reader":   l.p.SetComm(1, 2, 9600),
		"no reader has address 77": l.p.SetComm(77, 2, 9600),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestComSetWithAnotherAnswer(t *testing.T) {
	for want, answer := range map[string]wire.Reply{
		"it wants address 1 and 9600 baud instead":   wire.Com{Address: 1, Baud: 9600},
		"it wants address 200 and 9600 baud instead": wire.Com{Address: 200, Baud: 9600},
		"it wants address 5 and 1200 baud instead":   wire.Com{Address: 5, Baud: 1200},
		"it wants address 2 and 9600 baud instead":   wire.Com{Address: 2, Baud: 9600},
		"its answer is not COM":                      wire.Ack{},
	} {
		l := plain(t, 2)
		l.up()
		if err := l.p.SetComm(1, 5, 9600); err != nil {
			t.Fatal(err)
		}
		if err := l.p.SetComm(1, 6, 9600); err == nil {
			t.Error("two changes at a time")
		}
		l.devices[0].alter = func(f *wire.Frame) {
			if f.Code == wire.ReplyCom {
				f.Code, f.Data = answer.ReplyCode(), answer.Data()
				l.devices[0].next = nil
			}
		}
		l.run(2 * time.Second)
		if have := told[Refused](l); len(have) != 1 || have[0] != (Refused{wire.CmdComSet, want}) {
			t.Errorf("%s: %s", want, l.story())
		}
		if n := l.devices[0].count(wire.CmdComSet); n != 1 {
			t.Errorf("asked %d times", n)
		}
	}
	t.Run("a speed of its own choice is taken", func(t *testing.T) {
		l := plain(t, 1)
		l.up()
		d := l.devices[0]
		d.alter = func(f *wire.Frame) {
			if f.Code == wire.ReplyCom {
				f.Data = wire.Com{Address: 1, Baud: 19200}.Data()
				d.next = func() { d.baud = 19200 }
			}
		}
		if err := l.p.SetComm(1, 1, 115200); err != nil {
			t.Fatal(err)
		}
		l.run(2 * time.Second)
		if have := told[CommChanged](l); len(have) != 1 || have[0].Baud != 19200 {
			t.Error(l.story())
		}
	})
}

func TestComSetToAReaderThatDies(t *testing.T) {
	l := plain(t, 1)
	l.up()
	l.run(time.Second)
	l.devices[0].dead = true
	l.run(2 * time.Second)
	if err := l.p.SetComm(1, 5, 9600); err != nil {
		t.Fatal(err)
	}
	l.run(20 * time.Second)
	if have := told[Refused](l); len(have) != 1 || have[0].Words != "the reader is offline" {
		t.Error(l.story())
	}
}
