package osdp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
	"kapija/internal/cardformat"
)

// formats are those of the readers.
func formats(t testing.TB) []cardformat.Format {
	t.Helper()
	set, problems := cardformat.NewSet(nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	selected, err := set.Select([]string{"wiegand-26", "wiegand-37"})
	if err != nil {
		t.Fatal(err)
	}
	return selected
}

// site is a bus that runs over a port without a kernel, in a synctest bubble.
type site struct {
	t     *testing.T
	bus   *osdp.Bus
	out   chan bridge.Signal
	line  *peripheral.Line
	pds   []*peripheral.PD
	clock func() time.Duration

	mu    sync.Mutex
	port  io.Closer // the open one
	fails error     // of the next opening; nil: none
	opens int
}

// start runs a bus with the readers east and west, at addresses 0 and 1.
func start(t *testing.T, m mode, change func(o *osdp.Opts)) *site {
	s := &site{t: t, out: make(chan bridge.Signal)}
	o := osdp.Opts{}
	for i, id := range []string{"east", "west"} {
		c, r := m.pd(byte(i))
		s.pds = append(s.pds, peripheral.New(c))
		o.Readers = append(o.Readers, osdp.Reader{ID: id, Address: byte(i), Formats: formats(t), Key: r.Key, ClearText: r.ClearText,
			Tamper: id + "-tamper", Inputs: map[int]string{1: id + "-rex"}})
	}
	if change != nil {
		change(&o)
	}
	begin := time.Now()
	s.clock = func() time.Duration { return time.Since(begin) + time.Second }
	s.line = peripheral.NewLine(9600, s.pds...)
	bus, err := osdp.New("rs485", s.open, o)
	if err != nil {
		t.Fatal(err)
	}
	s.bus = bus
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bus.Run(ctx, s.out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) open() (bridge.Port, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	if s.fails != nil {
		return nil, s.fails
	}
	port, far := peripheral.Pipe(s.line.SetBaud)
	s.port = port
	go peripheral.Serve(context.Background(), far, s.line, s.clock) //nolint:errcheck // it ends when the port is closed
	return port, nil
}

// fail breaks the port, and each opening until it is healed by nil.
func (s *site) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
	if err != nil {
		s.port.Close()
	}
}

// during collects what is told in a time.
func (s *site) during(d time.Duration) []bridge.Signal {
	var got []bridge.Signal
	end := time.After(d)
	for {
		select {
		case signal := <-s.out:
			if signal.At.After(time.Now()) {
				s.t.Errorf("a signal at %v, in the future", signal.At)
			}
			got = append(got, signal)
		case <-end:
			return got
		}
	}
}

// lines are signals as text, without secrets.
func lines(signals []bridge.Signal) (all []string) {
	for _, s := range signals {
		switch what := s.What.(type) {
		case bridge.Read:
			all = append(all, fmt.Sprintf("%s read %q %d bits %s", s.Device, what.Format, what.Len, what.Fault))
		case bridge.Health:
			all = append(all, strings.TrimRight(fmt.Sprintf("%s online %v: %s", s.Device, what.Online, what.Cause), ": "))
		default:
			all = append(all, fmt.Sprintf("%s %T %+v", s.Device, what, what))
		}
	}
	return all
}

func reads(signals []bridge.Signal, device string) (got []bridge.Read) {
	for _, s := range signals {
		if r, ok := s.What.(bridge.Read); ok && s.Device == device {
			got = append(got, r)
		}
	}
	return got
}

func is(t *testing.T, got []bridge.Signal, want ...string) {
	t.Helper()
	if have := lines(got); !slices.Equal(have, want) {
		t.Errorf("told\n%s\nexpected\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestBusTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, sealed, nil)
		first := lines(s.during(5 * time.Second))
		for _, want := range []string{"east online true", "east-tamper online true", "east-rex online true",
			"east-tamper bridge.Level {Active:false First:true}", "west-rex bridge.Level {Active:false First:true}"} {
			if n := len(slices.DeleteFunc(slices.Clone(first), func(l string) bool { return l != want })); n != 1 {
				t.Errorf("%q was told %d times in %q", want, n, first)
			}
		}
		if len(first) != 10 {
			t.Errorf("told %q", first)
		}
		set := formats(t)
		good, n, err := set[0].Encode(118, 1603)
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(good)
		bad[0] ^= 0x80
		east := s.pds[0]
		for _, err := range []error{east.Card(good, n), east.Card(bad, n), east.Card([]byte{1, 2, 3}, 24), east.Keys("12"), east.Keys("34#"),
			east.Keys("9*#"), east.Tamper(true), east.Input(1, wire.InputOn), east.Input(1, wire.InputOpen), east.Input(1, wire.InputOff),
			east.Input(0, wire.InputOn), east.Power(true), east.Tamper(false)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := s.during(5 * time.Second)
		is(t, got,
			`east read "wiegand-26" 26 bits `, `east read "wiegand-26" 26 bits bad_parity`, `east read "" 24 bits unknown_format`,
			`east read "pin" 32 bits `,
			"east bridge.Alert {Kind:tamper Active:true Cause:the reader says that it was opened, or taken off its wall}",
			"east-tamper bridge.Level {Active:true First:false}",
			"east-rex bridge.Level {Active:true First:false}",
			"east bridge.Alert {Kind:tamper Active:true Cause:the wire of input 1 is cut}",
			"east bridge.Alert {Kind:tamper Active:false Cause:the wire of input 1 is whole}",
			"east-rex bridge.Level {Active:false First:false}",
			"east bridge.Alert {Kind:power Active:true Cause:the reader says that its power fails}",
			"east bridge.Alert {Kind:tamper Active:false Cause:the reader is closed}",
			"east-tamper bridge.Level {Active:false First:false}")
		cards := reads(got, "east")
		if !bytes.Equal(cards[0].Bits, good) || !bytes.Equal(cards[1].Bits, bad) || string(cards[3].Bits) != "1234" {
			t.Error("a card or a PIN is another one")
		}
	})
}

func TestBusSwitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, sealed, nil)
		led, buzzer, strike := s.bus.LED("east"), s.bus.Buzzer("east"), s.bus.Output("east", 1)
		if err := led.Set(true); !errors.Is(err, panel.ErrOffline) {
			t.Errorf("error %v before the reader is there", err)
		}
		if err := strike.Set(true); !errors.Is(err, panel.ErrOffline) {
			t.Errorf("error %v before the reader is there", err)
		}
		view := func() peripheral.View { return s.pds[0].View(s.clock()) }
		s.during(5 * time.Second)
		if v := view(); v.LED != wire.Green || v.Buzzer || v.Outputs[1] {
			t.Errorf("shown %+v: expected the LED restored, and the output off", v)
		}
		for range 100 { // the last counts, and none waits
			for _, o := range []bridge.Output{led, buzzer, strike} {
				if err := errors.Join(o.Set(true), o.Set(false)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(buzzer.Set(true), strike.Set(true)); err != nil {
			t.Fatal(err)
		}
		if on, err := strike.Level(); !on || err != nil { // what was set, though the reader did not do it yet
			t.Errorf("level %v, error %v", on, err)
		}
		s.during(2 * time.Second)
		if v := view(); v.LED != wire.Red || !v.Buzzer || !v.Outputs[1] || v.Outputs[0] {
			t.Errorf("shown %+v", v)
		}
		// A power cut of the reader: what it showed is restored, its outputs stay off.
		s.pds[0].PowerCut()
		if err := s.pds[0].Inject(peripheral.LoseCommand, -1); err != nil {
			t.Fatal(err)
		}
		s.during(10 * time.Second)
		if err := led.Set(true); !errors.Is(err, panel.ErrOffline) {
			t.Errorf("error %v while the reader is away", err)
		}
		if _, err := strike.Level(); !errors.Is(err, panel.ErrOffline) {
			t.Errorf("error %v while the reader is away", err)
		}
		if err := s.pds[0].Inject(peripheral.LoseCommand, 0); err != nil {
			t.Fatal(err)
		}
		s.during(10 * time.Second)
		if v := view(); v.LED != wire.Green || v.Buzzer || v.Outputs[1] {
			t.Errorf("shown %+v after it came back", v)
		}
		if on, err := strike.Level(); on || err != nil {
			t.Errorf("level %v, error %v after it came back", on, err)
		}
		// What the reader has not.
		none := s.bus.Output("east", 7)
		if err := none.Set(true); err != nil {
			t.Fatal(err)
		}
		s.during(time.Second)
		if _, err := none.Level(); err == nil {
			t.Error("the reader refused, and no error tells")
		}
		if err := s.bus.LED("north").Set(true); err == nil || !strings.Contains(err.Error(), "no such reader") {
			t.Errorf("error %v", err)
		}
		if err := s.bus.Show(t.Context(), "east", wire.Text{Mode: 1, Row: 1, Column: 1, Text: "Zdravo"}); err != nil {
			t.Fatal(err)
		}
		s.during(time.Second)
		if v := view(); v.Text != "Zdravo" {
			t.Errorf("text %q", v.Text)
		}
	})
}

func TestPortFails(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, m, nil)
			s.during(5 * time.Second)
			for _, away := range []time.Duration{2 * time.Second, time.Minute} {
				s.fail(errors.New("no such device: plug the adapter in"))
				got := s.during(away)
				want := []string{}
				for _, id := range []string{"east", "east-tamper", "east-rex", "west", "west-tamper", "west-rex"} {
					want = append(want, id+" online false: ")
				}
				have := lines(got)
				if len(have) != len(want) {
					t.Fatalf("told %q", have)
				}
				for i := range want {
					if !strings.HasPrefix(have[i], want[i]) || len(have[i]) < len(want[i])+10 {
						t.Errorf("told %q, expected %q and a cause", have[i], want[i])
					}
				}
				s.fail(nil)
				back := lines(s.during(10 * time.Second))
				back = slices.DeleteFunc(back, func(l string) bool { return !strings.Contains(l, "online") })
				slices.Sort(back)
				if !slices.Equal(back, []string{"east online true", "east-rex online true", "east-tamper online true",
					"west online true", "west-rex online true", "west-tamper online true"}) {
					t.Errorf("told %q when it was back", back)
				}
				bits, n := card(5)
				if err := s.pds[1].Card(bits, n); err != nil {
					t.Fatal(err)
				}
				if got := s.during(2 * time.Second); len(reads(got, "west")) != 1 {
					t.Errorf("told %q, expected a card", lines(got))
				}
			}
		})
	})
}

func TestPortIsMissingAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := errors.New("serialport: /dev/ttyAMA0: no such file: set enable_uart=1")
		s := &site{fails: missing}
		c := osdp.Opts{}
		_, r := clear.pd(0)
		c.Readers = []osdp.Reader{{ID: "east", Address: 0, ClearText: r.ClearText}}
		bus, err := osdp.New("rs485", s.open, c)
		if err != nil {
			t.Fatal(err)
		}
		s.t, s.out = t, make(chan bridge.Signal)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go bus.Run(ctx, s.out) //nolint:errcheck // nil, when ctx is done
		is(t, s.during(50*time.Second), "east online false: "+missing.Error())
		<-ctx.Done()
		synctest.Wait()
		if s.opens < 25 || s.opens > 40 {
			t.Errorf("opened %d times in a minute", s.opens)
		}
	})
}

// While nobody takes the signals, the readers keep what they have; nothing is lost, and nobody is told offline.
func TestSignalsAreNotTaken(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, m, nil)
			s.during(5 * time.Second)
			want := 0
			for round := range 12 {
				for n := range 50 {
					bits, length := card(uint32(100*round + n))
					if err := s.pds[0].Card(bits, length); err == nil {
						want++
					}
				}
				<-time.After(20 * time.Second)
			}
			got := s.during(time.Minute)
			if n := len(reads(got, "east")); n != want || len(got) != want || want < 300 || want > 400 {
				t.Errorf("%d signals, %d cards, expected %d, of 600 that found room while nobody took them", len(got), n, want)
			}
		})
	})
}

