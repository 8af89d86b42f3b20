package serialport_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/serialport"
)

func open(t *testing.T, opts *serialport.Opts) (bridge.Port, *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	p, err := serialport.Open(slave.Name(), 9600, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, master
}

// Bytes that a terminal would take for something: XON, XOFF, CR, LF, interrupt, end of file, 0xFF.
var special = []byte{0x11, 0x13, 0x0D, 0x0A, 0x03, 0x04, 0x00, 0xFF, 0x53, 0x7F}

func TestBytesPassUnchanged(t *testing.T) {
	for name, opts := range map[string]*serialport.Opts{"plain": nil, "a pty refuses RS-485 and is used all the same": {RS485: true}} {
		t.Run(name, func(t *testing.T) {
			p, master := open(t, opts)
			if n, err := p.Write(special); n != len(special) || err != nil {
				t.Fatal(n, err)
			}
			got := make([]byte, len(special))
			if _, err := io.ReadFull(master, got); err != nil || string(got) != string(special) {
				t.Errorf("%x came out as %x, error %v", special, got, err)
			}
			if _, err := master.Write(special); err != nil {
				t.Fatal(err)
			}
			if err := p.SetReadTimeout(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(p, got); err != nil || string(got) != string(special) {
				t.Errorf("%x came in as %x, error %v", special, got, err)
			}
			if err := p.SetSpeed(115200); err != nil {
				t.Error(err)
			}
			// 250000 has no constant in termios: the kernel is told the number.
			if err := p.SetSpeed(250000); err != nil {
				t.Error(err)
			}
			if err := p.SetSpeed(0); err == nil {
				t.Error("a speed of 0 was set")
			}
		})
	}
}

// Whoever is second is told so, root as well, and has the port when the first one closed it.
func TestPortIsHadByOne(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	for _, opts := range []*serialport.Opts{nil, {RS485: true}} {
		first, err := serialport.Open(slave.Name(), 9600, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := serialport.Open(slave.Name(), 9600, opts); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "another program has it open") {
			t.Errorf("a port that is taken: %v", err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadTimeout(t *testing.T) {
	p, _ := open(t, nil)
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 8)); n != 0 || err != nil {
		t.Errorf("a silent port gave %d bytes and error %v, expected neither", n, err)
	}
}

func TestCloseEndsRead(t *testing.T) {
	p, _ := open(t, nil)
	if err := p.SetReadTimeout(-1); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 8))
		ended <- err
	}()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a closed port was read without an error")
	}
}

func TestOneUser(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	first, err := serialport.Open(slave.Name(), 9600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serialport.Open(slave.Name(), 9600, nil); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "another program has it open") {
		t.Errorf("opened twice: error %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := serialport.Open(slave.Name(), 9600, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestUnplugged(t *testing.T) {
	p, master := open(t, nil)
	master.Close()
	for range 3 { // the first may still give what was on its way
		if _, err := p.Read(make([]byte, 8)); err != nil {
			return
		}
	}
	t.Error("a port whose other end is gone gives no error")
}

func TestErrorsSayWhatToTry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		device string
		baud   int
		opts   *serialport.Opts
		says   string
	}{
		"no such port":           {"/dev/ttyNone7", 9600, nil, "enable_uart=1"},
		"no such port, RS-485":   {"/dev/ttyNone7", 9600, &serialport.Opts{RS485: true}, "enable_uart=1"},
		"no serial port":         {file, 9600, nil, "it is no serial port"},
		"no serial port, RS-485": {file, 9600, &serialport.Opts{RS485: true}, "it is no serial port"},
		"no speed":               {"/dev/ttyNone7", 0, nil, "expected a speed such as 9600"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := serialport.Open(c.device, c.baud, c.opts)
			if err == nil {
				p.Close()
				t.Fatal("it was opened")
			}
			if !strings.HasPrefix(err.Error(), "serialport: "+c.device) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q, want one that says %q", err, c.says)
			}
		})
	}
	if _, err := serialport.Open("/dev/ttyNone7", 9600, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v does not wrap that the file is not there", err)
	}
}
