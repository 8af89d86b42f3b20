package site

import (
	"maps"
	"slices"
	"testing"
)

// every is a district with one gateway that has a device of each kind.
const every = `name: {sr: Сто, en: Bench}
buildings:
  - id: house
    name: {sr: Кућа, en: House}
    city: {sr: Београд, en: Belgrade}
    time_zone: Europe/Belgrade
    floors:
      - {id: ground, name: {sr: Приземље, en: Ground}, width: 20, height: 10}
    zones:
      - id: hall
        name: {sr: Хала, en: Hall}
        floor: ground
        area_m2: 100
        capacity: {people: 40}
        shape: {polygon: [[0, 0], [10, 0], [10, 10], [0, 10]]}
    doors:
      - {id: a, name: {sr: А, en: A}, gateway: gw, from: outside, to: hall, position: [0, 1], lock: lock-line, fail: secure, contact: on-line, entry: wires, exit: osdp-one, counter: beams}
      - {id: b, name: {sr: Б, en: B}, gateway: gw, from: outside, to: hall, position: [0, 3], lock: lock-pin, fail: secure, contact: on-pin, entry: osdp-two, exit: nfc-spi, counter: rangers}
      - {id: c, name: {sr: Ц, en: C}, gateway: gw, from: outside, to: hall, position: [0, 5], lock: lock-c, fail: secure, contact: on-loop, rex: at-reader, entry: nfc-uart, exit: nfc-i2c}
    gateways:
      - id: gw
        name: {sr: Сто, en: Bench}
        model: pi4
        readers:
          - {id: wires, formats: [wiegand-26]}
          - {id: osdp-one, formats: [wiegand-26], led: one-led, buzzer: one-buzzer, tamper: one-tamper}
          - {id: osdp-two, formats: [wiegand-26]}
          - {id: nfc-spi, formats: [uid-56]}
          - {id: nfc-uart, formats: [uid-56]}
          - {id: nfc-i2c, formats: [desfire]}
        inputs: [{id: on-line}, {id: on-pin, active: high}, {id: on-loop, active: high}, {id: one-tamper, active: high}, {id: at-reader, active: high}, {id: beam-out}, {id: beam-in}]
        outputs: [{id: lock-line}, {id: lock-pin}, {id: lock-c}, {id: one-led}, {id: one-buzzer}, {id: relay}]
        counters: [{id: beams, outer: beam-out, inner: beam-in}, {id: rangers, chip: vl53l1x}]
        sensors:
          - {id: gas, zone: hall, chip: bme680}
          - {id: rod, zone: hall, chip: ds18b20}
          - {id: rod-two, zone: hall, chip: ds18b20}
          - {id: radar, zone: hall, chip: ld2410}
          - {id: motion, zone: hall, chip: pir}
          - {id: water, zone: hall, chip: leak}
`

// everyWiring connects the devices of every, in each of the ways that there are.
const everyWiring = `building: house
gateway: gw
chip: pinctrl-bcm2711
buses:
  north: {port: /dev/ttyAMA0, baud: 38400, rts: true}
  south: {port: /dev/ttyUSB1}
expanders:
  io: {chip: mcp23017, i2c: /dev/i2c-1, address: 0x20, line: GPIO26, pull: up}
  loops: {chip: ads1115, i2c: /dev/i2c-1, address: 0x48}
readers:
  wires: {d0: GPIO5, d1: GPIO6}
  osdp-one: {osdp: north, address: 0}
  osdp-two: {osdp: north, address: 126, clear: true}
  nfc-spi: {chip: mfrc522, spi: /dev/spidev0.0, reset: GPIO25}
  nfc-uart: {chip: pn532, uart: /dev/ttyAMA5}
  nfc-i2c: {chip: pn532, i2c: I2C1, address: 0x24}
inputs:
  on-line: {line: GPIO20, pull: up}
  on-pin: {expander: io, pin: A0, pull: none}
  on-loop: {expander: loops, pin: 0, loop: {pull_up: 1000, series: 2200, parallel: 4700}}
  one-tamper: {reader: osdp-one, terminal: tamper}
  at-reader: {reader: osdp-two, terminal: 0}
  beam-out: {line: GPIO18, pull: none}
  beam-in: {line: GPIO19, pull: none}
outputs:
  lock-line: {line: GPIO21, active_low: true}
  lock-pin: {expander: io, pin: B7, active_low: true}
  lock-c: {expander: io, pin: B0}
  one-led: {reader: osdp-one, terminal: led}
  one-buzzer: {reader: osdp-one, terminal: buzzer}
  relay: {reader: osdp-two, terminal: 0}
counters:
  rangers:
    outer: {i2c: /dev/i2c-1, address: 0x29}
    inner: {i2c: /dev/i2c-1, address: 0x30, reset: GPIO24}
sensors:
  gas: {i2c: /dev/i2c-1, address: 0x77}
  rod: {onewire: w1_bus_master1, rom: 28-0316a2794bff}
  rod-two: {onewire: w1_bus_master1, rom: 28-0316a2794c00}
  radar: {uart: /dev/ttyUSB0}
  motion: {line: GPIO22, pull: down}
  water: {line: GPIO23, pull: up, active_low: true}
`

