// Package policy is the access decision: one pure, fail-closed function over an immutable snapshot, the shards from
// which a snapshot is built, and their signatures. It does no I/O, keeps no state, and never reads a clock.
//
// Concurrency: everything is immutable once it is made. A Snapshot may be asked by any number of goroutines at once; it
// is replaced by another one, never changed. A decision waits for nothing and allocates nothing. What comes from outside
// is bounded by its own length: a decoder reserves no more than a small multiple of what it is given.
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
	Levels    []Level    `json:"levels"`
	Schedules []Schedule `json:"schedules"`
	Holidays  []Holiday  `json:"holidays"` // own days and the holidays of Serbia, as dates

	Doors map[string]DoorRule `json:"doors,omitempty"` // by door ID; a door without a rule is secure and asks for nothing more
	Zones map[string]ZoneRule `json:"zones,omitempty"` // by zone ID
	PIN   PINRule             `json:"pin,omitzero"`
	Reset int                 `json:"reset,omitempty"` // minute of the local day, 1 … 1440, at which it is forgotten who is where; 0: never
}

// Level is an access level: which doors, when.
type Level struct {
	Number uint16  `json:"number"` // what entries refer to; given once by the directory, never reused
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

// Interval is from From to To on each of Days. To before From runs over midnight into the next day; 24:00 is 1440. It
// belongs to the day on which it starts: a night shift that starts on an ordinary day is not cut off because the next day
// is a holiday. From equal to To is refused.
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

// Entry is one credential in a shard. Limits of validity are whole seconds between 1970 and 2106-02-07; a part of a second
// makes the validity shorter.
type Entry struct {
	Key       Key       `json:"key"`
	Badge     string    `json:"badge"` // pseudonym, as in events; 1 … 255 bytes
	Status    Status    `json:"status"`
	NotBefore time.Time `json:"not_before,omitzero"` // zero: no limit; seconds
	NotAfter  time.Time `json:"not_after,omitzero"`  // exclusive
	Levels    []uint16  `json:"levels"`              // Level.Number, at most 255; one that Rules does not hold grants nothing
	Extended  bool      `json:"extended,omitempty"`  // needs the door's longer release time
	Roles     Roles     `json:"roles,omitempty"`
	Person    uint32    `json:"person,omitempty"` // PersonOf; 0: not known, the badge stands for its person
	PIN       Key       `json:"pin,omitzero"`     // of PINKey; zero: the person has none
}

// Status of a credential and its holder. Each refusal has its own reason (L12).
type Status uint8

// The statuses.
const (
	Active    Status = iota
	Suspended        // the person is suspended
	Revoked          // the badge was revoked
)

// Roles is what a person may or must, besides the access levels.
type Roles uint8

// The roles.
const (
	Visitor     Roles = 1 << iota // needs an escort where a door asks for one
	Escort                        // may bring visitors in
	Exempt                        // from lockdown
	FirstPerson                   // begins free access or unlocked where the plan waits for a first person

	allRoles = Visitor | Escort | Exempt | FirstPerson
)

// Has says whether r has all of these roles.
func (r Roles) Has(roles Roles) bool { return r&roles == roles }

// Request is one credential at one door.
type Request struct {
	Door   string
	Side   event.Side // everything but Out is taken as In, which asks for more
	Key    Key
	Format string       // of the card, as in package cardformat: its strength
	Fault  event.Reason // BadParity or UnknownFormat when the frame is no credential; empty otherwise
	At     time.Time
	Clock  event.Clock
	Mode   Mode   // as commanded; empty: as planned
	PIN    *PIN   // as typed; nil: none
	Memory Memory // nil: nothing is known, and what a rule needs to know is refused
}

// Decision is the answer. The zero value refuses.
type Decision struct {
	Granted  bool
	Reason   event.Reason // event.Granted or event.Duress when granted
	Badge    string       // pseudonym; empty when the credential is unknown
	Extended bool
	Person   uint32 // Entry.Person
	Roles    Roles
	Mode     Mode    // of the door, by which it was decided; empty when it was refused before
	Duress   bool    // granted under duress: opens as always, and alarms in silence
	With     string  // badge of the first of two persons, who is let in with this one
	Notify   Notices // granted, but the operator must know
}

// Notices is what a granted passage broke.
type Notices uint8

// The notices.
const (
	NoticeAntipassback Notices = 1 << iota
	NoticeOccupancy
)

// Reasons names the notices.
func (n Notices) Reasons() (list []event.Reason) {
	if n&NoticeAntipassback != 0 {
		list = append(list, event.Antipassback)
	}
	if n&NoticeOccupancy != 0 {
		list = append(list, event.OccupancyLimit)
	}
	return list
}
