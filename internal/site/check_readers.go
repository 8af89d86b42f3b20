package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (c *wires) readers() {
	has := ids(c.g.Readers, func(r *Reader) string { return r.ID })
	c.same("reader", "readers", &c.w.Readers, slices.Sorted(maps.Keys(c.w.Readers)), has)
	for _, r := range c.g.Readers {
		id := r.ID
		v, ok := c.w.Readers[id]
		if !ok {
			continue
		}
		what := quoted("reader", id)
		at := func(name string) []any { return field("readers", id, name) }
		w := c.choose("readers", id, what, []way{
			{"d0", nil, []string{"d1", "pull"}}, {"osdp", []string{"address"}, []string{"clear"}}, {"chip", nil, []string{"i2c", "spi", "uart", "address", "reset"}},
		})
		if w == nil {
			continue
		}
		c.formatsFit(r, w.key, what)
		switch w.key {
		case "d0":
			c.line(at("d0"), v.D0, what+" d0")
			c.line(at("d1"), v.D1, what+" d1")
			c.pull(at("pull"), what, v.Pull, false)
		case "osdp":
			c.osdp(at, what, v)
		case "chip":
			c.nfc(at, id, what, v)
		}
	}
}

func (c *wires) osdp(at func(string) []any, what string, v ReaderWiring) {
	if _, ok := c.w.Buses[v.OSDP]; !ok {
		buses := slices.Sorted(maps.Keys(c.w.Buses))
		c.say(at("osdp"), "%s: unknown bus %q%s; buses are %s", what, v.OSDP, suggest(v.OSDP, buses), list(buses))
		return
	}
	if v.Address > 126 {
		c.say(at("address"), "%s: address is %d, expected 0 to 126", what, v.Address)
		return
	}
	c.take(at("address"), fmt.Sprintf("address %d of bus %s", v.Address, v.OSDP), what)
}

func (c *wires) nfc(at func(string) []any, id, what string, v ReaderWiring) {
	p, ok := readerChips[v.Chip]
	if !ok {
		c.say(at("chip"), "%s: chip is %q%s; allowed are %s", what, v.Chip, suggest(v.Chip, names(readerChips)), list(names(readerChips)))
		return
	}
	beside := []string{"chip", "reset", "d1", "pull", "clear"} // the last three have been told
	all := []way{{byI2C, nil, append(beside, "address")}, {bySPI, nil, beside}, {byUART, nil, beside}}
	w := c.choose("readers", id, what+" ("+v.Chip+")", slices.DeleteFunc(all, func(w way) bool { return !slices.Contains(p.ways, w.key) }))
	if w == nil {
		return
	}
	switch w.key {
	case byI2C:
		c.i2c(at, what, v.Chip, v.I2C, v.Address, p.addresses)
	case byUART:
		c.uart(at("uart"), what, v.UART, false)
	case bySPI:
		if !strings.HasPrefix(v.SPI, "/dev/spidev") {
			c.say(at("spi"), "%s: spi is %q, expected the device file such as /dev/spidev0.0", what, v.SPI)
			return
		}
		c.take(at("spi"), "SPI port "+v.SPI, what)
		c.share(at("spi"), spiLines[spiBus(v.SPI)], "SPI bus "+spiBus(v.SPI))
	}
	if v.Reset != "" {
		c.line(at("reset"), v.Reset, what+" reset")
	}
}