// everyProblems are edits of everyWiring.
var everyProblems = []broken{
	// Buses.
	{"bus without a port", "south: {port: /dev/ttyUSB1}", "south: {baud: 9600}", []string{
		`w.yaml:6:3: bus "south": serial port is "", expected its device file such as /dev/ttyAMA0`,
	}},
	{"port of another board", "south: {port: /dev/ttyUSB1}", "south: {port: /dev/ttyAMA1}", []string{
		`w.yaml:6:17: bus "south": a pi4 has no serial port /dev/ttyAMA1 on its header; it has /dev/serial0, /dev/ttyAMA0, /dev/ttyAMA2, /dev/ttyAMA3, /dev/ttyAMA4, /dev/ttyAMA5, /dev/ttyS0; that of an adapter is such as /dev/ttyUSB0`,
	}},
	{"port twice", "south: {port: /dev/ttyUSB1}", "south: {port: /dev/ttyAMA0}", []string{
		`w.yaml:6:17: bus "south": serial port /dev/ttyAMA0 is already taken by bus "north"`,
	}},
	{"two ports on the same lines", "south: {port: /dev/ttyUSB1}", "south: {port: /dev/serial0}", []string{
		`w.yaml:6:17: serial port /dev/serial0: line GPIO14 is already taken by serial port /dev/ttyAMA0`,
		`w.yaml:6:17: serial port /dev/serial0: line GPIO15 is already taken by serial port /dev/ttyAMA0`,
	}},
	{"bad baud", "baud: 38400", "baud: 4800", []string{
		`w.yaml:5:37: bus "north": baud is 4800; allowed are 9600, 19200, 38400, 57600, 115200, 230400`,
	}},
	{"bus called like a reader", "  south:", "  wires:", []string{
		`w.yaml:6:3: bus "wires": id wires is already taken by reader "wires"`,
	}},
	{"bus called like an expander", "  south:", "  io:", []string{
		`w.yaml:8:3: expander "io": id io is already taken by bus "io"`,
	}},
	{"bus called in capitals", "  south:", "  South:", []string{
		`w.yaml:6:3: bus "South": an id has only a-z, 0-9 and -, at most 40 characters`,
	}},
	// Expanders.
	{"unknown expander chip", "chip: mcp23017", "chip: mcp23018", []string{
		`w.yaml:8:14: expander "io": chip is "mcp23018" (did you mean "mcp23017"?); allowed are ads1115, mcp23017`,
	}},
	{"expander at a wrong address", "address: 0x48", "address: 0x20", []string{
		`w.yaml:9:52: expander "loops": address is 0x20; allowed for the chip ads1115 are 0x48, 0x49, 0x4a, 0x4b`,
	}},
	{"expander without a bus", "loops: {chip: ads1115, i2c: /dev/i2c-1, address", "loops: {chip: ads1115, address", []string{
		`w.yaml:9:3: expander "loops": i2c is "", expected the I²C bus such as /dev/i2c-1`,
	}},
	{"interrupt without a pull", "line: GPIO26, pull: up", "line: GPIO26", []string{
		`w.yaml:8:3: expander "io": pull is ""; allowed are up, down, none`,
	}},
	{"pull without an interrupt", "line: GPIO26, pull: up", "pull: up", []string{
		`w.yaml:8:62: expander "io": pull is that of line, and there is none`,
	}},
	{"interrupt of an ads1115", "address: 0x48", "address: 0x48, line: GPIO27, pull: up", []string{
		`w.yaml:9:64: expander "loops": line is for the interrupt of an mcp23017`,
	}},
	{"interrupt on a line in use", "line: GPIO26", "line: GPIO5", []string{
		`w.yaml:11:15: reader "wires" d0: line GPIO5 is already taken by expander "io"`,
	}},
	// Readers.
	{"reader connected twice", "wires: {d0: GPIO5", "wires: {osdp: north, d0: GPIO5", []string{
		`w.yaml:11:17: reader "wires" is connected by d0 and by osdp, expected one of them`,
	}},
	{"reader not connected", "wires: {d0: GPIO5, d1: GPIO6}", "wires: {pull: up}", []string{
		`w.yaml:11:3: reader "wires" is not connected: expected d0, osdp or chip, such as d0: GPIO17`,
	}},
	{"address on data lines", "d1: GPIO6", "d1: GPIO6, address: 1", []string{
		`w.yaml:11:42: reader "wires" has address: that has no meaning beside d0`,
	}},
	{"data line of SPI", "d0: GPIO5", "d0: GPIO9", []string{
		`w.yaml:14:33: SPI bus 0: line GPIO9 is already taken by reader "wires" d0`,
	}},
	{"data line of RTS", "d0: GPIO5", "d0: GPIO17", []string{
		`w.yaml:11:15: reader "wires" d0: line GPIO17 is already taken by serial port /dev/ttyAMA0`,
	}},
	{"data line of 1-Wire", "d0: GPIO5", "d0: GPIO4", []string{
		`w.yaml:11:15: reader "wires" d0: line GPIO4 is already taken by 1-Wire bus w1_bus_master1`,
	}},
	{"OSDP on an unknown bus", "osdp: north, address: 0}", "osdp: nort, address: 0}", []string{
		`w.yaml:12:20: reader "osdp-one": unknown bus "nort" (did you mean "north"?); buses are north, south`,
	}},
	{"OSDP without an address", "osdp: north, address: 0}", "osdp: north}", []string{
		`w.yaml:12:3: reader "osdp-one" has osdp and no address, expected both`,
	}},
	{"OSDP address out of range", "address: 126", "address: 127", []string{
		`w.yaml:13:36: reader "osdp-two": address is 127, expected 0 to 126`,
	}},
	{"OSDP address twice", "address: 126", "address: 0", []string{
		`w.yaml:13:36: reader "osdp-two": address 0 of bus north is already taken by reader "osdp-one"`,
	}},
	{"the same address on another bus", "osdp: north, address: 126", "osdp: south, address: 0", nil},
	{"OSDP with a reset", "address: 126", "reset: GPIO27, address: 126", []string{
		`w.yaml:13:34: reader "osdp-two" has reset: that has no meaning beside osdp`,
	}},
	{"clear Wiegand", "d1: GPIO6", "d1: GPIO6, clear: true", []string{
		`w.yaml:11:40: reader "wires" has clear: that has no meaning beside d0`,
	}},
	// NFC.
	{"unknown NFC chip", "chip: mfrc522", "chip: mfrc52", []string{
		`w.yaml:14:19: reader "nfc-spi": chip is "mfrc52" (did you mean "mfrc522"?); allowed are mfrc522, pn532`,
	}},
	{"mfrc522 on a serial port", "spi: /dev/spidev0.0", "uart: /dev/ttyUSB2", []string{
		`w.yaml:14:3: reader "nfc-spi" (mfrc522) is not connected: expected spi, such as spi: /dev/spidev0.0`,
	}},
	{"NFC chip on no bus", "uart: /dev/ttyAMA5", "address: 0x24", []string{
		`w.yaml:15:3: reader "nfc-uart" (pn532) is not connected: expected i2c, spi or uart, such as i2c: /dev/i2c-1`,
	}},
	{"NFC chip on two buses", "uart: /dev/ttyAMA5", "uart: /dev/ttyAMA5, spi: /dev/spidev0.1", []string{
		`w.yaml:15:33: reader "nfc-uart" (pn532) is connected by spi and by uart, expected one of them`,
	}},
	{"SPI port twice", "uart: /dev/ttyAMA5", "spi: /dev/spidev0.0", []string{
		`w.yaml:15:32: reader "nfc-uart": SPI port /dev/spidev0.0 is already taken by reader "nfc-spi"`,
	}},
	{"both ports of an SPI bus", "uart: /dev/ttyAMA5", "spi: /dev/spidev0.1", nil},
	{"SPI bus 1 beside RTS", "uart: /dev/ttyAMA5", "spi: /dev/spidev1.0", []string{
		`w.yaml:15:32: SPI bus 1: line GPIO16 is already taken by serial port /dev/ttyAMA0`,
		`w.yaml:15:32: SPI bus 1: line GPIO17 is already taken by serial port /dev/ttyAMA0`,
		`w.yaml:18:19: input "on-line": line GPIO20 is already taken by SPI bus 1`,
		`w.yaml:23:20: input "beam-out": line GPIO18 is already taken by SPI bus 1`,
		`w.yaml:24:19: input "beam-in": line GPIO19 is already taken by SPI bus 1`,
		`w.yaml:26:21: output "lock-line": line GPIO21 is already taken by SPI bus 1`,
	}},
	{"SPI by its number", "spi: /dev/spidev0.0", "spi: SPI0.0", []string{
		`w.yaml:14:33: reader "nfc-spi": spi is "SPI0.0", expected the device file such as /dev/spidev0.0`,
	}},
	{"NFC address", "address: 0x24", "address: 0x48", []string{
		`w.yaml:16:46: reader "nfc-i2c": address is 0x48; allowed for the chip pn532 are 0x24`,
	}},
	{"NFC address on a serial port", "uart: /dev/ttyAMA5", "uart: /dev/ttyAMA5, address: 0x24", []string{
		`w.yaml:15:56: reader "nfc-uart" (pn532) has address: that has no meaning beside uart`,
	}},
	{"reset on a line in use", "reset: GPIO25", "reset: GPIO24", []string{
		`w.yaml:14:56: reader "nfc-spi" reset: line GPIO24 is already taken by counter "rangers" inner reset`,
	}},
	{"data line beside a chip", "uart: /dev/ttyAMA5", "uart: /dev/ttyAMA5, d1: GPIO27", []string{
		`w.yaml:15:51: reader "nfc-uart" has d1: that has no meaning beside chip`,
	}},
	{"a Wiegand format at a chip", "  wires: {d0: GPIO5, d1: GPIO6}", "  wires: {chip: pn532, spi: /dev/spidev0.1}", []string{
		`w.yaml:11:17: reader "wires" has the Wiegand format wiegand-26, expected formats of contactless cards alone at an NFC chip`,
	}},
	{"a contactless card on data lines", "nfc-uart: {chip: pn532, uart: /dev/ttyAMA5}", "nfc-uart: {d0: GPIO12, d1: GPIO13}", []string{
		`w.yaml:15:18: reader "nfc-uart" has the format uid-56 of a contactless card, expected Wiegand formats alone where no NFC chip of this gateway reads the card`,
	}},
	// Inputs.
	{"input connected twice", "on-line: {line: GPIO20", "on-line: {expander: io, line: GPIO20", []string{
		`w.yaml:18:23: input "on-line" is connected by line and by expander, expected one of them`,
	}},
	{"unknown expander", "on-pin: {expander: io", "on-pin: {expander: oi", []string{
		`w.yaml:19:22: input "on-pin": unknown expander "oi"; expanders are io, loops`,
	}},
	{"no pin", "expander: io, pin: A0, ", "expander: io, ", []string{
		`w.yaml:19:3: input "on-pin" has expander and no pin, expected both`,
	}},
	{"pin twice", "pin: A0", "pin: B0", []string{
		`w.yaml:28:31: output "lock-c": pin B0 of expander io is already taken by input "on-pin"`,
	}},
	{"pin that is an output only", "pin: A0", "pin: A7", []string{
		`w.yaml:19:31: input "on-pin": pin is "A7"; inputs of an mcp23017 are A0, A1, A2, A3, A4, A5, A6, B0, B1, B2, B3, B4, B5, B6`,
	}},
	{"pin of another chip", "pin: 0, loop", "pin: A0, loop", []string{
		`w.yaml:20:35: input "on-loop": pin is "A0"; inputs of an ads1115 are 0, 1, 2, 3`,
	}},
	{"expander pull down", "pin: A0, pull: none", "pin: A0, pull: down", []string{
		`w.yaml:19:41: input "on-pin": pull is "down"; an mcp23017 has pull-ups only: up or none`,
	}},
	{"expander without a pull", "pin: A0, pull: none", "pin: A0", []string{
		`w.yaml:19:3: input "on-pin": pull is ""; allowed are up, down, none`,
	}},
	{"sense of an expander input", "pin: A0, pull: none", "pin: A0, pull: none, active_low: true", []string{
		`w.yaml:19:47: unknown key "active_low"; keys allowed here are line, pull, expander, pin, loop, reader, terminal`,
	}},
	{"loop at an mcp23017", "pin: A0, pull: none", "pin: A0, pull: none, loop: {series: 1000}", []string{
		`w.yaml:19:53: input "on-pin": loop is for an input at an ads1115, which measures it`,
	}},
	{"loop on a line", "line: GPIO20, pull: up", "line: GPIO20, pull: up, loop: {series: 1000}", []string{
		`w.yaml:18:43: input "on-line" has loop: that has no meaning beside line`,
	}},
	{"pull at an ads1115", "pin: 0, loop", "pin: 0, pull: up, loop", []string{
		`w.yaml:20:44: input "on-loop": an ads1115 has no pull; the resistors are told by loop`,
	}},
	{"loop of small resistors", "series: 2200", "series: 22", []string{
		`w.yaml:20:68: input "on-loop": series is 22 Ω, expected 100 to 47000`,
	}},
	{"loop of large resistors", "pull_up: 1000", "pull_up: 47001", []string{
		`w.yaml:20:54: input "on-loop": pull_up is 47001 Ω, expected 100 to 47000`,
	}},
	{"loop of a negative resistor", "parallel: 4700", "parallel: -1", []string{
		`w.yaml:20:84: input "on-loop": parallel is -1 Ω, expected 100 to 47000`,
	}},
	{"loop whose contact does not show", "parallel: 4700", "parallel: 1000", []string{
		`w.yaml:20:44: input "on-loop": a loop of pull_up 1000, series 2200 and parallel 1000 Ω: its states cannot be told apart; expected series at least pull_up / 15, parallel at least series / 2, both together at most 15 × pull_up`,
	}},
	{"loop that looks short-circuited", "pull_up: 1000, series: 2200", "series: 300", []string{
		`w.yaml:20:44: input "on-loop": a loop of pull_up 4700, series 300 and parallel 4700 Ω: its states cannot be told apart; expected series at least pull_up / 15, parallel at least series / 2, both together at most 15 × pull_up`,
	}},
	{"loop that looks cut", "pull_up: 1000", "pull_up: 400", []string{
		`w.yaml:20:44: input "on-loop": a loop of pull_up 400, series 2200 and parallel 4700 Ω: its states cannot be told apart; expected series at least pull_up / 15, parallel at least series / 2, both together at most 15 × pull_up`,
	}},
	{"loop of the usual resistors", "loop: {pull_up: 1000, series: 2200, parallel: 4700}", "loop: {}", nil},
	{"input at a reader without terminals", "reader: osdp-one, terminal: tamper", "reader: wires, terminal: tamper", []string{
		`w.yaml:21:24: input "one-tamper": "wires" is no OSDP reader; those of gateway gw are osdp-one, osdp-two`,
	}},
	{"input at an unknown terminal", "terminal: tamper", "terminal: tamperr", []string{
		`w.yaml:21:44: input "one-tamper": terminal is "tamperr"; allowed are tamper and 0 to 7`,
	}},
	{"input at a lamp", "terminal: tamper", "terminal: led", []string{
		`w.yaml:21:44: input "one-tamper": terminal is "led"; allowed are tamper and 0 to 7`,
	}},
	{"terminal out of range", "at-reader: {reader: osdp-two, terminal: 0}", "at-reader: {reader: osdp-two, terminal: 8}", []string{
		`w.yaml:22:43: input "at-reader": terminal is "8"; allowed are tamper and 0 to 7`,
	}},
	{"terminal twice", "at-reader: {reader: osdp-two, terminal: 0}", "at-reader: {reader: osdp-one, terminal: tamper}", []string{
		`w.yaml:22:43: input "at-reader": input terminal tamper of reader osdp-one is already taken by input "one-tamper"`,
	}},
	{"no terminal", "reader: osdp-one, terminal: tamper", "reader: osdp-one", []string{
		`w.yaml:21:3: input "one-tamper" has reader and no terminal, expected both`,
	}},
	{"barrier at an expander", "beam-out: {line: GPIO18, pull: none}", "beam-out: {expander: io, pin: A1, pull: up}", []string{
		`w.yaml:23:3: input "beam-out" is a light barrier of counter "beams", expected a line: only lines have the kernel's time`,
	}},
	{"input on the interrupt", "line: GPIO20", "line: GPIO26", []string{
		`w.yaml:18:19: input "on-line": line GPIO26 is already taken by expander "io"`,
	}},
	// Outputs.
	{"output at an ads1115", "lock-c: {expander: io, pin: B0}", "lock-c: {expander: loops, pin: 3}", []string{
		`w.yaml:28:22: output "lock-c": an ads1115 has inputs only`,
	}},
	{"output at an unknown pin", "pin: B7", "pin: C0", []string{
		`w.yaml:27:33: output "lock-pin": pin is "C0"; outputs of an mcp23017 are A0, A1, A2, A3, A4, A5, A6, A7, B0, B1, B2, B3, B4, B5, B6, B7`,
	}},
	{"polarity of a reader's lamp", "terminal: led", "terminal: led, active_low: true", []string{
		`w.yaml:29:58: output "one-led" has active_low: that has no meaning beside reader`,
	}},
	{"output at a reader's tamper", "terminal: led", "terminal: tamper", []string{
		`w.yaml:29:41: output "one-led": terminal is "tamper"; allowed are led, buzzer and 0 to 7`,
	}},
	{"lamp twice", "terminal: buzzer", "terminal: led", []string{
		`w.yaml:30:44: output "one-buzzer": output terminal led of reader osdp-one is already taken by output "one-led"`,
	}},
	// Counters.
	{"counter of barriers", "counters:\n", "counters:\n  beams: {outer: {i2c: 1, address: 0x31}, inner: {i2c: 1, address: 0x32}}\n", []string{
		`w.yaml:33:3: unknown counter with a chip "beams"; counters of gateway gw are rangers`,
	}},
	{"counter not wired", "counters:\n  rangers:\n    outer: {i2c: /dev/i2c-1, address: 0x29}\n    inner: {i2c: /dev/i2c-1, address: 0x30, reset: GPIO24}\n", "", []string{
		`w.yaml:1:1: counter with a chip "rangers" of gateway gw is not wired: write it under counters`,
	}},
	{"one ranger", "    inner: {i2c: /dev/i2c-1, address: 0x30, reset: GPIO24}\n", "", []string{
		`w.yaml:33:3: counter "rangers": expected an outer and an inner distance sensor`,
	}},
	{"no reset", "address: 0x30, reset: GPIO24", "address: 0x30", []string{
		`w.yaml:33:3: counter "rangers": both sensors are on one bus and start at address 0x29, expected a reset line at one of them`,
	}},
	{"rangers at one address", "address: 0x30", "address: 0x29", []string{
		`w.yaml:35:39: counter "rangers" inner: address 0x29 of I²C bus 1 is already taken by counter "rangers" outer`,
	}},
	{"ranger at an address in use", "address: 0x30", "address: 0x20", []string{
		`w.yaml:35:39: counter "rangers" inner: address 0x20 of I²C bus 1 is already taken by expander "io"`,
	}},
	{"ranger at a reserved address", "address: 0x30", "address: 0x78", []string{
		`w.yaml:35:39: counter "rangers": address of the inner sensor is 0x78, expected 0x8 to 0x77`,
	}},
	{"ranger without a bus", "inner: {i2c: /dev/i2c-1, ", "inner: {", []string{
		`w.yaml:35:12: counter "rangers" inner: i2c is "", expected the I²C bus such as /dev/i2c-1`,
	}},
	// Sensors.
	{"sensor at a wrong address", "gas: {i2c: /dev/i2c-1, address: 0x77}", "gas: {i2c: /dev/i2c-1, address: 0x29}", []string{
		`w.yaml:37:35: sensor "gas": address is 0x29; allowed for the chip bme680 are 0x76, 0x77`,
	}},
	{"sensor without an address", "gas: {i2c: /dev/i2c-1, address: 0x77}", "gas: {i2c: /dev/i2c-1}", []string{
		`w.yaml:37:3: sensor "gas": address is 0x0; allowed for the chip bme680 are 0x76, 0x77`,
	}},
	{"rom of another family", "rom: 28-0316a2794bff", "rom: 10-0316a2794bff", []string{
		`w.yaml:38:39: sensor "rod": rom is "10-0316a2794bff", expected the family 28 and the number as the kernel writes them, such as 28-0316a2794bff (ls /sys/bus/w1/devices)`,
	}},
	{"rom as on the wire", "rom: 28-0316a2794bff", "rom: 28FF4B79A216036A", []string{
		`w.yaml:38:39: sensor "rod": rom is "28FF4B79A216036A", expected the family 28 and the number as the kernel writes them, such as 28-0316a2794bff (ls /sys/bus/w1/devices)`,
	}},
	{"no rom", ", rom: 28-0316a2794bff", "", []string{
		`w.yaml:38:3: sensor "rod" (ds18b20) has onewire and no rom, expected both`,
	}},
	{"rom twice", "28-0316a2794c00", "28-0316A2794BFF", []string{
		`w.yaml:39:43: sensor "rod-two": rom 28-0316a2794bff is already taken by sensor "rod"`,
	}},
	{"1-Wire by its number", "rod: {onewire: w1_bus_master1", "rod: {onewire: 1", []string{
		`w.yaml:38:18: sensor "rod": onewire is "1", expected the kernel's name such as w1_bus_master1 (ls /sys/bus/w1/devices)`,
	}},
	{"1-Wire bus on two lines", "rom: 28-0316a2794c00", "rom: 28-0316a2794c00, line: GPIO27", []string{
		`w.yaml:39:66: sensor "rod-two": 1-Wire bus w1_bus_master1 is on line GPIO27 here, and on GPIO4 at another sensor, expected the same`,
	}},
	{"detector on a serial port", "radar: {uart: /dev/ttyUSB0}", "radar: {line: GPIO27, pull: down}", []string{
		`w.yaml:40:3: sensor "radar" (ld2410) is not connected: expected uart, such as uart: /dev/ttyAMA0`,
	}},
	{"a port of two devices", "radar: {uart: /dev/ttyUSB0}", "radar: {uart: /dev/ttyAMA5}", []string{
		`w.yaml:15:33: reader "nfc-uart": serial port /dev/ttyAMA5 is already taken by sensor "radar"`,
	}},
	{"detector without a pull", "line: GPIO22, pull: down", "line: GPIO22", []string{
		`w.yaml:41:3: sensor "motion": pull is ""; allowed are up, down, none`,
	}},
	{"detector with an address", "line: GPIO22, pull: down", "line: GPIO22, pull: down, address: 1", []string{
		`w.yaml:41:47: sensor "motion" (pir) has address: that has no meaning beside line`,
	}},
	{"null in a section", "water: {line: GPIO23, pull: up, active_low: true}", "water:", []string{
		`w.yaml:42:10: there is no value: expected a block of keys, or leave the key out`,
	}},
	{"null for a ranger", "inner: {i2c: /dev/i2c-1, address: 0x30, reset: GPIO24}", "inner:", []string{
		`w.yaml:35:11: there is no value: expected a block of keys, or leave the key out`,
	}},
}

