package policy

import (
	"strings"
	"time"

	"kapija/internal/event"
)

// Mode is what a door is meant to be at present.
type Mode string

// The modes.
const (
	ModeSecure     Mode = "secure"       // locked; a credential with a level that grants the door opens
	ModeCardAndPIN Mode = "card_and_pin" // the same, and the way in asks for the person's PIN
	ModeFreeAccess Mode = "free_access"  // locked; every valid credential opens, levels are not asked
	ModeUnlocked   Mode = "unlocked"     // free for everybody; credentials are read all the same
	ModeLockdown   Mode = "lockdown"     // locked; only exempt persons who have the right open
	ModeDisabled   Mode = "disabled"     // locked; nobody opens
)

// opens says whether people pass in this mode who cannot in mode secure.
func (m Mode) opens() bool { return m == ModeFreeAccess || m == ModeUnlocked }

func (m Mode) known() bool {
	switch m {
	case ModeSecure, ModeCardAndPIN, ModeFreeAccess, ModeUnlocked, ModeLockdown, ModeDisabled:
		return true
	}
	return false
}

// Seconds is a duration in whole seconds.
type Seconds uint32

// Duration is the same in nanoseconds.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// DoorRule is what a door asks for besides an access level. The zero value asks for nothing.
type DoorRule struct {
	From         string       `json:"from,omitempty"`    // zone on the outer side
	To           string       `json:"to,omitempty"`      // zone on the inner side: passing towards it is side in
	Mode         Mode         `json:"mode,omitempty"`    // while no period is open; empty: secure
	Periods      []Period     `json:"periods,omitempty"` // the first that is open counts
	Antipassback Antipassback `json:"antipassback,omitzero"`
	TwoPerson    Seconds      `json:"two_person_s,omitempty"` // two different persons within this time; 0: one is enough
	Escort       Seconds      `json:"escort_s,omitempty"`     // a visitor within this time after an escort; 0: visitors are as others
	Interlock    string       `json:"interlock,omitempty"`    // group of doors of which one at most is not closed and locked; empty: none
	Security     Strength     `json:"security,omitempty"`     // the least strength of a credential
	ClockUnset   bool         `json:"clock_unset,omitempty"`  // with an unset clock validity and schedules are not judged, instead of refused
}

// Period is a mode by schedule.
type Period struct {
	Schedule    string `json:"schedule"`
	Mode        Mode   `json:"mode"`
	FirstPerson bool   `json:"first_person,omitempty"` // free access and unlocked: begins when a person with role FirstPerson has entered since the schedule opened
}

// Antipassback is about a badge that enters a zone where it is already.
type Antipassback struct {
	Kind Passback `json:"kind,omitempty"`
	For  Seconds  `json:"for_s,omitempty"` // timed: refused for so long after the entry
}

// Passback is how strict anti-passback is. Only the way in is ever refused, and only to the badge concerned (L17); a
// mistake on the way out is told.
type Passback string

// The kinds of anti-passback; empty is none.
const (
	PassbackSoft  Passback = "soft"  // let in, and told
	PassbackHard  Passback = "hard"  // refused until the badge has left, is forgiven, or the day is reset
	PassbackTimed Passback = "timed" // refused for a while
)

// ZoneRule limits how many badges may be in a zone, by what the gateway knows.
type ZoneRule struct {
	Limit  int           `json:"limit"`            // 1 …
	Action LimitedAction `json:"action,omitempty"` // when the zone is full
}

// LimitedAction is what happens at the limit. The way out is never refused.
type LimitedAction string

// The actions; empty is nothing.
const (
	LimitNotify LimitedAction = "notify"
	LimitDeny   LimitedAction = "deny"
)

// PINRule is when PINs are locked out. The zero value is five wrong ones within ten minutes, for ten minutes.
type PINRule struct {
	Tries  int     `json:"tries"`    // 1 … 16
	Within Seconds `json:"within_s"` // counted back from the last wrong one
	Wait   Seconds `json:"wait_s"`   // after the last wrong one
}

var defaultPINRule = PINRule{Tries: 5, Within: 600, Wait: 600}

// MaxTries is the most that PINRule.Tries can be, and how many wrong PINs a Memory has to keep of each badge.
const MaxTries = 16

// Strength is how hard a credential is to copy.
type Strength uint8

// The strengths.
const (
	StrengthUnknown Strength = iota
	StrengthNumber           // a number that is sent as it is: whoever has read it once can copy it
	StrengthSecret           // the card proves that it knows a secret
)

// StrengthOf is the strength of a format as readers name it. What comes over Wiegand is a number, whatever card is
// behind the reader, and so is a UID.
func StrengthOf(format string) Strength {
	kind, _, _ := strings.Cut(format, "-")
	switch kind {
	case "wiegand", "raw", "uid", "em4100":
		return StrengthNumber
	case "desfire", "ntag424", "piv", "opacity", "leaf", "mobile":
		return StrengthSecret
	}
	return StrengthUnknown
}

// Memory is what a gateway knows of before. A Decide asks it only for what the door's rule needs.
type Memory interface {
	// Place is the zone that a badge went to last, and when. Not ok: not known, or forgiven.
	Place(badge string) (zone string, at time.Time, ok bool)
	// Inside is how many badges are in a zone that came there at or after since.
	Inside(zone string, since time.Time) int
	// Waiting is who was refused last at a door because a second person is needed.
	Waiting(door string) (w Waiting, ok bool)
	// Escorted is when an escort's badge was accepted last at a door; zero: never.
	Escorted(door string) time.Time
	// FirstIn is when a person with role FirstPerson entered by a door last; zero: never.
	FirstIn(door string) time.Time
	// Secured says that a door is closed and locked. False when it is not known.
	Secured(door string) bool
	// WrongPINs is how many wrong PINs were typed with a badge at or after since, up to MaxTries, and when the last was.
	WrongPINs(badge string, since time.Time) (n int, last time.Time)
}

// Waiting is the first of two persons.
type Waiting struct {
	Badge  string
	Person uint32
	Side   event.Side
	At     time.Time
}
