package panel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

const (
	maxQueue   = 16
	urgentRest = 250 * time.Millisecond // a reader goes before the others as often
)

// ErrOffline is wrapped by the errors of requests to a reader that is not in use.
var ErrOffline = errors.New("osdp: reader is offline")

// work is what waits to be sent to a reader that is in use.
type work struct {
	others   int            // commands since the last POLL
	urgent   time.Duration  // when it last went before the others
	asks     []byte         // questions about its state
	queue    []wire.Command // for LEDs, outputs, buzzer and display
	pairing  *pairing
	comm     *comm
	transfer *transfer
	blocked  string // why it must not be paired
}

// chooseWork is the next command of a reader in use. Between any two others there is a POLL, but for what a person waits
// to see: that comes next.
func (r *reader) chooseWork() wire.Command {
	if r.session != nil && r.role != defaultKey && r.p.now-r.since >= r.p.rekey {
		r.forgive()
		r.phase = challenging
		return r.beginHandshake()
	}
	if r.session != nil && r.role == defaultKey {
		return r.choosePairing()
	}
	if r.session == nil && !r.clear {
		r.begin()
		return nil
	}
	if r.others == 0 || r.others == 1 && len(r.queue) > 0 {
		if c := r.waiting(); c != nil {
			r.others++
			return c
		}
	}
	r.others = 0
	return wire.Ask(wire.CmdPoll)
}

// waiting is what waits to be sent, the most urgent first.
func (r *reader) waiting() wire.Command {
	switch {
	case len(r.queue) > 0:
		return r.queue[0]
	case len(r.asks) > 0:
		return wire.Ask(r.asks[0])
	case r.comm != nil && !r.comm.switched:
		return wire.ComSet{Address: r.comm.to.address, Baud: uint32(r.comm.to.baud)}
	}
	if c := r.keySet(); c != nil {
		return c
	}
	return r.part()
}

// done takes a command off what waits.
func (r *reader) done(c wire.Command) {
	if ask, ok := c.(wire.Ask); ok {
		r.asks = without(r.asks, byte(ask))
		return
	}
	if len(r.queue) > 0 && c.Code() == r.queue[0].Code() && slices.Equal(c.Data(), r.queue[0].Data()) {
		r.queue = slices.Delete(r.queue, 0, 1)
	}
}

// soon sets the reader's next turn: at once when something waits for it, else when it is to be polled again.
func (r *reader) soon() {
	if r.due > r.p.now {
		return
	}
	if !r.waits() {
		r.due = max(r.p.now, r.asked+pollEvery)
	}
}

// waits tells whether something waits to be sent now.
func (r *reader) waits() bool {
	return len(r.queue) > 0 || len(r.asks) > 0 || r.comm != nil && !r.comm.switched || r.mayKeySet() ||
		r.transfer != nil && r.p.now >= r.transfer.at
}

func (r *reader) ask(code byte) {
	if !slices.Contains(r.asks, code) {
		r.asks = append(r.asks, code)
	}
}

// askAll asks for everything that is to be known as found.
func (r *reader) askAll(secure bool) {
	if secure {
		r.ask(wire.CmdID)
		r.ask(wire.CmdCap)
	}
	r.ask(wire.CmdLStat)
	r.ask(wire.CmdRStat)
	r.ask(wire.CmdIStat)
	r.ask(wire.CmdOStat)
}

func without(asks []byte, code byte) []byte {
	return slices.DeleteFunc(asks, func(b byte) bool { return b == code })
}

// Send has a command sent to a reader that is online: wire.LEDs, wire.Outs, wire.Buzzer, wire.Text, or an Ask for LSTAT,
// RSTAT, ISTAT or OSTAT. A later one for the same LED, output, buzzer or row replaces one that waits. The error is
// ErrOffline, or says what does not fit.
func (p *Panel) Send(address byte, c wire.Command) error {
	r, err := p.online(address)
	if err != nil {
		return err
	}
	var all []wire.Command
	switch c := c.(type) {
	case wire.LEDs:
		for _, led := range c {
			all = append(all, wire.LEDs{led})
		}
	case wire.Outs:
		for _, out := range c {
			all = append(all, wire.Outs{out})
		}
	case wire.Buzzer, wire.Text:
		all = append(all, c)
	case wire.Ask:
		if !slices.Contains([]byte{wire.CmdLStat, wire.CmdRStat, wire.CmdIStat, wire.CmdOStat}, byte(c)) {
			return fmt.Errorf("osdp: %s is the panel's own to send", wire.Name(byte(c)))
		}
		r.ask(byte(c))
	default:
		return fmt.Errorf("osdp: %s is the panel's own to send", wire.Name(c.Code()))
	}
	for _, c := range all {
		if err := r.enqueue(c); err != nil {
			return err
		}
	}
	r.hurry()
	if len(all) > 0 && p.now-r.urgent >= urgentRest {
		r.urgent, r.due = p.now, min(r.due, 0)
	}
	return nil
}