func everyDistrict(t testing.TB) *District {
	t.Helper()
	d, err := parseDistrict("every.yaml", []byte(every))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryWayToConnect(t *testing.T) {
	d := everyDistrict(t)
	w, err := parseWiring("w.yaml", []byte(everyWiring), d)
	if err != nil {
		t.Fatal(err)
	}
	if w.Buses["south"].Baud != 9600 || w.Buses["north"].Baud != 38400 {
		t.Errorf("buses are %+v, expected 9600 baud unless it is stated", w.Buses)
	}
	if w.Sensors["rod"].Line != "GPIO4" || w.Sensors["gas"].Line != "" {
		t.Errorf("sensors are %+v, expected GPIO4 for the 1-Wire bus alone", w.Sensors)
	}
	for _, c := range everyProblems {
		c.golden(t, everyWiring, func(src []byte) error {
			_, err := parseWiring("w.yaml", src, d)
			return err
		})
	}
}

func TestDebounceOfALoop(t *testing.T) {
	d, err := parseDistrict("d.yaml", []byte(edit(t, every, "{id: on-loop,", "{id: on-loop, debounce: 500ms,")))
	if err != nil {
		t.Fatal(err)
	}
	broken{"too long", "house", "house", []string{
		`w.yaml:20:23: input "on-loop": its debounce in the district's file is 500ms, expected at most 200ms at an ads1115`,
	}}.golden(t, everyWiring, func(src []byte) error {
		_, err := parseWiring("w.yaml", src, d)
		return err
	})
}

// A start address is that of all distance sensors of a bus, until each has been given its own.
func TestCountersDoNotShareABus(t *testing.T) {
	d, err := parseDistrict("d.yaml", []byte(edit(t, edit(t, every,
		"{id: beams, outer: beam-out, inner: beam-in}", "{id: beams, chip: vl53l1x}"),
		", {id: beam-out}, {id: beam-in}]", "]")))
	if err != nil {
		t.Fatal(err)
	}
	for second, want := range map[string][]string{
		"/dev/i2c-1": {
			`w.yaml:35:18: counter "rangers": the distance sensors of counter "beams" are on I²C bus 1, and all of them start at address 0x29: expected another bus`,
		},
		"/dev/i2c-0": nil,
	} {
		text := edit(t, everyWiring, "  beam-out: {line: GPIO18, pull: none}\n  beam-in: {line: GPIO19, pull: none}\n", "")
		broken{"beside " + second, "counters:\n", `counters:
  beams:
    outer: {i2c: ` + second + `, address: 0x31, reset: GPIO18}
    inner: {i2c: ` + second + `, address: 0x32, reset: GPIO19}
`, want}.golden(t, text, func(src []byte) error {
			_, err := parseWiring("w.yaml", src, d)
			return err
		})
	}
}

func TestPortsOfABoard(t *testing.T) {
	for model, c := range map[string]struct {
		chip, line string // line: one that the port takes beside rts
	}{
		"zero2": {"pinctrl-bcm2835", "GPIO17"}, "pi3": {"pinctrl-bcm2835", "GPIO17"},
		"pi4": {"pinctrl-bcm2711", "GPIO7"}, "pi5": {"pinctrl-rp1", "GPIO7"},
	} {
		b := boards[model]
		if b.label != c.chip {
			t.Errorf("a %s has the chip %s, expected %s", model, b.label, c.chip)
		}
		ports := slices.Concat(slices.Collect(maps.Values(b.uarts))...)
		if !slices.Contains(ports, c.line) || !slices.Contains(ports, "GPIO14") {
			t.Errorf("serial ports of a %s take %v, expected GPIO14 and %s among them", model, ports, c.line)
		}
		for port, lines := range b.uarts {
			for _, l := range lines {
				if _, ok := headerPins[l]; !ok || len(lines) != 4 {
					t.Errorf("%s of a %s takes %v, expected four lines of the header", port, model, lines)
				}
			}
		}
	}
}
