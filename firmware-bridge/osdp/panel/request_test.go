package panel

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func (l *line) send(c wire.Command) {
	l.t.Helper()
	if err := l.p.Send(1, c); err != nil {
		l.t.Fatal(err)
	}
}

// heard gives the commands of one kind that the first device got, in order.
func heard[T wire.Command](l *line) []T {
	var all []T
	for _, c := range l.devices[0].got {
		if got, ok := c.(T); ok {
			all = append(all, got)
		}
	}
	return all
}

func TestCommandsReachTheReader(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		perm := wire.LED{LED: 0, Permanent: wire.LEDPermanent, On: 1, OnColour: wire.Red, OffColour: wire.Red}
		temp := wire.LED{LED: 1, Temporary: wire.LEDTemporary, TempOn: 1, TempOnColour: wire.Green, TempTime: 30}
		buzzer := wire.Buzzer{Tone: 2, On: 1, Off: 1, Count: 2}
		out := wire.Out{Output: 0, Do: wire.OutOnFor, Time: 30}
		text := wire.Text{Mode: 1, Row: 1, Column: 1, Text: "Otvoreno"}
		for _, c := range []wire.Command{wire.LEDs{perm, temp}, buzzer, wire.Outs{out}, text} {
			l.send(c)
		}
		l.run(2 * time.Second)
		if have := heard[wire.LEDs](l); len(have) != 2 || have[0][0] != perm || have[1][0] != temp {
			t.Errorf("LED %+v", have)
		}
		if have := heard[wire.Buzzer](l); len(have) != 1 || have[0] != buzzer {
			t.Errorf("BUZ %+v", have)
		}
		if have := heard[wire.Outs](l); len(have) != 1 || have[0][0] != out {
			t.Errorf("OUT %+v", have)
		}
		if have := heard[wire.Text](l); len(have) != 1 || have[0] != text {
			t.Errorf("TEXT %+v", have)
		}
	})
}

func TestCommandIsSentOnceThoughItsReplyIsLost(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		l.send(wire.Buzzer{Tone: 2, Count: 1})
		l.lose(2, true)
		l.run(5 * time.Second)
		if n := len(heard[wire.Buzzer](l)); n != 1 {
			t.Errorf("done %d times", n)
		}
	})
}

func TestLatestWins(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		for i := range byte(100) {
			l.send(wire.Buzzer{Tone: 2, Count: i})
			l.send(wire.LEDs{{Permanent: wire.LEDPermanent, OnColour: i}})
			l.send(wire.LEDs{{Temporary: wire.LEDTemporary, TempOnColour: i}})
			l.send(wire.LEDs{{LED: 1, Permanent: wire.LEDPermanent, OnColour: i}})
			l.send(wire.Outs{{Output: i % 2, Do: wire.OutOn, Time: uint16(i)}})
			l.send(wire.Text{Row: 1, Text: fmt.Sprint(i)})
		}
		l.run(5 * time.Second)
		last := heard[wire.LEDs](l)
		both := wire.LED{Permanent: wire.LEDPermanent, OnColour: 99, Temporary: wire.LEDTemporary, TempOnColour: 99}
		if !slices.ContainsFunc(last, func(c wire.LEDs) bool { return c[0] == both }) || len(last) > 4 {
			t.Errorf("LED %+v", last)
		}
		if b := heard[wire.Buzzer](l); len(b) > 2 || b[len(b)-1].Count != 99 {
			t.Errorf("BUZ %+v", b)
		}
		if o := heard[wire.Outs](l); len(o) > 3 || o[len(o)-1][0].Time != 99 {
			t.Errorf("OUT %+v", o)
		}
		if x := heard[wire.Text](l); len(x) > 2 || x[len(x)-1].Text != "99" {
			t.Errorf("TEXT %+v", x)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		for i := range byte(maxQueue) {
			l.send(wire.Outs{{Output: i}})
		}
		if err := l.p.Send(1, wire.Outs{{Output: 99}}); err == nil || !strings.Contains(err.Error(), "16 commands wait") {
			t.Error(err)
		}
		l.run(5 * time.Second)
		if n := len(heard[wire.Outs](l)); n != maxQueue {
			t.Errorf("%d of %d", n, maxQueue)
		}
	})
}

func TestSendRefuses(t *testing.T) {
	l := plain(t, 1)
	if err := l.p.Send(1, wire.Buzzer{}); !errors.Is(err, ErrOffline) {
		t.Errorf("to a reader that is not there yet: %v", err)
	}
	l.up()
	if err := l.p.Send(7, wire.Buzzer{}); err == nil || !strings.Contains(err.Error(), "address 7") {
		t.Error(err)
	}
	for _, c := range []wire.Command{wire.KeySet{}, wire.Challenge{}, wire.Ask(wire.CmdPoll), wire.ComSet{}} {
		if err := l.p.Send(1, c); err == nil {
			t.Errorf("%T is taken", c)
		}
	}
	if err := l.p.Send(1, wire.Text{Text: strings.Repeat("x", 200)}); err == nil || !strings.Contains(err.Error(), "takes 128") {
		t.Error(err)
	}
}

// L15 is the same at the door: what waited for a reader must not happen when it comes back.
func TestWhatWaitedForADeadReaderIsForgotten(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.dead = true
		l.run(ms * 500)
		l.send(wire.Outs{{Do: wire.OutOn}})
		l.run(20 * time.Second)
		if err := l.p.Send(1, wire.Buzzer{}); !errors.Is(err, ErrOffline) {
			t.Error(err)
		}
		d.dead = false
		l.run(20 * time.Second)
		if n := len(heard[wire.Outs](l)); n != 0 {
			t.Errorf("it was told %d times", n)
		}
	})
}

