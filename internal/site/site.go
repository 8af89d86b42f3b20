// Package site is the model of configs/: buildings, floors, zones, doors, gateways and what is wired to them.
// A loaded District is validated, linked and read-only; it may be shared by any number of goroutines.
//
// People who edit the files read the errors: each names file, line and column, what was found and what is allowed, and
// all of them come at once. A missing or unknown thing is never guessed.
//
// It does no I/O beyond reading the file that it is told to read.
package site

import (
	"time"

	"kapija/internal/cardformat"
)

// Outside is the zone ID of everything that is not in the building.
const Outside = "outside"

// Text is a name in Serbian, written in Cyrillic, and in English. Latin script is made from the Cyrillic.
type Text struct {
	Sr string `yaml:"sr"`
	En string `yaml:"en"`
}

// District is all buildings that one server cares for.
type District struct {
	Name      Text        `yaml:"name"`
	Buildings []*Building `yaml:"buildings"`
	Own       []*Format   `yaml:"formats"` // card formats of the site's own

	Formats *cardformat.Set `yaml:"-"` // those that everybody has, and Own
}

// Building is one house. In it, IDs of doors, zones, floors and gateways are unique each
// among themselves, and IDs of devices (readers, inputs, outputs, counters and sensors) among all devices.
type Building struct {
	ID       string     `yaml:"id"`
	Name     Text       `yaml:"name"`
	City     Text       `yaml:"city"`
	TimeZone string     `yaml:"time_zone"` // IANA name
	Reset    ClockTime  `yaml:"reset"`     // local time at which gateways forget who is where, for anti-passback and occupancy; empty: never
	Sources  []string   `yaml:"sources"`   // where the public facts come from
	Floors   []*Floor   `yaml:"floors"`
	Zones    []*Zone    `yaml:"zones"`
	Doors    []*Door    `yaml:"doors"`
	Gateways []*Gateway `yaml:"gateways"`

	Location *time.Location `yaml:"-"` // of TimeZone
}

// Floor is one level with its plan. Plan coordinates are metres; x to the right, y down.
type Floor struct {
	ID     string  `yaml:"id"`
	Name   Text    `yaml:"name"`
	Width  float64 `yaml:"width"`  // m
	Height float64 `yaml:"height"` // m
}

// Zone is an area in which people are counted.
type Zone struct {
	ID       string   `yaml:"id"`
	Name     Text     `yaml:"name"`
	Floor    string   `yaml:"floor"`
	AreaM2   float64  `yaml:"area_m2"`
	Capacity Capacity `yaml:"capacity"`
	Shape    Shape    `yaml:"shape"`

	Occupancy Occupancy `yaml:"occupancy"` // what happens when it is full; left out: nothing
}

// Capacity is how many people a zone is meant for.
type Capacity struct {
	People      int     `yaml:"people"`        // stated by the operator; 0: computed from M2PerPerson
	M2PerPerson float64 `yaml:"m2_per_person"` // the rule behind an assumed capacity
	Assumed     bool    `yaml:"assumed"`       // true when the figure is not an official one
}

// Shape is a zone's outline on its floor's plan: a polygon or a sector of a ring; exactly one is set.
type Shape struct {
	Polygon []Point `yaml:"polygon,omitempty"`
	Sector  *Sector `yaml:"sector,omitempty"`
}

// Point is a place on a plan, in metres.
type Point [2]float64

// Sector is a part of a ring. Angles are degrees clockwise from the x axis.
type Sector struct {
	Centre Point   `yaml:"centre"`
	Inner  float64 `yaml:"inner"` // radius, m; 0 for a slice of a disc
	Outer  float64 `yaml:"outer"` // radius, m
	From   float64 `yaml:"from"`  // degrees
	To     float64 `yaml:"to"`    // degrees, greater than From
}

