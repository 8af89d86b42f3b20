package technician

import (
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
)

// tap shows each edge on its way to a driver.
type tap struct {
	bridge.Wires
	show func(device, line string, e bridge.Edge)
}

func (t tap) Wiegand(reader string) (bridge.EdgeSource, error) {
	src, err := t.Wires.Wiegand(reader)
	return t.source(src, err, reader, "D0", "D1")
}

func (t tap) Input(id string) (bridge.EdgeSource, error) {
	src, err := t.Wires.Input(id)
	return t.source(src, err, id, "line")
}

func (t tap) source(src bridge.EdgeSource, err error, device string, lines ...string) (bridge.EdgeSource, error) {
	if err != nil {
		return nil, err
	}
	return tapped{src, func(e bridge.Edge) { t.show(device, lines[e.Line], e) }}, nil
}

type tapped struct {
	bridge.EdgeSource
	show func(bridge.Edge)
}

func (t tapped) ReadEdges(dst []bridge.Edge) (int, error) {
	n, err := t.EdgeSource.ReadEdges(dst)
	for _, e := range dst[:n] {
		t.show(e)
	}
	return n, err
}

// edge is an edge as it is told. Its text has the kernel's time: the one of the signal is when it was read.
func edge(device, line string, e bridge.Edge) Seen {
	way := "falls"
	if e.Rising {
		way = "rises"
	}
	return Seen{At: time.Now(), Device: device, What: "edge", On: &e.Rising, Name: line,
		Text: fmt.Sprintf("%s %s at %v, number %d", line, way, e.At, e.Seq)}
}
