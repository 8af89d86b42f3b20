// Package bridge holds the capability interfaces between the gateway and the hardware: what a reader, an input, an
// output, a sensor is. Drivers live below it, one package per chip or protocol, over periph's conn/v3; the wires
// themselves come from package board (a Pi's kernel) or package sim (virtual wires).
//
// It never decides anything and never imports the gateway.
//
// Concurrency: each Source runs in one goroutine of its own and sends to one bounded channel that the gateway drains;
// a full channel blocks the source, whose kernel buffer then fills and reports its loss by sequence number. Output is
// called by the gateway's loop alone.
package bridge

import (
	"context"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/onewire"
	"periph.io/x/conn/v3/spi"
)

// Edge is one change of level on one line, as the kernel saw it.
type Edge struct {
	At      time.Duration // CLOCK_MONOTONIC, taken in the interrupt handler
	Line    int           // index into the lines of the request: 0 … n-1
	Rising  bool
	Seq     uint32 // 1, 2, 3 … over all lines of the request; a gap means that the kernel's buffer overflowed
	LineSeq uint32 // 1, 2, 3 … on this line
}

// EdgeSource is one request of one or more input lines with edge detection.
type EdgeSource interface {
	// ReadEdges blocks until at least one edge is there, and fills dst with as many as are.
	// The errors are os.ErrDeadlineExceeded, only when no edge is there, os.ErrClosed, or what the kernel said.
	ReadEdges(dst []Edge) (int, error)
	// SetReadDeadline ends a blocked ReadEdges at t; the zero time means never.
	SetReadDeadline(t time.Time) error
	// Levels reads the present electrical level of each line: true is high.
	Levels() ([]bool, error)
	// Now is the present time of the clock that stamps the edges.
	Now() time.Duration
	Close() error
}

// Wires is the hardware of one gateway as the drivers see it. IDs are those of the site's configuration; which of the
// calls a device needs is said by its wiring.
type Wires interface {
	// Wiegand opens a reader's two data lines as one request for falling edges: line 0 is D0, line 1 is D1.
	Wiegand(reader string) (EdgeSource, error)
	// Input opens one input line for both edges: that of an input, or of a sensor or an expander that has a line.
	Input(id string) (EdgeSource, error)
	// Output opens one output line at its safe level: off. Each can be opened once. The line that resets a device has
	// the ID that Reset gives; on means that the device is held in reset.
	Output(id string) (Output, error)
	// I2C opens the bus and says the address of a device. The bus is shared and closed by Close.
	I2C(id string) (i2c.Bus, uint16, error)
	// SPI opens the port of a device, which is alone on it. The caller closes it.
	SPI(id string) (spi.PortCloser, error)
	// Serial opens the serial port of a device, or of a bus of readers. The caller closes it.
	Serial(id string) (Port, error)
	// OneWire opens the bus and says the address of a sensor. The bus is shared and closed by Close.
	OneWire(sensor string) (onewire.Bus, onewire.Address, error)
	Close() error
}

// Reset is the ID of the output that holds a device in reset.
func Reset(device string) string { return device + ".reset" }

// Port is a serial port with 8 data bits, no parity and one stop bit. Reading and writing may go on at the same time, in
// one goroutine each.
type Port interface {
	// Read returns as soon as there is at least one byte. It returns 0 and nil when the read timeout passes before.
	Read(p []byte) (int, error)
	// Write returns when the driver has taken all bytes; they may not be on the wire yet.
	Write(p []byte) (int, error)
	// SetReadTimeout bounds each Read from now on; negative: no bound.
	SetReadTimeout(d time.Duration) error
	// SetSpeed changes the speed in baud, for what is written and read from now on.
	SetSpeed(baud int) error
	// Close ends a Read that waits.
	Close() error
}

// Output is one relay, lock, LED or buzzer line.
type Output interface {
	// Set drives the output: on means energised, whatever the electrical polarity. It returns an error when the level
	// that is read back differs.
	Set(on bool) error
	// Level is what is read back from the line.
	Level() (bool, error)
}

// Source is a device that tells the gateway what it sees: a reader, an input, a counter, a sensor.
type Source interface {
	ID() string
	// Run sends signals to out until ctx is done, and returns nil then. A device that fails says so once with a Health
	// signal and keeps trying; Run returns an error only when trying again is of no use.
	Run(ctx context.Context, out chan<- Signal) error
}

// Signal is what a Source tells: one of Read, Level, Passage, Measured, Health, Alert.
type Signal struct {
	Device string    // ID of the device: the source, or one of those that share it
	At     time.Time // when it happened, with a monotonic reading
	What   any       // Read, Level, Passage, Measured, Health or Alert
}

// Read is one credential at a reader. Its bits are secret: they never go into a log, an event or a topic.
type Read struct {
	Format string // e.g. "wiegand-26", or FormatPIN; empty when no configured format fits
	Bits   []byte // the raw frame, first bit in the most significant bit of Bits[0], unused bits zero
	Len    int    // number of bits
	Fault  Fault
}

// FormatPIN is the format of a Read whose Bits are the digits that were typed, in ASCII.
const FormatPIN = "pin"

// Fault says why a frame is not a credential.
type Fault string

// The faults of a frame.
const (
	NoFault       Fault = ""
	BadParity     Fault = "bad_parity"
	UnknownFormat Fault = "unknown_format"
)

// Level is the debounced state of an input: active, or not. The first one after start tells the state as found.
type Level struct {
	Active bool
	First  bool
}

// Passage is one person seen by a people counter.
type Passage struct{ In bool }

// Health tells that a device went away or came back. It is sent once per change, and once after start.
type Health struct {
	Online bool
	Cause  string // why it is offline, in words for a technician
}

// Alert is what an operator must know about a device and what is neither its health nor a card.
type Alert struct {
	Kind   AlertKind
	Active bool   // it began, or happened; false: it is over
	Cause  string // in words for a technician; never with a key or a card
}

// AlertKind says what an Alert is about.
type AlertKind string

// The kinds of alert.
const (
	Tamper   AlertKind = "tamper"   // the device was opened, or taken off its wall
	Power    AlertKind = "power"    // the device says that its power fails
	Insecure AlertKind = "insecure" // its connection is not protected, or was attacked; Cause begins with what was seen
	Paired   AlertKind = "paired"   // it was given a key of its own
)
