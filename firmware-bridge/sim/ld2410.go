package sim

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/brick"
)

const (
	ld2410Speed  = 256_000
	ld2410Period = 100 * time.Millisecond
	portBuffer   = 4096 // bytes that a port keeps; the oldest are lost
)

// LD2410 is a Hi-Link HLK-LD2410 radar in basic mode (protocol version 1.02), which sends one report each 100 ms, and the
// serial port that it hangs on. At first it sees nobody.
type LD2410 struct {
	mu     sync.Mutex
	state  byte // 0 nobody, 1 moving, 2 still, 3 both
	silent bool
	broken bool // what it sends does not end as it should
	failed bool
	ports  map[*ld2410Port]bool // that are open
}

// NewLD2410 makes a radar.
func NewLD2410() *LD2410 { return &LD2410{ports: map[*ld2410Port]bool{}} }

var ld2410Spans = map[string]span{brick.Occupancy: {0, 3}}

// Set changes what it sees: 0 nobody, 1 somebody who moves, 2 who is still, 3 both.
func (d *LD2410) Set(quantity string, value float64) error {
	if err := check("ld2410", ld2410Spans, quantity, value); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	d.state = byte(value)
	return nil
}

// Silence makes the radar send nothing, as without power, or ends that.
func (d *LD2410) Silence(silent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	d.silent = silent
}

// Break makes the radar send reports that are not whole, or ends that.
func (d *LD2410) Break(broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	d.broken = broken
}

// Fail takes the port away, as a USB adapter that is pulled out, or gives it back: what was open stays failed.
func (d *LD2410) Fail(failed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = failed
	if failed {
		for p := range d.ports {
			p.gone = true
			p.notify()
		}
	}
}

// Open opens the port.
func (d *LD2410) Open() (bridge.Port, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed {
		return nil, fmt.Errorf("sim: ld2410: %w", syscall.ENOENT)
	}
	p := &ld2410Port{radar: d, timeout: -1, next: time.Now().Add(ld2410Period), wake: make(chan struct{})}
	d.ports[p] = true
	return p, nil
}

// Ports says how many are open.
func (d *LD2410) Ports() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ports)
}

// settle sends what is due, as the radar is now.
func (d *LD2410) settle() {
	for p := range d.ports {
		p.settle(time.Now())
	}
}

type ld2410Port struct {
	radar   *LD2410 // whose mutex guards the rest
	speed   int
	timeout time.Duration // negative: none
	next    time.Time     // when the next report is sent
	buf     []byte
	gone    bool
	closed  bool
	wake    chan struct{} // closed and replaced when a blocked reader has to look again
}

func (p *ld2410Port) notify() {
	close(p.wake)
	p.wake = make(chan struct{})
}

func (p *ld2410Port) settle(now time.Time) {
	for ; !p.next.After(now); p.next = p.next.Add(ld2410Period) {
		if p.radar.silent {
			continue
		}
		report := []byte{0xF4, 0xF3, 0xF2, 0xF1, 13, 0, 0x02, 0xAA, p.radar.state, 0x50, 0, 60, 0x7C, 0, 40, 0x50, 0,
			0x55, 0, 0xF8, 0xF7, 0xF6, 0xF5}
		if p.radar.broken {
			report = report[:len(report)-1]
		}
		if p.speed != ld2410Speed {
			for i := range report {
				report[i] ^= 0x5A
			}
		}
		p.buf = append(p.buf, report...)
		p.buf = p.buf[max(0, len(p.buf)-portBuffer):]
	}
}

func (p *ld2410Port) Read(b []byte) (int, error) {
	p.radar.mu.Lock()
	var until time.Time
	if p.timeout >= 0 {
		until = time.Now().Add(p.timeout)
	}
	p.radar.mu.Unlock()
	for {
		n, wait, wake, err := p.try(b, until)
		if n > 0 || err != nil || wait == 0 {
			return n, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
	}
}

// try reads without blocking. Without bytes and error it says how long to wait: 0 when the time is over.
func (p *ld2410Port) try(b []byte, until time.Time) (n int, wait time.Duration, wake <-chan struct{}, err error) {
	p.radar.mu.Lock()
	defer p.radar.mu.Unlock()
	if err := p.err(); err != nil {
		return 0, 0, nil, err
	}
	now := time.Now()
	p.settle(now)
	if n = copy(b, p.buf); n > 0 {
		p.buf = p.buf[n:]
		return n, 0, nil, nil
	}
	wait = p.next.Sub(now)
	if !until.IsZero() {
		wait = max(0, min(wait, until.Sub(now)))
	}
	return 0, wait, p.wake, nil
}

func (p *ld2410Port) err() error {
	switch {
	case p.closed:
		return fmt.Errorf("sim: ld2410: %w", os.ErrClosed)
	case p.gone:
		return fmt.Errorf("sim: ld2410: %w", syscall.EIO)
	}
	return nil
}

// Write is ignored: this radar takes no commands.
func (p *ld2410Port) Write(b []byte) (int, error) {
	p.radar.mu.Lock()
	defer p.radar.mu.Unlock()
	if err := p.err(); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *ld2410Port) SetReadTimeout(d time.Duration) error {
	p.radar.mu.Lock()
	defer p.radar.mu.Unlock()
	p.timeout = d
	return p.err()
}

func (p *ld2410Port) SetSpeed(baud int) error {
	p.radar.mu.Lock()
	defer p.radar.mu.Unlock()
	p.settle(time.Now())
	p.speed = baud
	return p.err()
}

func (p *ld2410Port) Close() error {
	p.radar.mu.Lock()
	defer p.radar.mu.Unlock()
	if p.closed {
		return fmt.Errorf("sim: ld2410: %w", os.ErrClosed)
	}
	p.closed = true
	delete(p.radar.ports, p)
	p.notify()
	return nil
}

var _ bridge.Port = (*ld2410Port)(nil)
