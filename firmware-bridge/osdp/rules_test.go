package osdp_test

import (
	"slices"
	"testing"
	"time"

	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const second = time.Second

func TestSequenceGoesOn(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1)
		w.keep = true
		w.run(5 * second)
		for i, f := range w.sent {
			want := byte(0)
			if i > 0 {
				want = byte((i-1)%3 + 1)
			}
			if f.Sequence != want {
				t.Fatalf("command %d has number %d, expected %d", i, f.Sequence, want)
			}
		}
		if len(w.sent) < 20 {
			t.Errorf("only %d commands in 5 s", len(w.sent))
		}
	})
}

// Each of these faults costs a retry at most: the card is there within a second, once, and nobody is told anything else.
func TestL28ACardArrivesOnceWhatever(t *testing.T) {
	for _, f := range []peripheral.Fault{peripheral.LoseReply, peripheral.LoseCommand, peripheral.Corrupt, peripheral.Busy,
		peripheral.Late, peripheral.Echo, peripheral.NoMark, peripheral.ExtraMarks, peripheral.Garbage, peripheral.OtherAddress} {
		t.Run(string(f), func(t *testing.T) {
			modes(t, func(t *testing.T, m mode) {
				w := of(t, m, 2).online()
				for n := range uint32(3) {
					w.present(0, n)
					w.inject(0, f, 2)
					took := w.until("the card", second, func() bool { return len(w.cards()) > int(n) })
					if took > second {
						t.Errorf("it took %v", took)
					}
				}
				w.inject(0, f, 0)
				w.run(10 * second)
				if got := w.cards(); !slices.Equal(got, []uint32{0, 1, 2}) {
					t.Errorf("cards %v", got)
				}
				if len(w.events) != 3 {
					t.Errorf("events %v", w.words())
				}
			})
		})
	}
}

func TestL28RetryRepeatsBytes(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		w.keep = true
		for _, f := range []peripheral.Fault{peripheral.LoseCommand, peripheral.LoseReply, peripheral.Busy, peripheral.Corrupt} {
			w.forget()
			w.inject(0, f, 3)
			w.run(2 * second)
			first := w.sent[0] // or the first retry, when the command was on its way
			for i, again := range w.sent[:3] {
				if again.Sequence != first.Sequence || !slices.Equal(again.Bytes(), first.Bytes()) {
					t.Errorf("%s: try %d is another command", f, i)
				}
			}
			if len(w.sent) < 10 || slices.Equal(w.sent[4].Bytes(), first.Bytes()) {
				t.Errorf("%s: it does not go on", f)
			}
		}
		if len(all[panel.Offline](w)) > 0 {
			t.Errorf("events %v", w.words())
		}
	})
}

func TestL28ARestartedReaderIsBackInSeconds(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		w.pds[0].PowerCut()
		w.run(50 * time.Millisecond)
		w.present(0, 7)
		if took := w.until("the card", 3*second, func() bool { return len(w.cards()) == 1 }); took > 2*second {
			t.Errorf("it took %v", took)
		}
		if len(all[panel.Offline](w)) > 0 {
			t.Errorf("events %v", w.words())
		}
	})
}

// A late reply to one command must not be taken for the reply to the next.
func TestL27LateRepliesShiftNothing(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 2).online()
		for n := range uint32(50) {
			w.inject(0, peripheral.Late, 1)
			w.present(0, n)
			w.present(1, 1000+n)
			w.run(700 * time.Millisecond)
		}
		w.run(2 * second)
		var first, other []uint32
		for _, n := range w.cards() {
			if n >= 1000 {
				other = append(other, n-1000)
			} else {
				first = append(first, n)
			}
		}
		want := make([]uint32, 50)
		for i := range want {
			want[i] = uint32(i)
		}
		if !slices.Equal(first, want) || !slices.Equal(other, want) {
			t.Errorf("cards %v and %v", first, other)
		}
	})
}

