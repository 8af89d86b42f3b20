package site

import (
	"maps"
	"slices"
	"strings"
)

// board is what differs between the Raspberry Pis.
type board struct {
	label string              // of the GPIO chip of the header
	uarts map[string][]string // serial port → its lines of the header: TXD, RXD, CTS, RTS; none: it is not on the header
}

// Ports and lines are those of the kernel's file arch/arm/boot/dts/overlays/README and, from Linux 6.1 on, of the aliases
// in its device trees: before, the ports of a Pi 4 were numbered as they were found.
var (
	uart0 = []string{"GPIO14", "GPIO15", "GPIO16", "GPIO17"}

	// A Pi before the 4 has one serial port on its header.
	oldUARTs = map[string][]string{"/dev/ttyAMA0": uart0, "/dev/ttyS0": uart0, "/dev/serial0": uart0}

	boards = map[string]board{
		"zero2": {"pinctrl-bcm2835", oldUARTs},
		"pi3":   {"pinctrl-bcm2835", oldUARTs},
		// The overlays uart2 … uart5 of a Pi 4, and uart1-pi5 … uart4-pi5 of a Pi 5, with their default lines.
		"pi4": {"pinctrl-bcm2711", map[string][]string{
			"/dev/ttyAMA0": uart0, "/dev/ttyS0": uart0, "/dev/serial0": uart0,
			"/dev/ttyAMA2": {"GPIO0", "GPIO1", "GPIO2", "GPIO3"}, "/dev/ttyAMA3": {"GPIO4", "GPIO5", "GPIO6", "GPIO7"},
			"/dev/ttyAMA4": {"GPIO8", "GPIO9", "GPIO10", "GPIO11"}, "/dev/ttyAMA5": {"GPIO12", "GPIO13", "GPIO14", "GPIO15"},
		}},
		"pi5": {"pinctrl-rp1", map[string][]string{
			"/dev/ttyAMA0": uart0, "/dev/serial0": uart0, "/dev/ttyAMA10": nil, // the debug connector
			"/dev/ttyAMA1": {"GPIO0", "GPIO1", "GPIO2", "GPIO3"}, "/dev/ttyAMA2": {"GPIO4", "GPIO5", "GPIO6", "GPIO7"},
			"/dev/ttyAMA3": {"GPIO8", "GPIO9", "GPIO10", "GPIO11"}, "/dev/ttyAMA4": {"GPIO12", "GPIO13", "GPIO14", "GPIO15"},
		}},
	}

	// The lines of the header's buses, the same on all of them.
	i2cLines = map[string][]string{"0": {"GPIO0", "GPIO1"}, "1": {"GPIO2", "GPIO3"}}
	spiLines = map[string][]string{
		"0": {"GPIO7", "GPIO8", "GPIO9", "GPIO10", "GPIO11"}, // CE1, CE0, MISO, MOSI, SCLK
		"1": {"GPIO16", "GPIO17", "GPIO18", "GPIO19", "GPIO20", "GPIO21"},
	}
)

// oneWireLine is where the overlay w1-gpio has its bus unless it is told otherwise.
const oneWireLine = "GPIO4"

func models() []string { return slices.Sorted(maps.Keys(boards)) }

// i2cBus is the bus's number, however it is written: 1, I2C1 or /dev/i2c-1.
func i2cBus(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "/dev/i2c-"), "I2C")
}

// spiBus is the bus of a port such as /dev/spidev0.1.
func spiBus(port string) string {
	bus, _, _ := strings.Cut(strings.TrimPrefix(port, "/dev/spidev"), ".")
	return bus
}
