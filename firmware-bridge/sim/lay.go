package sim

import (
	"errors"
	"fmt"
	"strings"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// layer lays the wires of one gateway as its wiring says.
type layer struct {
	Opts
	gw *site.Gateway
	w  *Wires

	mcps map[string]mcp
	adcs map[string]*ADS1115
	tags *tags
}

func (l *layer) lay() error {
	l.expanders()
	return errors.Join(l.buses(), l.readers(), l.inputs(), l.outputs(), l.counters(), l.sensors())
}

func (l *layer) readers() error {
	for _, r := range l.gw.Readers {
		switch v := l.Wiring.Readers[r.ID]; {
		case v.OSDP != "": // with its bus
		case v.Chip != "":
			l.nfc(r.ID, v)
		default:
			lines := newLines("reader "+r.ID, l.w.clock, false, true, true)
			l.w.wiegands[r.ID], l.w.badges[r.ID], l.w.faulty[r.ID] = lines, lines, lines.fail
			if r.Keypad != "" {
				l.w.keys[r.ID] = &keypadLines{lines, r.Keypad, r.KeypadFacility}
			}
		}
	}
	return nil
}

func (l *layer) inputs() error {
	for _, in := range l.gw.Inputs {
		if in.Active != "high" && in.Active != "low" {
			return fmt.Errorf("sim: input %s is active %q; allowed are high and low", in.ID, in.Active)
		}
		rest := in.Active == "low" // the level of an input that is not active
		switch v := l.Wiring.Inputs[in.ID]; {
		case v.Expander != "":
			if err := l.inputAtExpander(in, v); err != nil {
				return err
			}
		case v.Reader != "":
			p, err := find(l.w.pds, "OSDP reader", v.Reader, l.gw.ID)
			if err != nil {
				return fmt.Errorf("sim: input %s: %w", in.ID, err)
			}
			l.w.levels[in.ID] = &terminal{p, v.Terminal, in.Active == "high"}
			l.w.faulty[in.ID] = p.fail
		default:
			lines := newLines("input "+in.ID, l.w.clock, true, rest)
			l.w.lines[in.ID], l.w.levels[in.ID], l.w.faulty[in.ID] = lines, lines, lines.fail
		}
	}
	return nil
}

func (l *layer) outputs() error {
	for _, out := range l.gw.Outputs {
		switch v := l.Wiring.Outputs[out.ID]; {
		case v.Expander != "":
			if err := l.outputAtExpander(out.ID, v); err != nil {
				return err
			}
		case v.Reader != "":
			p, err := find(l.w.pds, "OSDP reader", v.Reader, l.gw.ID)
			if err != nil {
				return fmt.Errorf("sim: output %s: %w", out.ID, err)
			}
			l.w.shown[out.ID] = func() bool { return p.shows(v.Terminal) }
			l.w.faulty[out.ID] = p.fail
		default:
			l.outputLine(out.ID)
		}
	}
	return nil
}

func (l *layer) outputLine(id string) {
	o := &output{name: "output " + id}
	l.w.outputs[id], l.w.shown[id], l.w.faulty[id] = o, o.now, o.fail
	l.w.closers = append(l.w.closers, o.close)
}

func (l *layer) sensors() error {
	oneWires := map[string]*OneWire{}
	for _, s := range l.gw.Sensors {
		newChip, chip := chips[s.Chip]
		switch {
		case chip:
			b := &bus{name: "bus of sensor " + s.ID, kind: s.Chip, chip: newChip(l.w.clock)}
			l.w.i2c[s.ID] = i2cPlace{b, b.chip.address()}
			l.w.values[s.ID], l.w.faulty[s.ID] = b, b.fail
			l.w.closers = append(l.w.closers, b.close)
		case s.Chip == "pir" || s.Chip == "leak":
			low := l.Wiring.Sensors[s.ID].ActiveLow
			lines := newLines("sensor "+s.ID, l.w.clock, true, low)
			l.w.lines[s.ID], l.w.levels[s.ID], l.w.faulty[s.ID] = lines, lines, lines.fail
			l.w.values[s.ID] = detector{lines, s.Chip, low}
		case s.Chip == "ld2410":
			radar := NewLD2410()
			l.w.serial[s.ID], l.w.values[s.ID], l.w.faulty[s.ID] = radar.Open, radarValue{radar}, radar.Fail
			l.w.closers = append(l.w.closers, func() { radar.Fail(true) })
		case s.Chip == "ds18b20":
			l.oneWire(s, oneWires)
		default:
			return fmt.Errorf("sim: sensor %s has chip %q; known are %s, ds18b20, ld2410, leak, pir", s.ID, s.Chip, list(chips))
		}
	}
	return nil
}

func (l *layer) oneWire(s *site.Sensor, known map[string]*OneWire) {
	v := l.Wiring.Sensors[s.ID]
	name := v.OneWire
	if name == "" {
		name = "1-Wire bus of sensor " + s.ID
	}
	if known[name] == nil {
		known[name] = NewOneWire(name, l.w.clock)
		l.w.closers = append(l.w.closers, known[name].close)
	}
	addr := virtualROM(s.ID)
	thermometer := NewDS18B20(known[name], addr, false)
	l.w.oneWires[s.ID] = oneWirePlace{known[name], addr}
	l.w.values[s.ID], l.w.faulty[s.ID] = thermometerValue{thermometer}, thermometer.Fail
}

// counters lays those with two distance sensors; light barriers are inputs.
func (l *layer) counters() error {
	for _, c := range l.gw.Counters {
		if c.Chip == "" {
			outer, inner := l.w.lines[c.Outer], l.w.lines[c.Inner]
			if outer == nil || inner == nil {
				return fmt.Errorf("sim: counter %s: barriers %q and %q are not both on lines", c.ID, c.Outer, c.Inner)
			}
			l.w.walks[c.ID] = barriers{newTurn(), outer, inner}
			continue
		}
		l.rangers(c.ID)
	}
	return nil
}

func (l *layer) rangers(id string) {
	outer, inner := NewVL53L1X(l.w.clock), NewVL53L1X(l.w.clock)
	outer.SetDistance(free)
	inner.SetDistance(free)
	outerAt, innerAt := site.Ranger{Address: 0x30}, site.Ranger{Address: 0x29} // on one bus, unless its wiring says otherwise
	if v := l.Wiring.Counters[id]; v.Outer != nil && v.Inner != nil {
		outerAt, innerAt = *v.Outer, *v.Inner
	}
	outerBus := NewI2CBus("bus of counter "+id, outer, inner)
	innerBus := outerBus
	if outerAt.I2C != innerAt.I2C {
		outerBus, innerBus = NewI2CBus("outer bus of counter "+id, outer), NewI2CBus("inner bus of counter "+id, inner)
	}
	l.w.i2c[id+".outer"], l.w.i2c[id+".inner"] = i2cPlace{outerBus, outerAt.Address}, i2cPlace{innerBus, innerAt.Address}
	l.w.outputs[bridge.Reset(id+".outer")], l.w.outputs[bridge.Reset(id+".inner")] = ready{outer.XSHUT()}, ready{inner.XSHUT()}
	l.w.walks[id] = rangers{newTurn(), outer, inner}
	l.w.faulty[id] = func(failed bool) {
		outerBus.Power(outer, !failed)
		innerBus.Power(inner, !failed)
	}
	l.w.closers = append(l.w.closers, outerBus.close, innerBus.close)
}

// ready is an output that a fake chip has.
type ready struct{ bridge.Output }

func (r ready) open() (bridge.Output, error) { return r.Output, nil }

// quantityOf translates what a command may call a quantity.
func quantityOf(word string) (string, error) {
	q, ok := quantities[strings.TrimSpace(word)]
	if !ok {
		return "", fmt.Errorf("unknown quantity %s; known are %s", quote(word), list(quantities))
	}
	return q, nil
}