func TestOfflineAfterEightSecondsAndBackInSeconds(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		w.inject(0, peripheral.LoseCommand, -1)
		took := w.until("offline", 10*second, func() bool { return len(all[panel.Offline](w)) == 1 })
		if took < 7900*time.Millisecond || took > 9200*time.Millisecond {
			t.Errorf("offline after %v, expected 8 s and a retry", took)
		}
		w.run(5 * time.Minute)
		w.inject(0, peripheral.LoseCommand, 0)
		if took := w.until("online", 10*second, func() bool { return len(all[panel.Online](w)) == 1 }); took > 6*second {
			t.Errorf("back after %v", took)
		}
		w.present(0, 1)
		w.run(second)
		if got := w.cards(); !slices.Equal(got, []uint32{1}) || len(all[panel.Offline](w)) != 1 {
			t.Errorf("cards %v, events %v", got, w.words())
		}
	})
}

func TestL29ADeadReaderStarvesNobody(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		alone := of(t, m, 3).online()
		polls := func(w *world) int { w.polls = 0; w.run(time.Minute); return w.polls }
		before := polls(alone)
		w := of(t, m, 4).online()
		w.inject(3, peripheral.LoseCommand, -1)
		w.run(15 * second) // it is offline
		if after := polls(w); after < before*8/10 {
			t.Errorf("%d polls of three readers beside a dead one, %d without it", after, before)
		}
		worst := time.Duration(0)
		for n := range uint32(100) {
			w.forget()
			w.present(int(n%3), n)
			worst = max(worst, w.until("the card", 2*second, func() bool { return len(w.cards()) == 1 }))
		}
		if worst > 500*time.Millisecond {
			t.Errorf("a card took %v", worst)
		}
	})
}

// A reader may take 200 ms; one that does costs no retry.
func TestSlowReader(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		cfg, r := m.pd(0)
		cfg.Turnaround = 195 * time.Millisecond
		w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, cfg)
		w.keep = true
		w.present(0, 1)
		w.run(10 * second)
		for i := 1; i < len(w.sent); i++ {
			if slices.Equal(w.sent[i].Bytes(), w.sent[i-1].Bytes()) {
				t.Fatalf("command %d is a retry", i)
			}
		}
		if got := w.cards(); !slices.Equal(got, []uint32{1}) {
			t.Errorf("cards %v", got)
		}
	})
}

// What a reader says that nobody knows is skipped, and one that does not say how much it takes gets 128 bytes at most.
func TestUnknownCapabilities(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		cfg, r := m.pd(0)
		cfg.Caps = []byte{200, 1, 2, 9, 1, 1, 0, 0, 0, 3, 1, 0}
		cfg.File.Receive = 128
		w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, cfg).online()
		if err := w.panel.SendFile(0, 1, firmware(1000)); err != nil {
			t.Fatal(err)
		}
		w.run(10 * second)
		if got, _ := w.pds[0].File(); !slices.Equal(got, firmware(1000)) || w.pds[0].Refused(wire.NakLength) > 0 {
			t.Errorf("%d bytes arrived, %d frames were too large", len(got), w.pds[0].Refused(wire.NakLength))
		}
	})
}

func TestReaderWithoutCRC(t *testing.T) {
	c, r := clear.pd(0)
	c.Checksum = true
	w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, c)
	w.online()
	w.keep = true
	w.present(0, 1)
	w.run(second)
	if got := w.cards(); !slices.Equal(got, []uint32{1}) {
		t.Errorf("cards %v", got)
	}
	if len(w.sent) == 0 || slices.ContainsFunc(w.sent, func(f wire.Frame) bool { return !f.Checksum }) {
		t.Error("a command has a CRC")
	}
}

func TestUnsolicitedStatusAndKeys(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		pd := w.pds[0]
		for _, err := range []error{pd.Tamper(true), pd.Power(true), pd.Input(1, wire.InputOn), pd.Keys("1"), pd.Keys("23#"),
			pd.Formatted("x"), pd.Tamper(false)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		w.run(2 * second)
		if got := all[panel.Tamper](w); !slices.Equal(got, []panel.Tamper{{Active: true}, {}}) {
			t.Errorf("tamper %v", got)
		}
		if got := all[panel.Power](w); !slices.Equal(got, []panel.Power{{Failing: true}}) {
			t.Errorf("power %v", got)
		}
		if got := all[panel.Input](w); !slices.Equal(got, []panel.Input{{Number: 1, State: wire.InputOn}}) {
			t.Errorf("inputs %v", got)
		}
		var keys []byte
		for _, k := range all[panel.Keys](w) {
			keys = append(keys, k.Keys...)
		}
		if string(keys) != "123\r" {
			t.Error("not the keys that were pressed")
		}
		if n := len(all[panel.Card](w)); n != 0 {
			t.Errorf("%d cards: FMT counts for none", n)
		}
	})
}

