package site

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (c *wires) sensors() {
	has := ids(c.g.Sensors, func(s *Sensor) string { return s.ID })
	c.same("sensor", "sensors", &c.w.Sensors, slices.Sorted(maps.Keys(c.w.Sensors)), has)
	for _, s := range c.g.Sensors {
		v, ok := c.w.Sensors[s.ID]
		p, known := sensorChips[s.Chip]
		if !ok || !known {
			continue
		}
		what := quoted("sensor", s.ID)
		at := func(name string) []any { return field("sensors", s.ID, name) }
		all := []way{{byI2C, nil, []string{"address"}}, {byOneWire, []string{"rom"}, []string{"line"}}, {byUART, nil, nil}, {byLine, nil, []string{"pull", "active_low"}}}
		w := c.choose("sensors", s.ID, what+" ("+s.Chip+")", slices.DeleteFunc(all, func(w way) bool { return !slices.Contains(p.ways, w.key) }))
		if w == nil {
			continue
		}
		switch w.key {
		case byI2C:
			c.i2c(at, what, s.Chip, v.I2C, v.Address, p.addresses)
		case byUART:
			c.uart(at("uart"), what, v.UART, false)
		case byLine:
			c.line(at("line"), v.Line, what)
			c.pull(at("pull"), what, v.Pull, true)
		case byOneWire:
			c.oneWire(at, what, v)
		}
	}
}

func (c *wires) oneWire(at func(string) []any, what string, v SensorWiring) {
	if !ds18b20ROM.MatchString(v.ROM) {
		c.say(at("rom"), "%s: rom is %q, expected the family 28 and the number as the kernel writes them, such as 28-0316a2794bff (ls /sys/bus/w1/devices)", what, v.ROM)
	} else {
		c.take(at("rom"), "rom "+strings.ToLower(v.ROM), what)
	}
	if !strings.HasPrefix(v.OneWire, "w1_bus_master") {
		c.say(at("onewire"), "%s: onewire is %q, expected the kernel's name such as w1_bus_master1 (ls /sys/bus/w1/devices)", what, v.OneWire)
		return
	}
	line, bus := v.Line, "1-Wire bus "+v.OneWire
	or(&line, oneWireLine)
	if was, ok := c.taken[bus]; ok && was != line {
		c.say(at("line"), "%s: %s is on line %s here, and on %s at another sensor, expected the same", what, bus, line, was)
		return
	}
	c.taken[bus] = line
	c.share(at("line"), []string{line}, bus)
}

// ds18b20ROM is as in /sys/bus/w1/devices: the family, and the 48 bits of the number.
var ds18b20ROM = regexp.MustCompile(`^28-[0-9a-fA-F]{12}$`)

func (c *wires) counters() {
	var chips []string
	for _, k := range c.g.Counters {
		if k.Chip != "" {
			chips = append(chips, k.ID)
		}
	}
	c.same("counter with a chip", "counters", &c.w.Counters, slices.Sorted(maps.Keys(c.w.Counters)), chips)
	for _, id := range chips {
		v, ok := c.w.Counters[id]
		if !ok {
			continue
		}
		what := quoted("counter", id)
		if v.Outer == nil || v.Inner == nil {
			c.say(in(entry{"counters", id, ""}, entry{"counters", id, "outer"}, entry{"counters", id, "inner"}), "%s: expected an outer and an inner distance sensor", what)
			continue
		}
		for _, side := range []struct {
			name string
			*Ranger
		}{{"outer", v.Outer}, {"inner", v.Inner}} {
			r := side.Ranger
			at := func(name string) []any {
				return in(map[string]any{"i2c": &r.I2C, "address": &r.Address, "reset": &r.Reset}[name], r, entry{"counters", id, side.name})
			}
			if r.Address < 0x08 || r.Address > 0x77 {
				c.say(at("address"), "%s: address of the %s sensor is %#x, expected 0x8 to 0x77", what, side.name, r.Address)
				continue
			}
			c.i2c(at, what+" "+side.name, vl53l1x, r.I2C, r.Address, []uint16{r.Address})
			bus := "start address 0x29 of I²C bus " + i2cBus(r.I2C)
			if by, ok := c.taken[bus]; ok && by != what {
				c.say(at("i2c"), "%s: the distance sensors of %s are on I²C bus %s, and all of them start at address 0x29: expected another bus", what, by, i2cBus(r.I2C))
			}
			c.taken[bus] = what
			if r.Reset != "" {
				c.line(at("reset"), r.Reset, what+" "+side.name+" reset")
			}
		}
		if i2cBus(v.Outer.I2C) == i2cBus(v.Inner.I2C) && v.Outer.Reset == "" && v.Inner.Reset == "" {
			c.say(field("counters", id, ""), "%s: both sensors are on one bus and start at address 0x29, expected a reset line at one of them", what)
		}
	}
}

