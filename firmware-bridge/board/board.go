// Package board is the hardware of a gateway as the Linux kernel of a Raspberry Pi gives it: a bridge.Wires over the GPIO
// character device and the I²C device files, by the wiring that the site's configuration says.
//
// GPIO chips are found by label and lines by name, never by number. Data lines and inputs are read through the kernel's
// GPIO v2 interface with its timestamps, its sequence numbers and a buffer of 256 edges a request; outputs and I²C go
// through periph. It debounces nothing, decodes nothing and decides nothing.
//
// Wires may be used from any goroutine. An edge source is read by one goroutine; its deadline and Close may be used by
// others. Nothing is queued outside the kernel, whose full buffer drops the oldest edge and shows it as a gap.
//
// It runs on Linux. Elsewhere Open returns an error.
package board
