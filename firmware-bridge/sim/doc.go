// Package sim is the hardware of a gateway made of virtual wires: Open gives a bridge.Wires whose data lines carry
// edges and whose I²C buses carry the register bytes of fake chips, so that the code above is the code that runs on a
// Pi. The wires are driven through Wires.Do, or over a Unix socket (mode 0600) with one command a line and one answer
// a line; Client speaks it:
//
//	wiegand <reader> <bits>               one frame, bits as 0 and 1: a pulse each 1 ms, low for 50 µs; `ok` after the last
//	level <input> 0|1                     the electrical level of an input line
//	value <sensor> <quantity> <number>    what the sensor measures: a Brick class, or temperature (Cel), humidity (%),
//	                                      pressure (Pa), co2 ([ppm])
//	outputs                               JSON object: output → true when it is energised
//	fail <device>                         reader, input: no such device; sensor: each transaction fails;
//	                                      output: at the opposite of what was set, so that the read-back differs
//	heal <device>                         the end of it; a sensor starts as after power-on
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
// It never decides anything, knows no card format and never logs bits.
//
// Concurrency: everything may be called from any goroutine. Frames for one reader follow each other 40 ms apart,
// frames for different readers run at the same time. At most 32 connections are served; one more is told so and
// closed. Lines are at most 4 kB.
package sim
