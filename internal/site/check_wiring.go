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
	w.fill()
	return w, nil
}

// wires is one wiring file while it is checked.
type wires struct {
	*document
	w     *Wiring
	g     *Gateway
	board board             // of the gateway's model
	taken map[string]string // a line, a port, a place on a bus … and what uses it
}

var pulls = []string{"up", "down", "none"}

func checkWiring(doc *document, w *Wiring, d *District) {
	b := d.Building(w.Building)
	if b == nil {
		names := ids(d.Buildings, func(b *Building) string { return b.ID })
		doc.say(in(&w.Building, w), "unknown building %q%s; buildings are %s", w.Building, suggest(w.Building, names), list(names))
		return
	}
	doc.cards = d.Formats
	g := b.Gateway(w.Gateway)
	if g == nil {
		names := ids(b.Gateways, func(g *Gateway) string { return g.ID })
		doc.say(in(&w.Gateway, w), "unknown gateway %q%s; gateways of building %s are %s", w.Gateway, suggest(w.Gateway, names), b.ID, list(names))
		return
	}
	c := &wires{doc, w, g, boards[g.Model], map[string]string{}}
	c.chip()
	c.devices()
	// What takes lines by the way comes first, so that a conflict is told where somebody chose a line.
	c.buses()
	c.expanders()
	c.sensors()
	c.counters()
	c.readers()
	c.inputs()
	c.outputs()
}

func (c *wires) chip() {
	if c.w.Chip != c.board.label {
		c.say(in(&c.w.Chip, c.w), "chip is %q, expected %s, the label of the GPIO chip of a %s, which gateway %s is", c.w.Chip, c.board.label, c.g.Model, c.g.ID)
	}
}

// devices takes the IDs of the gateway's devices: buses and expanders are found by theirs too.
func (c *wires) devices() {
	add := func(kind, id string) { c.taken["id "+id] = quoted(kind, id) }
	for _, r := range c.g.Readers {
		add("reader", r.ID)
	}
	for _, i := range c.g.Inputs {
		add("input", i.ID)
	}
	for _, o := range c.g.Outputs {
		add("output", o.ID)
	}
	for _, k := range c.g.Counters {
		add("counter", k.ID)
	}
	for _, s := range c.g.Sensors {
		add("sensor", s.ID)
	}
}

// named checks the ID of what only the wiring file knows.
func (c *wires) named(kind, section, id string) {
	key := entry{section, id, ""}
	c.id(&id, key, kind, unique{})
	c.take(in(key), "id "+id, quoted(kind, id))
}

// way is one way to connect a device: the field that chooses it, and those that it needs and may have besides.
type way struct {
	key       string
	need, may []string
}

// examples show how a way is written.
var examples = map[string]string{
	byI2C: "/dev/i2c-1", bySPI: "/dev/spidev0.0", byUART: "/dev/ttyAMA0", byOneWire: "w1_bus_master1", byLine: "GPIO17", "d0": "GPIO17",
}

// choose finds out how a device is connected, and tells what does not belong to that. A nil way has been told.
func (c *wires) choose(section, id, what string, ways []way) *way {
	has := func(field string) bool { _, ok := c.at[entry{section, id, field}]; return ok }
	key := entry{section, id, ""}
	var keys []string
	var chosen []*way
	for i, w := range ways {
		keys = append(keys, w.key)
		if has(w.key) {
			chosen = append(chosen, &ways[i])
		}
	}
	switch len(chosen) {
	case 0:
		c.say(in(key), "%s is not connected: expected %s, such as %s: %s", what, orList(keys), keys[0], examples[keys[0]])
		return nil
	case 1:
	default:
		c.say(in(entry{section, id, chosen[1].key}, key), "%s is connected by %s and by %s, expected one of them", what, chosen[0].key, chosen[1].key)
		return nil
	}
	w, complete := chosen[0], true
	for _, field := range w.need {
		if !has(field) {
			c.say(in(key), "%s has %s and no %s, expected both", what, w.key, field)
			complete = false
		}
	}
	for e := range c.at {
		f, ok := e.(entry)
		if !ok || f.section != section || f.id != id || f.field == "" || f.field == w.key || slices.Contains(w.need, f.field) || slices.Contains(w.may, f.field) {
			continue
		}
		c.say(in(f, key), "%s has %s: that has no meaning beside %s", what, f.field, w.key)
	}
	if !complete {
		return nil
	}
	return w
}