func (c *wires) inputs() {
	has := ids(c.g.Inputs, func(i *Input) string { return i.ID })
	c.same("input", "inputs", &c.w.Inputs, slices.Sorted(maps.Keys(c.w.Inputs)), has)
	for _, i := range c.g.Inputs {
		v, ok := c.w.Inputs[i.ID]
		if !ok {
			continue
		}
		what := quoted("input", i.ID)
		at := func(name string) []any { return field("inputs", i.ID, name) }
		w := c.choose("inputs", i.ID, what, []way{{byLine, nil, []string{"pull", "active_low"}}, {"expander", []string{"pin"}, []string{"pull", "loop"}}, {"reader", []string{"terminal"}, nil}})
		if w == nil {
			continue
		}
		switch w.key {
		case byLine:
			c.line(at("line"), v.Line, what)
			c.pull(at("pull"), what, v.Pull, true)
		case "expander":
			c.inputPin(at, what, v, i.Debounce)
		case "reader":
			c.terminal(at, what, v.Reader, v.Terminal, "tamper")
		}
	}
	c.barriers()
}

func (c *wires) inputPin(at func(string) []any, what string, v InputWiring, debounce time.Duration) {
	switch c.pin(at, what, "input", v.Expander, v.Pin) {
	case mcp23017:
		if v.Loop != nil {
			c.say(at("loop"), "%s: loop is for an input at an %s, which measures it", what, ads1115)
		}
		if v.Pull == "down" {
			c.say(at("pull"), "%s: pull is \"down\"; an %s has pull-ups only: up or none", what, mcp23017)
			return
		}
		c.pull(at("pull"), what, v.Pull, true)
	case ads1115:
		if v.Pull != "" {
			c.say(at("pull"), "%s: an %s has no pull; the resistors are told by loop", what, ads1115)
		}
		if debounce > maxLoopDebounce {
			c.say(at("expander"), "%s: its debounce in the district's file is %v, expected at most %v at an %s", what, debounce, maxLoopDebounce, ads1115)
		}
		if v.Loop != nil {
			c.loop(at("loop"), what, v.Loop)
		}
	}
}

// What a supervised loop may have. Smaller resistors waste current, larger ones drown in leakage, in Ω.
const (
	minLoop, maxLoop = 100, 47_000
	maxLoopDebounce  = 200 * time.Millisecond
)

// loop checks the resistors of a supervised input: with all of them off by 10 %, closed, open, short-circuited and cut
// must be told apart.
func (c *wires) loop(at []any, what string, l *Loop) {
	for name, r := range map[string]*int{"pull_up": &l.PullUp, "series": &l.Series, "parallel": &l.Parallel} {
		if *r != 0 && (*r < minLoop || *r > maxLoop) {
			c.say(append(in(r, l), at...), "%s: %s is %d Ω, expected %d to %d", what, name, *r, minLoop, maxLoop)
			return
		}
	}
	up, series, parallel := cmp.Or(l.PullUp, defaultLoop), cmp.Or(l.Series, defaultLoop), cmp.Or(l.Parallel, defaultLoop)
	if 15*series < up || 2*parallel < series || series+parallel > 15*up {
		c.say(append(in(l), at...), "%s: a loop of pull_up %d, series %d and parallel %d Ω: its states cannot be told apart; expected series at least pull_up / 15, parallel at least series / 2, both together at most 15 × pull_up", what, up, series, parallel)
	}
}

