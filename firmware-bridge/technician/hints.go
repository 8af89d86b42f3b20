package technician

import (
	"slices"
	"strings"
)

const stopFirst = "stop the gateway first: systemctl stop kapija-gateway"

// hints are what is most often wrong when a device fails in this way. The first that fits is given.
var hints = []struct {
	sign string
	at   []link // nil: all
	try  string
}{
	{"is used by", nil, stopFirst},
	{"device or resource busy", nil, stopFirst},
	{"port busy", nil, stopFirst},
	{"dtparam", nil, ""}, // these say themselves what to do
	{"dtoverlay", nil, ""},
	{"add the user", nil, ""},
	{"permission denied", nil, "run it as the gateway's own user, or as one of the groups gpio, i2c, spi and dialout"},
	{"no such device or address", []link{i2cBus}, noAnswer},
	{"remote I/O error", []link{i2cBus}, noAnswer},
	{"input/output error", []link{i2cBus}, "the bus is disturbed: look at the length of the wires, at pull-ups that are there twice or not at all, and at the supply"},
	{"connection timed out", []link{i2cBus}, "the bus hangs: look for SDA or SCL shorted to ground, then cut the power of the device"},
	{"no such file or directory", []link{serial, atReader}, "the port is not there: is the adapter plugged in? does /boot/firmware/config.txt have its dtoverlay?"},
	{"no such file or directory", nil, "the kernel has no such device: look at dtparam and dtoverlay in /boot/firmware/config.txt, then restart the Pi"},
	{"no such device", []link{line}, "the kernel has taken this line away: look at its name in the wiring file, and at dtoverlay in /boot/firmware/config.txt"},
	{"reads back", nil, "something else drives this line: look for a short, a wrong line in the wiring file, or a relay board without power"},
	{"CRC", nil, "the wire is disturbed: make it shorter, away from locks and mains"},
	{silent, []link{atReader}, "look at its supply, at A and B (swapped?), at its address and speed; kapija-gateway osdp scan shows who answers"},
	{silent, []link{serial}, "look at its supply, at TX and RX (swapped?), and that no console has this port"},
	{silent, []link{i2cBus}, "look at its supply, at SDA and SCL (swapped?), then look again with a longer --for"},
	{silent, nil, "look at its supply and its wires, then look again with a longer --for"},
	{"offline", []link{atReader}, "look at the reader that it is at"},
}

const noAnswer = "nothing answers at this address: look at the address jumpers, at SDA and SCL (swapped?), at 3.3 V and ground; i2cdetect -y shows what answers"

// hint is what to try, or nothing when what was found says it already.
func hint(at link, found string) string {
	for _, h := range hints {
		if strings.Contains(found, h.sign) && (h.at == nil || slices.Contains(h.at, at)) {
			return h.try
		}
	}
	return ""
}