func TestAlertsOfAttacks(t *testing.T) {
	for fault, says := range map[peripheral.Fault]string{
		peripheral.BadMAC: "bad_mac: ", peripheral.Replay: "bad_mac: ", peripheral.ClearCard: "downgrade: ",
	} {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, sealed, nil)
				s.during(5 * time.Second)
				if err := s.pds[0].Inject(fault, 1); err != nil {
					t.Fatal(err)
				}
				got := s.during(5 * time.Second)
				begun := func(x bridge.Signal) bool {
					a, ok := x.What.(bridge.Alert)
					return ok && x.Device == "east" && a.Kind == bridge.Insecure && a.Active && strings.HasPrefix(a.Cause, says)
				}
				if !slices.ContainsFunc(got, begun) || len(reads(got, "east")) > 0 {
					t.Errorf("told %q", lines(got))
				}
			})
		})
	}
	t.Run("clear text", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, clear, nil)
			got := lines(s.during(5 * time.Second))
			if n := len(slices.DeleteFunc(got, func(l string) bool { return !strings.Contains(l, "Active:true Cause:clear_text: ") })); n != 2 {
				t.Errorf("%d of two readers were told as insecure", n)
			}
		})
	})
}

func TestL30KeyLeakageCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := start(t, clear, func(o *osdp.Opts) { o.Capture = &log })
		s.during(5 * time.Second)
		bits, n := card(0xABCDEF)
		if err := errors.Join(s.pds[0].Card(bits, n), s.pds[0].Keys("2580#"), s.pds[0].Formatted("4711")); err != nil {
			t.Fatal(err)
		}
		if err := s.bus.Show(t.Context(), "east", wire.Text{Mode: 1, Row: 1, Column: 1, Text: "A"}); err != nil {
			t.Fatal(err)
		}
		s.during(5 * time.Second)
		text := log.String()
		for _, want := range []string{" > 0 #0 ID 5300090004610", " > 1 #", " < 0 #1 PDCAP ", " RAW 5380100", " KEYPAD ", " FMT ",
			" TEXT ", " ACK ", " < 1 "} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.TrimSpace(want)) {
				t.Errorf("no %q in the capture", want)
			}
		}
		for _, secret := range []string{"abcdef", "32353830", "34373131"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s can be read in the capture", secret)
			}
		}
		for line := range strings.Lines(text) {
			raw := strings.Contains(line, " RAW ") || strings.Contains(line, " KEYPAD ") || strings.Contains(line, " FMT ")
			if raw && !strings.HasSuffix(line, "....\n") {
				t.Errorf("the check of a secret is shown: %s", line)
			}
		}
	})
	t.Run("keys", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			s := start(t, sealed, func(o *osdp.Opts) { o.Capture = &log })
			s.during(5 * time.Second)
			go s.bus.Pair(t.Context(), "east", key(9), time.Minute) //nolint:errcheck // the capture is what counts
			s.during(10 * time.Second)
			text := log.String()
			for _, name := range []string{"KEYSET", "CHLNG", "SCRYPT", "CCRYPT", "RMAC_I"} {
				found := false
				for line := range strings.Lines(text) {
					if strings.Contains(line, " "+name+" ") {
						found = true
						if !strings.HasSuffix(line, "....\n") || strings.Count(line, "..") < 8 {
							t.Errorf("%s is shown: %s", name, line)
						}
					}
				}
				if !found {
					t.Errorf("no %s in the capture", name)
				}
			}
		})
	})
}

