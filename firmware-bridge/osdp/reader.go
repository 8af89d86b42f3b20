package osdp

import (
	"fmt"
	"maps"
	"slices"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/keypad"
	"kapija/firmware-bridge/osdp/panel"
	"kapija/firmware-bridge/osdp/wire"
	"kapija/internal/cardformat"
)

// reader turns the panel's events of one reader into signals.
type reader struct {
	Reader
	bus *Bus

	told, online bool // the last Health
	seen         bool // the panel has it online
	keys         keypad.Collector
	levels       map[string]bool // of inputs, as told
	alerts       map[string]bool // those that are on and have an end
	outputs      []*output
}

func newReader(b *Bus, c Reader) *reader {
	return &reader{Reader: c, bus: b, levels: map[string]bool{}, alerts: map[string]bool{}}
}

func (r *reader) event(at time.Time, e panel.Event) {
	switch what := e.What.(type) {
	case panel.Online:
		r.seen = true
		r.back(at)
	case panel.Identified:
		r.back(at)
	case panel.Offline:
		r.seen = false
		r.health(at, false, what.Cause)
	case panel.Card:
		r.back(at)
		name, fault := classify(r.Formats, what.Bits, what.Len)
		r.bus.tell(r.ID, at, bridge.Read{Format: name, Bits: what.Bits, Len: what.Len, Fault: fault})
	case panel.Keys:
		r.back(at)
		for _, k := range what.Keys {
			if digits, ok := r.keys.Press(keypad.Key(k), at); ok {
				r.bus.tell(r.ID, at, bridge.Read{Format: bridge.FormatPIN, Bits: digits, Len: 8 * len(digits)})
			}
		}
	case panel.Tamper:
		r.alert(at, bridge.Tamper, "case", what.Active, "the reader says that it was opened, or taken off its wall", "the reader is closed")
		r.level(at, r.Tamper, what.Active)
	case panel.Power:
		r.alert(at, bridge.Power, "power", what.Failing, "the reader says that its power fails", "its power is good")
	case panel.Input:
		r.input(at, what)
	case panel.Insecure:
		words := fmt.Sprintf("%s: %s", what.Code, what.Words)
		r.alert(at, bridge.Insecure, string(what.Code), what.Active, words, words)
	case panel.PairingStarted:
		r.pairing(at, true)
	case panel.PairingRefused:
		r.pairing(at, false)
		r.happened(at, bridge.Insecure, "pairing_refused: "+what.Cause)
	case panel.PairingFailed:
		r.pairing(at, false)
		r.happened(at, bridge.Insecure, "pairing_failed: "+what.Cause)
	case panel.Paired:
		r.pairing(at, false)
		r.happened(at, bridge.Paired, fmt.Sprintf("the reader has a key of its own: %v", what.ID))
	case panel.Refused:
		r.refused(what)
	case panel.CommChanged:
		r.Address = e.Address
	case panel.Note:
		r.bus.engine.capture.note(at, r.Address, what.Words)
	}
}

// back tells that the reader is online: the panel has it so, and it answered over the port that is open now.
func (r *reader) back(at time.Time) {
	if r.seen && r.bus.engine.port != nil && !at.Before(r.bus.opened) && !r.online {
		r.health(at, true, "")
		r.restore()
	}
}

// health tells a change, of the reader and of the inputs that come over it.
func (r *reader) health(at time.Time, online bool, cause string) {
	if r.told && r.online == online {
		return
	}
	r.bus.mu.Lock()
	r.told, r.online = true, online
	r.bus.mu.Unlock()
	h := bridge.Health{Online: online, Cause: cause}
	r.bus.tell(r.ID, at, h)
	for _, id := range r.inputs() {
		r.bus.tell(id, at, h)
	}
}

func (r *reader) inputs() []string {
	var ids []string
	if r.Tamper != "" {
		ids = append(ids, r.Tamper)
	}
	for _, n := range slices.Sorted(maps.Keys(r.Inputs)) {
		ids = append(ids, r.Inputs[n])
	}
	return ids
}

// input takes the state of one of the reader's inputs. One whose wire is cut or shorted counts as active.
func (r *reader) input(at time.Time, in panel.Input) {
	fault := map[byte]string{wire.InputShort: "is shorted", wire.InputOpen: "is cut", wire.InputFault: "is faulty"}[in.State]
	id := r.Inputs[in.Number]
	if id == "" {
		return
	}
	loop := fmt.Sprintf("the wire of input %d ", in.Number)
	r.alert(at, bridge.Tamper, loop, fault != "", loop+fault, loop+"is whole")
	r.level(at, id, in.State != wire.InputOff)
}

// level tells the state of an input, when it is another one than before.
func (r *reader) level(at time.Time, id string, active bool) {
	before, known := r.levels[id]
	if id == "" || known && before == active {
		return
	}
	r.levels[id] = active
	r.bus.tell(id, at, bridge.Level{Active: active, First: !known})
}

// alert tells that something began, or is over. What is over is told only when its beginning was.
func (r *reader) alert(at time.Time, kind bridge.AlertKind, what string, active bool, began, over string) {
	if r.alerts[what] == active {
		return
	}
	r.alerts[what] = active
	cause := over
	if active {
		cause = began
	}
	r.bus.tell(r.ID, at, bridge.Alert{Kind: kind, Active: active, Cause: cause})
}

// happened tells what has no end.
func (r *reader) happened(at time.Time, kind bridge.AlertKind, cause string) {
	r.bus.tell(r.ID, at, bridge.Alert{Kind: kind, Active: true, Cause: cause})
}

// pairing tells that the reader may be given a key, which is a time in which it is less safe.
func (r *reader) pairing(at time.Time, active bool) {
	r.alert(at, bridge.Insecure, "pairing", active, "pairing: a technician lets the reader be given a key", "pairing: it is over")
}

func classify(formats []cardformat.Format, bits []byte, n int) (string, bridge.Fault) {
	switch name, match := cardformat.Classify(formats, bits, n); match {
	case cardformat.Fits:
		return name, bridge.NoFault
	case cardformat.BadParity:
		return name, bridge.BadParity
	default:
		return "", bridge.UnknownFormat
	}
}
