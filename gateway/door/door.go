// Package door is the state machine of one door: what the lock does, what is recorded and what the reader answers when
// a credential was decided, the contact moves, somebody asks to leave, a deadline passes or the mode changes.
//
// It never decides about a credential, never does I/O, never reads a clock and starts no goroutine: time comes in with
// each Step. A Machine belongs to one goroutine; it holds at most maxPending grants that wait for their passage.
//
// The rules, as a contract:
//
//   - Nothing is driven before the first SetMode. From then on the lock is released in mode unlocked and during a
//     release, and locked otherwise. Each move of the lock has its Record (door.unlocked, door.locked) with a cause.
//   - A grant or a request to exit releases for a limited time. The door relocks when it closes, or when the time is
//     over, whichever comes first. One opening uses up every grant that waits at that moment: those people stand at the
//     door together, and each gets an access.entered of their own.
//   - The same badge on the same side while its grant still waits renews that grant: it is one person.
//   - A grant whose time ends without an opening gets access.not_entered, Settle after the lock went back.
//   - A grant while the door stands open is access.entered with cause door_open at once; the lock is released all the
//     same, so that a contact that is stuck at open locks nobody out.
//   - Without a contact, or while its input does not answer, a grant is access.entered with cause assumed at once.
//   - Opened while locked, with nothing waiting, is forced; open for longer than Config.HeldAfter is held, also when it
//     was forced. Both end with a clear of their own when the door closes. A stop of the gateway ends them without one:
//     the next start looks at the door anew.
//   - A door that is found open at start is recorded with cause start and is never forced, but becomes held.
//   - Unlocked: neither forced nor held is raised. Lockdown and disabled: grants are refused, waiting grants end; a
//     request to exit still releases, because neither may keep anybody in. In lockdown a grant counts when it was decided
//     for the lockdown, to somebody who is exempt.
//   - A grant of two persons is a grant and a passage for each of them. What a grant broke, and duress, are events besides;
//     the reader shows neither.
//   - A request to exit that stays active releases once: a stuck button cannot hold a door open. While the door is open
//     it is recorded and releases, but is no passage: a motion sensor also sees those who come in.
//   - A command opens like a grant, in the modes in which grants open, and is recorded as accepted or refused; it is nobody's
//     passage.
//   - Config.Warn before a door becomes held its readers sound, and go on until it closes or nothing is held any more.
//   - Fire suppresses new forced and held alarms. With Config.FireRelease the lock is released for as long as the fire lasts,
//     whatever the mode is, lockdown too, and a stop of the gateway leaves it so. Release on fire that life depends on is
//     wired in hardware; this follows it, so that nothing works against it.
//
// These inputs change nothing and are recorded nowhere: a level that is already known (contact, REX, fire, mode), REX
// becoming inactive, a contact that is found closed, ContactLost again, a contact or its loss at a door that has none,
// Tick before a deadline.
package door

import (
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
)

// Settle is how long after the end of a release an opening still belongs to it: the bolt moves and the contact is
// debounced while the time runs out.
const Settle = 500 * time.Millisecond

// maxPending bounds the grants that wait for one opening; the oldest gives way, as not entered.
const maxPending = 32

// Config is what a door is built like.
type Config struct {
	Contact   bool          // there is a door contact
	Release   time.Duration // how long a grant or a request to exit releases
	Extended  time.Duration // the same for people who need longer; Release when shorter than it
	HeldAfter time.Duration // open for longer is held; never less than the release that opened it; 0: never
	Warn      time.Duration // how long before that the readers begin to sound; at most half of HeldAfter; 0: not at all

	FireRelease bool // released while the fire input is active
}

// Mode is what the door is meant to be at present. To a door secure, card and PIN, and free access are the same: locked,
// and grants release.
type Mode = policy.Mode

// The modes.
const (
	Secure     = policy.ModeSecure
	CardAndPIN = policy.ModeCardAndPIN
	FreeAccess = policy.ModeFreeAccess
	Unlocked   = policy.ModeUnlocked // released until the mode changes
	Lockdown   = policy.ModeLockdown // locked; grants are refused, but for one that was given in the knowledge of the lockdown
	Disabled   = policy.ModeDisabled // locked; every grant is refused with reason door_disabled
)