// Identify has a reader that is online asked who it is and what it can do: Identified tells.
func (p *Panel) Identify(address byte) error {
	r, err := p.online(address)
	if err != nil {
		return err
	}
	r.ask(wire.CmdID)
	r.ask(wire.CmdCap)
	r.hurry()
	return nil
}

func (p *Panel) online(address byte) (*reader, error) {
	r := p.find(address)
	if r == nil {
		return nil, fmt.Errorf("osdp: no reader has address %d", address)
	}
	if !r.online {
		return nil, fmt.Errorf("%w: address %d", ErrOffline, address)
	}
	return r, nil
}

// hurry brings a reader's turn forward when it waits for nothing.
func (r *reader) hurry() {
	if r.phase == running && r.pending == nil && r.p.asking != r {
		r.due = min(r.due, r.p.now)
	}
}

func (r *reader) enqueue(c wire.Command) error {
	size := wire.Frame{Data: c.Data()}.Size()
	if r.session != nil {
		size += secure.Overhead(len(c.Data()))
	}
	if limit := r.caps.Receive(); size > limit {
		return fmt.Errorf("osdp: %s of %d bytes, the reader at address %d takes %d: make it shorter", wire.Name(c.Code()), size, r.name, limit)
	}
	for i, before := range r.queue {
		onLine := i == 0 && r.pending != nil && r.pending.Code() == before.Code()
		if !onLine && key(before) == key(c) {
			r.queue[i] = merged(before, c)
			return nil
		}
	}
	if len(r.queue) >= maxQueue {
		return fmt.Errorf("osdp: %d commands wait for the reader at address %d: it is slow to answer, or they are too many", maxQueue, r.name)
	}
	r.queue = append(r.queue, c)
	return nil
}

// target is what a command is for.
type target struct{ code, a, b byte }

func key(c wire.Command) target {
	switch c := c.(type) {
	case wire.LEDs:
		return target{c.Code(), c[0].Reader, c[0].LED}
	case wire.Outs:
		return target{c.Code(), c[0].Output, 0}
	case wire.Buzzer:
		return target{c.Code(), c.Reader, 0}
	case wire.Text:
		return target{c.Code(), c.Reader, c.Row}
	}
	return target{code: c.Code()}
}

// merged is the later command. A permanent and a temporary state of one LED stand beside each other.
func merged(before, after wire.Command) wire.Command {
	old, ok := before.(wire.LEDs)
	if !ok {
		return after
	}
	led := slices.Clone(after.(wire.LEDs))
	if led[0].Temporary == wire.LEDNothing {
		o := old[0]
		led[0].Temporary, led[0].TempOn, led[0].TempOff = o.Temporary, o.TempOn, o.TempOff
		led[0].TempOnColour, led[0].TempOffColour, led[0].TempTime = o.TempOnColour, o.TempOffColour, o.TempTime
	}
	if led[0].Permanent == wire.LEDNothing {
		o := old[0]
		led[0].Permanent, led[0].On, led[0].Off = o.Permanent, o.On, o.Off
		led[0].OnColour, led[0].OffColour = o.OnColour, o.OffColour
	}
	return led
}

// dropWork forgets what waits: none of it may happen when the reader is back, perhaps hours later.
func (r *reader) dropWork(cause string) {
	r.queue, r.asks, r.others = nil, nil, 0
	r.transferFailed(cause)
	if r.comm != nil && !r.comm.switched {
		r.comm = nil
		r.tell(Refused{wire.CmdComSet, cause})
	}
}