// barriers checks that light barriers are on lines: their order is told by the kernel's time.
func (c *wires) barriers() {
	for _, k := range c.g.Counters {
		for _, id := range []string{k.Outer, k.Inner} {
			if v, ok := c.w.Inputs[id]; ok && id != "" && v.Line == "" && (v.Expander != "" || v.Reader != "") {
				c.say(field("inputs", id, ""), "input %q is a light barrier of counter %q, expected a line: only lines have the kernel's time", id, k.ID)
			}
		}
	}
}

func (c *wires) outputs() {
	has := ids(c.g.Outputs, func(o *Output) string { return o.ID })
	c.same("output", "outputs", &c.w.Outputs, slices.Sorted(maps.Keys(c.w.Outputs)), has)
	for _, id := range has {
		v, ok := c.w.Outputs[id]
		if !ok {
			continue
		}
		what := quoted("output", id)
		at := func(name string) []any { return field("outputs", id, name) }
		w := c.choose("outputs", id, what, []way{{byLine, nil, []string{"active_low"}}, {"expander", []string{"pin"}, []string{"active_low"}}, {"reader", []string{"terminal"}, nil}})
		if w == nil {
			continue
		}
		switch w.key {
		case byLine:
			c.line(at("line"), v.Line, what)
		case "expander":
			if chip := c.pin(at, what, "output", v.Expander, v.Pin); chip == ads1115 {
				c.say(at("expander"), "%s: an %s has inputs only", what, ads1115)
			}
		case "reader":
			c.terminal(at, what, v.Reader, v.Terminal, "led", "buzzer")
		}
	}
}

// pin checks a place at an expander, and returns the expander's chip.
func (c *wires) pin(at func(string) []any, what, kind, expander, pin string) (chip string) {
	e, ok := c.w.Expanders[expander]
	if !ok {
		known := slices.Sorted(maps.Keys(c.w.Expanders))
		c.say(at("expander"), "%s: unknown expander %q%s; expanders are %s", what, expander, suggest(expander, known), list(known))
		return ""
	}
	pins := expanderPins[e.Chip]
	if pins == nil {
		return "" // told at the expander
	}
	if kind == "input" {
		pins = slices.DeleteFunc(slices.Clone(pins), func(p string) bool { return slices.Contains(outputsOnly, p) })
	}
	if !slices.Contains(pins, pin) {
		c.say(at("pin"), "%s: pin is %q; %ss of an %s are %s", what, pin, kind, e.Chip, list(pins))
		return ""
	}
	c.take(at("pin"), fmt.Sprintf("pin %s of expander %s", pin, expander), what)
	return e.Chip
}

// terminal checks a part of an OSDP reader: one of the named ones, or a number.
func (c *wires) terminal(at func(string) []any, what, reader, terminal string, named ...string) {
	r, ok := c.w.Readers[reader]
	if !ok || r.OSDP == "" {
		var known []string
		for id, r := range c.w.Readers {
			if r.OSDP != "" {
				known = append(known, id)
			}
		}
		slices.Sort(known)
		c.say(at("reader"), "%s: %q is no OSDP reader; those of gateway %s are %s", what, reader, c.g.ID, list(known))
		return
	}
	if !slices.Contains(named, terminal) && !slices.Contains(terminals, terminal) {
		c.say(at("terminal"), "%s: terminal is %q; allowed are %s and 0 to 7", what, terminal, list(named))
		return
	}
	kind, _, _ := strings.Cut(what, " ")
	c.take(at("terminal"), fmt.Sprintf("%s terminal %s of reader %s", kind, terminal, reader), what)
}

// terminals are the numbers of a reader's inputs, and of its outputs.
var terminals = []string{"0", "1", "2", "3", "4", "5", "6", "7"}
