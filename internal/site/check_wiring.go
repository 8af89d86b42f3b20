package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func parseWiring(file string, src []byte, d *District) (*Wiring, error) {
	w := &Wiring{}
	doc := decode(file, src, w)
	if w.Building != "" || len(doc.problems) == 0 {
		checkWiring(doc, w, d)
	}
	if err := doc.err(); err != nil {
		return nil, err
	}
	for id, r := range w.Readers {
		or(&r.Pull, defaultPull)
		w.Readers[id] = r
	}
	return w, nil
}

// wires is one wiring file while it is checked.
type wires struct {
	*document
	w     *Wiring
	taken map[string]string // line, or bus and address, and what uses it
}

var pulls = []string{"up", "down", "none"}

func checkWiring(doc *document, w *Wiring, d *District) {
	b := d.Building(w.Building)
	if b == nil {
		names := ids(d.Buildings, func(b *Building) string { return b.ID })
		doc.say(in(&w.Building, w), "unknown building %q%s; buildings are %s", w.Building, suggest(w.Building, names), list(names))
		return
	}
	g := b.Gateway(w.Gateway)
	if g == nil {
		names := ids(b.Gateways, func(g *Gateway) string { return g.ID })
		doc.say(in(&w.Gateway, w), "unknown gateway %q%s; gateways of building %s are %s", w.Gateway, suggest(w.Gateway, names), b.ID, list(names))
		return
	}
	if strings.TrimSpace(w.Chip) == "" {
		doc.say(in(&w.Chip, w), "there is no chip: the label of the GPIO chip as gpiodetect shows it, such as pinctrl-bcm2711 (Pi 4) or pinctrl-rp1 (Pi 5)")
	}
	c := &wires{doc, w, map[string]string{}}
	c.sensors(g)
	c.readers(g)
	c.lines("input", "inputs", &w.Inputs, w.Inputs, ids(g.Inputs, func(i *Input) string { return i.ID }), c.input)
	c.lines("output", "outputs", &w.Outputs, w.Outputs, ids(g.Outputs, func(o *Output) string { return o.ID }), c.output)
}

func (c *wires) sensors(g *Gateway) {
	names := ids(g.Sensors, func(s *Sensor) string { return s.ID })
	c.same("sensor", "sensors", &c.w.Sensors, slices.Sorted(maps.Keys(c.w.Sensors)), names)
	for _, s := range g.Sensors {
		v, ok := c.w.Sensors[s.ID]
		if !ok {
			continue
		}
		key, what := entry{"sensors", s.ID, ""}, quoted("sensor", s.ID)
		at := func(field string) []any { return in(entry{"sensors", s.ID, field}, key) }
		allowed := chips[s.Chip]
		known := slices.Contains(allowed, v.Address)
		if !known {
			c.say(at("address"), "%s: address is %#x; allowed for the chip %s are %s", what, v.Address, s.Chip, list(ids(allowed, func(a uint16) string { return fmt.Sprintf("%#x", a) })))
		}
		bus := strings.TrimPrefix(v.Bus, "/dev/i2c-")
		if bus == "" {
			c.say(at("bus"), "%s: there is no bus, expected the I²C bus such as /dev/i2c-1", what)
			continue
		}
		if known {
			c.take(at("address"), fmt.Sprintf("address %#x of I²C bus %s", v.Address, bus), what)
		}
		if bus == "1" {
			c.taken["line GPIO2"], c.taken["line GPIO3"] = "I²C bus 1", "I²C bus 1"
		}
	}
}

func (c *wires) readers(g *Gateway) {
	names := ids(g.Readers, func(r *Reader) string { return r.ID })
	c.same("reader", "readers", &c.w.Readers, slices.Sorted(maps.Keys(c.w.Readers)), names)
	for _, id := range names {
		v, ok := c.w.Readers[id]
		if !ok {
			continue
		}
		key, what := entry{"readers", id, ""}, quoted("reader", id)
		c.line(in(entry{"readers", id, "d0"}, key), v.D0, what+" d0")
		c.line(in(entry{"readers", id, "d1"}, key), v.D1, what+" d1")
		if v.Pull != "" && !slices.Contains(pulls, v.Pull) {
			c.say(in(entry{"readers", id, "pull"}, key), "%s: pull is %q; allowed are %s", what, v.Pull, list(pulls))
		}
	}
}

func (c *wires) lines(kind, section string, at any, wired map[string]LineWiring, names []string, check func(id string, v LineWiring)) {
	c.same(kind, section, at, slices.Sorted(maps.Keys(wired)), names)
	for _, id := range names {
		v, ok := wired[id]
		if !ok {
			continue
		}
		c.line(in(entry{section, id, "line"}, entry{section, id, ""}), v.Line, quoted(kind, id))
		check(id, v)
	}
}

func (c *wires) input(id string, v LineWiring) {
	key := entry{"inputs", id, ""}
	if !slices.Contains(pulls, v.Pull) {
		c.say(in(entry{"inputs", id, "pull"}, key), "input %q: pull is %q; allowed are %s", id, v.Pull, list(pulls))
	}
	if v.ActiveLow {
		c.say(in(entry{"inputs", id, "active_low"}, key), "input %q: active_low is for outputs; the level of an input is its active in the district's file", id)
	}
}

func (c *wires) output(id string, v LineWiring) {
	if v.Pull != "" {
		c.say(in(entry{"outputs", id, "pull"}, entry{"outputs", id, ""}), "output %q: found pull %q; pull is for inputs", id, v.Pull)
	}
}

// same checks that what is wired is what the gateway has.
func (c *wires) same(kind, section string, at any, wired, has []string) {
	for _, id := range wired {
		if !slices.Contains(has, id) {
			c.say(in(entry{section, id, ""}), "unknown %s %q%s; %s of gateway %s are %s", kind, id, suggest(id, has), section, c.w.Gateway, list(has))
		}
	}
	for _, id := range has {
		if !slices.Contains(wired, id) {
			c.say(in(at, c.w), "%s of gateway %s is not wired: write it under %s", quoted(kind, id), c.w.Gateway, section)
		}
	}
}

func (c *wires) line(at []any, line, user string) {
	if strings.TrimSpace(line) == "" {
		c.say(at, "%s has no line, expected the kernel's line name such as GPIO17", user)
		return
	}
	c.take(at, "line "+line, user)
}

func (c *wires) take(at []any, what, user string) {
	if by, ok := c.taken[what]; ok {
		c.say(at, "%s: %s is already taken by %s", user, what, by)
		return
	}
	c.taken[what] = user
}
