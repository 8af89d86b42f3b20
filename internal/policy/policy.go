// Package policy is the access decision: one pure, fail-closed function over an immutable snapshot, the shards from
// which a snapshot is built, and their signatures. It does no I/O and keeps no state.
package policy

import (
	"time"

	"kapija/internal/event"
)

// Key identifies a credential: HMAC-SHA-256 under the site key over kind, format, length and bits, cut to 16 bytes.
// Cards whose bytes match but whose lengths or formats differ have different keys (L08); so have a card and a PIN of the
// same digits (L11).
type Key [16]byte

// Rules is the part of a gateway's policy that is not about persons. It travels as the shard "rules".
type Rules struct {
	Version   uint64     `json:"version"` // grows with each change, per gateway
	TimeZone  string     `json:"time_zone"`
	Levels    []Level    `json:"levels"` // entries refer to levels by index
	Schedules []Schedule `json:"schedules"`
	Holidays  []Holiday  `json:"holidays"` // own days and the holidays of Serbia, as dates
}

// Level is an access level: which doors, when.
type Level struct {
	ID     string  `json:"id"`
	Grants []Grant `json:"grants"`
}

// Grant is a set of doors and the schedule in which they open.
type Grant struct {
	Doors    []string `json:"doors"`
	Schedule string   `json:"schedule"` // schedule ID; "always" needs no definition
}

// Schedule is a weekly plan in local time.
type Schedule struct {
	ID        string     `json:"id"`
	Intervals []Interval `json:"intervals"`
}

// Interval is from From to To on each of Days. To before From runs over midnight into the next day; 24:00 is 1440.
type Interval struct {
	Days Days `json:"days"`
	From int  `json:"from"` // minutes since local midnight, 0 … 1439
	To   int  `json:"to"`   // minutes, exclusive, 1 … 1440
}

// Days is a set of days: bit 0 is Monday … bit 6 is Sunday, bit 7 is a holiday. On a holiday only bit 7 counts.
type Days uint8

// Holiday is one local calendar day.
type Holiday struct {
	Date string `json:"date"` // 2006-01-02
	Name string `json:"name"`
}

// Entry is one credential in a shard.
type Entry struct {
	Key       Key       `json:"key"`
	Badge     string    `json:"badge"` // pseudonym, as in events
	Status    Status    `json:"status"`
	NotBefore time.Time `json:"not_before,omitzero"` // zero: no limit; seconds
	NotAfter  time.Time `json:"not_after,omitzero"`  // exclusive
	Levels    []uint16  `json:"levels"`              // indices into Rules.Levels
	Extended  bool      `json:"extended,omitempty"`  // needs the door's longer release time
}

// Status of a credential and its holder. Each refusal has its own reason (L12).
type Status uint8

// The statuses.
const (
	Active    Status = iota
	Suspended        // the person is suspended
	Revoked          // the badge was revoked
)

// Request is one credential at one door.
type Request struct {
	Door  string
	Side  event.Side
	Key   Key
	Fault event.Reason // BadParity or UnknownFormat when the frame is no credential; empty otherwise
	At    time.Time
	Clock event.Clock
}

// Decision is the answer. The zero value refuses.
type Decision struct {
	Granted  bool
	Reason   event.Reason
	Badge    string // pseudonym; empty when the credential is unknown
	Extended bool
}
