package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The longest time that a rule waits for somebody, or refuses.
const (
	maxWaiting = 5 * time.Minute
	maxPassing = 24 * time.Hour
)

func (doc *document) rules(b *Building, d *Door) {
	what, r := quoted("door", d.ID)+": rules", &d.Rules
	for _, p := range r.Periods {
		if bad := strings.Trim(p.Schedule, "abcdefghijklmnopqrstuvwxyz0123456789-_"); p.Schedule == "" || bad != "" {
			doc.say(in(&p.Schedule, p), "%s: the schedule of a period is %q, expected the id of a schedule, which has only a-z, 0-9, - and _", what, p.Schedule)
		}
		doc.mode(&p.Mode, p, what+": the mode of a period")
		if p.FirstPerson && (p.Mode != FreeAccess && p.Mode != Unlocked || p.Schedule == "always") {
			doc.say(in(&p.FirstPerson, p), "%s: first_person with mode %q and schedule %q, expected free_access or unlocked, and a schedule that begins and ends", what, p.Mode, p.Schedule)
		}
	}
	doc.seconds(&r.TwoPerson, r, what+": two_person", maxWaiting)
	doc.seconds(&r.Escort, r, what+": escort", maxWaiting)
	if (r.TwoPerson != 0 || r.Escort != 0) && d.Entry == "" {
		doc.say(in(&r.TwoPerson, &r.Escort), "%s: two_person and escort are about the way in, which has no reader: expected an entry", what)
	}
	if r.Security != "" {
		doc.oneOf(&r.Security, r, what+": security", []string{"number", "secret"})
	}
	doc.antipassback(b, d)
}

func (doc *document) antipassback(b *Building, d *Door) {
	what, a := quoted("door", d.ID)+": rules: antipassback", &d.Rules.Antipassback
	if *a == (Antipassback{}) {
		return
	}
	doc.oneOf(&a.Kind, a, what, []string{"soft", "hard", "timed"})
	doc.seconds(&a.For, a, what+": for", maxPassing)
	if (a.Kind == "timed") != (a.For != 0) {
		doc.say(in(&a.For, a), "%s is %s with for %v, expected for with timed, and only there", what, a.Kind, a.For)
	}
	if a.Kind != "hard" && a.Kind != "timed" {
		return
	}
	if d.To == Outside {
		doc.say(in(a), "%s is %s, and the door leads outside: nobody is kept in", what, a.Kind)
	}
	if d.Contact == "" {
		doc.say(in(a), "%s is %s, and the door has no contact: who does not pass after a grant would count as inside; expected a contact, or soft", what, a.Kind)
	}
	if why := b.uncounted(d.To); why != "" {
		doc.say(in(a), "%s is %s, and %s: who leaves unseen would be refused; expected soft", what, a.Kind, why)
	}
}

// uncounted says why no single gateway knows which badges are in a zone; empty when one does.
func (b *Building) uncounted(zone string) string {
	doors := b.DoorsAround(zone)
	for _, d := range doors {
		if d.Entry == "" || d.Exit == "" {
			return fmt.Sprintf("door %s of zone %s has no reader on one of its sides", d.ID, zone)
		}
		if d.Gateway != doors[0].Gateway {
			return fmt.Sprintf("the doors of zone %s hang on gateways %s and %s, which do not know of each other", zone, doors[0].Gateway, d.Gateway)
		}
	}
	return ""
}

func (doc *document) occupancy(b *Building, z *Zone) {
	o := &z.Occupancy
	if *o == (Occupancy{}) {
		return
	}
	what := "zone " + z.ID + ": occupancy"
	doc.oneOf(&o.Action, o, what+": action", []string{"notify", "deny"})
	if _, stated := doc.at[&o.Limit]; stated && o.Limit < 1 {
		doc.say(in(&o.Limit), "%s: limit is %d, expected 1 or more", what, o.Limit)
	}
	if why := b.uncounted(z.ID); why != "" {
		doc.say(in(o, z), "%s: %s: nobody could count", what, why)
	}
}

// interlocks checks the groups of doors of which one at most may be open.
func (doc *document) interlocks(b *Building) {
	groups := map[string][]*Door{}
	for _, d := range b.Doors {
		if g := d.Rules.Interlock; g != "" {
			groups[g] = append(groups[g], d)
		}
	}
	for _, d := range b.Doors {
		r := &d.Rules
		if r.Interlock == "" {
			continue
		}
		what, group := fmt.Sprintf("%s: rules: interlock %q", quoted("door", d.ID), r.Interlock), groups[r.Interlock]
		unlocks := func(p *Period) bool { return p.Mode == Unlocked }
		switch {
		case len(group) < 2:
			doc.say(in(&r.Interlock, r), "%s has no other door, expected at least two doors of the group", what)
		case d.Gateway != group[0].Gateway:
			doc.say(in(&r.Interlock, r), "%s: door %s of the group hangs on gateway %s, expected one gateway for the group", what, group[0].ID, group[0].Gateway)
		}
		if d.Mode == Unlocked || slices.ContainsFunc(r.Periods, unlocks) {
			doc.say(in(&r.Interlock, r), "%s, and the door is unlocked at times: the others of the group would not open then", what)
		}
	}
}

func (doc *document) mode(m *Mode, of any, what string) {
	if slices.Contains(Modes, *m) {
		return
	}
	names := make([]string, len(Modes))
	for i, m := range Modes {
		names[i] = string(m)
	}
	doc.say(in(m, of), "%s is %q%s; allowed are %s", what, string(*m), suggest(string(*m), names), list(names))
}

// seconds checks a time that rules carry in whole seconds; 0 is none.
func (doc *document) seconds(v *time.Duration, of any, what string, most time.Duration) {
	if _, stated := doc.at[v]; stated && (*v < time.Second || *v > most || *v%time.Second != 0) {
		doc.say(in(v, of), "%s is %v, expected whole seconds from 1s to %v", what, *v, most)
	}
}
