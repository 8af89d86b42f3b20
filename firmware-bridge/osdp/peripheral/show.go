package peripheral

import (
	"encoding/binary"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

const leds = 1

// blink is on for a time and off for a time, in turns.
type blink struct {
	on, off   time.Duration
	high, low byte // what is shown meanwhile
}

func (b blink) at(since time.Duration) byte {
	switch {
	case b.off == 0:
		return b.high
	case b.on == 0 || since%(b.on+b.off) >= b.on:
		return b.low
	}
	return b.high
}

// timed is a state for good, and another one for a while.
type timed struct {
	base, short blink
	since       time.Duration // of base
	from, until time.Duration // of short
}

func (t timed) at(now time.Duration) byte {
	if now < t.until {
		return t.short.at(now - t.from)
	}
	return t.base.at(now - t.since)
}

// forGood is the end of what has no end.
const forGood = time.Duration(1<<63 - 1)

// shown is what a person sees and hears.
type shown struct {
	leds    [leds]timed
	buzzer  timed
	text    string // for good
	notice  string // until
	until   time.Duration
	outputs []timed
}

func tenths(b byte) time.Duration { return time.Duration(b) * 100 * time.Millisecond }

func tenths16(b []byte) time.Duration {
	return time.Duration(binary.LittleEndian.Uint16(b)) * 100 * time.Millisecond
}

// led does one record of LED.
func (s *shown) led(at time.Duration, b []byte) bool {
	if b[0] != 0 || int(b[1]) >= len(s.leds) || b[2] > 2 || b[9] > 1 {
		return false
	}
	l := &s.leds[b[1]]
	switch b[2] {
	case wire.LEDCancel:
		l.until = 0
	case wire.LEDTemporary:
		l.short = blink{tenths(b[3]), tenths(b[4]), b[5], b[6]}
		l.from, l.until = at, at+tenths16(b[7:])
		if l.until == at {
			l.until = forGood
		}
	}
	if b[9] == wire.LEDPermanent {
		l.base, l.since = blink{tenths(b[10]), tenths(b[11]), b[12], b[13]}, at
	}
	return true
}

// buzz does BUZ: the tone for a number of times, 0 for ever.
func (s *shown) buzz(at time.Duration, b []byte) bool {
	if b[0] != 0 || b[1] > 2 {
		return false
	}
	s.buzzer = timed{}
	if b[1] == 2 {
		tone := blink{tenths(b[2]), tenths(b[3]), 1, 0}
		s.buzzer = timed{short: tone, from: at, until: at + time.Duration(b[4])*(tone.on+tone.off)}
		if b[4] == 0 {
			s.buzzer.until = forGood
		}
	}
	return true
}

// output does one record of OUT.
func (s *shown) output(at time.Duration, b []byte) bool {
	if int(b[0]) >= len(s.outputs) || b[1] > wire.OutOffFor {
		return false
	}
	o, level := &s.outputs[b[0]], func(v byte) blink { return blink{high: v} }
	switch b[1] {
	case wire.OutOff, wire.OutOn:
		*o = timed{base: level(b[1] - wire.OutOff)}
	case wire.OutOffAfterTime, wire.OutOnAfterTime:
		o.base = level(b[1] - wire.OutOffAfterTime)
	case wire.OutOnFor, wire.OutOffFor:
		o.short, o.from, o.until = level(wire.OutOffFor-b[1]), at, at+tenths16(b[2:])
	}
	return true
}

// write does TEXT.
func (s *shown) write(at time.Duration, b []byte) bool {
	text := string(b[6:])
	switch b[1] {
	case 1, 2:
		s.text, s.until = text, 0
	case 3, 4:
		s.notice, s.until = text, at+time.Duration(b[2])*time.Second
	default:
		return false
	}
	return b[0] == 0
}

func (s *shown) levels(at time.Duration) []byte {
	var out []byte
	for _, o := range s.outputs {
		out = append(out, o.at(at))
	}
	return out
}

// View is what a PD shows at one time.
type View struct {
	LED     byte // its colour: wire.Black …
	Buzzer  bool
	Text    string
	Outputs []bool
}

// View tells what the PD shows at a time, on the clock of Receive.
func (p *PD) View(at time.Duration) View {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.shown
	v := View{LED: s.leds[0].at(at), Buzzer: s.buzzer.at(at) != 0, Text: s.text}
	if at < s.until {
		v.Text = s.notice
	}
	for _, level := range s.levels(at) {
		v.Outputs = append(v.Outputs, level != 0)
	}
	return v
}