func TestRequests(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, m, nil)
			s.during(5 * time.Second)
			do := func(f func(ctx context.Context) error) ([]bridge.Signal, error) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- f(ctx) }()
				var got []bridge.Signal
				for {
					select {
					case signal := <-s.out:
						got = append(got, signal)
					case err := <-done:
						return append(got, s.during(3*time.Second)...), err
					}
				}
			}
			data := firmware(3000)
			most := 0
			got, err := do(func(ctx context.Context) error {
				bits, n := card(1)
				return errors.Join(s.pds[0].Card(bits, n),
					s.bus.Update(ctx, "east", data, func(sent, total int) { most = max(most, sent) }))
			})
			if file, _ := s.pds[0].File(); err != nil || !bytes.Equal(file, data) || most != len(data) || len(reads(got, "east")) != 1 {
				t.Errorf("error %v, %d bytes arrived, %d of them told, signals %q", err, len(file), most, lines(got))
			}
			if _, err := do(func(ctx context.Context) error { return s.bus.SetComm(ctx, "east", 9, 19200) }); err != nil {
				t.Error(err)
			}
			bits, n := card(2)
			if err := s.pds[0].Card(bits, n); err != nil {
				t.Fatal(err)
			}
			if got := s.during(3 * time.Second); len(reads(got, "east")) != 1 || s.pds[0].Address() != 9 {
				t.Errorf("told %q after the reader moved", lines(got))
			}
			if _, err := do(func(ctx context.Context) error { return s.bus.SetComm(ctx, "east", 1, 19200) }); err == nil {
				t.Error("it took its neighbour's address")
			}
			if _, err := do(func(ctx context.Context) error { return s.bus.Update(ctx, "north", data, nil) }); err == nil {
				t.Error("a reader that is not there took a file")
			}
			if m == clear {
				return
			}
			var id wire.ID
			got, err = do(func(ctx context.Context) (err error) {
				id, err = s.bus.Pair(ctx, "west", key(42), time.Minute)
				return err
			})
			if err != nil || id != wire.ID(identity(1)) || s.pds[1].Key() != key(42) {
				t.Errorf("error %v, reader %v, told %q", err, id, lines(got))
			}
			paired := func(x bridge.Signal) bool {
				a, ok := x.What.(bridge.Alert)
				return ok && a.Kind == bridge.Paired && x.Device == "west"
			}
			if !slices.ContainsFunc(got, paired) {
				t.Errorf("told %q, expected that it was paired", lines(got))
			}
			if _, err := do(func(ctx context.Context) error {
				_, err := s.bus.Pair(ctx, "west", secure.Default, time.Minute)
				return err
			}); !errors.Is(err, secure.ErrWeak) {
				t.Errorf("error %v", err)
			}
			if err := s.pds[1].Tamper(true); err != nil {
				t.Fatal(err)
			}
			s.during(time.Second)
			if _, err := do(func(ctx context.Context) error { _, err := s.bus.Pair(ctx, "west", key(43), time.Minute); return err }); !errors.Is(err, panel.ErrBlocked) {
				t.Errorf("error %v", err)
			}
		})
	})
}
