package directory

import (
	"log/slog"
	"slices"
	"time"

	"kapija/internal/policy"
	"kapija/internal/site"
)

// doorRules puts what the configuration says of a gateway's doors, and of the zones around them, into its rules, and
// marks the schedules that it names as used. A plan that names a schedule which the register does not have (yet) would
// make the rules wrong as a whole; its door stays secure instead, or as much more as it was, and the gateway gets the rest.
func doorRules(r *policy.Rules, b *site.Building, gateway string, known, used map[string]bool) {
	if b.Reset != "" {
		if r.Reset = b.Reset.Minute(); r.Reset == 0 {
			r.Reset = 24 * 60
		}
	}
	r.Zones = map[string]policy.ZoneRule{}
	r.Doors = map[string]policy.DoorRule{}
	for _, d := range b.DoorsOf(gateway) {
		rule := doorRule(d)
		missing := func(p policy.Period) bool { return p.Schedule != always && !known[p.Schedule] }
		if i := slices.IndexFunc(rule.Periods, missing); i >= 0 {
			slog.Default().Warn("a door's mode plan names a schedule that does not exist; the door stays locked until it does",
				"room", "directory", "building", b.ID, "door", d.ID, "schedule", rule.Periods[i].Schedule)
			rule.Periods = nil
			if rule.Mode == policy.ModeUnlocked || rule.Mode == policy.ModeFreeAccess {
				rule.Mode = policy.ModeSecure
			}
		}
		for _, p := range rule.Periods {
			used[p.Schedule] = true
		}
		limited := false
		for _, id := range []string{d.From, d.To} {
			if z := b.Zone(id); z != nil && z.Occupancy.Action != "" {
				r.Zones[id] = policy.ZoneRule{Limit: z.Occupancy.Limit, Action: policy.LimitedAction(z.Occupancy.Action)}
				limited = true
			}
		}
		if limited || asks(rule) {
			r.Doors[d.ID] = rule
		}
	}
}

func doorRule(d *site.Door) policy.DoorRule {
	rule := policy.DoorRule{
		From: d.From, To: d.To, Mode: policy.Mode(d.Mode),
		Antipassback: policy.Antipassback{Kind: policy.Passback(d.Rules.Antipassback.Kind), For: inSeconds(d.Rules.Antipassback.For)},
		TwoPerson:    inSeconds(d.Rules.TwoPerson), Escort: inSeconds(d.Rules.Escort),
		Interlock: d.Rules.Interlock, Security: strengths[d.Rules.Security], ClockUnset: d.Rules.ClockUnset,
	}
	for _, p := range d.Rules.Periods {
		rule.Periods = append(rule.Periods, policy.Period{Schedule: p.Schedule, Mode: policy.Mode(p.Mode), FirstPerson: p.FirstPerson})
	}
	return rule
}

// asks says whether a rule differs from none.
func asks(r policy.DoorRule) bool {
	return r.Mode != "" && r.Mode != policy.ModeSecure || r.Periods != nil || r.Antipassback.Kind != "" || r.TwoPerson != 0 ||
		r.Escort != 0 || r.Interlock != "" || r.Security != 0 || r.ClockUnset
}

var strengths = map[string]policy.Strength{"number": policy.StrengthNumber, "secret": policy.StrengthSecret}

func inSeconds(d time.Duration) policy.Seconds { return policy.Seconds(d / time.Second) }
