package site

import "time"

// Mode is what a door is meant to be. The names are those of package policy, which says what they mean.
type Mode string

// The modes.
const (
	Secure     Mode = "secure"       // locked between grants
	CardAndPIN Mode = "card_and_pin" // the same, and the way in asks for a PIN
	FreeAccess Mode = "free_access"  // every valid badge opens
	Unlocked   Mode = "unlocked"     // free for everybody; badges are read all the same
	Lockdown   Mode = "lockdown"     // only exempt persons
	Disabled   Mode = "disabled"     // nobody
)

// Modes lists the modes.
var Modes = []Mode{Secure, CardAndPIN, FreeAccess, Unlocked, Lockdown, Disabled}

// Rules is what a door asks for besides an access level.
type Rules struct {
	Periods      []*Period     `yaml:"periods"`      // mode plan: the first whose schedule is open counts, otherwise the door's mode
	Antipassback Antipassback  `yaml:"antipassback"` // of the zone that the door leads to
	TwoPerson    time.Duration `yaml:"two_person"`   // two different persons within this time; 0: one is enough; whole seconds
	Escort       time.Duration `yaml:"escort"`       // a visitor within this time after an escort; 0: visitors are as others; whole seconds
	Interlock    string        `yaml:"interlock"`    // group of doors of which one at most is not closed and locked; empty: none
	Security     string        `yaml:"security"`     // the weakest badge that is accepted: number, secret; empty: any
	ClockUnset   bool          `yaml:"clock_unset"`  // while the clock is not set, validity and schedules are not judged
}

// Period is a mode by schedule.
type Period struct {
	Schedule    string `yaml:"schedule"` // ID of a schedule in the register of people; "always" is known
	Mode        Mode   `yaml:"mode"`
	FirstPerson bool   `yaml:"first_person"` // begins when somebody who may come first has entered
}

// Antipassback is how a door treats a badge that is inside already.
type Antipassback struct {
	Kind string        `yaml:"kind"` // soft: let in, and told; hard: refused; timed: refused for a while; empty: nothing
	For  time.Duration `yaml:"for"`  // timed: how long; whole seconds
}

// Occupancy is what happens when a zone is full, by the badges that its gateway has seen.
type Occupancy struct {
	Limit  int    `yaml:"limit"`  // badges; default: how many people the zone is meant for
	Action string `yaml:"action"` // notify, deny; empty: nothing
}

// ClockTime is a local time of day: 04:00.
type ClockTime string

// Minute is the minute of the day, 0 … 1439; -1 when it is no time.
func (c ClockTime) Minute() int {
	t, err := time.Parse("15:04", string(c))
	if err != nil || len(c) != len("15:04") {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// OnFireRelease is the one value of Door.OnFire besides nothing.
const OnFireRelease = "release"

// DoorsAround is the doors that lead into a zone or out of it, in the order of the file.
func (b *Building) DoorsAround(zone string) []*Door {
	var doors []*Door
	for _, d := range b.Doors {
		if d.From == zone || d.To == zone {
			doors = append(doors, d)
		}
	}
	return doors
}
