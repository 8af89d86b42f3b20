package panel

import (
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

func TestL28LostReplyYieldsTheCardExactlyOnce(t *testing.T) {
	for _, lost := range []int{1, 2, 5, 8} {
		both(t, 1, func(t *testing.T, l *line) {
			l.devices[0].present(0xA1)
			l.devices[0].present(0xA2)
			l.lose(lost, true)
			l.run(10 * time.Second)
			l.expectCards(0xA1, 0xA2)
		})
	}
}

// The card came; then the line is cut for so long that the reader is begun with anew, and does not know that it came.
func TestL28CardBeforeACutComesExactlyOnce(t *testing.T) {
	for _, cut := range []time.Duration{5 * time.Second, time.Minute} {
		both(t, 1, func(t *testing.T, l *line) {
			d := l.devices[0]
			d.present(0xA1)
			if !l.until(time.Second, func() bool { return len(l.cards()) == 1 }) {
				t.Fatal("no card")
			}
			l.fault = func([]byte, bool) ([]byte, time.Duration) { return nil, 0 }
			l.run(cut)
			l.fault = nil
			d.present(0xA2)
			l.run(10 * time.Second)
			l.expectCards(0xA1, 0xA2)
			d.present(0xA2)
			d.present(0xA2)
			l.run(time.Second)
			l.expectCards(0xA1, 0xA2, 0xA2, 0xA2)
		})
	}
}

func TestL28CorruptByteYieldsTheCardExactlyOnce(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		for i := range byte(40) {
			l.devices[0].present(0x40 + i)
			n := 0
			l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
				if n++; n == 3 {
					b[int(i)%len(b)] ^= 0x10
				}
				return b, 0
			}
			l.run(time.Second)
		}
		if have := l.cards(); len(have) != 40 {
			t.Errorf("%d cards of 40: % x", len(have), have)
		}
		if len(told[Offline](l)) > 0 {
			t.Error(l.story())
		}
	})
}

func TestL28BusyIsAskedAgainAndLeavesTheMACAlone(t *testing.T) {
	both(t, 2, func(t *testing.T, l *line) {
		d, other := l.devices[0], l.devices[1]
		d.present(0xA1)
		d.busy = 40
		polled := other.count(wire.CmdPoll)
		l.run(6 * time.Second)
		l.expectCards(0xA1)
		if d.busy > 0 || len(told[Offline](l)) > 0 || d.key != nil && d.sessions != 1 {
			t.Errorf("%d sessions%s", d.sessions, l.story())
		}
		if n := other.count(wire.CmdPoll) - polled; n < 40 {
			t.Errorf("L29: its neighbour was polled %d times in 4 s", n)
		}
	})
}

func TestL28RestartIsNoticedAtOnce(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		for range 3 {
			d.powerCut()
			d.present(0xA1)
			at := l.now
			l.forget()
			if !l.until(10*time.Second, func() bool { return len(l.cards()) == 1 }) {
				t.Fatalf("no card%s", l.story())
			}
			if took := l.now - at; took > 1500*ms {
				t.Errorf("back after %v", took)
			}
			if len(told[Offline](l)) > 0 {
				t.Error(l.story())
			}
			l.run(2 * time.Minute)
		}
	})
}

func TestL28SilentRestart(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		d.mute = true
		d.powerCut()
		d.present(0xA1)
		l.run(7 * time.Second)
		l.expectCards(0xA1)
		if len(told[Offline](l)) > 0 {
			t.Error(l.story())
		}
	})
}

// The reader restarts: the same card again is another reading.
func TestCardBeforeAndAfterARestart(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		l.run(2 * time.Minute)
		d.present(0xA1)
		if !l.until(time.Second, func() bool { return len(l.cards()) == 1 }) {
			t.Fatal("no card")
		}
		d.powerCut()
		d.present(0xA1)
		l.run(2 * time.Second)
		l.expectCards(0xA1, 0xA1)
	})
}

