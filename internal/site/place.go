package site

import "fmt"

// Place says in words where a reader, input, output, counter, sensor, expander or bus is connected: its lines with their
// pins of the header, its bus and address. It is empty for what is not wired.
func (w *Wiring) Place(id string) string {
	if r, ok := w.Readers[id]; ok {
		return r.place()
	}
	if i, ok := w.Inputs[id]; ok {
		return where(i.Line, i.Expander, i.Pin, i.Reader, i.Terminal)
	}
	if o, ok := w.Outputs[id]; ok {
		s := where(o.Line, o.Expander, o.Pin, o.Reader, o.Terminal)
		if o.ActiveLow {
			s += ", on is low"
		}
		return s
	}
	if s, ok := w.Sensors[id]; ok {
		return s.place()
	}
	if c, ok := w.Counters[id]; ok && c.Outer != nil && c.Inner != nil {
		return "outer " + c.Outer.place() + "; inner " + c.Inner.place()
	}
	if e, ok := w.Expanders[id]; ok {
		return onI2C(e.I2C, e.Address) + also("INT", e.Line)
	}
	return w.Buses[id].Port
}

func (r *Ranger) place() string { return onI2C(r.I2C, r.Address) + also("reset", r.Reset) }

func onI2C(bus string, address uint16) string { return fmt.Sprintf("%s %#x", bus, address) }

// also is a further line of a chip, if it is connected.
func also(what, line string) string {
	if line == "" {
		return ""
	}
	return ", " + what + " " + header(line)
}

func (r ReaderWiring) place() string {
	switch {
	case r.OSDP != "":
		return fmt.Sprintf("bus %s, address %d", r.OSDP, r.Address)
	case r.I2C != "":
		return onI2C(r.I2C, r.Address) + also("reset", r.Reset)
	case r.Chip != "":
		return r.SPI + r.UART + also("reset", r.Reset)
	}
	return "D0 " + header(r.D0) + ", D1 " + header(r.D1)
}

func (s SensorWiring) place() string {
	switch {
	case s.I2C != "":
		return onI2C(s.I2C, s.Address)
	case s.OneWire != "":
		return s.OneWire + " " + s.ROM
	case s.UART != "":
		return s.UART
	}
	return header(s.Line)
}

func where(line, expander, pin, reader, terminal string) string {
	switch {
	case expander != "":
		return fmt.Sprintf("expander %s, pin %s", expander, pin)
	case reader != "":
		return fmt.Sprintf("reader %s, terminal %s", reader, terminal)
	}
	return header(line)
}

// headerPins are the pins of the 40-pin header, the same on every Pi that has one.
var headerPins = map[string]int{
	"GPIO0": 27, "GPIO1": 28, "GPIO2": 3, "GPIO3": 5, "GPIO4": 7, "GPIO5": 29, "GPIO6": 31, "GPIO7": 26, "GPIO8": 24,
	"GPIO9": 21, "GPIO10": 19, "GPIO11": 23, "GPIO12": 32, "GPIO13": 33, "GPIO14": 8, "GPIO15": 10, "GPIO16": 36,
	"GPIO17": 11, "GPIO18": 12, "GPIO19": 35, "GPIO20": 38, "GPIO21": 40, "GPIO22": 15, "GPIO23": 16, "GPIO24": 18,
	"GPIO25": 22, "GPIO26": 37, "GPIO27": 13,
}

// header is a line with its pin: GPIO17 (pin 11).
func header(line string) string {
	if pin, ok := headerPins[line]; ok {
		return fmt.Sprintf("%s (pin %d)", line, pin)
	}
	return line
}
