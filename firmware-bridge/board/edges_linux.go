package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	bridge "kapija/firmware-bridge"
)

const (
	buffered  = 256 // edges that the kernel keeps a request; gpiocdev's own calls leave it at 16 a line
	eventSize = 48  // bytes of struct gpio_v2_line_event, on every architecture
	batch     = 64  // edges a read
)

// edges is one request of lines with edge detection.
type edges struct {
	f       *os.File
	raw     syscall.RawConn
	offsets []uint32
	buf     [batch * eventSize]byte
}

var _ bridge.EdgeSource = (*edges)(nil)

func (c *chip) edges(consumer, pull string, both bool, names ...string) (*edges, error) {
	config := uapi.LineConfig{Flags: uapi.LineFlagV2Input | uapi.LineFlagV2EdgeFalling}
	if both {
		config.Flags |= uapi.LineFlagV2EdgeRising
	}
	switch pull {
	case "up":
		config.Flags |= uapi.LineFlagV2BiasPullUp
	case "down":
		config.Flags |= uapi.LineFlagV2BiasPullDown
	case "none", "":
		config.Flags |= uapi.LineFlagV2BiasDisabled
	default:
		return nil, fmt.Errorf("pull %q: expected up, down or none", pull)
	}
	fd, offsets, err := c.request(consumer, config, buffered, names...)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), consumer)
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &edges{f: f, raw: raw, offsets: offsets}, nil
}

// ReadEdges returns os.ErrDeadlineExceeded only when no edge is there: the runtime gives up without looking once a
// deadline has passed, so it looks itself.
func (e *edges) ReadEdges(dst []bridge.Edge) (int, error) {
	b := e.buf[:min(len(dst), batch)*eventSize]
	if len(b) == 0 {
		return 0, errors.New("board: reading edges into an empty slice")
	}
	n, err := e.f.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		n = e.look(b)
	}
	if n > 0 {
		err = nil
	}
	for i := range n / eventSize {
		dst[i] = e.edge(b[i*eventSize:])
	}
	return n / eventSize, err
}

// look reads what is there without waiting.
func (e *edges) look(b []byte) int {
	n := 0
	if err := e.raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), b) }); err != nil {
		return 0
	}
	return max(n, 0)
}

// edge decodes struct gpio_v2_line_event (linux/gpio.h): timestamp_ns, id, offset, seqno, line_seqno.
func (e *edges) edge(b []byte) bridge.Edge {
	order := binary.NativeEndian
	return bridge.Edge{
		At:      time.Duration(order.Uint64(b)),
		Rising:  uapi.LineEventID(order.Uint32(b[8:])) == uapi.LineEventRisingEdge,
		Line:    slices.Index(e.offsets, order.Uint32(b[12:])),
		Seq:     order.Uint32(b[16:]),
		LineSeq: order.Uint32(b[20:]),
	}
}

func (e *edges) SetReadDeadline(t time.Time) error { return e.f.SetReadDeadline(t) }

func (e *edges) Levels() ([]bool, error) {
	v, err := values(e.raw, len(e.offsets))
	if err != nil {
		return nil, err
	}
	levels := make([]bool, len(e.offsets))
	for i := range levels {
		levels[i] = v.Get(i) == 1
	}
	return levels, nil
}

func (e *edges) Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("board: CLOCK_MONOTONIC: " + err.Error()) // every Linux has it
	}
	return time.Duration(t.Nano())
}

func (e *edges) Close() error { return e.f.Close() }

// values reads the first n lines of a request.
func values(raw syscall.RawConn, n int) (uapi.LineValues, error) {
	v := uapi.LineValues{Mask: uapi.NewLineBitMask(n)}
	err := os.ErrClosed
	// Control fails only when the file is closed.
	_ = raw.Control(func(fd uintptr) { err = uapi.GetLineValuesV2(fd, &v) })
	if err != nil {
		return v, fmt.Errorf("board: reading lines: %w", err)
	}
	return v, nil
}
