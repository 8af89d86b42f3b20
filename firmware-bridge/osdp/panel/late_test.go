package panel

import (
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func TestL27LateRepliesAreDiscarded(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		n := 0
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if n++; reply && n%7 == 0 {
				return b, 400 * ms // long after it was given up
			}
			return b, 0
		}
		for i := range byte(30) {
			l.devices[i%2].present(0x40 + i)
			l.run(time.Second)
		}
		l.fault = nil
		l.run(5 * time.Second)
		have := l.cards()
		slices.Sort(have)
		if len(have) != 30 || len(slices.Compact(have)) != 30 {
			t.Errorf("%d cards of 30: % x", len(have), have)
		}
		if len(told[Offline](l)) > 0 {
			t.Error(l.story())
		}
		for _, d := range l.devices {
			if d.key != nil && d.sessions != 1 {
				t.Errorf("%d sessions", d.sessions)
			}
		}
	})
}

// With four sequence numbers, a late answer can bear the one that is expected.
func TestL27LateReplyDoesNotStandForTheNextOne(t *testing.T) {
	for late := 260 * ms; late < 460*ms; late += 7 * ms {
		l := plain(t, 1)
		l.up()
		l.run(time.Second)
		l.idle()
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if reply {
				l.fault = nil
				return b, late
			}
			return b, 0
		}
		var want []byte
		for i := range byte(40) {
			l.devices[0].present(i)
			want = append(want, i)
			l.run(30 * ms)
		}
		l.run(2 * time.Second)
		l.expectCards(want...)
	}
}

// The answer to sequence 0 once more, while the next one is awaited, is no restart.
func TestL27RepeatedFirstReplyIsNoRestart(t *testing.T) {
	l := secured(t, 1)
	l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
		if reply {
			l.fault = nil
			l.arrivals = append(l.arrivals, arrival{at: l.now + 45*ms, bytes: b}, arrival{at: l.now + 85*ms, bytes: b})
		}
		return b, 0
	}
	l.up()
	first := 0
	for _, f := range l.sent {
		if f.Sequence == 0 {
			first++
		}
	}
	if first != 1 {
		t.Errorf("begun with %d times", first)
	}
}

func TestL27RepliesAreMatchedByAddressAndSequence(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		foreign := func(f wire.Frame) {
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				if reply {
					return append(f.Bytes(), b...), 0
				}
				return b, 0
			}
			l.run(time.Second)
			l.fault = nil
		}
		card := wire.Raw{Bits: []byte{0xEE}, Len: 8}
		foreign(wire.Frame{Address: 9, Reply: true, Sequence: 1, Code: card.ReplyCode(), Data: card.Data()})
		l.expectCards()
		if l.devices[0].key != nil || l.devices[1].key != nil {
			l.expectInsecure()
		}
		// A sequence number that is neither the expected one nor 0.
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if !reply {
				return b, 0
			}
			f, _, err := wire.Decode(b[1:])
			if err != nil {
				t.Fatal(err)
			}
			late := wire.Frame{Address: f.Address, Reply: true, Sequence: (f.Sequence+1)%3 + 1, Code: card.ReplyCode(), Data: card.Data()}
			return append(late.Bytes(), b...), 0
		}
		l.run(time.Second)
		l.expectCards()
		if len(told[Offline](l)) > 0 || len(told[Online](l)) != 2 {
			t.Error(l.story())
		}
	})
}

func TestOwnEchoIsDiscarded(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		l.echo = true
		l.devices[0].present(0xA1)
		l.run(2 * time.Second)
		l.expectCards(0xA1)
		for _, d := range l.devices {
			if d.repeats > 0 {
				t.Errorf("%d commands were repeated", d.repeats)
			}
		}
	})
}

func TestLateAnswerOfADeadReaderIsNoticed(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.dead = true
		l.run(time.Minute)
		l.forget()
		d.dead = false
		d.turn = 100 * ms
		if !l.until(probeLast+2*time.Second, func() bool { return len(told[Online](l)) == 1 }) {
			t.Fatalf("not online%s", l.story())
		}
	})
}

// One question in six waits in full.
func TestReaderThatIsBackAndSlowerThanBefore(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.dead = true
		l.run(30 * time.Second)
		l.forget()
		d.dead = false
		d.turn = 150 * ms // longer than it is waited for in the other five
		at := l.now
		if !l.until(time.Minute, func() bool { return len(told[Online](l)) == 1 }) {
			t.Fatalf("not online%s", l.story())
		}
		if took := l.now - at; took > 6*probeLast+time.Second {
			t.Errorf("back after %v", took)
		}
	})
}
