package sim

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/peripheral"
	"kapija/firmware-bridge/serialport"
)

// tty puts the bus behind a serial port of this machine: a pseudo-terminal, and beside the socket a link to it that has the
// name of both. Who opens it, the gateway or a technician's program, has the bus.
func (b *readerBus) tty(socket, id string) error {
	blocking, near, err := pty.Open()
	if err != nil {
		return fmt.Errorf("sim: %s: pseudo-terminal: %w", b.name, err)
	}
	far, err := pollable(blocking)
	if err != nil {
		return fmt.Errorf("sim: %s: pseudo-terminal: %w", b.name, errors.Join(err, near.Close()))
	}
	b.w.closers = append(b.w.closers, func() {
		far.Close()
		near.Close()
	})
	link := strings.TrimSuffix(socket, ".sock") + "." + id + ".tty"
	if err := relink(near.Name(), link); err != nil {
		return fmt.Errorf("sim: %s: %w", b.name, err)
	}
	b.w.closers = append(b.w.closers, func() { os.Remove(link) })
	b.w.serial[id] = func() (bridge.Port, error) { return serialport.Open(near.Name(), b.baud, nil) }
	b.w.start(func() { _ = peripheral.Serve(b.w.ctx, &terminalEnd{far, near, b.line}, b.line, b.w.clock) })
	return nil
}

// pollable gives a file in the place of f whose Close ends a Read that waits, which pty.Open's does not.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	copied := -1
	var failed error
	err = raw.Control(func(fd uintptr) {
		if copied, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			failed = unix.SetNonblock(copied, true)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), f.Name()), nil
}

// relink makes a link in the place of one that a dead process left.
func relink(to, link string) error {
	switch info, err := os.Lstat(link); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case info.Mode()&os.ModeSymlink == 0:
		return fmt.Errorf("%s exists and is not a link; remove it or choose another place for the socket", link)
	default:
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	return os.Symlink(to, link)
}

// terminalEnd is the readers' end of a pseudo-terminal. It keeps the other end open, so that it never hangs up, and
// follows its speed.
type terminalEnd struct {
	*os.File
	near *os.File
	line *peripheral.Line
}

func (t *terminalEnd) Read(p []byte) (int, error) {
	n, err := t.File.Read(p)
	if baud := t.speed(); baud > 0 {
		t.line.SetBaud(baud)
	}
	return n, err
}

// speed is what the other end is set to; 0: it cannot be told.
func (t *terminalEnd) speed() (baud int) {
	raw, err := t.near.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if set, err := unix.IoctlGetTermios(int(fd), unix.TCGETS2); err == nil {
			baud = int(set.Ospeed)
		}
	})
	return baud
}
