package policy

import (
	"strconv"
	"time"

	"kapija/internal/event"
)

// procedure is 15 to 20: what a door asks for when the person has the right to pass.
func (c *inquiry) procedure(r *Request) event.Reason {
	u := c.rule
	inward, shut := r.Side != event.Out, c.d.Mode != ModeUnlocked
	if c.d.Mode == ModeCardAndPIN && inward {
		if reason := c.pin(r); reason != "" {
			return reason
		}
	}
	if u == nil {
		return ""
	}
	if shut && len(u.others) > 0 && !c.secured(r) {
		return event.Interlocked
	}
	zone, limit := u.To, u.into
	if !inward {
		zone, limit = u.From, u.outOf
	}
	if u.Antipassback.Kind != "" {
		if reason := c.antipassback(r, zone, inward && shut); reason != "" {
			return reason
		}
	}
	if shut && inward && u.Escort > 0 && c.d.Roles.Has(Visitor) && !c.escorted(r) {
		return event.EscortNeeded
	}
	if shut && inward && u.TwoPerson > 0 && !c.second(r) {
		return event.SecondPerson
	}
	if limit != nil {
		return c.occupancy(r, zone, limit, inward && shut)
	}
	return ""
}

// pin asks for the person's PIN. Who has none cannot pass.
func (c *inquiry) pin(r *Request) event.Reason {
	want, ok := c.table.pin(c.at)
	if !ok || r.PIN == nil {
		if !ok {
			c.note("pin_none")
		}
		return event.PINNeeded
	}
	p := c.rules.pin
	if r.Memory == nil {
		c.note("no_memory")
		return event.PINLocked
	}
	if n, last := r.Memory.WrongPINs(c.d.Badge, r.At.Add(-p.Wait.Duration())); n > 0 {
		if n, _ = r.Memory.WrongPINs(c.d.Badge, last.Add(-p.Within.Duration())); n >= p.Tries {
			if c.notes != nil {
				c.notes.add("pin_wrong_before", "count", strconv.Itoa(n), "until", c.local(last.Add(p.Wait.Duration())))
			}
			return event.PINLocked
		}
	}
	if ok, c.d.Duress = r.PIN.match(c.d.Person, want); !ok {
		return event.WrongPIN
	}
	c.note("pin")
	return ""
}

func (c *inquiry) secured(r *Request) bool {
	for _, other := range c.rule.others {
		if r.Memory == nil || !r.Memory.Secured(other) {
			if c.notes != nil {
				c.notes.add("door_not_secured", "door", other)
			}
			return false
		}
	}
	c.note("interlock")
	return true
}

// antipassback judges a badge that goes to a zone. A mistake concerns this badge alone (L17).
func (c *inquiry) antipassback(r *Request, zone string, refuse bool) event.Reason {
	a := c.rule.Antipassback
	refuse = refuse && a.Kind != PassbackSoft
	if r.Memory == nil {
		c.note("no_memory")
		if refuse {
			return event.Antipassback
		}
		return ""
	}
	was, at, ok := r.Memory.Place(c.d.Badge)
	switch {
	case !ok || was != zone || at.Before(c.rules.resetBefore(r.At)):
	case a.Kind == PassbackTimed && r.At.Sub(at) >= a.For.Duration():
	default:
		if c.notes != nil {
			c.notes.add("there_already", "zone", zone, "since", c.local(at))
		}
		if refuse {
			return event.Antipassback
		}
		c.d.Notify |= NoticeAntipassback
		return ""
	}
	c.note("antipassback")
	return ""
}

// escorted says whether an escort was accepted here a short time ago.
func (c *inquiry) escorted(r *Request) bool {
	if r.Memory == nil {
		c.note("no_memory")
		return false
	}
	ok := c.within(r, r.Memory.Escorted(r.Door), c.rule.Escort)
	if ok {
		c.note("escort")
	}
	return ok
}

// second says whether another person waits here for this one.
func (c *inquiry) second(r *Request) bool {
	if r.Memory == nil {
		c.note("no_memory")
		return false
	}
	w, ok := r.Memory.Waiting(r.Door)
	if !ok || w.Side == event.Out || !c.within(r, w.At, c.rule.TwoPerson) {
		return false
	}
	if w.Badge == c.d.Badge || w.Person == 0 || w.Person == c.d.Person || c.d.Person == 0 {
		c.note("same_person")
		return false
	}
	c.d.With = w.Badge
	if c.notes != nil {
		c.notes.add("second", "badge", w.Badge)
	}
	return true
}

// within says whether at was a short time before the request.
func (c *inquiry) within(r *Request, at time.Time, short Seconds) bool {
	gone := r.At.Sub(at)
	return !at.IsZero() && gone >= 0 && gone <= short.Duration()
}

// occupancy judges whether there is room for those who are let in. Who is inside already takes no more of it.
func (c *inquiry) occupancy(r *Request, zone string, limit *ZoneRule, refuse bool) event.Reason {
	refuse = refuse && limit.Action == LimitDeny
	if r.Memory == nil {
		c.note("no_memory")
		if refuse {
			return event.OccupancyLimit
		}
		return ""
	}
	reset := c.rules.resetBefore(r.At)
	more := 1
	if was, at, ok := r.Memory.Place(c.d.Badge); ok && was == zone && !at.Before(reset) {
		more = 0
	}
	if c.d.With != "" {
		more++
	}
	n := r.Memory.Inside(zone, reset)
	if c.notes != nil {
		c.notes.add("occupancy", "zone", zone, "count", strconv.Itoa(n), "limit", strconv.Itoa(limit.Limit))
	}
	if more == 0 || n+more <= limit.Limit {
		return ""
	}
	if refuse {
		return event.OccupancyLimit
	}
	c.d.Notify |= NoticeOccupancy
	return ""
}

// resetBefore is the last daily reset at or before t; zero: there is none.
func (c *ruleset) resetBefore(t time.Time) time.Time {
	if c.reset == 0 {
		return time.Time{}
	}
	local := c.zone.local(t)
	second := (local%secondsPerDay + secondsPerDay) % secondsPerDay
	gone := (second - int64(c.reset)*60 + secondsPerDay) % secondsPerDay
	then := time.Unix(t.Unix()-gone, 0)
	// The clock may have been changed in between.
	want := local - gone
	reset := then.Add(-time.Duration(c.zone.local(then)-want) * time.Second)
	if c.zone.local(reset) != want { // in the hour that is left out: the change is it
		return c.zone.change(then, reset)
	}
	return reset
}
