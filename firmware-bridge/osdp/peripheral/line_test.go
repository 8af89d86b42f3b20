package peripheral_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/osdp/wire"
)

func frames(bursts []peripheral.Burst) (out []wire.Frame) {
	var s wire.Scanner
	for _, b := range bursts {
		s.Push(b.At, b.Bytes)
		for f, ok := s.Next(); ok; f, ok = s.Next() {
			out = append(out, f)
		}
	}
	return out
}

func pollOf(address byte) []byte { return wire.Frame{Address: address, Code: wire.CmdPoll}.Bytes() }

func two(cfg ...peripheral.Config) []*peripheral.PD {
	var pds []*peripheral.PD
	for i := range 2 {
		c := peripheral.Config{Address: byte(i), Open: true}
		if i < len(cfg) {
			c.Baud = cfg[i].Baud
		}
		pds = append(pds, peripheral.New(c))
	}
	return pds
}

func TestLineTakesTime(t *testing.T) {
	l := peripheral.NewLine(9600, two()...)
	sent := l.Send(time.Second, pollOf(1))
	if want := time.Second + 8*10*time.Second/9600; sent != want {
		t.Errorf("8 bytes were out at %v, expected %v", sent, want)
	}
	if got := l.Advance(sent + 10*time.Millisecond); len(got) != 0 {
		t.Error("the reply was there before its last bit")
	}
	got := l.Advance(sent + 13*time.Millisecond) // 3 ms and 9 bytes
	if f := frames(got); len(f) != 1 || f[0].Address != 1 || f[0].Code != wire.ReplyAck {
		t.Fatalf("frames %v", f)
	}
	if at := got[0].At - sent; at < 12*time.Millisecond || at > 13*time.Millisecond {
		t.Errorf("reply after %v", at)
	}
	if _, more := l.Next(); more {
		t.Error("the line is not silent")
	}
}

func TestLineCollides(t *testing.T) {
	l := peripheral.NewLine(9600, two()...)
	l.Send(0, pollOf(wire.Broadcast))
	if f := frames(l.Advance(time.Second)); len(f) != 0 {
		t.Errorf("two replies at once gave %v", f)
	}
	l.Send(2*time.Second, pollOf(0))
	l.Send(2*time.Second+12*time.Millisecond, pollOf(1)) // while 0 answers
	if f := frames(l.Advance(3 * time.Second)); len(f) != 0 {
		t.Errorf("a reply and a command at once gave %v", f)
	}
}

func TestLineOfAnotherSpeed(t *testing.T) {
	l := peripheral.NewLine(9600, two(peripheral.Config{Baud: 38400})...)
	l.Send(0, pollOf(0))
	if got := l.Advance(time.Second); len(got) != 0 {
		t.Error("a PD of another speed answered")
	}
	l.SetBaud(38400)
	l.Send(2*time.Second, pollOf(0))
	if f := frames(l.Advance(3 * time.Second)); len(f) != 1 {
		t.Errorf("frames %v at the right speed", f)
	}
}

// clock is the time since it was made.
func clock() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := peripheral.NewLine(9600, two()...)
		port, far := peripheral.Pipe(l.SetBaud)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- peripheral.Serve(ctx, far, l, clock()) }()
		if _, err := port.Write(pollOf(1)); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 9)
		if _, err := io.ReadFull(port, reply); err != nil {
			t.Fatal(err)
		}
		if f, _, err := wire.Decode(reply[1:]); err != nil || f.Code != wire.ReplyAck {
			t.Errorf("reply % x, error %v", reply, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := port.Read(reply); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v of a port whose other end is closed", err)
		}
	})
}

func TestServeEndsWithItsPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port, far := peripheral.Pipe(nil)
		ended := make(chan error, 1)
		go func() { ended <- peripheral.Serve(t.Context(), far, peripheral.NewLine(0, two()...), clock()) }()
		port.Close()
		if err := <-ended; !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		speed := 0
		port, far := peripheral.Pipe(func(baud int) { speed = baud })
		check := func(p bridge.Port) {
			if err := errors.Join(p.SetReadTimeout(time.Second), p.SetSpeed(19200)); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if n, err := p.Read(make([]byte, 8)); n != 0 || err != nil || time.Since(start) != time.Second {
				t.Errorf("%d bytes and error %v after %v, expected none after 1 s", n, err, time.Since(start))
			}
		}
		check(port)
		if speed != 19200 {
			t.Errorf("speed %d", speed)
		}
		for range 1000 { // nobody reads: what is too much is lost, and nothing blocks
			if _, err := far.Write([]byte{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := port.Read(make([]byte, 2)); n != 2 || err != nil {
			t.Errorf("%d bytes, error %v", n, err)
		}
		if n, err := port.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("%d bytes, error %v, expected the rest", n, err)
		}
		far.Close()
		if _, err := port.Write([]byte{1}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}
