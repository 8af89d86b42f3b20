package sim_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp"
	"kapija/firmware-bridge/serialport"
	"kapija/firmware-bridge/sim"
)

// behindTTY is the bench with its bus behind a pseudo-terminal.
func behindTTY(t *testing.T) (b theBench, link string) {
	t.Helper()
	b = newBench(t)
	dir := folder(t)
	b.opts.Socket = filepath.Join(dir, "wires.sock")
	return b, filepath.Join(dir, "wires.rs485.tty")
}

// Bounds of a wait; no measures of speed.
const (
	patience = 20 * time.Second
	silence  = 3 * time.Second // a reader that would answer does so long before
)

// info asks the reader of the bench what it is, at a speed.
func info(t *testing.T, b theBench, port bridge.Port, address byte, baud int, within time.Duration) error {
	t.Helper()
	known, err := b.opts.Secrets.Reader("osdp")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	got, err := osdp.Info(ctx, port, osdp.Target{Address: address, Baud: baud, Key: known.Key})
	if err == nil && (got.ID != known.ID || !got.Verified) {
		t.Errorf("found %+v, expected the reader that was paired", got)
	}
	return err
}

// A technician's program has the bus while the gateway has not, and the other way round.
func TestBusBehindATTY(t *testing.T) {
	b, link := behindTTY(t)
	w := b.open(t)
	port, err := serialport.Open(link, 9600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := info(t, b, port, 0, 9600, patience); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Serial("rs485"); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("the gateway opens a bus that is taken: %v", err)
	}
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	port, err = w.Serial("rs485")
	if err != nil {
		t.Fatalf("the bus stays busy: %v", err)
	}
	if _, err := serialport.Open(link, 9600, nil); err == nil || !strings.Contains(err.Error(), "another program has it open") {
		t.Errorf("the technician opens a bus that is taken: %v", err)
	}
	if err := info(t, b, port, 0, 9600, patience); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is there after Close: %v", err)
	}
	if err := port.SetReadTimeout(time.Second); err == nil {
		for range 3 { // the first may still give what was on its way
			if _, err = port.Read(make([]byte, 64)); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("a bus that is gone is read without an error")
		}
	}
	_ = port.Close()
}

// Who talks at another speed than the reader hears nothing. COMSET changes the reader's.
func TestTTYFollowsTheSpeed(t *testing.T) {
	b, link := behindTTY(t)
	w := b.open(t)
	defer w.Close()
	port, err := serialport.Open(link, 9600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if err := info(t, b, port, 0, 38400, silence); err == nil {
		t.Error("the reader answers at a speed that is not its own")
	}
	known, err := b.opts.Secrets.Reader("osdp")
	if err != nil {
		t.Fatal(err)
	}
	if err := osdp.SetComm(t.Context(), port, osdp.Target{Key: known.Key}, 5, 115200); err != nil {
		t.Fatal(err)
	}
	if err := info(t, b, port, 5, 115200, patience); err != nil {
		t.Errorf("at the new speed and address: %v", err)
	}
}

func TestTTYLinks(t *testing.T) {
	t.Run("one of a dead process is replaced", func(t *testing.T) {
		b, link := behindTTY(t)
		if err := os.Symlink("/dev/pts/no-more", link); err != nil {
			t.Fatal(err)
		}
		b.open(t)
		port, err := serialport.Open(link, 9600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a file is left alone", func(t *testing.T) {
		b, link := behindTTY(t)
		if err := os.WriteFile(link, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sim.Open(b.gw, &b.opts); err == nil || !strings.Contains(err.Error(), "is not a link") {
			t.Errorf("found the error %v", err)
		}
		if got, err := os.ReadFile(link); err != nil || string(got) != "precious" {
			t.Errorf("the file was touched: %q, %v", got, err)
		}
		if _, err := os.Lstat(b.opts.Socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is there: %v", err)
		}
	})
	t.Run("that of a running process is left alone", func(t *testing.T) {
		b, link := behindTTY(t)
		b.open(t)
		before, err := os.Readlink(link)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sim.Open(b.gw, &b.opts); err == nil || !strings.Contains(err.Error(), "served by a running process") {
			t.Errorf("found the error %v", err)
		}
		if after, err := os.Readlink(link); err != nil || after != before {
			t.Errorf("the link was %q and is %q, %v", before, after, err)
		}
	})
	t.Run("wires that do not open leave none", func(t *testing.T) {
		b, link := behindTTY(t)
		b.gw.Sensors[0].Chip = "nose"
		if _, err := sim.Open(b.gw, &b.opts); err == nil {
			t.Fatal("no error, expected one")
		}
		if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the link is there: %v", err)
		}
	})
}

// A rig over the pseudo-terminal and the socket, in real time: Close ends all of it while it is busy, and leaves no goroutine
// behind that Run or Close would wait for.
func TestCloseWhileTheTTYIsBusy(t *testing.T) {
	b, _ := behindTTY(t)
	w := b.open(t)
	stop := b.run(t, w)
	c := sim.Dial(b.opts.Socket)
	defer c.Close()
	if err := c.Level(t.Context(), "line-contact", true); err != nil {
		t.Fatal(err)
	}
	talking := make(chan struct{})
	go func() {
		defer close(talking)
		for c.Wiegand(t.Context(), "osdp", "10101") == nil || t.Context().Err() != nil {
		}
	}()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	<-talking
	stop()
}
