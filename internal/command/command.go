// Package command is what an operator may have a gateway do: the commands, their signature, the answers, and the memory of
// what was already carried out. It never carries anything out, and never sends anything.
//
// A command is believed when all of this holds, in this order: it came live and not as a retained message (L15); it is
// signed, with the directory's key, over the topic, the gateway, the nonce, the expiry and the body (L52); the gateway
// knows the time; it is not expired and expires within MaxLife; its nonce is new. That the nonce is new is checked
// and stored in one step, on disk, before anything moves (L53): see Nonces.
//
// Concurrency: Seal and Parse are pure. A Nonces may be used by several goroutines; one claims at a time, and waits for the
// disk.
package command

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"kapija/internal/topic"
)

// MaxLife is the longest time from now on that a command may be good for, by the clock of the gateway.
const MaxLife = time.Minute

// The bounds of a command.
const (
	MaxPayload = 16 << 10 // bytes
	MaxDoors   = 64       // that one command may name
	maxText    = 200      // bytes of By, Why, Badge and the name of a door
)

// Action is what a command asks for.
type Action string

// The actions.
const (
	Open          Action = "open"           // release Doors once, as a grant does
	SetMode       Action = "mode"           // keep Doors in Mode, until another command
	ClearLockdown Action = "clear_lockdown" // end the lockdown of Doors; whatever else holds counts again
	Automatic     Action = "auto"           // forget the commanded mode of Doors, but no lockdown: schedule or configuration count again
	Forgive       Action = "forgive"        // forget where Badge was seen last (L17)
)

// Body is what is to be done.
type Body struct {
	Do       Action   `json:"do"`
	Doors    []string `json:"doors,omitempty"`    // IDs; empty: all doors of the gateway, but for Open, which names its doors
	Mode     string   `json:"mode,omitempty"`     // of SetMode: secure, unlocked, lockdown, disabled
	Badge    string   `json:"badge,omitempty"`    // of Forgive: the pseudonym
	Extended bool     `json:"extended,omitempty"` // of Open: for the longer time
	By       string   `json:"by"`                 // who asks: name of the operator's account
	Why      string   `json:"why,omitempty"`
}

// Nonce makes a command unlike every other.
type Nonce [16]byte

// NewNonce is a random one.
func NewNonce() (n Nonce) {
	rand.Read(n[:])
	return n
}

func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

// Command is a body for one gateway, once, until Expires.
type Command struct {
	Gateway topic.Gateway
	Nonce   Nonce
	Expires time.Time // to the millisecond
	Body    Body
}

// Err is why a command is not carried out. Code is for machines and goes into the reply; the text is for people.
type Err struct {
	Code Code
	Text string
}

func (e *Err) Error() string { return "command: " + e.Text }

// Code names a refusal.
type Code string

// The refusals. The names are part of the protocol.
const (
	Retained     Code = "retained"      // it came as a retained message
	Malformed    Code = "malformed"     // it cannot be read
	BadSignature Code = "bad_signature" // damaged, for another gateway, or of another key
	ClockUnset   Code = "clock_unset"   // the gateway does not know the time
	Expired      Code = "expired"       // too late
	TooFarAhead  Code = "too_far_ahead" // it lives longer than MaxLife, or the clocks differ
	Repeated     Code = "repeated"      // this very command was carried out before
	Overloaded   Code = "overloaded"    // too many commands at once
	NotStored    Code = "not_stored"    // the gateway's disk does not take the nonce
	UnknownDoor  Code = "unknown_door"  // the gateway has no such door
	BadRequest   Code = "bad_request"   // it asks for what there is not
	DoorState    Code = "door_state"    // the door's mode forbids it
	Unsupported  Code = "unsupported"   // this gateway cannot do it
)

func refuse(c Code, format string, a ...any) error { return &Err{c, fmt.Sprintf(format, a...)} }

// The payload, all numbers big-endian: version, signature, nonce, expiry in Unix milliseconds, and the body as JSON.
const (
	version = 1
	header  = 1 + ed25519.SignatureSize + len(Nonce{}) + 8
)

// Seal signs a command. It panics when key is not ed25519.PrivateKeySize long; the error is about the body.
func Seal(key ed25519.PrivateKey, c Command) ([]byte, error) {
	if err := c.Body.check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(c.Body)
	if err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	p := make([]byte, 1+ed25519.SignatureSize, header+len(body))
	p[0] = version
	p = append(p, c.Nonce[:]...)
	p = binary.BigEndian.AppendUint64(p, uint64(c.Expires.UnixMilli()))
	p = append(p, body...)
	copy(p[1:], ed25519.Sign(key, signed(c.Gateway, p[1+ed25519.SignatureSize:])))
	if len(p) > MaxPayload {
		return nil, fmt.Errorf("command: %d bytes: at most %d are possible", len(p), MaxPayload)
	}
	return p, nil
}

