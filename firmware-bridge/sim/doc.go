// Package sim is the hardware of a gateway made of virtual wires: Open gives a bridge.Wires whose data lines carry
// edges and whose I²C buses carry the register bytes of fake chips, so that the code above is the code that runs on a
// Pi. The wires are driven through Wires.Do, or over a Unix socket (mode 0600) with one command a line and one answer
// a line; Client speaks it:
//
//	wiegand <reader> <bits>               one card, bits as 0 and 1: over Wiegand a pulse each 1 ms, low for 50 µs; over OSDP
//	                                      the card is kept until the reader is polled; `ok` after the last bit
//	keys <reader> <keys>                  keys of a keypad: digits, * and #
//	card <reader> <UID>                   one card at an NFC reader, held up for 400 ms, the next one 600 ms later: 4, 7 or
//	                                      10 bytes in hexadecimal digits; desfire:<UID> and ntag424:<UID> are cards of the
//	                                      site
//	level <input> 0|1                     the electrical level of an input; at a supervised loop 0 is a closed contact
//	loop <input> cut|short|sound          the wires of a supervised loop
//	value <sensor> <quantity> <number>    what the sensor measures: a Brick class, or temperature (Cel), humidity (%),
//	                                      pressure (Pa), co2 ([ppm]), gas (Ohm), motion, presence, leak (0 or 1)
//	walk <counter> in|out                 one person passes
//	osdp <reader> <fault> <times>         a fault of package peripheral, for so many times; -1: until 0 switches it off
//	stick <reader> d0|d1|both|none        data lines that are shorted to ground: low at rest, and no bit comes through
//	outputs                               JSON object: output → true when it is energised
//	fail <device>                         reader, input: no such device, or without power; sensor: each transaction fails;
//	                                      supervised input: its wire is cut; output: at the opposite of what was set, so
//	                                      that the read-back differs, at an expander stuck there; an expander's ID:
//	                                      without power; what is at an OSDP reader or on an expander fails as a whole
//	heal <device>                         the end of it; a chip starts as after power-on
//	help                                  these commands on one line
//
// An answer is `ok`, a JSON object, or `error: …`. A connection that has been answered and then stays silent for one
// second is closed, so that `echo outputs | nc -U <socket>` ends by itself. At first, inputs are at their inactive
// level, outputs are off, and sensors measure 21 °C, 45 %, 101325 Pa and 600 ppm.
//
// Edges behave as those of the kernel's GPIO character device: numbered and stamped when they happen, whoever is
// scheduled when; kept in a buffer of 256 that drops the oldest edge when it is full, which shows as a gap in the
// numbers; lost when nobody has the line open. A line or an output that is open cannot be opened again.
//
// With a socket, each RS-485 bus is a pseudo-terminal, at the other end of a link beside the socket: wires.sock and the bus
// rs485 give wires.rs485.tty. Without one only this process can open the bus.
//
// It never decides anything, knows no card format and never logs bits.
//
// Concurrency: everything may be called from any goroutine. Frames for one reader follow each other 40 ms apart, cards and
// persons go one after the other; different devices run at the same time. At most 32 connections are served; one more is told so and
// closed. Lines are at most 4 kB.
package sim
