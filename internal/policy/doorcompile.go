package policy

import (
	"maps"
	"slices"
	"time"
)

// The limits of a rule. A week is how far ahead a change of mode is looked for.
const (
	maxPeriods = 16
	maxWithin  = Seconds(24 * 60 * 60)
	week       = 7 * 24 * time.Hour
)

// rule is a compiled DoorRule.
type rule struct {
	DoorRule
	mode    Mode
	periods []period
	others  []string  // doors of the same interlock group
	into    *ZoneRule // of To; nil: no limit
	outOf   *ZoneRule // of From
}

type period struct {
	plan  uint16 // as door.plans
	mode  Mode
	first bool
}

// doorRules compiles the rules of doors and zones, and reports every problem.
func (c *ruleset) doorRules(r Rules, plans map[string]uint16, report func(string, ...any)) {
	c.reset, c.pin = r.Reset, r.PIN
	if c.reset < 0 || c.reset > minutesPerDay {
		report("reset is minute %d: 1 … %d, or 0 for never, is expected", r.Reset, minutesPerDay)
	}
	if c.pin == (PINRule{}) {
		c.pin = defaultPINRule
	}
	if p := c.pin; p.Tries < 1 || p.Tries > MaxTries || p.Within < 1 || p.Wait < 1 || p.Within > maxWithin || p.Wait > maxWithin {
		report("pin: %d tries within %d s, %d s of waiting: 1 … %d tries and 1 … %d s are expected", p.Tries, p.Within, p.Wait, MaxTries, maxWithin)
	}
	limits := make(map[string]*ZoneRule)
	for _, id := range slices.Sorted(maps.Keys(r.Zones)) {
		z := r.Zones[id]
		if z.Limit < 1 || z.Action != "" && z.Action != LimitNotify && z.Action != LimitDeny {
			report("zone %q: limit %d with action %q: a limit from 1 on, and %q, %q or nothing are expected", id, z.Limit, z.Action, LimitNotify, LimitDeny)
		}
		if z.Action != "" {
			limits[id] = &z
		}
	}
	groups := make(map[string][]string)
	for _, id := range slices.Sorted(maps.Keys(r.Doors)) {
		if group := r.Doors[id].Interlock; group != "" {
			groups[group] = append(groups[group], id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.Doors)) {
		say := func(format string, args ...any) { report("door %q: "+format, append([]any{id}, args...)...) }
		compiled := newRule(r.Doors[id], plans, say)
		compiled.into, compiled.outOf = limits[compiled.To], limits[compiled.From]
		for _, other := range groups[compiled.Interlock] {
			if other != id {
				compiled.others = append(compiled.others, other)
			}
		}
		if c.doors[id] == nil {
			c.doors[id] = &door{first: make([]uint16, len(r.Levels)+1)}
		}
		c.doors[id].rule = compiled
	}
}

func newRule(d DoorRule, plans map[string]uint16, say func(string, ...any)) *rule {
	r := &rule{DoorRule: d, mode: d.Mode}
	if r.mode == "" {
		r.mode = ModeSecure
	}
	if !r.mode.known() {
		say("mode %q: %s is expected", d.Mode, allModes)
	}
	if len(d.Periods) > maxPeriods {
		say("%d periods: at most %d are possible", len(d.Periods), maxPeriods)
	}
	for _, p := range d.Periods {
		plan, ok := plans[p.Schedule]
		switch {
		case !ok:
			say("schedule %q of a period is not defined: one of %s is expected", p.Schedule, known(plans))
		case !p.Mode.known():
			say("mode %q of a period: %s is expected", p.Mode, allModes)
		case p.FirstPerson && (!p.Mode.opens() || p.Schedule == always):
			say("a period with mode %q and schedule %q waits for a first person: %s or %s, and a schedule other than %q, is expected", p.Mode, p.Schedule, ModeFreeAccess, ModeUnlocked, always)
		}
		r.periods = append(r.periods, period{plan, p.Mode, p.FirstPerson})
		if d.Interlock != "" && p.Mode == ModeUnlocked {
			say("interlock %q and a period with mode %s: a door that stands unlocked locks the others of its group", d.Interlock, p.Mode)
		}
	}
	if d.Interlock != "" && r.mode == ModeUnlocked {
		say("interlock %q and mode %s: a door that stands unlocked locks the others of its group", d.Interlock, r.mode)
	}
	switch a := d.Antipassback; a.Kind {
	case "", PassbackSoft, PassbackHard:
		if a.For != 0 {
			say("anti-passback %q for %d s: a time only with %q is expected", a.Kind, a.For, PassbackTimed)
		}
	case PassbackTimed:
		if a.For < 1 || a.For > maxWithin {
			say("anti-passback %q for %d s: 1 … %d s are expected", a.Kind, a.For, maxWithin)
		}
	default:
		say("anti-passback %q: %q, %q, %q or nothing is expected", a.Kind, PassbackSoft, PassbackHard, PassbackTimed)
	}
	if d.Antipassback.Kind != "" && (d.From == "" || d.To == "" || d.From == d.To) {
		say("anti-passback from zone %q to zone %q: two different zones are expected", d.From, d.To)
	}
	if d.TwoPerson > maxWithin || d.Escort > maxWithin {
		say("two persons within %d s, an escort within %d s: at most %d s are expected", d.TwoPerson, d.Escort, maxWithin)
	}
	if d.Security > StrengthSecret {
		say("security %d: 0 … %d is expected", d.Security, StrengthSecret)
	}
	return r
}

const allModes = "one of secure, card_and_pin, free_access, unlocked, lockdown, disabled"