// The answer of a reader that restarted in the middle of an exchange.
func TestNak4OrUnexpected0BeginsAnew(t *testing.T) {
	for name, answer := range map[string]func(f wire.Frame) wire.Frame{
		"NAK 4": func(f wire.Frame) wire.Frame {
			return wire.Frame{Sequence: f.Sequence, Code: wire.ReplyNak, Data: []byte{4}}
		},
		"NAK 4 with 0": func(f wire.Frame) wire.Frame { return wire.Frame{Code: wire.ReplyNak, Data: []byte{4}} },
		"unexpected 0": func(f wire.Frame) wire.Frame { return wire.Frame{Code: wire.ReplyAck} },
		"NAK 4 with another number": func(f wire.Frame) wire.Frame {
			return wire.Frame{Sequence: f.Sequence%3 + 1, Code: wire.ReplyNak, Data: []byte{4}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, 1, func(t *testing.T, l *line) {
				l.fault = func(b []byte, reply bool) ([]byte, time.Duration) {
					if !reply {
						return b, 0
					}
					f, _, _ := wire.Decode(b[1:])
					l.fault = nil
					out := answer(f)
					out.Address, out.Reply = f.Address, true
					return out.Bytes(), 0
				}
				l.sent, l.at = nil, nil
				l.run(time.Second)
				if len(l.sent) < 2 || l.sent[1].Sequence != 0 || l.sent[1].Code != wire.CmdID || l.sent[1].Sealed() {
					t.Fatalf("then came %v, expected ID with sequence 0", l.sent[1])
				}
				if wait := l.at[1] - l.at[0]; wait > 100*ms {
					t.Errorf("after %v, expected at once", wait)
				}
				l.devices[0].present(0xA1)
				l.run(2 * time.Second)
				l.expectCards(0xA1)
				if len(told[Offline](l)) > 0 {
					t.Error(l.story())
				}
			})
		})
	}
}

func TestL28OfflineAfter8SecondsAndBackInSeconds(t *testing.T) {
	both(t, 1, func(t *testing.T, l *line) {
		d := l.devices[0]
		l.forget()
		d.dead = true
		at := l.now
		if !l.until(20*time.Second, func() bool { return len(told[Offline](l)) == 1 }) {
			t.Fatal("not offline")
		}
		if took := l.now - at; took < 8*time.Second || took > 10*time.Second {
			t.Errorf("offline after %v", took)
		}
		l.run(time.Minute)
		d.dead = false
		d.powerCut()
		at = l.now
		if !l.until(20*time.Second, func() bool { return len(told[Online](l)) == 1 }) {
			t.Fatalf("not online%s", l.story())
		}
		if took := l.now - at; took > 7*time.Second {
			t.Errorf("back after %v", took)
		}
		if n := len(told[Offline](l)); n != 1 {
			t.Errorf("offline told %d times", n)
		}
		d.present(0xA1)
		l.run(time.Second)
		l.expectCards(0xA1)
	})
}

func TestL29DeadReadersDoNotStarveTheOthers(t *testing.T) {
	for name, make := range map[string]func(testing.TB, int) *line{"secure": secured, "clear": plain} {
		t.Run(name, func(t *testing.T) {
			l := make(t, 4)
			for _, d := range l.devices[1:] {
				d.dead = true
			}
			l.until(5*time.Second, func() bool { return len(told[Online](l)) == 1 })
			l.run(time.Minute)
			d := l.devices[0]
			before := d.count(wire.CmdPoll)
			l.sent, l.at = nil, nil
			l.run(time.Minute)
			alone := time.Minute / (2*d.turn + 45*ms)
			if n := d.count(wire.CmdPoll) - before; n < int(alone)*8/10 {
				t.Errorf("polled %d times in a minute, expected nearly %d", n, alone)
			}
			probes := map[byte][]time.Duration{}
			for i, f := range l.sent {
				if f.Address != 1 {
					probes[f.Address] = append(probes[f.Address], l.at[i])
				}
			}
			for a, at := range probes {
				if len(at) < 10 || len(at) > 14 {
					t.Errorf("dead reader %d was asked %d times in a minute", a, len(at))
				}
			}
			if len(probes) != 3 {
				t.Errorf("%d of 3 dead readers were asked", len(probes))
			}
		})
	}
}

func TestL29RetriesLetNeighboursGoFirst(t *testing.T) {
	both(t, 3, func(t *testing.T, l *line) {
		l.devices[0].dead = true
		l.sent, l.at = nil, nil
		l.run(7 * time.Second) // it is not offline yet
		run := 0
		for _, f := range l.sent {
			if f.Address == 1 {
				run++
			} else {
				run = 0
			}
			if run > 1 {
				t.Fatal("a silent reader was asked twice in a row")
			}
		}
	})
}
