// Package serialport opens a serial port of this machine as a bridge.Port: 8 data bits, no parity, one stop bit, raw.
//
// It never interprets what passes. On a two-wire RS-485 bus the kernel switches the driver by itself, in the interrupt
// that sends the last byte; no program could do that in time. A port whose hardware switches by itself, as most USB
// adapters do, needs no such help.
//
// Concurrency: as bridge.Port says. An open port is locked against other processes until Close.
package serialport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.bug.st/serial"

	bridge "kapija/firmware-bridge"
)

// Opts is how a port is opened. The zero value leaves the direction to the hardware.
type Opts struct {
	RS485 bool // let the kernel drive the driver-enable line (RTS) while it sends; a port that cannot is left as it is
}

// Open opens the port at baud. A nil opts is the zero value. The error says which ports there are and what to try.
func Open(device string, baud int, opts *Opts) (bridge.Port, error) {
	if baud <= 0 {
		return nil, fmt.Errorf("serialport: %s: %d baud: expected a speed such as 9600", device, baud)
	}
	// The file stays open as long as the port. TIOCEXCL, which go.bug.st/serial sets, does not stop root; the lock does.
	f, err := os.OpenFile(device, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, explain(device, baud, err)
	}
	p, err := open(f, baud, opts)
	if err != nil {
		return nil, explain(device, baud, errors.Join(err, f.Close()))
	}
	return &port{device: device, tty: p, lock: f}, nil
}

func open(f *os.File, baud int, opts *Opts) (serial.Port, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	if opts != nil && opts.RS485 {
		if err := enableRS485(f); err != nil {
			return nil, fmt.Errorf("driver enable: %w", err)
		}
	}
	return serial.Open(f.Name(), mode(baud))
}

// lock keeps other programs away that lock as well. The error is syscall.EBUSY when one has the port.
func lock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(failed, syscall.EWOULDBLOCK) {
		failed = syscall.EBUSY
	}
	return errors.Join(err, failed)
}

func mode(baud int) *serial.Mode {
	return &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}
}

type port struct {
	device string
	tty    serial.Port
	lock   *os.File
}

func (p *port) Read(b []byte) (int, error) {
	n, err := p.tty.Read(b)
	return n, p.wrap("read", err)
}

func (p *port) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := p.tty.Write(b[done:])
		done += n
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return done, p.wrap("write", err)
		}
	}
	return done, nil
}

func (p *port) SetReadTimeout(d time.Duration) error {
	if d < 0 {
		d = serial.NoTimeout
	}
	return p.wrap("read timeout", p.tty.SetReadTimeout(d))
}

// SetSpeed waits for what was written before: it is still sent at the old speed.
func (p *port) SetSpeed(baud int) error {
	if baud <= 0 {
		return fmt.Errorf("serialport: %s: %d baud: expected a speed such as 9600", p.device, baud)
	}
	return p.wrap("speed", errors.Join(p.tty.Drain(), p.tty.SetMode(mode(baud))))
}

func (p *port) Close() error { return p.wrap("close", errors.Join(p.tty.Close(), p.lock.Close())) }

func (p *port) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("serialport: %s: %s: %w", p.device, what, err)
}

// explain says what a technician can do about a port that does not open.
func explain(device string, baud int, err error) error {
	try := "on a Pi set enable_uart=1 in config.txt, and take the console off the port (raspi-config, Serial Port)"
	var coded *serial.PortError
	code := serial.PortErrorCode(-1)
	if errors.As(err, &coded) {
		code = coded.Code()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		try = fmt.Sprintf("found %s; %s", found(), try)
	case errors.Is(err, fs.ErrPermission), code == serial.PermissionDenied:
		try = "add the user to group dialout"
	case errors.Is(err, syscall.EBUSY), code == serial.PortBusy:
		try = "another program has it open: stop it, and " + try
	case code == serial.InvalidSpeed:
		try = fmt.Sprintf("%d baud is not possible there: try 9600, 19200, 38400, 57600, 115200 or 230400", baud)
	case errors.Is(err, syscall.ENOTTY), code == serial.InvalidSerialPort:
		try = "it is no serial port: found " + found()
	}
	return fmt.Errorf("serialport: %s: %w: %s", device, err, try)
}

// found lists the serial ports without opening them: that would disturb those in use.
func found() string {
	const most = 20
	var names []string
	for _, pattern := range []string{"serial[0-9]*", "ttyAMA*", "ttyS[0-9]*", "ttyUSB*", "ttyACM*", "serial/by-id/*"} {
		match, _ := filepath.Glob("/dev/" + pattern) // the patterns are good: there is no error
		names = append(names, match...)
	}
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		return "no serial port at all"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
