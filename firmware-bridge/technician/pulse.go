package technician

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

const (
	readyTime  = 5 * time.Second        // until an OSDP reader is online, and its outputs with it
	underWay   = 500 * time.Millisecond // until a reader has done what it was told, or has refused
	readyEvery = 100 * time.Millisecond
)

// Pulse releases the lock of a door for the time that is given, and locks it again, also when ctx is done in between. It
// tells each step, and each signal of the door's contact and request to exit. The error says what did not move.
func Pulse(ctx context.Context, c Config, d *site.Door, lasts time.Duration, say func(string)) (err error) {
	devices, err := c.open()
	if err != nil {
		return err
	}
	p := &pulse{c: c, door: d, lock: devices.Outputs[d.Lock]}
	if p.lock == nil {
		return fmt.Errorf("technician: door %s: its lock %q is no output of gateway %s", d.ID, d.Lock, c.Gateway.ID)
	}
	// The drivers outlive ctx: a reader's output is switched by its bus.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var mu sync.Mutex
	p.say = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		say(text)
	}
	var drivers sync.WaitGroup
	drivers.Go(func() {
		run(running, devices, func(s bridge.Signal) {
			if s.Device == d.Contact || s.Device == d.REX {
				p.say(s.Device + ": " + c.seen(s).Text)
			}
		})
	})
	defer drivers.Wait()
	defer cancel()
	if err := p.run(ctx, lasts); err != nil {
		if try := hint(c.link(d.Lock), err.Error()); try != "" {
			err = fmt.Errorf("%w; try: %s", err, try)
		}
		return fmt.Errorf("technician: door %s: %w", d.ID, err)
	}
	return nil
}

type pulse struct {
	c    Config
	door *site.Door
	lock bridge.Output
	say  func(string)
}

func (p *pulse) run(ctx context.Context, lasts time.Duration) (err error) {
	if err := p.ready(ctx); err != nil {
		return err
	}
	released, after := true, ""
	if p.door.Fail == site.FailSafe {
		released, after = false, ", and free when this ends: it fails safe"
	}
	defer func() {
		if back := p.set(!released); back != nil {
			err = errors.Join(err, fmt.Errorf("locking it again: %w", back))
			return
		}
		p.say(p.door.ID + " is locked again" + after)
	}()
	if !released { // it was free while it was off: nothing moves unless it is locked first
		if err := p.set(true); err != nil {
			return fmt.Errorf("locking it first: %w", err)
		}
		p.say(p.door.ID + " is locked")
		if !sleep(ctx, underWay) {
			return errInterrupted
		}
	}
	if err := p.set(released); err != nil {
		return err
	}
	p.say(fmt.Sprintf("%s is released for %v: %s is %s", p.door.ID, lasts, p.door.Lock, onOff(released)))
	if !sleep(ctx, lasts) {
		return errInterrupted
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

// ready waits until the output can be looked at.
func (p *pulse) ready(ctx context.Context) (err error) {
	for until := time.Now().Add(readyTime); time.Now().Before(until); {
		if _, err = p.lock.Level(); err == nil {
			return nil
		}
		if !sleep(ctx, readyEvery) {
			return errInterrupted
		}
	}
	return err
}

// set drives the lock. What a reader does with it is known a little later.
func (p *pulse) set(on bool) error {
	err := p.lock.Set(on)
	if err == nil && p.c.link(p.door.Lock) == atReader {
		time.Sleep(underWay)
		_, err = p.lock.Level()
	}
	return err
}

// Doors lists the doors whose lock hangs on this gateway.
func Doors(b *site.Building, g *site.Gateway) (ids []string) {
	for _, d := range b.DoorsOf(g.ID) {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
