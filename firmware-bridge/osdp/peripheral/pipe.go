package peripheral

import (
	"io"
	"os"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// room is how many writes wait on their way through a Pipe; what comes on top is lost, as in a kernel's buffer.
const room = 256

// Pipe is a serial port without a kernel: what is written to one end is read from the other. Speed is told what SetSpeed
// sets; it may be nil. Closing either end closes both.
func Pipe(speed func(baud int)) (panel bridge.Port, pds io.ReadWriteCloser) {
	down, up, done := make(chan []byte, room), make(chan []byte, room), make(chan struct{})
	closer := sync.OnceFunc(func() { close(done) })
	return &end{in: up, out: down, done: done, close: closer, speed: speed, timeout: -1},
		&end{in: down, out: up, done: done, close: closer, timeout: -1}
}

type end struct {
	in      <-chan []byte
	out     chan<- []byte
	done    <-chan struct{}
	close   func()
	speed   func(int)
	rest    []byte
	timeout time.Duration
}

func (e *end) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		var late <-chan time.Time
		if e.timeout >= 0 {
			timer := time.NewTimer(e.timeout)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case e.rest = <-e.in:
		case <-late:
			return 0, nil
		case <-e.done:
			return 0, os.ErrClosed
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (e *end) Write(p []byte) (int, error) {
	select {
	case <-e.done:
		return 0, os.ErrClosed
	default:
	}
	select {
	case e.out <- append([]byte(nil), p...):
	default:
	}
	return len(p), nil
}

func (e *end) SetReadTimeout(d time.Duration) error { e.timeout = d; return nil }

func (e *end) SetSpeed(baud int) error {
	if e.speed != nil {
		e.speed(baud)
	}
	return nil
}

func (e *end) Close() error { e.close(); return nil }

var _ bridge.Port = (*end)(nil)
