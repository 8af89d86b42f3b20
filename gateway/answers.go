package gateway

import (
	"time"

	"kapija/gateway/door"
)

// step is one moment of what a reader shows and sounds.
type step struct {
	lasts       time.Duration
	led, buzzer bool
}

// patterns are the answers. The LED is green when it is on and red when it is off; a pattern ends with both off.
// Granted: green, one beep. Not here: red, two beeps. Not now: red and green in turn, one long beep. Close it: a beep each
// second, for as long as it takes. More is expected: green blinks, without a sound.
var patterns = map[door.Says][]step{
	door.Welcome: {{150 * time.Millisecond, true, true}, {1850 * time.Millisecond, true, false}},
	door.NotHere: {{120 * time.Millisecond, false, true}, {120 * time.Millisecond, false, false}, {120 * time.Millisecond, false, true}},
	door.NotNow: {
		{200 * time.Millisecond, false, true}, {200 * time.Millisecond, true, true},
		{200 * time.Millisecond, false, true}, {200 * time.Millisecond, true, true},
	},
	door.CloseIt: {{100 * time.Millisecond, false, true}, {900 * time.Millisecond, false, false}},
	door.GoOn: {
		{250 * time.Millisecond, true, false}, {250 * time.Millisecond, false, false}, {250 * time.Millisecond, true, false},
		{250 * time.Millisecond, false, false}, {250 * time.Millisecond, true, false}, {250 * time.Millisecond, false, false},
	},
}

// player plays the answers of one reader. A new answer takes the place of the one that is playing.
type player struct {
	led, buzzer *output // nil: the reader has none
	rest        []step
	next        time.Time // when rest goes on; zero when nothing plays
	again       bool      // the door is to be closed: what else plays is followed by that
}

func (p *player) play(now time.Time, s door.Says) {
	if s == door.CloseIt || s == door.Quiet {
		p.again = s == door.CloseIt
		if !p.next.IsZero() && len(p.rest) > 0 && p.again { // somebody is being answered
			return
		}
	}
	p.rest = patterns[s]
	p.advance(now)
}

func (p *player) silence(now time.Time) {
	p.again, p.rest = false, nil
	p.advance(now)
}

// due goes on when it is time.
func (p *player) due(now time.Time) {
	for !p.next.IsZero() && !now.Before(p.next) {
		p.advance(p.next)
	}
}

func (p *player) advance(now time.Time) {
	var s step
	p.next = time.Time{}
	if len(p.rest) == 0 && p.again {
		p.rest = patterns[door.CloseIt]
	}
	if len(p.rest) > 0 {
		s, p.rest = p.rest[0], p.rest[1:]
		p.next = now.Add(s.lasts)
	}
	p.led.set(s.led)
	p.buzzer.set(s.buzzer)
}
