package live

import (
	"encoding/json"
	"time"
)

// frames that may wait for one viewer; a slower one is sent away and gets a full snapshot when it comes back (L57).
const viewerBuffer = 128

// Frame is one server-sent event, encoded once for all viewers.
type Frame struct {
	Event string // snapshot, building, event
	Data  []byte // JSON, one line
}

// Scope is how much somebody may see.
type Scope uint8

// The scopes, each with all of the one before.
const (
	Totals  Scope = iota // of buildings
	Zones                // their zones, doors and gateways
	Persons              // events, which tell about persons
)

// Viewer is one open stream.
type Viewer struct {
	C     <-chan Frame // closed when the viewer was too slow or the Hub was closed
	c     chan Frame
	hub   *Hub
	scope Scope
}

// Only leaves of a building what the scope may see.
func (s Scope) Only(b Building) Building {
	if s < Zones {
		b.Zones, b.Doors, b.Gateways = []Zone{}, []Door{}, []Gateway{}
	}
	return b
}

// Watch opens a stream that begins with a snapshot. It returns nil when the Hub is closed.
func (h *Hub) Watch(scope Scope) *Viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	c := make(chan Frame, viewerBuffer)
	v := &Viewer{C: c, c: c, hub: h, scope: scope}
	s := h.snapshot(time.Now())
	if scope < Persons {
		s.Events = []Event{}
	}
	for i, b := range s.Buildings {
		s.Buildings[i] = scope.Only(b)
	}
	c <- frame("snapshot", s)
	h.viewers[v] = struct{}{}
	return v
}

// Close ends the stream.
func (v *Viewer) Close() {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	v.hub.drop(v)
}

func (h *Hub) drop(v *Viewer) {
	if _, ok := h.viewers[v]; ok {
		delete(h.viewers, v)
		close(v.c)
	}
}

// Viewers is how many streams are open.
func (h *Hub) Viewers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers)
}

// Close ends all streams and refuses new ones: called before the web server shuts down, which waits for them.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for v := range h.viewers {
		h.drop(v)
	}
}

// sendEvent tells everybody who may know of it.
func (h *Hub) sendEvent(e Event) {
	f := frame("event", e)
	for v := range h.viewers {
		if v.scope >= Persons {
			h.send(v, f)
		}
	}
}

// sendBuilding tells everybody as much as they may see.
func (h *Hub) sendBuilding(b Building) {
	full, totals := frame("building", b), frame("building", Totals.Only(b))
	for v := range h.viewers {
		if v.scope >= Zones {
			h.send(v, full)
		} else {
			h.send(v, totals)
		}
	}
}

func (h *Hub) send(v *Viewer, f Frame) {
	select {
	case v.c <- f:
	default:
		h.log.Warn("a viewer was too slow and is sent away; it comes back by itself", "waiting", viewerBuffer)
		h.drop(v)
	}
}

func frame(name string, v any) Frame {
	b, err := json.Marshal(v)
	if err != nil { // numbers that JSON has no word for are kept out by the decoders
		b = []byte("null")
	}
	return Frame{Event: name, Data: b}
}
