package gateway

import (
	"kapija/internal/event"
	"kapija/internal/site"
)

// health is what is known about the devices. It belongs to the loop.
type health struct {
	devices []event.Device // in the order of the configuration
	index   map[string]int
	known   map[string]bool // it has told its health, or anything else
	inputs  map[string]bool // inputs that have not told their level yet
}

// silent is the cause of a device that has not been heard yet.
const silent = "not heard since the start"

// newHealth lists the devices: readers, inputs, counters, outputs, sensors. The inputs of a counter are the counter's.
func newHealth(g *site.Gateway) *health {
	h := &health{index: map[string]int{}, known: map[string]bool{}, inputs: map[string]bool{}}
	add := func(id string) {
		h.index[id] = len(h.devices)
		h.devices = append(h.devices, event.Device{ID: id, Cause: silent})
	}
	counted := map[string]bool{}
	for _, c := range g.Counters {
		counted[c.Outer], counted[c.Inner] = true, true
	}
	for _, r := range g.Readers {
		add(r.ID)
	}
	for _, in := range g.Inputs {
		if !counted[in.ID] {
			add(in.ID)
			h.inputs[in.ID] = true
		}
	}
	for _, c := range g.Counters {
		add(c.ID)
	}
	for _, o := range g.Outputs {
		add(o.ID)
	}
	for _, s := range g.Sensors {
		add(s.ID)
	}
	return h
}

// set keeps what a device is like, and says whether that is new, and whether it is the first that is known of it.
func (h *health) set(id string, online bool, cause string) (changed, first bool) {
	i, ok := h.index[id]
	if !ok {
		return false, false
	}
	if !online {
		delete(h.inputs, id)
	}
	first = !h.known[id]
	h.known[id] = true
	if !first && h.devices[i].Online == online {
		h.devices[i].Cause = cause
		return false, false
	}
	h.devices[i].Online, h.devices[i].Cause = online, cause
	return true, first
}

// heard notes that an input has told its level.
func (h *health) heard(id string) { delete(h.inputs, id) }

func (h *health) allInputsHeard() bool { return len(h.inputs) == 0 }
