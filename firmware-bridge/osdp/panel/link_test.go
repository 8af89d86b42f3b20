package panel

import (
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// both runs a test in a secure session and in clear text.
func both(t *testing.T, n int, test func(t *testing.T, l *line)) {
	for name, make := range map[string]func(testing.TB, int) *line{"secure": secured, "clear": plain} {
		t.Run(name, func(t *testing.T) {
			l := make(t, n)
			l.up()
			l.run(2 * time.Second)
			l.idle()
			test(t, l)
		})
	}
}

func TestComesUpAndReads(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.present(0xA1, 0xB2, 0xC3)
		l.run(time.Second)
		l.expectCards(0xA1)
		ids := told[Identified](l)
		if len(ids) != 1 || ids[0].ID != d.id || ids[0].Verified != (d.key != nil) || len(ids[0].Caps) != len(d.caps) {
			t.Errorf("identified %+v", ids)
		}
		if on := told[Online](l); len(on) != 1 || on[0].Secure != (d.key != nil) {
			t.Errorf("online %+v", on)
		}
		if d.key != nil {
			l.expectInsecure()
		} else {
			l.expectInsecure(ClearText)
		}
		if d.repeats > 0 {
			t.Errorf("%d commands were repeated", d.repeats)
		}
	})
}

func TestSequence0ThenOneTwoThree(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		for i, f := range l.sent[:20] {
			want := byte(0)
			if i > 0 {
				want = byte((i-1)%3 + 1)
			}
			if f.Sequence != want {
				t.Fatalf("command %d has sequence %d, expected %d", i, f.Sequence, want)
			}
		}
	})
}

// lose loses the next n frames of a direction.
func (l *line) lose(n int, reply bool) {
	l.fault = func(b []byte, isReply bool) ([]byte, time.Duration) {
		if isReply == reply && n > 0 {
			n--
			return nil, 0
		}
		return b, 0
	}
}

func TestRetryRepeatsNumberAndBytes(t *testing.T) {
	for _, reply := range []bool{false, true} {
		both(t, 1, func(t *testing.T, l *line) {
			d := l.devices[0]
			l.sent = nil
			l.lose(3, reply)
			l.run(2 * time.Second)
			if len(l.sent) < 5 {
				t.Fatalf("%d commands", len(l.sent))
			}
			for i := 1; i < 4; i++ {
				if !slices.Equal(l.sent[0].Bytes(), l.sent[i].Bytes()) {
					t.Errorf("retry %d is another frame: %v after %v", i, l.sent[i], l.sent[0])
				}
			}
			if len(told[Offline](l)) > 0 || d.key != nil && d.sessions != 1 {
				t.Errorf("the MAC did not hold: %d sessions%s", d.sessions, l.story())
			}
		})
	}
}

func TestMarksAndFalseStartsAroundReplies(t *testing.T) {
	for name, wrap := range map[string]func([]byte) []byte{
		"no mark":        func(b []byte) []byte { return b[1:] },
		"repeated mark":  func(b []byte) []byte { return append([]byte{0xFF, 0xFF, 0xFF}, b...) },
		"trailing marks": func(b []byte) []byte { return append(b, 0xFF, 0xFF) },
		"false start":    func(b []byte) []byte { return append([]byte{0x53, 0x12, 0x53}, b...) },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, 1, func(t *testing.T, l *line) {
				l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
					if reply {
						b = wrap(b)
					}
					return b, 0
				}
				l.devices[0].present(0x53, 0x53, 0x53)
				l.run(2 * time.Second)
				l.expectCards(0x53)
				if l.devices[0].repeats > 0 {
					t.Errorf("%d commands were repeated", l.devices[0].repeats)
				}
			})
		})
	}
}

// Each frame that the tests send is held to the gap; here it is no longer than that either.
func TestIdleGapOfTwoCharacters(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		l.sent, l.at = nil, nil
		var ends []time.Duration
		l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
			if reply {
				ends = append(ends, l.now+l.devices[0].turn+transmit(len(b), 9600))
			}
			return b, 0
		}
		l.run(time.Second)
		for i := 1; i < len(l.at); i++ {
			// To a microsecond: times of characters are rounded.
			if gap := (l.at[i] - ends[i-1]).Round(time.Microsecond); gap != transmit(2, 9600).Round(time.Microsecond) {
				t.Fatalf("a gap of %v, expected %v", gap, transmit(2, 9600))
			}
		}
	})
}

func TestReplyTimeout(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.turn = 195 * ms // within the 200 ms that a reader has
		d.present(0xA1)
		l.run(4 * time.Second)
		l.expectCards(0xA1)
		if d.repeats > 0 {
			t.Errorf("%d commands were repeated", d.repeats)
		}
		l.sent, l.at = nil, nil
		d.dead = true
		l.run(2 * time.Second)
		size := l.sent[0].Size() + 1
		if wait := l.at[1] - l.at[0]; wait < replyWait+transmit(size, 9600) || wait > replyWait+transmit(size+longReply, 9600)+2*retryFirst {
			t.Errorf("retried after %v", wait)
		}
	})
}

func TestChecksumOnlyWhereTheReaderSaysSo(t *testing.T) {
	l := plain(t, 2)
	l.devices[0].caps = wire.Caps{{Function: wire.CapCheck, Level: 0}}
	l.up()
	l.run(time.Second)
	l.devices[0].present(0xA1)
	l.run(time.Second)
	l.expectCards(0xA1)
	l.sent = l.sent[len(l.sent)-10:]
	for _, f := range l.sent {
		if f.Checksum != (f.Address == 1) {
			t.Errorf("reader %d, checksum %v", f.Address, f.Checksum)
		}
	}
}

func TestReaderThatAnswersWithAChecksum(t *testing.T) {
	l := plain(t, 1)
	l.devices[0].caps = nil
	l.devices[0].alter = func(f *wire.Frame) { f.Checksum = true }
	l.up()
	if last := l.sent[len(l.sent)-1]; !last.Checksum {
		t.Error("it is still sent a CRC")
	}
}

func TestANakToOneCommandDoesNotDropAReader(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.deaf = map[byte]byte{wire.CmdBuz: wire.NakUnknown, wire.CmdOut: wire.NakRecord}
		for _, c := range []wire.Command{wire.Buzzer{Tone: 2}, wire.Outs{{Output: 0, Do: wire.OutOn}}, wire.LEDs{{Permanent: wire.LEDPermanent}}} {
			if err := l.p.Send(1, c); err != nil {
				t.Fatal(err)
			}
		}
		d.present(0xA1)
		l.run(2 * time.Second)
		want := []Refused{{wire.CmdBuz, "NAK 3: the reader does not know the command"}, {wire.CmdOut, "NAK 9: the reader cannot do what the command says"}}
		if have := told[Refused](l); !slices.Equal(have, want) {
			t.Errorf("refused %v", have)
		}
		if d.count(wire.CmdLED) != 1 || len(told[Offline](l)) > 0 {
			t.Error(l.story())
		}
		l.expectCards(0xA1)
	})
}
