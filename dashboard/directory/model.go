package directory

import (
	"encoding/json"
	"time"

	"kapija/internal/policy"
)

// Person is a cardholder.
type Person struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"` // as entered, in either script
	Company   string   `json:"company"`
	Levels    []string `json:"levels"`    // access level IDs, in ascending order
	Extended  bool     `json:"extended"`  // needs the longer release time of doors
	Suspended bool     `json:"suspended"` //
	Badges    []Badge  `json:"badges"`    // oldest first

	Visitor     bool `json:"visitor"`      // needs an escort where a door asks for one
	Escort      bool `json:"escort"`       // may bring visitors in
	Exempt      bool `json:"exempt"`       // from lockdown
	FirstPerson bool `json:"first_person"` // begins free access where a door waits for a first person
	HasPIN      bool `json:"has_pin"`      // the PIN is not kept, only its key: see SetPIN
}

// Badge is one credential of a person. The number on the card is not kept: only its key and a hint.
type Badge struct {
	ID        string    `json:"id"` // pseudonym, as in events
	Format    string    `json:"format"`
	Hint      string    `json:"hint"`                // last two digits, fewer of a short number, so that people can tell their cards apart: "…42"
	NotBefore time.Time `json:"not_before,omitzero"` // zero: no limit; whole seconds
	NotAfter  time.Time `json:"not_after,omitzero"`  // zero: no end; exclusive
	Revoked   time.Time `json:"revoked,omitzero"`    // zero: it is not
}

// Card is what is printed on a card, as typed by whoever enrols it.
type Card struct {
	Format   string
	Facility uint64
	Number   uint64
}

// Level is an access level: what a person may open, when. Its number is given once and never reused, in no building.
type Level struct {
	Number   uint16         `json:"number"`
	ID       string         `json:"id"` // a-z, 0-9, - and _; made up when AddLevel gets none
	Building string         `json:"building"`
	Name     string         `json:"name"`
	Grants   []policy.Grant `json:"grants"` // doors of the building
}

// Schedule is a weekly plan in the local time of the building whose doors it is used for. "always" exists without one.
type Schedule struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Intervals []policy.Interval `json:"intervals"`
}

// Change is one line of the record of who changed what. It holds no card numbers and no keys.
type Change struct {
	Seq    int64           `json:"seq"`
	At     time.Time       `json:"at"`
	By     string          `json:"by"`
	Action string          `json:"action"` // person.add, badge.revoke, …
	Object string          `json:"object"` // ID of what was changed
	Before json.RawMessage `json:"before"` // null: it did not exist
	After  json.RawMessage `json:"after"`
}
