package technician

import (
	"strings"

	bridge "kapija/firmware-bridge"
)

// silent is what is found of a device that told nothing.
const silent = "silent: it has told nothing"

// heard is what the devices have told so far.
type heard struct {
	ids      []string
	inputs   map[string]bool   // which tell a level
	sensors  map[string]string // which tell readings, with their chips
	healths  map[string]bridge.Health
	levels   map[string]bool
	readings map[string][]bridge.Measured
	alerts   map[string][]bridge.Alert // that are not over
}

func newHeard(c Config, ids []string) *heard {
	h := &heard{
		ids: ids, inputs: map[string]bool{}, sensors: map[string]string{}, healths: map[string]bridge.Health{},
		levels: map[string]bool{}, readings: map[string][]bridge.Measured{}, alerts: map[string][]bridge.Alert{},
	}
	for _, i := range c.Gateway.Inputs {
		h.inputs[i.ID] = true
	}
	for _, s := range c.Gateway.Sensors {
		h.sensors[s.ID] = s.Chip
	}
	return h
}

func (h *heard) take(s bridge.Signal) {
	switch v := s.What.(type) {
	case bridge.Health:
		h.healths[s.Device] = v
	case bridge.Level:
		h.levels[s.Device] = v.Active
	case bridge.Measured:
		h.readings[s.Device] = append(h.readings[s.Device], v)
	case bridge.Alert:
		of := h.alerts[s.Device]
		for i, a := range of {
			if a.Kind == v.Kind {
				of = append(of[:i:i], of[i+1:]...)
				break
			}
		}
		if v.Active {
			of = append(of, v)
		}
		h.alerts[s.Device] = of
	}
}

// all says whether every device is well and has told what it has to. One that is ill has the whole time to get well.
func (h *heard) all() bool {
	for _, id := range h.ids {
		_, level := h.levels[id]
		chip, sensor := h.sensors[id]
		switch {
		case !h.healths[id].Online, h.inputs[id] && !level, sensor && chip != motion && h.readings[id] == nil:
			return false
		}
	}
	return true
}

// motion is the chip that needs longer to warm up than anybody looks.
const motion = "pir"

// health is whether the device answers, and has nothing to complain about.
func (h *heard) health(f *Finding) {
	v, told := h.healths[f.ID]
	switch {
	case !told:
		f.Found = silent
	case !v.Online:
		f.Found = v.Cause
	default:
		f.OK, f.Found = true, "answers"
	}
	for _, a := range h.alerts[f.ID] {
		f.OK = false
		f.Found += "; " + string(a.Kind) + ": " + a.Cause
	}
}

func (h *heard) input(f *Finding) {
	if h.health(f); !f.OK {
		return
	}
	active, told := h.levels[f.ID]
	switch {
	case !told:
		f.OK, f.Found = false, "has told no level yet"
		f.Try = "look again with a longer --for"
	case active:
		f.Found = "active"
	default:
		f.Found = "not active"
	}
}

func (h *heard) sensor(f *Finding) {
	if h.health(f); !f.OK {
		return
	}
	var all []string
	seen := map[string]bool{}
	for _, m := range h.readings[f.ID] {
		if !seen[m.Quantity] {
			seen[m.Quantity] = true
			all = append(all, reading(m))
		}
	}
	f.Found = strings.Join(all, ", ")
	switch {
	case all != nil:
	case h.sensors[f.ID] == motion:
		f.Found = "its line can be read; it warms up for 30 s: wave at it under kapija-gateway watch"
	default:
		f.OK, f.Found = false, "answers, and has measured nothing yet"
		f.Try = "look again with a longer --for"
	}
}