func orList(keys []string) string {
	if n := len(keys); n > 1 {
		return strings.Join(keys[:n-1], ", ") + " or " + keys[n-1]
	}
	return list(keys)
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

// field lists where a field of a device stands.
func field(section, id, name string) []any {
	return in(entry{section, id, name}, entry{section, id, ""})
}

func (c *wires) line(at []any, line, user string) {
	if strings.TrimSpace(line) == "" {
		c.say(at, "%s has no line, expected the kernel's line name such as GPIO17", user)
		return
	}
	if _, known := headerPins[line]; !known && strings.HasPrefix(strings.ToUpper(line), "GPIO") {
		c.say(at, "%s: line is %q, expected one of the header: GPIO0 to GPIO27", user, line)
		return
	}
	c.take(at, "line "+line, user)
}

func (c *wires) pull(at []any, what, pull string, must bool) {
	if (must || pull != "") && !slices.Contains(pulls, pull) {
		c.say(at, "%s: pull is %q; allowed are %s", what, pull, list(pulls))
	}
}

// take says that something has one user.
func (c *wires) take(at []any, what, user string) {
	if by, ok := c.taken[what]; ok {
		c.say(at, "%s: %s is already taken by %s", user, what, by)
		return
	}
	c.taken[what] = user
}

// share takes the lines of a bus or a port for everybody on it.
func (c *wires) share(at []any, lines []string, user string) {
	for _, l := range lines {
		if c.taken["line "+l] != user {
			c.take(at, "line "+l, user)
		}
	}
}

// i2c checks a chip on an I²C bus.
func (c *wires) i2c(at func(field string) []any, what, chip, bus string, address uint16, allowed []uint16) {
	known := slices.Contains(allowed, address)
	if !known {
		c.say(at("address"), "%s: address is %#x; allowed for the chip %s are %s", what, address, chip, list(ids(allowed, func(a uint16) string { return fmt.Sprintf("%#x", a) })))
	}
	number := i2cBus(bus)
	if number == "" || strings.Trim(number, "0123456789") != "" {
		c.say(at("i2c"), "%s: i2c is %q, expected the I²C bus such as /dev/i2c-1", what, bus)
		return
	}
	if known {
		c.take(at("address"), fmt.Sprintf("address %#x of I²C bus %s", address, number), what)
	}
	c.share(at("i2c"), i2cLines[number], "I²C bus "+number)
}

// uart checks a serial port, which has one user. With rts it takes the lines of CTS and RTS too: an overlay claims both.
func (c *wires) uart(at []any, what, port string, rts bool) {
	if !strings.HasPrefix(port, "/dev/") {
		c.say(at, "%s: serial port is %q, expected its device file such as /dev/ttyAMA0", what, port)
		return
	}
	lines, known := c.board.uarts[port]
	if !known && (strings.HasPrefix(port, "/dev/ttyAMA") || strings.HasPrefix(port, "/dev/ttyS")) {
		c.say(at, "%s: a %s has no serial port %s on its header; it has %s; that of an adapter is such as /dev/ttyUSB0", what, c.g.Model, port, list(slices.Sorted(maps.Keys(c.board.uarts))))
		return
	}
	if !rts {
		lines = lines[:min(2, len(lines))]
	}
	c.take(at, "serial port "+port, what)
	c.share(at, lines, "serial port "+port)
}

func (c *wires) buses() {
	for _, id := range slices.Sorted(maps.Keys(c.w.Buses)) {
		v, what := c.w.Buses[id], quoted("bus", id)
		c.named("bus", "buses", id)
		c.uart(field("buses", id, "port"), what, v.Port, v.RTS)
		if v.Baud != 0 && !slices.Contains(bauds, v.Baud) {
			c.say(field("buses", id, "baud"), "%s: baud is %d; allowed are %s", what, v.Baud, list(ids(bauds, func(b int) string { return fmt.Sprint(b) })))
		}
	}
}

// bauds are the speeds that OSDP readers have (IEC 60839-11-5, 5.2 and the command COMSET).
var bauds = []int{9600, 19200, 38400, 57600, 115200, 230400}

func (c *wires) expanders() {
	for _, id := range slices.Sorted(maps.Keys(c.w.Expanders)) {
		v, what := c.w.Expanders[id], quoted("expander", id)
		at := func(name string) []any { return field("expanders", id, name) }
		c.named("expander", "expanders", id)
		p, ok := expanderChips[v.Chip]
		if !ok {
			c.say(at("chip"), "%s: chip is %q%s; allowed are %s", what, v.Chip, suggest(v.Chip, names(expanderChips)), list(names(expanderChips)))
			continue
		}
		c.i2c(at, what, v.Chip, v.I2C, v.Address, p.addresses)
		switch {
		case v.Line == "" && v.Pull != "":
			c.say(at("pull"), "%s: pull is that of line, and there is none", what)
		case v.Line == "":
		case v.Chip != mcp23017:
			c.say(at("line"), "%s: line is for the interrupt of an %s", what, mcp23017)
		default:
			c.line(at("line"), v.Line, what)
			c.pull(at("pull"), what, v.Pull, true)
		}
	}
}

// fill sets the defaults.
func (w *Wiring) fill() {
	for id, r := range w.Readers {
		or(&r.Pull, defaultPull)
		w.Readers[id] = r
	}
	for id, b := range w.Buses {
		or(&b.Baud, defaultBaud)
		w.Buses[id] = b
	}
	for id, s := range w.Sensors {
		if s.OneWire != "" {
			or(&s.Line, oneWireLine)
		}
		w.Sensors[id] = s
	}
}