func TestPollingGoesOnBetweenCommands(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		l.forget()
		for i := range byte(maxQueue) {
			l.send(wire.Outs{{Output: i}})
		}
		d.present(0xA1)
		at := l.now
		if !l.until(time.Second, func() bool { return len(l.cards()) == 1 }) || l.now-at > 200*ms {
			t.Errorf("the card came after %v", l.now-at)
		}
	})
}

func TestStateAsFoundThenChanges(t *testing.T) {
	key := newKey(t)
	d := newDevice(1, key)
	d.local = wire.LocalStatus{PowerFailure: true}
	d.inputs = wire.Inputs{wire.InputOn, wire.InputShort}
	l := newLine(t, Config{Readers: []Reader{{Address: 1, Key: key}}}, d)
	l.up()
	l.run(2 * time.Second)
	if have := told[Input](l); !slices.Equal(have, []Input{{0, 1}, {1, 2}}) {
		t.Error(have)
	}
	if have := told[Power](l); !slices.Equal(have, []Power{{true}}) {
		t.Error(have)
	}
	if have := told[Tamper](l); !slices.Equal(have, []Tamper{{false}}) {
		t.Error(have)
	}
	l.forget()
	// Unsolicited reports are answers to POLL like any other.
	d.events = []wire.Reply{wire.Inputs{0, 2}, wire.Outputs{1, 0}, wire.Outputs{1, 1}, wire.LocalStatus{Tamper: true}, wire.Inputs{0, 2}, wire.Readers{0}}
	l.run(2 * time.Second)
	want := []any{Input{0, 0}, Output{0, true}, Output{1, false}, Output{1, true}, Power{false}, Tamper{true}}
	var have []any
	for _, e := range l.events {
		have = append(have, e.What)
	}
	if !slices.Equal(have, want) {
		t.Errorf("told %v", have)
	}
	if err := l.p.Send(1, wire.Ask(wire.CmdIStat)); err != nil {
		t.Error(err)
	}
	if err := l.p.Identify(1); err != nil {
		t.Error(err)
	}
	l.run(time.Second)
	if len(told[Identified](l)) != 1 {
		t.Error(l.story())
	}
}

func TestKeypad(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		l.devices[0].events = []wire.Reply{
			wire.Keypad{Keys: []byte("1")}, wire.Keypad{Keys: []byte("234")}, wire.Keypad{Keys: []byte{wire.KeyEnter}},
			wire.Keypad{Keys: []byte{}}, wire.Keypad{Reader: 1, Keys: []byte{'9', wire.KeyCancel}},
		}
		l.run(time.Second)
		var have []string
		for _, k := range told[Keys](l) {
			have = append(have, fmt.Sprint(k.Reader, string(k.Keys)))
		}
		if want := []string{"01", "0234", "0\r", "19\x7f"}; !slices.Equal(have, want) {
			t.Errorf("%q", have)
		}
	})
}

func TestRawIsDeliveredAsItWasRead(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		l.devices[0].events = []wire.Reply{wire.Raw{Reader: 1, Kind: 1, Bits: []byte{0xA5, 0x5A, 0x12, 0xFF}, Len: 26}}
		l.run(time.Second)
		c := told[Card](l)
		if len(c) != 1 || c[0].Reader != 1 || c[0].Len != 26 || !bytes.Equal(c[0].Bits, []byte{0xA5, 0x5A, 0x12, 0xC0}) {
			t.Errorf("%x", c)
		}
	})
}

func TestFmtIsLoggedOnly(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		l.devices[0].events = []wire.Reply{wire.Fmt{}}
		l.run(time.Second)
		if n := told[Note](l); len(n) != 1 || len(l.cards()) > 0 {
			t.Error(l.story())
		}
	})
}

func TestWhatIsNotUnderstoodIsNoted(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		l.devices[0].events = []wire.Reply{odd{wire.ReplyRaw, []byte{0, 0, 0, 0}}, odd{0x90, []byte{1, 2, 3}}}
		l.devices[0].present(0xA1)
		l.run(time.Second)
		if n := told[Note](l); len(n) != 2 || !strings.Contains(n[0].Words, "RAW of 0 bits") || !strings.Contains(n[1].Words, "0x90") {
			t.Error(l.story())
		}
		l.expectCards(0xA1)
	})
}

type odd struct {
	code byte
	data []byte
}

func (o odd) ReplyCode() byte { return o.code }
func (o odd) Data() []byte    { return o.data }

// Nobody drains the events for a minute: the readers keep their cards, and none is lost or told to be offline.
func TestEventsAreBounded(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		l.forget()
		l.drain = false
		var want []byte
		for i := range 400 {
			l.devices[i%2].present(byte(i))
			want = append(want, byte(i))
		}
		l.run(2 * time.Minute)
		if n := len(l.p.events); n < maxEvents || n > maxEvents+maxPoints {
			t.Errorf("%d events held", n)
		}
		l.drain = true
		l.run(time.Minute)
		have := l.cards()
		slices.Sort(have)
		slices.Sort(want)
		if !bytes.Equal(have, want) || len(told[Offline](l)) > 0 {
			t.Errorf("%d cards of %d", len(have), len(want))
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for want, c := range map[string]Config{
		"speed of 1200":             {Baud: 1200},
		"address 127":               {Readers: []Reader{{Address: 127}}},
		"two readers have":          {Readers: []Reader{{Address: 5}, {Address: 5}}},
		"a key and is set to clear": {Readers: []Reader{{Key: newKey(t), ClearText: true}}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if a := p.Step(time.Second); a.Send != nil || a.Next <= time.Second {
		t.Errorf("a line without readers: %+v", a)
	}
}
