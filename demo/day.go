package demo

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"kapija/internal/event"
	"kapija/internal/site"
)

// pass is one person who goes through one door at a simulated time.
type pass struct {
	at    time.Time
	leg   leg
	who   *person       // nil: a visitor, or somebody who forgot the badge
	shown bool          // a badge is held up
	why   event.Reason  // the badge is refused, and nobody passes; empty: it opens
	prop  time.Duration // the door is propped open for so long
}

// between two doors on a way
const walk = 25 * time.Second

// day plans a building's simulated day, in order of time. The same day of the same building is always the same.
func day(b *site.Building, people []*person, real counts, date time.Time) []pass {
	p := &planner{
		b: b, rng: rand.New(rand.NewPCG(seed(b.ID, date.Format(time.DateOnly)), 2)),
		midnight: date, weekend: date.Weekday() == time.Saturday || date.Weekday() == time.Sunday,
	}
	if b.ID == "kragujevac" {
		p.counted(busy(people), real.on(date))
	} else {
		p.tenants(busy(people))
		p.visitors()
	}
	p.refusals(people)
	p.propped(busy(people))
	slices.SortStableFunc(p.passes, func(x, y pass) int { return cmp.Compare(x.at.UnixNano(), y.at.UnixNano()) })
	return p.passes
}

type planner struct {
	b        *site.Building
	rng      *rand.Rand
	midnight time.Time
	weekend  bool
	passes   []pass
}

// about is a time of day with a spread, in hours.
func (p *planner) about(hour, spread float64) time.Time {
	return p.midnight.Add(time.Duration((hour + p.rng.NormFloat64()*spread) * float64(time.Hour)))
}

func (p *planner) chance(percent float64) bool { return p.rng.Float64()*100 < percent }

// goes adds a way and returns when its end is reached. Where no badge is needed few hold one up; now and then somebody
// slips in behind somebody else, and no door hears of it.
func (p *planner) goes(who *person, at time.Time, from, to string) time.Time {
	for _, l := range route(p.b, from, to, who != nil) {
		free := l.door.Mode == site.Unlocked
		if free || !p.chance(2) {
			p.passes = append(p.passes, pass{at: at, leg: l, who: who, shown: who != nil && shown(l, free, p.chance(60))})
		}
		at = at.Add(walk + p.within(20*time.Second))
	}
	return at
}

// shown reports whether a badge is held up: where a reader is, and at a free door only by those who think of it.
func shown(l leg, free, thinks bool) bool {
	reader := l.door.Entry
	if !l.in {
		reader = l.door.Exit
	}
	return reader != "" && (!free || thinks)
}

func (p *planner) tenants(people []*person) {
	attend := 82.0
	if p.weekend {
		attend = 4
	}
	for _, who := range people {
		if !p.chance(attend) {
			continue
		}
		if !who.Garage && p.chance(2) { // forgot the badge: is let in as a visitor and stays where visitors are
			in := p.about(8.6, 0.6)
			hall := p.publicZone()
			p.goes(nil, in, site.Outside, hall)
			p.goes(nil, in.Add(20*time.Minute), hall, site.Outside)
			continue
		}
		p.workday(who, p.about(8.4, 0.75), p.about(16.8, 1))
	}
}

// workday is arrival, meetings, lunch and leaving of one person.
func (p *planner) workday(who *person, arrive, leave time.Time) {
	if leave.Before(arrive.Add(2 * time.Hour)) {
		leave = arrive.Add(2 * time.Hour)
	}
	if who.Garage {
		arrive = p.goes(who, arrive, site.Outside, "garage")
		p.goes(who, arrive, "garage", who.Home)
	} else {
		p.goes(who, arrive, site.Outside, who.Home)
	}
	var away []span // times away from the desk, which must not overlap
	free := func(s span) bool {
		if s.from.Before(arrive.Add(15*time.Minute)) || s.to.After(leave.Add(-15*time.Minute)) {
			return false
		}
		return !slices.ContainsFunc(away, func(o span) bool {
			return s.from.Before(o.to.Add(10*time.Minute)) && o.from.Before(s.to.Add(10*time.Minute))
		})
	}
	if p.chance(65) { // lunch, outside or in the café
		at := p.about(12.6, 0.5)
		if s := (span{at, at.Add(25*time.Minute + p.within(30*time.Minute))}); free(s) {
			away = append(away, s)
			where := site.Outside
			switch {
			case p.b.Zone("cafe") != nil && p.chance(40):
				where = "cafe"
			case who.Garage:
				where = "garage" // eats in the car: the main door belongs to the real counts
			}
			p.goes(who, s.from, who.Home, where)
			p.goes(who, s.to, where, who.Home)
		}
	}
	for range p.rng.IntN(3) { // meetings
		at := p.about(11, 2.5)
		s := span{at, at.Add(20*time.Minute + p.within(60*time.Minute))}
		where := p.b.Zones[p.rng.IntN(len(p.b.Zones))].ID
		if !free(s) || where == who.Home || !slices.Contains(commons[p.b.ID], where) || route(p.b, who.Home, where, true) == nil {
			continue
		}
		away = append(away, s)
		p.goes(who, s.from, who.Home, where)
		p.goes(who, s.to, where, who.Home)
	}
	if who.Garage {
		leave = p.goes(who, leave, who.Home, "garage")
		p.goes(who, leave, "garage", site.Outside)
		return
	}
	p.goes(who, leave, who.Home, site.Outside)
}

