package sim

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	bridge "kapija/firmware-bridge"
)

// output is one relay line: a bridge.Output.
type output struct {
	name string

	mu     sync.Mutex
	on     bool // as set
	opened bool
	failed bool
	closed bool
}

func (o *output) open() (bridge.Output, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return nil, fmt.Errorf("sim: %s: %w", o.name, os.ErrClosed)
	case o.opened:
		return nil, fmt.Errorf("sim: %s is open already: %w", o.name, syscall.EBUSY)
	}
	o.opened = true
	return o, nil
}

// Set drives the line and reads it back.
func (o *output) Set(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fmt.Errorf("sim: %s: %w", o.name, os.ErrClosed)
	}
	o.on = on
	if level := o.level(); level != on {
		return fmt.Errorf("sim: %s was set %s and reads back %s; check its driver and wiring", o.name, word(on), word(level))
	}
	return nil
}

// Level reads the line back.
func (o *output) Level() (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false, fmt.Errorf("sim: %s: %w", o.name, os.ErrClosed)
	}
	return o.level(), nil
}

// now is what the line is at, for whoever looks at the virtual lock.
func (o *output) now() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.level()
}

func (o *output) level() bool { return o.on != o.failed }

func (o *output) fail(failed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = failed
}

// close lets the line go to its safe level, as the kernel does when its request ends.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.on = true, false
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
