package board

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2creg"
	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"
	"periph.io/x/host/v3/netlink"
	_ "periph.io/x/host/v3/sysfs" // registers the I²C and SPI buses

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/serialport"
)

// I2C opens the bus of a device, once for all on it, and says the device's address. Close closes it.
func (w *Wires) I2C(id string) (i2c.Bus, uint16, error) {
	name, address, err := w.i2cPlace(id)
	if err != nil {
		return nil, 0, err
	}
	if name == "" { // periph would open any
		return nil, 0, fmt.Errorf("board: %s has no i2c in the wiring of gateway %s", id, w.wiring.Gateway)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, 0, fmt.Errorf("board: %s: %w", id, os.ErrClosed)
	}
	bus, ok := w.buses[name]
	if !ok {
		if bus, err = i2creg.Open(name); err != nil {
			return nil, 0, fmt.Errorf("board: %s: I²C bus %q: %w: found %s; on a Pi set dtparam=i2c_arm=on, and add the user to group i2c",
				id, name, err, i2cNames())
		}
		w.buses[name] = bus
		w.opened = append(w.opened, bus.Close)
	}
	return bus, address, nil
}

func (w *Wires) i2cPlace(id string) (bus string, address uint16, err error) {
	if e, ok := w.wiring.Expanders[id]; ok {
		return e.I2C, e.Address, nil
	}
	if r, ok := w.wiring.Readers[id]; ok {
		return r.I2C, r.Address, nil
	}
	if r := w.ranger(id); r != nil {
		return r.I2C, r.Address, nil
	}
	s, err := wired(w, w.wiring.Sensors, "sensors", id)
	return s.I2C, s.Address, err
}

// SPI opens the port of an NFC reader. The caller closes it.
func (w *Wires) SPI(id string) (spi.PortCloser, error) {
	r, err := wired(w, w.wiring.Readers, "readers", id)
	if err != nil {
		return nil, err
	}
	if r.SPI == "" { // periph would open any
		return nil, fmt.Errorf("board: %s has no spi in the wiring of gateway %s", id, w.wiring.Gateway)
	}
	p, err := spireg.Open(r.SPI)
	if err != nil {
		var found []string
		for _, p := range spireg.All() {
			found = append(found, p.Name)
		}
		return nil, fmt.Errorf("board: %s: SPI port %q: %w: found %s; on a Pi set dtparam=spi=on, and add the user to group spi", id, r.SPI, err, list(found))
	}
	return p, nil
}

// Serial opens the serial port of a bus of readers, of an NFC reader or of a sensor. The caller closes it.
func (w *Wires) Serial(id string) (bridge.Port, error) {
	if b, ok := w.wiring.Buses[id]; ok {
		return serialport.Open(b.Port, b.Baud, &serialport.Opts{RS485: b.RTS})
	}
	if r, ok := w.wiring.Readers[id]; ok {
		return serialport.Open(r.UART, pn532Baud, nil)
	}
	s, err := wired(w, w.wiring.Sensors, "sensors", id)
	if err != nil {
		return nil, err
	}
	return serialport.Open(s.UART, ld2410Baud, nil)
}

// The speeds of chips at a serial port of their own: PN532 user manual (UM0701-02) 6.2.3, LD2410 serial protocol 1.
const (
	pn532Baud  = 115_200
	ld2410Baud = 256_000
)

// OneWire opens the kernel's bus, once for all on it, and gives the address of a sensor as it is on the wire. Close closes
// it.
func (w *Wires) OneWire(sensor string) (onewire.Bus, onewire.Address, error) {
	s, err := wired(w, w.wiring.Sensors, "sensors", sensor)
	if err != nil {
		return nil, 0, err
	}
	address, err := romAddress(s.ROM)
	if err != nil {
		return nil, 0, fmt.Errorf("board: sensor %s: %w", sensor, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, 0, fmt.Errorf("board: %s: %w", sensor, os.ErrClosed)
	}
	bus, ok := w.wires[s.OneWire]
	if !ok {
		if bus, err = openOneWire(s.OneWire); err != nil {
			return nil, 0, fmt.Errorf("board: sensor %s: %w", sensor, err)
		}
		w.wires[s.OneWire] = bus
		w.opened = append(w.opened, bus.Close)
	}
	return bus, address, nil
}

func openOneWire(name string) (*netlink.OneWire, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "w1_bus_master"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("1-Wire bus %q, expected the kernel's name such as w1_bus_master1", name)
	}
	bus, err := netlink.New(uint32(n))
	if err != nil {
		return nil, fmt.Errorf("1-Wire bus %s: %w; on a Pi set dtoverlay=w1-gpio, and give the program CAP_NET_ADMIN", name, err)
	}
	return bus, nil
}

// romAddress makes an address of the kernel's name of a device, FF-SSSSSSSSSSSS: the family, and the serial number with
// its most significant byte first. On the wire the family comes first, then the number's least significant byte, then
// the CRC over both (Maxim, "Book of iButton Standards", 5.1).
func romAddress(rom string) (onewire.Address, error) {
	family, serial, _ := strings.Cut(rom, "-")
	raw, err := hex.DecodeString(serial + family)
	if err != nil || len(family) != 2 || len(serial) != 12 {
		return 0, fmt.Errorf("rom %q, expected the kernel's name of the device, such as 28-0316a2794bff", rom)
	}
	var wire [8]byte
	for i, b := range raw {
		wire[6-i] = b
	}
	wire[7] = onewire.CalcCRC(wire[:7])
	return onewire.Address(binary.LittleEndian.Uint64(wire[:])), nil
}

func i2cNames() string {
	var names []string
	for _, r := range i2creg.All() {
		names = append(names, r.Name)
	}
	return list(names)
}
