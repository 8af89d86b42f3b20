package technician

import "kapija/internal/site"

// link is how a device is connected, which decides what may be wrong with it.
type link int

const (
	line     link = iota
	atReader      // a part of an OSDP reader, or the reader
	i2cBus
	spiBus
	serial
	oneWire
)

var zeroWiring site.Wiring

func (c Config) wiring() *site.Wiring {
	if c.Rig.Wiring == nil {
		return &zeroWiring
	}
	return c.Rig.Wiring
}

// place says where a device is connected.
func (c Config) place(id string) string {
	if c.Rig.Wiring == nil {
		return "virtual"
	}
	if k := find(c.Gateway.Counters, func(k *site.Counter) bool { return k.ID == id }); k != nil && k.Chip == "" {
		return c.Rig.Wiring.Place(k.Outer) + " and " + c.Rig.Wiring.Place(k.Inner)
	}
	return c.Rig.Wiring.Place(id)
}

// link says how a device is connected.
func (c Config) link(id string) link {
	w := c.wiring()
	if s := find(c.Gateway.Sensors, func(s *site.Sensor) bool { return s.ID == id }); s != nil {
		switch s.Chip {
		case "pir", "leak":
			return line
		case "ld2410":
			return serial
		case "ds18b20":
			return oneWire
		}
		return i2cBus
	}
	k := find(c.Gateway.Counters, func(k *site.Counter) bool { return k.ID == id })
	r := w.Readers[id]
	switch {
	case r.OSDP != "" || w.Inputs[id].Reader != "" || w.Outputs[id].Reader != "":
		return atReader
	case r.SPI != "":
		return spiBus
	case r.UART != "":
		return serial
	case r.I2C != "" || w.Inputs[id].Expander != "" || w.Outputs[id].Expander != "" || k != nil && k.Chip != "":
		return i2cBus
	}
	return line
}

// find gives the first that is right, or nil.
func find[T any](all []*T, right func(*T) bool) *T {
	for _, v := range all {
		if right(v) {
			return v
		}
	}
	return nil
}
