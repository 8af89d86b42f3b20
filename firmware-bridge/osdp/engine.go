package osdp

import (
	"fmt"
	"io"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/osdp/panel"
)

// readFor bounds each read of a port, so that the goroutine that reads can end while the port stays open.
const readFor = 100 * time.Millisecond

// engine moves bytes between a panel and a port, on the clock of the process.
type engine struct {
	panel   *panel.Panel
	start   time.Time // of the panel's clock
	port    bridge.Port
	speed   int
	ear     *ear // nil without a port
	capture capture
}

func newEngine(p *panel.Panel, log io.Writer) *engine {
	return &engine{panel: p, start: time.Now(), capture: capture{w: log}}
}

// attach begins to use a port.
func (e *engine) attach(port bridge.Port) error {
	if err := port.SetReadTimeout(readFor); err != nil {
		return err
	}
	e.port, e.speed, e.ear = port, 0, listen(port, e.start)
	return nil
}

// detach ends the use of the port, which stays open. The panel goes on without one: its readers do not answer.
func (e *engine) detach() {
	if e.ear != nil {
		e.ear.end()
	}
	e.port, e.ear = nil, nil
}

// heard is where the bytes come from; nil without a port.
func (e *engine) heard() <-chan chunk {
	if e.ear == nil {
		return nil
	}
	return e.ear.heard
}

// take hands bytes to the panel. The error is the port's.
func (e *engine) take(c chunk) error {
	if c.err != nil {
		return fmt.Errorf("osdp: port: %w", c.err)
	}
	e.capture.heard(e.start.Add(c.at), c.at, c.bytes)
	e.panel.Receive(c.at, c.bytes)
	return nil
}

// step lets the panel send what it has to, and says for how long it has nothing more. The error is the port's.
func (e *engine) step() (time.Duration, error) {
	now := time.Since(e.start)
	a := e.panel.Step(now)
	if a.Send == nil || e.port == nil {
		return a.Next - now, nil
	}
	if a.Baud != e.speed {
		if err := e.port.SetSpeed(a.Baud); err != nil {
			return 0, fmt.Errorf("osdp: port: speed of %d baud: %w", a.Baud, err)
		}
		e.speed = a.Baud
	}
	e.capture.sent(e.start.Add(now), a.Send)
	if _, err := e.port.Write(a.Send); err != nil {
		return 0, fmt.Errorf("osdp: port: %w", err)
	}
	return a.Next - now, nil
}

// chunk is what a port gave at once, or its error.
type chunk struct {
	at    time.Duration
	bytes []byte
	err   error
}

// ear reads a port in a goroutine of its own, until the port fails or end is called.
type ear struct {
	heard chan chunk
	stop  chan struct{}
	ended chan struct{}
}

func listen(port bridge.Port, start time.Time) *ear {
	e := &ear{heard: make(chan chunk), stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(e.ended)
		for {
			b := make([]byte, 256)
			n, err := port.Read(b)
			if n == 0 && err == nil {
				select {
				case <-e.stop:
					return
				default:
					continue
				}
			}
			select {
			case e.heard <- chunk{time.Since(start), b[:n], err}:
			case <-e.stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return e
}

func (e *ear) end() {
	close(e.stop)
	<-e.ended
}