func TestNAKDropsNoReader(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		for range 20 {
			if err := w.panel.Send(0, wire.LEDs{{LED: 7, Permanent: wire.LEDPermanent, On: 1}}); err != nil {
				t.Fatal(err)
			}
			w.run(200 * time.Millisecond)
		}
		w.present(0, 1)
		w.run(second)
		if got := all[panel.Refused](w); len(got) != 20 || got[0].Command != wire.CmdLED {
			t.Errorf("refused %v", got)
		}
		if got := w.cards(); !slices.Equal(got, []uint32{1}) || len(all[panel.Offline](w)) > 0 {
			t.Errorf("cards %v, events %v", got, w.words())
		}
	})
}

func TestShown(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		w := of(t, m, 1).online()
		for _, c := range []wire.Command{
			wire.LEDs{{Permanent: wire.LEDPermanent, On: 1, OnColour: wire.Red}},
			wire.LEDs{{Temporary: wire.LEDTemporary, TempOn: 5, TempOff: 0, TempOnColour: wire.Green, TempTime: 20}},
			wire.Buzzer{Tone: 2, On: 30, Off: 1, Count: 1}, wire.Outs{{Output: 1, Do: wire.OutOnFor, Time: 30}},
			wire.Text{Mode: 1, Row: 1, Column: 1, Text: "Dobro jutro"},
		} {
			if err := w.panel.Send(0, c); err != nil {
				t.Fatal(err)
			}
		}
		w.run(second)
		v := w.pds[0].View(w.now)
		if v.LED != wire.Green || !v.Buzzer || !v.Outputs[1] || v.Outputs[0] || v.Text != "Dobro jutro" {
			t.Errorf("shown %+v", v)
		}
		v = w.pds[0].View(w.now + 5*second)
		if v.LED != wire.Red || v.Buzzer || v.Outputs[1] {
			t.Errorf("shown later %+v", v)
		}
	})
}

func TestComSet(t *testing.T) {
	for name, f := range map[string]peripheral.Fault{"answered": "", "its answer is lost": peripheral.LoseReply, "it does not hear": peripheral.LoseCommand} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, m mode) {
				w := of(t, m, 2).online()
				if err := w.panel.SetComm(0, 9, 38400); err != nil {
					t.Fatal(err)
				}
				w.until("COMSET waits alone", second, func() bool {
					if f == "" {
						return true
					}
					w.keep = true
					return len(w.sent) > 0 && w.sent[len(w.sent)-1].Code != wire.CmdComSet
				})
				if f != "" {
					w.inject(0, f, 1)
				}
				w.until("the change", 15*second, func() bool { return len(all[panel.CommChanged](w)) == 1 })
				w.forget()
				w.present(0, 1)
				w.present(1, 2)
				w.run(2 * second)
				got := w.cards()
				slices.Sort(got)
				if !slices.Equal(got, []uint32{1, 2}) || w.pds[0].Address() != 9 || w.pds[0].Baud() != 38400 {
					t.Errorf("cards %v, events %v", got, w.words())
				}
			})
		})
	}
	t.Run("it stays where it was", func(t *testing.T) {
		modes(t, func(t *testing.T, m mode) {
			w := of(t, m, 1).online()
			w.inject(0, peripheral.StaysPut, -1)
			if err := w.panel.SetComm(0, 9, 38400); err != nil {
				t.Fatal(err)
			}
			w.until("the refusal", 15*second, func() bool { return len(all[panel.Refused](w)) == 1 })
			w.present(0, 1)
			w.run(2 * second)
			if got := w.cards(); !slices.Equal(got, []uint32{1}) {
				t.Errorf("cards %v, events %v", got, w.words())
			}
		})
	})
}

