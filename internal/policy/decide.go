package policy

import (
	"time"

	"kapija/internal/event"
)

// Decide answers one request. It is pure, refuses whenever it is in doubt, and allocates nothing but for a PIN. The order
// is a contract; the first line that applies is the answer:
//
//  1. policy_missing: the snapshot is nil or has no rules.
//  2. bad_parity, unknown_format: the frame is no credential. Any other fault is unknown_format.
//  3. policy_missing: the shard that would hold the credential was never loaded.
//  4. unknown_badge: no shard holds the credential.
//  5. revoked: the badge was revoked.
//  6. suspended: the person is suspended.
//  7. clock_unset: the time is not known, so that neither validity nor schedule can be judged, even for a credential
//     that has no limits. Any clock but synced and held is unset (L09). A door whose rule says so goes on without
//     judging validity and schedules.
//  8. not_yet_valid: At is before NotBefore.
//  9. expired: At is at or after NotAfter.
//  10. door_disabled: the mode is disabled, or none that is known. A commanded mode comes before the planned one.
//  11. lockdown: the mode is lockdown, and the person is not exempt.
//  12. weak_credential: the door asks for a stronger one.
//  13. no_access: no level of the credential grants this door at any time. A level that the rules do not hold grants nothing.
//  14. outside_schedule: a level grants this door, but not now. In mode free access 13 and 14 are not asked.
//  15. pin_needed, pin_locked, wrong_pin: the mode is card and PIN, on the way in.
//  16. interlock: another door of the group is not closed and locked, or that is not known.
//  17. antipassback: the badge is in that zone already. A place from before the daily reset does not count.
//  18. escort_needed: a visitor, and no escort was accepted here just before.
//  19. second_person_needed: two different persons are asked for, and this is the first.
//  20. occupancy_limit: the zone is full, by what the gateway knows.
//  21. duress: as granted, with a duress PIN.
//  22. granted.
//
// From 5 on the badge is known and in the answer; from 10 on the mode. Only the way in is refused by 15 and 17 to 20: they
// keep nobody in. In mode unlocked 16, 18 and 19 are not asked, and 17 and 20 refuse nobody, because the door stands open.
// Where 15 to 20 need to know what was before, and there is no Memory, they refuse.
func (s *Snapshot) Decide(r Request) Decision { return s.decide(&r, nil) }

// decide is Decide; what it does is noted in n, unless that is nil.
func (s *Snapshot) decide(r *Request, n *notes) Decision {
	if s == nil || s.rules == nil {
		return Decision{Reason: n.refused(event.PolicyNotLoaded)}
	}
	switch r.Fault {
	case "":
	case event.BadParity:
		return Decision{Reason: n.refused(event.BadParity)}
	default:
		return Decision{Reason: n.refused(event.UnknownFormat)}
	}
	t := s.shards[r.Key.Shard()]
	if t == nil {
		return Decision{Reason: n.refused(event.PolicyNotLoaded)}
	}
	at := t.find(&r.Key)
	if at < 0 {
		return Decision{Reason: n.refused(event.UnknownBadge)}
	}
	rec := &t.records[at]
	c := inquiry{rules: s.rules, table: t, at: at, rec: rec, door: s.rules.doors[r.Door], notes: n}
	if c.door != nil {
		c.rule = c.door.rule
	}
	c.d = Decision{Badge: t.badgeOf(rec), Extended: rec.extended(), Person: rec.person, Roles: rec.roles()}
	if n != nil {
		n.add("known", "badge", c.d.Badge)
	}
	c.d.Reason = c.judge(r)
	c.d.Granted = c.d.Reason == event.Granted || c.d.Reason == event.Duress
	return c.d
}

// inquiry is one decision about a credential that is known.
type inquiry struct {
	rules *ruleset
	table *table
	rec   *record
	at    int   // of rec in table
	door  *door // nil: the rules do not name it
	rule  *rule // of door; nil: there is none
	notes *notes

	d     Decision
	timed bool   // the time is known
	now   moment // when timed, and not always
	seen  bool   // now is set
}

