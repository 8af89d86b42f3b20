package policy

import "time"

// HasRule says whether the rules say something about a door: EffectiveMode knows its mode then.
func (s *Snapshot) HasRule(door string) bool { return s.rule(door) != nil }

// EffectiveMode is the mode of a door by its plan, when nothing else is commanded. firstIn is Memory.FirstIn. With a zero
// at, when the clock is not set, no period is open. A door without a rule is secure.
func (s *Snapshot) EffectiveMode(door string, at, firstIn time.Time) Mode {
	r := s.rule(door)
	if r == nil {
		return ModeSecure
	}
	if at.IsZero() {
		return s.rules.unplanned(r)
	}
	return s.rules.modeAt(r, at, firstIn)
}

// NextModeChange is the next time at which the plan of a door may say another mode, at most a week ahead: ask again then.
// It is zero for a door without a plan. A first person may change the mode at any time.
func (s *Snapshot) NextModeChange(door string, at time.Time) time.Time {
	r := s.rule(door)
	if r == nil || len(r.periods) == 0 {
		return time.Time{}
	}
	next := at.Add(week)
	for _, p := range r.periods {
		if t := s.rules.changeAfter(p.plan, at); t.Before(next) {
			next = t
		}
	}
	return next
}

// Interlocked lists the other doors of a door's interlock group.
func (s *Snapshot) Interlocked(door string) []string {
	if r := s.rule(door); r != nil {
		return append([]string(nil), r.others...)
	}
	return nil
}

func (s *Snapshot) rule(door string) *rule {
	if s == nil || s.rules == nil || s.rules.doors[door] == nil {
		return nil
	}
	return s.rules.doors[door].rule
}

// modeAt is the first period that is open and does not wait for its first person, or else the rule's own mode.
func (c *ruleset) modeAt(r *rule, at, firstIn time.Time) Mode {
	if len(r.periods) == 0 {
		return r.mode
	}
	m := c.momentOf(at)
	for _, p := range r.periods {
		if c.open(p.plan, m) && (!p.first || c.openedSince(p.plan, firstIn, at)) {
			return p.mode
		}
	}
	return r.mode
}

// unplanned is the mode while nobody knows the time. A plan that locks at some time must not be lost with the clock: a
// door that is open without a plan is secure then.
func (c *ruleset) unplanned(r *rule) Mode {
	if r.mode.opens() {
		for _, p := range r.periods {
			if !p.mode.opens() {
				return ModeSecure
			}
		}
	}
	return r.mode
}

func (c *ruleset) open(plan uint16, m moment) bool { return plan == 0 || c.plans[plan-1].openAt(m) }

// openedSince says whether the plan has been open all the time from first to at, for a week at most.
func (c *ruleset) openedSince(plan uint16, first, at time.Time) bool {
	return !first.IsZero() && !first.After(at) && c.open(plan, c.momentOf(first)) && c.changeAfter(plan, first).After(at)
}

// changeAfter is when the plan opens or closes next after t, or a week after t, in UTC.
func (c *ruleset) changeAfter(plan uint16, t time.Time) time.Time {
	end := t.Add(week).UTC()
	if plan == 0 {
		return end
	}
	was := c.open(plan, c.momentOf(t))
	for now := t.Unix(); now < end.Unix(); {
		m := c.momentOf(time.Unix(now, 0))
		for steady := c.zone.steadyUntil(now); now < steady; now, m.minute = now+60, m.minute+1 {
			if c.open(plan, m) != was {
				return time.Unix(min(now, steady), 0).UTC()
			}
			if now+60 >= steady {
				now = steady - 60
			}
		}
	}
	return end
}
