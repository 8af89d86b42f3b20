package peripheral

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"kapija/firmware-bridge/osdp/wire"
)

// event is what waits for a POLL.
type event struct {
	code byte
	data []byte
}

// status is what the PD senses.
type status struct {
	tamper, power bool
	inputs        []byte
}

func (s *status) local() []byte { return []byte{one(s.tamper), one(s.power)} }

func one(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// poll tells the oldest event, if there is one. It stays until the panel has it.
func (p *PD) poll() (byte, []byte) {
	if len(p.queue) == 0 {
		return wire.ReplyAck, nil
	}
	p.sent = true
	return p.queue[0].code, p.queue[0].data
}

// Waiting is how many events the panel does not have yet, as far as the PD knows.
func (p *PD) Waiting() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.queue) }

// Card presents a card of n bits, the first one in the most significant bit of bits[0].
func (p *PD) Card(bits []byte, n int) error {
	if n <= 0 || (n+7)/8 != len(bits) {
		return fmt.Errorf("peripheral: a card of %d bits in %d bytes: expected %d bytes", n, len(bits), (n+7)/8)
	}
	data := binary.LittleEndian.AppendUint16([]byte{0, 1}, uint16(n)) // reader 0, Wiegand
	return p.tell(wire.ReplyRaw, append(data, bits...))
}

// Keys presses keys: digits, '#' for Enter and '*' for Cancel. They are told in one reply.
func (p *PD) Keys(keys string) error {
	data := []byte{0, byte(len(keys))}
	for _, k := range []byte(keys) {
		switch {
		case k == '#':
			k = wire.KeyEnter
		case k == '*':
			k = wire.KeyCancel
		case k < '0' || k > '9':
			return fmt.Errorf("peripheral: key %q: expected digits, # and *", k)
		}
		data = append(data, k)
	}
	if len(keys) == 0 || len(keys) > 255 {
		return fmt.Errorf("peripheral: %d keys: expected 1 to 255", len(keys))
	}
	return p.tell(wire.ReplyKeypad, data)
}

// Formatted presents a card as characters (FMT), as old readers of magnetic stripes do.
func (p *PD) Formatted(text string) error {
	text = text[:min(len(text), 255)]
	return p.tell(wire.ReplyFmt, append([]byte{0, 0, byte(len(text))}, text...))
}

// Tamper opens the PD's case, or closes it. Power makes its supply fail, or heals it.
func (p *PD) Tamper(open bool) error {
	return p.sense(func(s *status) { s.tamper = open }, wire.ReplyLStat)
}

// Power makes the PD's supply fail, or heals it.
func (p *PD) Power(fails bool) error {
	return p.sense(func(s *status) { s.power = fails }, wire.ReplyLStat)
}

// Input sets one of the PD's inputs, from 0, to a state as wire.InputOn.
func (p *PD) Input(n int, state byte) error {
	if n < 0 || n >= p.cfg.Inputs {
		return fmt.Errorf("peripheral: input %d: expected 0 to %d", n, p.cfg.Inputs-1)
	}
	return p.sense(func(s *status) { s.inputs[n] = state }, wire.ReplyIStat)
}

// sense changes what the PD senses, and tells it.
func (p *PD) sense(change func(*status), code byte) error {
	p.mu.Lock()
	change(&p.status)
	data := p.status.local()
	if code == wire.ReplyIStat {
		data = bytes.Clone(p.status.inputs)
	}
	p.mu.Unlock()
	return p.tell(code, data)
}

func (p *PD) tell(code byte, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == most {
		return fmt.Errorf("peripheral: %d events wait for the panel: there is no room for one more", most)
	}
	p.queue = append(p.queue, event{code, data})
	return nil
}
