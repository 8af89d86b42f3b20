package sim

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"kapija/internal/site"
)

// The circuit of a virtual supervised loop, unless its wiring says otherwise: see package ads1115.
const (
	loopSupply   = 3.3    // V
	loopResistor = 4700.0 // Ω
	loopCut      = 1e9
)

// expanders lays the chips that the wiring names, each alone on its bus.
func (l *layer) expanders() {
	for id, v := range l.Wiring.Expanders {
		var c chip
		switch v.Chip {
		case "mcp23017":
			m := NewMCP23017(v.Address)
			c = m
			if v.Line != "" {
				line := newLines("interrupt of expander "+id, l.w.clock, true, true)
				l.w.lines[id] = line
				m.OnInt(line.set)
			}
		case "ads1115":
			a := NewADS1115(v.Address, l.w.clock)
			l.adcs[id], c = a, a
		default:
			continue // the devices at it say so
		}
		b := NewI2CBus("bus of expander "+id, c)
		if m, ok := c.(*MCP23017); ok {
			l.mcps[id] = mcp{m, b}
		}
		l.w.i2c[id] = i2cPlace{b, v.Address}
		l.w.faulty[id] = func(failed bool) { b.Power(c, !failed) }
		l.w.closers = append(l.w.closers, b.close)
	}
}

func (l *layer) inputAtExpander(in *site.Input, v site.InputWiring) error {
	rest := in.Active == "low"
	if m, ok := l.mcps[v.Expander]; ok {
		pin, err := mcpPin(v.Pin)
		if err != nil {
			return fmt.Errorf("sim: input %s: %w", in.ID, err)
		}
		p := expanderPin{m.MCP23017, pin}
		p.set(rest)
		l.w.levels[in.ID], l.w.faulty[in.ID] = p, l.w.faulty[v.Expander]
		return nil
	}
	a := l.adcs[v.Expander]
	channel, err := strconv.Atoi(v.Pin)
	if a == nil || err != nil || channel < 0 || channel > 3 {
		return fmt.Errorf("sim: input %s: expander %q, pin %q: expected an mcp23017 with A0 to B7, or an ads1115 with 0 to 3", in.ID, v.Expander, v.Pin)
	}
	loop := &loopInput{adc: a, channel: channel, pullUp: loopResistor, series: loopResistor, parallel: loopResistor, high: rest}
	if v.Loop != nil {
		for to, ohms := range map[*float64]int{&loop.pullUp: v.Loop.PullUp, &loop.series: v.Loop.Series, &loop.parallel: v.Loop.Parallel} {
			if ohms != 0 {
				*to = float64(ohms)
			}
		}
	}
	loop.apply()
	l.w.levels[in.ID], l.w.loops[in.ID], l.w.faulty[in.ID] = loop, loop, loop.cut
	return nil
}

func (l *layer) outputAtExpander(id string, v site.OutputWiring) error {
	m, ok := l.mcps[v.Expander]
	pin, err := mcpPin(v.Pin)
	if !ok || err != nil {
		return fmt.Errorf("sim: output %s: expander %q, pin %q: expected an mcp23017 with A0 to B7", id, v.Expander, v.Pin)
	}
	l.w.shown[id] = func() bool {
		high, drives := m.Pin(pin)
		return drives && high != v.ActiveLow && m.bus.powered(m.MCP23017)
	}
	l.w.faulty[id] = func(failed bool) {
		if !failed {
			m.ReleasePin(pin)
			return
		}
		high, _ := m.Pin(pin)
		m.Jam(pin, !high)
	}
	return nil
}

// mcpPin is the number of a pin: A0 … A7 are 0 … 7, B0 … B7 are 8 … 15.
func mcpPin(name string) (int, error) {
	all := []string{"A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"}
	if n := slices.Index(all, name); n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("pin %q; an mcp23017 has A0 to A7 and B0 to B7", name)
}

// mcp is an MCP23017 on its bus.
type mcp struct {
	*MCP23017
	bus *I2CBus
}

type expanderPin struct {
	chip *MCP23017
	pin  int
}

func (p expanderPin) set(high bool) { p.chip.SetPin(p.pin, high) }

// loopInput is a supervised loop: high is an open contact, low a closed one.
type loopInput struct {
	adc                      *ADS1115
	channel                  int
	pullUp, series, parallel float64

	mu    sync.Mutex
	high  bool
	state string // cut, short; empty: sound
}

func (l *loopInput) set(high bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.high = high
	l.apply()
}

// wire cuts the loop, shorts it, or mends it.
func (l *loopInput) wire(state string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case "cut", "short":
		l.state = state
	case "sound":
		l.state = ""
	default:
		return fmt.Errorf("state %s; allowed are cut, short and sound", quote(state))
	}
	l.apply()
	return nil
}

func (l *loopInput) cut(failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = ""
	if failed {
		l.state = "cut"
	}
	l.apply()
}

func (l *loopInput) apply() {
	ohms := l.series
	switch {
	case l.state == "cut":
		ohms = loopCut
	case l.state == "short":
		ohms = 0
	case l.high:
		ohms += l.parallel
	}
	l.adc.SetLoop(l.channel, loopSupply, l.pullUp, ohms)
}