// Door is one portal between two zones, driven by one gateway.
type Door struct {
	ID       string `yaml:"id"`
	Name     Text   `yaml:"name"`
	Gateway  string `yaml:"gateway"`
	From     string `yaml:"from"`     // zone on the outer side, or "outside"
	To       string `yaml:"to"`       // zone on the inner side: passing towards it is side "in"
	Position Point  `yaml:"position"` // on the plan of To's floor; of From's when To is "outside"
	Public   bool   `yaml:"public"`   // visitors without badges pass here
	Mode     Mode   `yaml:"mode"`     // the mode when nothing else is commanded or planned; default secure
	Rules    Rules  `yaml:"rules"`    // what the door asks for besides an access level; left out: nothing

	Lock      string        `yaml:"lock"`       // output that unlocks
	Fail      Fail          `yaml:"fail"`       // what the lock does without power
	Contact   string        `yaml:"contact"`    // input, active while the door is open; empty: there is none
	REX       string        `yaml:"rex"`        // input, active while somebody asks to leave; empty: there is none
	Entry     string        `yaml:"entry"`      // reader on the outer side; empty: there is none
	Exit      string        `yaml:"exit"`       // reader on the inner side; empty: there is none
	Counter   string        `yaml:"counter"`    // people counter at this door; empty: there is none
	Release   time.Duration `yaml:"release"`    // how long a grant unlocks; default 5 s
	Extended  time.Duration `yaml:"extended"`   // the same for people who need longer (accessible); default 15 s, or Release if that is longer
	HeldAfter time.Duration `yaml:"held_after"` // open for longer is held; default 30 s

	HeldWarning time.Duration `yaml:"held_warning"` // the readers sound so long before held; default 5 s, at most half of HeldAfter
	OnFire      string        `yaml:"on_fire"`      // "release": the lock is released while the gateway's fire input is active; empty: nothing
}

// Fail is what a lock does without power.
type Fail string

// A fail-secure strike stays locked without power: its output is energised to unlock. A fail-safe magnet lets go
// without power: its output is energised to lock.
const (
	FailSecure Fail = "secure"
	FailSafe   Fail = "safe"
)

// Gateway is one Raspberry Pi and what hangs on it.
type Gateway struct {
	ID       string     `yaml:"id"`
	Name     Text       `yaml:"name"`
	Model    string     `yaml:"model"` // zero2, pi3, pi4 or pi5
	Readers  []*Reader  `yaml:"readers"`
	Inputs   []*Input   `yaml:"inputs"`
	Outputs  []*Output  `yaml:"outputs"`
	Counters []*Counter `yaml:"counters"`
	Sensors  []*Sensor  `yaml:"sensors"`
	Fire     string     `yaml:"fire"`   // input, active while the fire alarm system reports a fire; empty: there is none
	Tamper   string     `yaml:"tamper"` // input, active while the cabinet is open; empty: there is none
}

// Reader is one badge reader.
type Reader struct {
	ID      string   `yaml:"id"`
	Formats []string `yaml:"formats"` // names of those of the district; Wiegand formats one for each length
	LED     string   `yaml:"led"`     // output: energised is green; empty: none
	Buzzer  string   `yaml:"buzzer"`  // output; empty: none
	Tamper  string   `yaml:"tamper"`  // input, active while the reader is off its wall; empty: none

	Keypad         string `yaml:"keypad"`          // how a Wiegand reader sends keys: 4-bit, 8-bit or 26-bit; empty: it has none
	KeypadFacility int    `yaml:"keypad_facility"` // of the frame in which a 26-bit keypad sends the PIN; default 0
}

// Input is one contact.
type Input struct {
	ID       string        `yaml:"id"`
	Name     Text          `yaml:"name"`
	Active   string        `yaml:"active"`   // the level that means active: high or low; default low: a contact that closes to ground
	Debounce time.Duration `yaml:"debounce"` // default 20 ms
}

// Output is one relay, LED or buzzer line.
type Output struct {
	ID   string `yaml:"id"`
	Name Text   `yaml:"name"`
}

// Counter counts people with their direction: by two light barriers, or by two distance sensors.
type Counter struct {
	ID    string `yaml:"id"`
	Chip  string `yaml:"chip"`  // vl53l1x: two distance sensors; empty: two light barriers
	Outer string `yaml:"outer"` // input of the barrier on the outer side; empty with a chip
	Inner string `yaml:"inner"` // input of the barrier on the inner side; empty with a chip
}

// Sensor measures or watches something in one zone.
type Sensor struct {
	ID    string        `yaml:"id"`
	Zone  string        `yaml:"zone"`
	Chip  string        `yaml:"chip"`  // one of those in chips.go
	Every time.Duration `yaml:"every"` // how often it is read; default 60 s
}