// Parse checks the signature of a payload that came for the gateway gw, and reads it. Its errors are *Err. Whether it is in
// time and new is for Check and Nonces.Claim.
func Parse(pub ed25519.PublicKey, gw topic.Gateway, payload []byte) (Command, error) {
	switch {
	case len(pub) != ed25519.PublicKeySize:
		return Command{}, refuse(BadSignature, "the public key has %d bytes: %d are expected", len(pub), ed25519.PublicKeySize)
	case len(payload) < header || len(payload) > MaxPayload:
		return Command{}, refuse(Malformed, "payload of %d bytes: %d … %d are expected", len(payload), header, MaxPayload)
	case payload[0] != version:
		return Command{}, refuse(Malformed, "version %d: %d is expected", payload[0], version)
	}
	rest := payload[1+ed25519.SignatureSize:]
	if !ed25519.Verify(pub, signed(gw, rest), payload[1:1+ed25519.SignatureSize]) {
		return Command{}, refuse(BadSignature, "the signature does not match: it is damaged, for another gateway than %s, or made with another key", gw)
	}
	c := Command{Gateway: gw, Nonce: Nonce(rest[:len(Nonce{})])}
	rest = rest[len(Nonce{}):]
	c.Expires = time.UnixMilli(int64(binary.BigEndian.Uint64(rest))).UTC()
	d := json.NewDecoder(bytes.NewReader(rest[8:]))
	d.DisallowUnknownFields() // what this program does not understand must not be left out in silence
	if err := d.Decode(&c.Body); err != nil {
		return Command{}, refuse(Malformed, "the body is not the JSON that is expected: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Command{}, refuse(Malformed, "something follows the body")
	}
	return c, c.Body.check()
}

// Check says whether a command is in time, by a clock that is known or is not.
func (c Command) Check(now time.Time, known bool) error {
	switch left := c.Expires.Sub(now); {
	case !known:
		return refuse(ClockUnset, "the gateway does not know the time, and cannot tell whether the command is an old one")
	case left <= 0:
		return refuse(Expired, "expired %v ago, at %s", -left.Round(time.Millisecond), c.Expires.Format(time.RFC3339))
	case left > MaxLife:
		return refuse(TooFarAhead, "expires in %v: at most %v is allowed; the clocks of server and gateway may differ", left.Round(time.Millisecond), MaxLife)
	}
	return nil
}

// signed is what is signed. The first part keeps these signatures apart from those over policy.
func signed(gw topic.Gateway, rest []byte) []byte {
	m := []byte("kapija command v1\x00")
	for _, part := range []string{topic.For(gw, topic.Command), gw.Building, gw.Gateway} {
		m = binary.BigEndian.AppendUint32(m, uint32(len(part)))
		m = append(m, part...)
	}
	return append(m, rest...)
}

// check holds what the action needs.
func (b Body) check() error {
	text := []string{b.By, b.Why, b.Badge, b.Mode}
	if len(b.Doors) > MaxDoors {
		return refuse(BadRequest, "%d doors: at most %d are possible", len(b.Doors), MaxDoors)
	}
	for _, s := range append(text, b.Doors...) {
		if len(s) > maxText || !utf8.ValidString(s) {
			return refuse(BadRequest, "a text of %d bytes: at most %d bytes of UTF-8 are possible", len(s), maxText)
		}
	}
	var err error
	switch b.Do {
	case Open:
		if len(b.Doors) == 0 {
			err = errors.New("open names no door")
		}
	case SetMode:
		if b.Mode == "" {
			err = errors.New("mode names no mode")
		}
	case Forgive:
		if b.Badge == "" {
			err = errors.New("forgive names no badge")
		}
	case ClearLockdown, Automatic:
	default:
		err = fmt.Errorf("action %q is none that there is", b.Do)
	}
	switch {
	case err != nil:
		return refuse(BadRequest, "%v", err)
	case b.By == "":
		return refuse(BadRequest, "nobody is named who asks")
	case b.Do != SetMode && b.Mode != "", b.Do != Forgive && b.Badge != "", b.Do != Open && b.Extended, b.Do == Forgive && len(b.Doors) > 0:
		return refuse(BadRequest, "%s carries what does not belong to it", b.Do)
	}
	return nil
}