// judge is the order from 5 on.
func (c *inquiry) judge(r *Request) event.Reason {
	if reason := c.standing(r); reason != "" {
		return c.notes.refused(reason)
	}
	c.d.Mode = c.mode(r)
	if reason := c.admitted(r); reason != "" {
		return c.notes.refused(reason)
	}
	if c.d.Mode == ModeFreeAccess {
		c.note("free_access")
	} else if reason := c.access(r); reason != "" {
		return c.notes.refused(reason)
	}
	if reason := c.procedure(r); reason != "" {
		return c.notes.refused(reason)
	}
	if c.d.Duress {
		return c.notes.granted(event.Duress)
	}
	return c.notes.granted(event.Granted)
}

// standing is 5 to 9: the credential by itself.
func (c *inquiry) standing(r *Request) event.Reason {
	switch c.rec.status {
	case Active:
	case Suspended:
		return event.Suspended
	default:
		return event.Revoked
	}
	c.note("active")
	c.timed = r.Clock == event.ClockIsSynced || r.Clock == event.ClockIsHeld
	if !c.timed {
		if c.rule == nil || !c.rule.ClockUnset {
			return event.ClockUnset
		}
		c.note("clock_unset")
		return ""
	}
	now := r.At.Unix()
	if from := c.rec.notBefore; from != 0 && now < int64(from) {
		c.noteTime("valid_from", from)
		return event.NotYetValid
	}
	if until := c.rec.notAfter; until != 0 && now >= int64(until) {
		c.noteTime("valid_until", until)
		return event.Expired
	}
	c.note("valid")
	return ""
}

// mode is the commanded mode, or else the planned one.
func (c *inquiry) mode(r *Request) Mode {
	mode, why := ModeSecure, "mode"
	switch u := c.rule; {
	case r.Mode != "":
		mode, why = r.Mode, "mode_commanded"
	case u == nil:
	case !c.timed:
		mode = c.rules.unplanned(u)
	case len(u.periods) == 0:
		mode = u.mode
	default:
		var firstIn time.Time
		if r.Memory != nil {
			firstIn = r.Memory.FirstIn(r.Door)
		}
		mode = c.rules.modeAt(u, r.At, firstIn)
	}
	if c.notes != nil {
		c.notes.add(why, "mode", string(mode))
	}
	return mode
}

// admitted is 10 to 12: the door's mode, and what it asks of a credential.
func (c *inquiry) admitted(r *Request) event.Reason {
	switch c.d.Mode {
	case ModeSecure, ModeCardAndPIN, ModeFreeAccess, ModeUnlocked:
	case ModeLockdown:
		if !c.d.Roles.Has(Exempt) {
			return event.Lockdown
		}
		c.note("exempt")
	default:
		return event.DoorDisabled
	}
	if c.rule != nil && c.rule.Security > 0 {
		if StrengthOf(r.Format) < c.rule.Security {
			return event.WeakCredential
		}
		c.note("strong")
	}
	return ""
}

// access is 13 and 14: levels and schedules.
func (c *inquiry) access(r *Request) event.Reason {
	d := c.door
	if d == nil {
		return event.NoAccess
	}
	reason := event.NoAccess
	for _, number := range c.table.levelsOf(c.rec) {
		if int(number) >= len(c.rules.levels) || c.rules.levels[number] == 0 {
			continue
		}
		place := c.rules.levels[number] - 1
		for _, p := range d.plans[d.first[place]:d.first[place+1]] {
			if p == 0 || !c.timed || c.open(r, p) {
				c.noteLevel("level", place, p)
				return ""
			}
			reason = event.OutsideSchedule
			c.noteLevel("level_closed", place, p)
		}
	}
	return reason
}

func (c *inquiry) open(r *Request, plan uint16) bool {
	if !c.seen {
		c.now, c.seen = c.rules.momentOf(r.At), true
	}
	return c.rules.plans[plan-1].openAt(c.now)
}
