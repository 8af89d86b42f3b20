package rig

import (
	"errors"
	"sync"
	"time"

	bridge "kapija/firmware-bridge"
)

// busTime is how long whoever drives the doors waits for a bus. A transaction of an expander takes a millisecond; a bus
// that hangs holds each of them for as long as the kernel lets it, a second.
const busTime = 50 * time.Millisecond

var errSlow = errors.New("rig: the bus does not answer within 50 ms: look for a clock or data line that is held low")

// patient is an output on a bus that may hang: no call takes longer than busTime, so that one bus holds up no door that is
// not at it. What was to be set meanwhile is set when the bus answers; of several calls the last counts.
type patient struct {
	out  bridge.Output
	turn chan struct{} // holds one token while nobody is at the bus

	mu   sync.Mutex
	want *bool // to be set by who is at the bus
}

var _ bridge.Output = (*patient)(nil)

func newPatient(out bridge.Output) *patient {
	p := &patient{out: out, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// Set implements bridge.Output.
func (p *patient) Set(on bool) error {
	_, err := p.do(&on, func() (bool, error) { return on, p.out.Set(on) })
	return err
}

// Level implements bridge.Output.
func (p *patient) Level() (bool, error) { return p.do(nil, p.out.Level) }

type answer struct {
	on  bool
	err error
}

func (p *patient) do(want *bool, f func() (bool, error)) (bool, error) {
	p.mu.Lock()
	select {
	case <-p.turn:
		p.mu.Unlock()
	default: // somebody hangs
		if want != nil {
			p.want = want
		}
		p.mu.Unlock()
		return false, errSlow
	}
	done := make(chan answer, 1)
	go func() {
		on, err := f()
		for p.again() {
		}
		done <- answer{on, err}
	}()
	late := time.NewTimer(busTime)
	defer late.Stop()
	select {
	case a := <-done:
		return a.on, a.err
	case <-late.C:
		return false, errSlow
	}
}

// again sets what was wanted meanwhile, or gives the turn back.
func (p *patient) again() bool {
	p.mu.Lock()
	want := p.want
	p.want = nil
	if want == nil {
		p.turn <- struct{}{}
	}
	p.mu.Unlock()
	if want == nil {
		return false
	}
	_ = p.out.Set(*want) // the next look at the output tells what came of it
	return true
}
