package policy

import "kapija/internal/event"

// Decide answers one request. It is pure, allocates nothing, and refuses whenever it is in doubt. The order is a
// contract; the first line that applies is the answer:
//
//  1. policy_missing: the snapshot is nil or has no rules.
//  2. bad_parity, unknown_format: the frame is no credential. Any other fault is unknown_format.
//  3. policy_missing: the shard that would hold the credential was never loaded.
//  4. unknown_badge: no shard holds the credential.
//  5. revoked: the badge was revoked.
//  6. suspended: the person is suspended.
//  7. clock_unset: the time is not known, so that neither validity nor schedule can be judged, even for a credential
//     that has no limits. Any clock but synced and held is unset (L09).
//  8. not_yet_valid: At is before NotBefore.
//  9. expired: At is at or after NotAfter.
//  10. no_access: no level of the credential grants this door at any time. A level that the rules do not hold grants nothing.
//  11. outside_schedule: a level grants this door, but not now.
//  12. granted.
//
// From 5 on the badge is known and in the answer.
func (s *Snapshot) Decide(r Request) Decision {
	if s == nil || s.rules == nil {
		return Decision{Reason: event.PolicyNotLoaded}
	}
	switch r.Fault {
	case "":
	case event.BadParity:
		return Decision{Reason: event.BadParity}
	default:
		return Decision{Reason: event.UnknownFormat}
	}
	t := s.shards[r.Key.Shard()]
	if t == nil {
		return Decision{Reason: event.PolicyNotLoaded}
	}
	rec := t.find(&r.Key)
	if rec == nil {
		return Decision{Reason: event.UnknownBadge}
	}
	reason := s.rules.judge(&r, rec, t.levelsOf(rec))
	return Decision{Granted: reason == event.Granted, Reason: reason, Badge: t.badgeOf(rec), Extended: rec.extended}
}

// judge is the part of the order from 5 on.
func (c *ruleset) judge(r *Request, rec *record, levels []uint16) event.Reason {
	switch rec.status {
	case Active:
	case Suspended:
		return event.Suspended
	default:
		return event.Revoked
	}
	if r.Clock != event.ClockIsSynced && r.Clock != event.ClockIsHeld {
		return event.ClockUnset
	}
	now := r.At.Unix()
	if rec.notBefore != 0 && now < int64(rec.notBefore) {
		return event.NotYetValid
	}
	if rec.notAfter != 0 && now >= int64(rec.notAfter) {
		return event.Expired
	}
	return c.access(r, levels)
}

// access asks levels and schedules.
func (c *ruleset) access(r *Request, levels []uint16) event.Reason {
	d := c.doors[r.Door]
	if d == nil {
		return event.NoAccess
	}
	reason := event.NoAccess
	var m moment
	for _, number := range levels {
		if int(number) >= len(c.levels) || c.levels[number] == 0 {
			continue
		}
		place := c.levels[number] - 1
		for _, p := range d.plans[d.first[place]:d.first[place+1]] {
			if p == 0 {
				return event.Granted
			}
			if reason == event.NoAccess {
				reason = event.OutsideSchedule
				m = c.momentOf(r.At)
			}
			if c.plans[p-1].openAt(m) {
				return event.Granted
			}
		}
	}
	return reason
}