// refusals are badges that open nothing, some in each hour of a working day.
func (p *planner) refusals(people []*person) {
	if p.weekend {
		return
	}
	fates := []event.Reason{event.UnknownBadge, event.UnknownBadge, event.NoAccess, event.NoAccess, event.Revoked, event.Suspended, event.Expired}
	for range 24 {
		d := p.b.Doors[p.rng.IntN(len(p.b.Doors))]
		if d.Entry == "" {
			continue
		}
		why := fates[p.rng.IntN(len(fates))]
		p.passes = append(p.passes, pass{at: p.about(12, 2.8), leg: leg{d, true}, who: fated(people, why), shown: true, why: why})
	}
}

// propped is one door an hour that somebody keeps open for too long.
func (p *planner) propped(people []*person) {
	if p.weekend {
		return
	}
	for hour := 8; hour < 18; hour++ {
		who := people[p.rng.IntN(len(people))]
		way := route(p.b, site.Outside, who.Home, true)
		d := way[len(way)-1].door
		if d.Contact == "" || d.Mode == site.Unlocked {
			continue
		}
		at := p.midnight.Add(time.Duration(hour)*time.Hour + p.within(time.Hour))
		p.passes = append(p.passes, pass{at: at, leg: leg{d, true}, who: who, shown: true, prop: d.HeldAfter + 15*time.Second + p.within(time.Minute)})
	}
}

type span struct{ from, to time.Time }

// visitors come to the public zones, most of them in office hours.
func (p *planner) visitors() {
	n := 460
	if p.weekend {
		n = 60
	}
	for range n {
		in := p.about(11.2, 2.6)
		hall := p.publicZone()
		p.goes(nil, in, site.Outside, hall)
		p.goes(nil, in.Add(8*time.Minute+p.within(50*time.Minute)), hall, site.Outside)
	}
}

// publicZone is a zone behind a public entrance.
func (p *planner) publicZone() string {
	var public []string
	for _, d := range p.b.Doors {
		if d.Public && d.From == site.Outside {
			public = append(public, d.To)
		}
	}
	return public[p.rng.IntN(len(public))]
}

// counted makes the main door agree with the real counts, person by person. Most who come in are tenants on foot, who
// go on to their desks; those who come by car use the garage.
func (p *planner) counted(people []*person, flows [48]flow) {
	hall := p.publicZone()
	var onFoot, drivers []*person
	for _, who := range people {
		if who.Garage {
			drivers = append(drivers, who)
		} else {
			onFoot = append(onFoot, who)
		}
	}
	p.tenants(drivers) // their way leads through the garage: see route
	p.rng.Shuffle(len(onFoot), func(i, j int) { onFoot[i], onFoot[j] = onFoot[j], onFoot[i] })
	type inside struct {
		who   *person
		since time.Time
	}
	var in []inside
	for i, f := range flows {
		start := p.midnight.Add(time.Duration(i) * slot)
		var times []time.Time
		for range f.in + f.out {
			times = append(times, start.Add(p.within(slot)))
		}
		slices.SortFunc(times, time.Time.Compare)
		ins, outs := f.in, f.out
		for _, at := range times {
			if outs == 0 || ins > 0 && p.rng.IntN(ins+outs) < ins {
				ins--
				var who *person
				if len(onFoot) > 0 && p.chance(65) {
					who, onFoot = onFoot[0], onFoot[1:]
					p.goes(who, at, site.Outside, who.Home)
				} else {
					p.goes(nil, at, site.Outside, hall)
				}
				in = append(in, inside{who, at})
				continue
			}
			outs--
			// Whoever has been in for a while leaves first; when the real counter has drifted, somebody unknown does.
			j := slices.IndexFunc(in, func(x inside) bool { return at.Sub(x.since) > 10*time.Minute })
			if j < 0 {
				p.goes(nil, at, hall, site.Outside)
				continue
			}
			who := in[j].who
			in = slices.Delete(in, j, j+1)
			if who == nil {
				p.goes(nil, at, hall, site.Outside)
				continue
			}
			way := route(p.b, who.Home, hall, true)
			p.goes(who, at.Add(-time.Duration(len(way))*(walk+10*time.Second)), who.Home, hall)
			p.goes(who, at, hall, site.Outside)
			onFoot = append(onFoot, who) // may come back
		}
	}
}

// within is a random duration below d.
func (p *planner) within(d time.Duration) time.Duration { return time.Duration(p.rng.Int64N(int64(d))) }
