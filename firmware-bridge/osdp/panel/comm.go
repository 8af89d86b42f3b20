package panel

import (
	"fmt"
	"slices"

	"kapija/firmware-bridge/osdp/wire"
)

const settingsTries = 2 // questions at one setting before the other one is tried

type settings struct {
	address byte
	baud    int
}

// comm is a change of address and speed. The answer comes at the old ones; then the new and the old are tried in turn until
// the reader is in use again.
type comm struct {
	from, to settings
	switched bool // the reader was told, and is looked for
}

// SetComm gives a reader that is online another address and speed, for good. CommChanged tells that it has them, Refused
// that it has not.
func (p *Panel) SetComm(address byte, newAddress byte, baud int) error {
	r, err := p.online(address)
	switch {
	case err != nil:
		return err
	case newAddress > wire.MaxAddress:
		return fmt.Errorf("osdp: reader address %d, expected 0 to %d", newAddress, wire.MaxAddress)
	case !slices.Contains(speeds, baud):
		return fmt.Errorf("osdp: speed of %d baud, expected one of %v", baud, speeds)
	case r.comm != nil:
		return fmt.Errorf("osdp: the address or speed of reader %d is being changed already", address)
	case p.taken(newAddress, r):
		return fmt.Errorf("osdp: address %d is that of another reader on the line", newAddress)
	}
	r.comm = &comm{from: settings{r.address, r.baud}, to: settings{newAddress, baud}}
	r.hurry()
	return nil
}

func (p *Panel) taken(address byte, but *reader) bool {
	for _, r := range p.readers {
		if r != but && (r.name == address || r.address == address || r.comm != nil && r.comm.to.address == address) {
			return true
		}
	}
	return false
}

// com takes the reader's word on its new settings, which need not be what it was asked for.
func (r *reader) com(c wire.Command, said wire.Com) {
	if _, ok := c.(wire.ComSet); !ok || r.comm == nil || r.comm.switched {
		return
	}
	to := settings{said.Address, int(said.Baud)}
	if to == r.comm.from || to.address > wire.MaxAddress || !slices.Contains(speeds, to.baud) || r.p.taken(to.address, r) {
		r.comm = nil
		r.tell(Refused{wire.CmdComSet, fmt.Sprintf("it wants address %d and %d baud instead", said.Address, said.Baud)})
		return
	}
	r.comm.to = to
	r.lookAt(to)
}

// lookAt looks for the reader at other settings.
func (r *reader) lookAt(s settings) {
	r.comm.switched = true
	r.address, r.baud = s.address, s.baud
	r.begin()
}

// trySettings goes from the new settings to the old ones, and back.
func (r *reader) trySettings() {
	if r.comm == nil || r.misses%settingsTries != 0 {
		return
	}
	if !r.comm.switched {
		// The answer to COMSET does not come: it may have been lost, and the reader be at its new settings.
		if r.pending == nil || r.pending.Code() != wire.CmdComSet {
			return
		}
		r.lookAt(r.comm.to)
		return
	}
	if (settings{r.address, r.baud}) == r.comm.to {
		r.lookAt(r.comm.from)
	} else {
		r.lookAt(r.comm.to)
	}
}

// settled is told when the reader is in use: at its new settings, or at the old ones after all.
func (r *reader) settled() {
	c := r.comm
	if c == nil || !c.switched {
		return
	}
	r.comm = nil
	if (settings{r.address, r.baud}) == c.from {
		r.tell(Refused{wire.CmdComSet, "it answers at its old address and speed"})
		return
	}
	from := r.name
	r.name = r.address
	r.tell(CommChanged{From: from, Baud: r.baud})
}