func firmware(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestFileTransfer(t *testing.T) {
	for name, c := range map[string]struct {
		file   peripheral.File
		failed bool
	}{
		"at once":                 {peripheral.File{}, false},
		"small frames":            {peripheral.File{Receive: 128}, false},
		"large frames":            {peripheral.File{Receive: 1440}, false},
		"a delay between parts":   {peripheral.File{Delay: 150 * time.Millisecond}, false},
		"it works on it":          {peripheral.File{Finishing: 4}, false},
		"it restarts after it":    {peripheral.File{Final: wire.FileRebooting}, false},
		"it aborts":               {peripheral.File{AbortAt: 2000}, true},
		"it finds it malformed":   {peripheral.File{Final: wire.FileMalformed}, true},
		"nothing else in between": {peripheral.File{Alone: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, m mode) {
				cfg, r := m.pd(0)
				cfg.File = c.file
				w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, cfg).online()
				data := firmware(5000)
				if err := w.panel.SendFile(0, 1, data); err != nil {
					t.Fatal(err)
				}
				w.run(second)
				w.present(0, 1)
				w.until("the end", time.Minute, func() bool {
					got := all[panel.Transfer](w)
					return len(got) > 0 && (got[len(got)-1].Done || got[len(got)-1].Failed != "")
				})
				w.run(second)
				got, early := w.pds[0].File()
				last := all[panel.Transfer](w)
				if end := last[len(last)-1]; end.Done == c.failed {
					t.Errorf("end %+v", end)
				}
				if !c.failed && !slices.Equal(got, data) || early > 0 {
					t.Errorf("%d bytes arrived, %d parts too early", len(got), early)
				}
				if cards := w.cards(); !slices.Equal(cards, []uint32{1}) {
					t.Errorf("cards %v", cards)
				}
			})
		})
	}
}

// A key is in force when a handshake with it succeeded; until then both are kept.
func TestKeySet(t *testing.T) {
	for name, f := range map[string]peripheral.Fault{"answered": "", "its answer is lost": peripheral.LoseReply, "a power cut after it": "cut"} {
		t.Run(name, func(t *testing.T) {
			w := of(t, sealed, 1).online()
			if err := w.panel.Pair(0, key(77), w.now+time.Minute); err != nil {
				t.Fatal(err)
			}
			if f != "" {
				w.until("the reader has the key", 5*second, func() bool {
					if w.pds[0].Key() == key(77) {
						return true
					}
					if f == peripheral.LoseReply {
						w.inject(0, f, 1)
					}
					return false
				})
				if f == "cut" {
					w.pds[0].PowerCut()
				}
			}
			w.until("paired", 10*second, func() bool { return len(all[panel.Paired](w)) == 1 })
			w.present(0, 1)
			w.run(2 * second)
			if session, own := w.pds[0].Secure(); !session || !own || w.pds[0].Key() != key(77) {
				t.Errorf("session %v, own key %v", session, own)
			}
			if got := w.cards(); !slices.Equal(got, []uint32{1}) {
				t.Errorf("cards %v, events %v", got, w.words())
			}
		})
	}
	t.Run("KEYSET is answered in clear", func(t *testing.T) {
		cfg, r := sealed.pd(0)
		cfg.ClearAck = true
		w := newWorld(t, panel.Config{Readers: []panel.Reader{r}}, cfg).online()
		if err := w.panel.Pair(0, key(77), w.now+time.Minute); err != nil {
			t.Fatal(err)
		}
		w.until("paired", 10*second, func() bool { return len(all[panel.Paired](w)) == 1 })
		if w.insecure(panel.Downgrade) {
			t.Error("it was taken for an attack")
		}
	})
}

func TestNewHandshakeEachHour(t *testing.T) {
	cfg, r := sealed.pd(0)
	w := newWorld(t, panel.Config{Readers: []panel.Reader{r}, Rekey: time.Minute}, cfg).online()
	w.keep = true
	n := uint32(0)
	for range 50 {
		w.present(0, n)
		n++
		w.run(6 * second)
	}
	challenges := map[string]bool{}
	for _, f := range w.sent {
		if f.Code == wire.CmdChallenge {
			challenges[string(f.Data)] = true
		}
	}
	if len(challenges) < 4 || len(challenges) > 6 {
		t.Errorf("%d handshakes with a random number of their own in 5 minutes, expected one each minute", len(challenges))
	}
	if got := w.cards(); len(got) != 50 || len(w.events) != 50 {
		t.Errorf("%d cards, events %v", len(got), w.words())
	}
}

func weak() *secure.Key {
	k := secure.Key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	return &k
}
