package panel

import (
	"fmt"
	"io"
	"time"

	"kapija/firmware-bridge/osdp/wire"
)

// Event is what happened at one reader. What is one of the types below.
type Event struct {
	At      time.Duration // time of the Step or Receive that brought it
	Address byte          // of the reader, as its configuration or the last CommChanged says
	What    any
}

// Card is a badge that was read. It hides itself.
type Card struct {
	Reader byte   // 0 is the first of the device
	Bits   []byte // the first bit is the most significant of Bits[0]; unused bits are zero
	Len    int    // number of bits
}

// Keys is what was typed, one key or several: ASCII digits, wire.KeyEnter and wire.KeyCancel. It hides itself.
type Keys struct {
	Reader byte
	Keys   []byte
}

// Online tells that a reader answers, and whether over Secure Channel.
type Online struct{ Secure bool }

// Offline tells, once, that a reader does not, and why, in words for a technician. Its requests were dropped.
type Offline struct{ Cause string }

// Identified is what a reader is. Verified tells that it came over Secure Channel with the reader's own key.
type Identified struct {
	ID       wire.ID
	Caps     wire.Caps
	Verified bool
}

// Tamper tells that a reader was opened or taken off, or is whole again. Told as found, then per change.
type Tamper struct{ Active bool }

// Power tells that a reader's power fails, or no longer does. Told as found, then per change.
type Power struct{ Failing bool }

// Input is the state of one of a reader's inputs, as found and then per change: wire.InputOff …
type Input struct {
	Number int
	State  byte
}

// Output is the state of one of a reader's outputs, as found and then per change.
type Output struct {
	Number int
	On     bool
}

// Insecure tells that a reader's connection is not protected, or was attacked.
type Insecure struct {
	Code   Code
	Active bool   // it began, or happened; false: it is over
	Words  string // for a technician
}

// Code says what is insecure.
type Code string

// The codes of Insecure.
const (
	ClearText   Code = "clear_text"   // the reader is configured to be used without Secure Channel
	Downgrade   Code = "downgrade"    // it answers in clear, or says that it has no encryption, and should not
	WeakKey     Code = "weak_key"     // the key that it is configured with is one that anybody tries
	WrongKey    Code = "wrong_key"    // it has another key than ours
	BadMAC      Code = "bad_mac"      // a message did not prove itself
	InstallMode Code = "install_mode" // it asks for a key
	DefaultKey  Code = "default_key"  // it uses the key that everybody knows as its own
	Swapped     Code = "swapped"      // it is another device than the one that was paired
)

// PairingStarted tells that a technician let a reader be paired.
type PairingStarted struct{ Until time.Duration }

// Paired tells that a reader proved that it holds the new key. The old one is of no use any more. When Earlier, the key is
// that of the pairing before, whose end was not known, and the one under way goes on.
type Paired struct {
	ID      wire.ID
	Earlier bool
}

// PairingRefused tells that a reader must not be paired, and why.
type PairingRefused struct{ Cause string }

// PairingFailed tells that a reader was not paired, and why. When Unsure, it may have taken the new key nevertheless: both
// are to be kept until Paired or another PairingFailed tells.
type PairingFailed struct {
	Cause  string
	Unsure bool
}

// Transfer tells how far a file is, at every tenth of it, and its end.
type Transfer struct {
	Sent, Total int
	Done        bool
	Failed      string // why it ended, in words
}

// Refused tells that a reader did not take a command, and why, in words.
type Refused struct {
	Command byte
	Words   string
}

// CommChanged tells that a reader answers at another address and speed from now on. Event.Address is the new one.
type CommChanged struct {
	From byte // its address before
	Baud int
}

// Note is for a log only.
type Note struct{ Words string }

// Format hides the card from every verb of fmt.
func (Card) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "osdp.Card(secret)") }

// MarshalText hides the card from JSON and from slog.
func (Card) MarshalText() ([]byte, error) { return []byte("osdp.Card(secret)"), nil }

// Format hides the keys from every verb of fmt.
func (Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "osdp.Keys(secret)") }

// MarshalText hides the keys from JSON and from slog.
func (Keys) MarshalText() ([]byte, error) { return []byte("osdp.Keys(secret)"), nil }
