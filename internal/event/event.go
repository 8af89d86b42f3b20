// Package event holds the records that travel from a gateway to the server: audit events, which are evidence,
// and readings, which are telemetry, with their JSON. It does no I/O.
//
// A record's JSON bytes are made once, by the gateway that writes it, and are never re-encoded on the way: the
// hash of one event, carried by the next as Prev, is taken over exactly those bytes.
package event

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Kind names what happened.
type Kind string

// The kinds of audit event. The names are part of the protocol (docs/protocol.md).
const (
	AccessGranted    Kind = "access.granted"     // a credential was accepted; nobody has passed yet
	AccessDenied     Kind = "access.denied"      // a credential was refused; Reason says why
	AccessEntered    Kind = "access.entered"     // somebody passed after a grant or a request to exit
	AccessNotEntered Kind = "access.not_entered" // the release ran out and the door was not opened

	AccessDuress Kind = "access.duress" // besides the grant: somebody was forced to; never shown at the door
	AccessNotice Kind = "access.notice" // besides the grant: it broke the rule that Reason names

	DoorOpened        Kind = "door.opened"
	DoorClosed        Kind = "door.closed"
	DoorForced        Kind = "door.forced"         // opened without a release
	DoorForcedCleared Kind = "door.forced_cleared" // the forced door closed
	DoorHeld          Kind = "door.held"           // open for longer than its limit
	DoorHeldCleared   Kind = "door.held_cleared"
	DoorLocked        Kind = "door.locked"
	DoorUnlocked      Kind = "door.unlocked" // Cause says by whom or what
	RexPressed        Kind = "rex.pressed"
	ModeChanged       Kind = "mode.changed"

	CommandAccepted Kind = "command.accepted"
	CommandRefused  Kind = "command.refused"

	ReaderOnline   Kind = "reader.online"
	ReaderOffline  Kind = "reader.offline"
	ReaderTamper   Kind = "reader.tamper" // the reader was taken off its wall, or opened
	ReaderRestored Kind = "reader.tamper_cleared"
	ReaderInsecure Kind = "reader.insecure" // its connection is not protected, or was attacked; Cause says what was seen
	ReaderSecure   Kind = "reader.secure"   // it is protected again
	ReaderPaired   Kind = "reader.paired"   // a technician gave it a key of its own

	InputActive  Kind = "input.active"  // an input that belongs to no door function became active
	InputNormal  Kind = "input.normal"  // and went back
	InputCounted Kind = "input.counted" // a people counter saw one person pass Door towards Side
	InputOffline Kind = "input.offline" // an input or sensor does not answer; Cause says what was seen
	InputOnline  Kind = "input.online"
	InputTamper  Kind = "input.tamper" // the gateway's cabinet was opened
	InputIntact  Kind = "input.tamper_cleared"

	PowerFailed   Kind = "power.failed" // a device says that its power fails
	PowerRestored Kind = "power.restored"

	FireActive  Kind = "fire.active" // the fire alarm system reports a fire; doors that are configured so open
	FireCleared Kind = "fire.cleared"

	PolicyApplied  Kind = "policy.applied"
	PolicyRefused  Kind = "policy.refused"
	ClockStepped   Kind = "clock.stepped"
	ClockSynced    Kind = "clock.synced"
	ClockLost      Kind = "clock.lost"
	GatewayStarted Kind = "gateway.started"
	GatewayStopped Kind = "gateway.stopped"
	JournalDropped Kind = "journal.dropped" // records lost or dropped; Cause names the range
)

// Reason is the cause of an access decision (IEC 60839-11-1 asks that each refusal names its own).
type Reason string

// The reasons. The names are part of the protocol.
const (
	Granted         Reason = "granted"
	UnknownBadge    Reason = "unknown_badge"
	Revoked         Reason = "revoked"
	Suspended       Reason = "suspended"
	Expired         Reason = "expired"
	NotYetValid     Reason = "not_yet_valid"
	NoAccess        Reason = "no_access"
	OutsideSchedule Reason = "outside_schedule"
	Antipassback    Reason = "antipassback"
	Lockdown        Reason = "lockdown"
	OccupancyLimit  Reason = "occupancy_limit"
	SecondPerson    Reason = "second_person_needed"
	EscortNeeded    Reason = "escort_needed"
	Interlocked     Reason = "interlock"
	WrongPIN        Reason = "wrong_pin"
	PINNeeded       Reason = "pin_needed"
	PINLocked       Reason = "pin_locked" // too many wrong PINs: the right one is refused too, for a while
	Duress          Reason = "duress"
	WeakCredential  Reason = "weak_credential"
	BadParity       Reason = "bad_parity"
	UnknownFormat   Reason = "unknown_format"
	ClockUnset      Reason = "clock_unset"
	DoorDisabled    Reason = "door_disabled"
	PolicyNotLoaded Reason = "policy_missing" // the gateway has never received its policy: fail closed
)

// Clock tells how far an event's time can be trusted.
type Clock string

// The clock states: synced by the kernel's own word; held, not behind the newest record; or unset.
const (
	ClockIsSynced Clock = "synced"
	ClockIsHeld   Clock = "held"
	ClockIsUnset  Clock = "unset"
)

// Side is the direction of a passage through a door: In goes from the door's outside zone to its inside zone.
type Side string

// The two directions.
const (
	In  Side = "in"
	Out Side = "out"
)

// Event is one audit event of one gateway.
type Event struct {
	Seq       uint64    `json:"seq"`                  // 1, 2, 3 … per gateway, never reused
	At        time.Time `json:"at"`                   // UTC, nanoseconds
	Clock     Clock     `json:"clock"`                //
	Boot      string    `json:"boot"`                 // random per start of the gateway
	Kind      Kind      `json:"kind"`                 //
	Door      string    `json:"door,omitempty"`       // door ID, unique in its building
	Side      Side      `json:"side,omitempty"`       //
	Badge     string    `json:"badge,omitempty"`      // pseudonym of the badge, never its number
	Reason    Reason    `json:"reason,omitempty"`     //
	DecidedUs int64     `json:"decided_us,omitempty"` // µs from the credential's last bit to the decision's output
	Cause     string    `json:"cause,omitempty"`      // who or what: "badge", "rex", "schedule", a device ID, an error
	Prev      string    `json:"prev,omitempty"`       // Hash of the event before; empty for Seq 1
}

// Reading is one measurement of one sensor.
type Reading struct {
	Seq      uint64    `json:"seq"`      // 1, 2, 3 … per gateway, counted apart from audit events
	At       time.Time `json:"at"`       // UTC
	Clock    Clock     `json:"clock"`    //
	Sensor   string    `json:"sensor"`   // sensor ID, unique in its building
	Quantity string    `json:"quantity"` // Brick class, e.g. CO2_Level_Sensor
	Value    float64   `json:"value"`    // in Unit
	Unit     string    `json:"unit"`     // UCUM: Cel, %, Pa, [ppm]
}

// Hash is what the next event carries as Prev: the first 24 bytes of SHA-256 over the event's exact JSON bytes, in
// unpadded base64url (32 characters).
func Hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}
