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

// Viewer is one open stream.
type Viewer struct {
	C    <-chan Frame // closed when the viewer was too slow or the Hub was closed
	c    chan Frame
	hub  *Hub
	only bool // buildings only
}

// Watch opens a stream that begins with a snapshot. numbersOnly leaves out events, which tell about persons. It returns
// nil when the Hub is closed.
func (h *Hub) Watch(numbersOnly bool) *Viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	c := make(chan Frame, viewerBuffer)
	v := &Viewer{C: c, c: c, hub: h, only: numbersOnly}
	s := h.snapshot(time.Now())
	if numbersOnly {
		s.Events = []Event{}
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

func (h *Hub) send(f Frame) {
	for v := range h.viewers {
		if v.only && f.Event == "event" {
			continue
		}
		select {
		case v.c <- f:
		default:
			h.log.Warn("a viewer was too slow and is sent away; it comes back by itself", "waiting", viewerBuffer)
			h.drop(v)
		}
	}
}

func frame(name string, v any) Frame {
	b, err := json.Marshal(v)
	if err != nil { // numbers that JSON has no word for are kept out by the decoders
		b = []byte("null")
	}
	return Frame{Event: name, Data: b}
}