// The causes that this package writes. Grants carry "badge"; a mode's causes are those of SetMode.
const (
	byBadge   = "badge"
	byREX     = "rex"
	byStart   = "start"     // found like this when the gateway or the input started
	byStop    = "stop"      // the gateway stops
	byMode    = "mode"      // the mode wants it so
	byFire    = "fire"      // opened while the fire input was active
	byForce   = "forced"    // opened while locked
	byClosing = "closed"    // relocked because the door closed
	byTimeout = "timeout"   // the time was over
	throughIt = "door_open" // a grant while the door stood open
	assumed   = "assumed"   // nothing can see whether somebody passed
	overtaken = "overtaken" // more than maxPending grants waited
)

// Input is one of Decided, Contact, ContactLost, REX, Open, Fire, SetMode, Tick and Stop.
type Input interface{ input() }

// Decided is a credential at the reader of one side, and the decision about it.
type Decided struct {
	Decision policy.Decision
	Side     event.Side // the side that the person goes to: In at the entry reader
}

// Contact is the level of the door contact; active is open. The first one after start or ContactLost tells what is
// found.
type Contact struct{ Active bool }

// ContactLost says that the contact's input does not answer any more.
type ContactLost struct{}

// REX is the level of the request to exit. First tells the level as found at start, which never releases.
type REX struct{ Active, First bool }

// Open releases once, because somebody in charge says so; Cause says who.
type Open struct {
	Cause    string
	Extended bool // for the longer time
}

// Fire is the level of the fire alarm input.
type Fire struct{ Active bool }

// SetMode changes the mode; Cause says by whom or what. The first one starts the door.
type SetMode struct {
	Mode  Mode
	Cause string
}

// Tick says that time has passed; it is due at Machine.Deadline. An early or late one does no harm.
type Tick struct{}

// Stop locks the door and ends what waits. Only SetMode starts it again.
type Stop struct{}

func (Decided) input()     {}
func (Contact) input()     {}
func (ContactLost) input() {}
func (REX) input()         {}
func (Open) input()        {}
func (Fire) input()        {}
func (SetMode) input()     {}
func (Tick) input()        {}
func (Stop) input()        {}

// Action is one of Drive, Answer and Record. A step has one Drive at most, in front; Records are in order.
type Action interface{ action() }

// Drive moves the lock. Whether released means energised is for the lock's adapter to know.
type Drive struct{ Released bool }

// Answer is shown and sounded by the reader of one side.
type Answer struct {
	Side event.Side
	Says Says
}

// Says is what a reader answers.
type Says uint8

// The answers.
const (
	Welcome Says = iota // granted
	NotHere             // this credential does not open this door
	NotNow              // it may at another time, or when the door's state changes
	CloseIt             // the door is open for too long, or soon will be; until another answer
	Quiet               // ends CloseIt
	GoOn                // more is expected: the PIN, or a second person
)

// Record is one audit event of this door, without what the gateway adds: sequence, time, door.
type Record struct {
	Kind   event.Kind
	Side   event.Side
	Badge  string
	Reason event.Reason
	Cause  string
}

func (Drive) action()  {}
func (Answer) action() {}
func (Record) action() {}

// Status is the door as it stands.
type Status struct {
	Mode                       Mode // empty before the first SetMode and after Stop
	Open, Locked, Forced, Held bool
	Unseen                     bool // there is a contact, and it does not answer
}

func answer(r event.Reason) Says {
	switch r {
	case event.OutsideSchedule, event.NotYetValid, event.Expired, event.ClockUnset, event.Lockdown,
		event.DoorDisabled, event.PolicyNotLoaded, event.OccupancyLimit, event.Interlocked, event.EscortNeeded:
		return NotNow
	case event.SecondPerson, event.PINNeeded:
		return GoOn
	}
	return NotHere
}
