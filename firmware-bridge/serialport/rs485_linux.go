package serialport

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rs485 is struct serial_rs485 of linux/serial.h.
type rs485 struct {
	flags  uint32
	before uint32 // ms between driver enable and the first bit
	after  uint32 // ms between the last bit and driver disable
	_      [5]uint32
}

const (
	rs485Enabled   = 1 << 0 // SER_RS485_ENABLED
	rs485RTSOnSend = 1 << 1 // SER_RS485_RTS_ON_SEND: the line is high while sending
)

// enableRS485 lets the kernel drive RTS as driver enable (Documentation/driver-api/serial/serial-rs485.rst). That the
// port cannot is no error: ENOTTY from a pty or an adapter that switches by itself, EINVAL from a UART without it.
func enableRS485(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	set := rs485{flags: rs485Enabled | rs485RTSOnSend}
	var no syscall.Errno
	if err := conn.Control(func(fd uintptr) {
		_, _, no = unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCSRS485, uintptr(unsafe.Pointer(&set)))
	}); err != nil {
		return err
	}
	if no == 0 || errors.Is(no, syscall.ENOTTY) || errors.Is(no, syscall.EINVAL) {
		return nil
	}
	return no
}
