package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"kapija/dashboard/occupancy"
	"kapija/gateway/door"
	"kapija/gateway/journal"
	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
)

const (
	historyDays   = 14
	measuredEvery = 10 * time.Minute // readings of the past
	countedEvery  = 5 * time.Minute  // occupancies of the past
)

// past is the last two weeks of one building.
type past struct {
	b         *site.Building
	line      timeline
	dirs      func(gateway string) string
	log       *slog.Logger
	rng       *rand.Rand
	gateways  map[string]*pastGateway
	doors     map[string]*door.Machine
	estimator *occupancy.Estimator
	air       map[string]*air
	counts    []event.Occupancy
	free      map[string]time.Time // door: when the one before has gone through
	err       error
}

type pastGateway struct {
	audit, telemetry *journal.Journal
	last             time.Time // stamps of a gateway are strictly increasing
}

// moment is one thing that happens at a door.
type moment struct {
	at   time.Time
	door *site.Door
	in   door.Input // nil: the people counter saw somebody pass towards side
	side event.Side
}

// writePast writes the last two weeks of one building into the journals of its gateways, through the same door machines
// and in the same records as the present. It returns what the occupancy was, and the last audit record of each gateway.
func writePast(ctx context.Context, b *site.Building, people []*person, real counts, line timeline, dirs func(gateway string) string, log *slog.Logger) (_ []event.Occupancy, written map[string]uint64, err error) {
	p := &past{
		b: b, line: line, dirs: dirs, log: log, rng: rand.New(rand.NewPCG(seed(b.ID), 3)),
		gateways: map[string]*pastGateway{}, doors: map[string]*door.Machine{}, air: map[string]*air{}, free: map[string]time.Time{},
		estimator: occupancy.New(b, line.dayStart(b.Location)),
	}
	defer func() {
		written = map[string]uint64{}
		for id, g := range p.gateways {
			written[id] = g.audit.Last()
			err = cmp.Or(err, g.audit.Close(), g.telemetry.Close())
		}
	}()
	if err := p.open(); err != nil {
		return nil, nil, err
	}
	now := line.Real
	start := now.AddDate(0, 0, -historyDays)
	var moments []moment
	for _, d := range b.Doors {
		moments = append(moments, moment{at: start, door: d, in: door.Contact{}},
			moment{at: start, door: d, in: door.SetMode{Mode: door.Mode(d.Mode), Cause: "start"}})
	}
	first := midnight(line.sim(start), b.Location)
	for date := first; line.real(date).Before(now); date = date.AddDate(0, 0, 1) {
		for _, ps := range day(b, people, real, date) {
			if at := line.real(ps.at); at.After(start) && at.Before(now) {
				moments = append(moments, p.moments(ps, at)...)
			}
		}
	}
	slices.SortStableFunc(moments, func(x, y moment) int { return x.at.Compare(y.at) })
	next := start.Truncate(countedEvery).Add(countedEvery)
	for _, m := range moments {
		for ; next.Before(m.at); next = next.Add(countedEvery) {
			p.tick(next)
			p.measure(next)
		}
		if !m.at.Before(now) { // a door that is open at the anchor closes now
			m.at = now.Add(-time.Millisecond)
		}
		p.tick(m.at)
		p.step(m)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	return p.counts, nil, p.err
}

func midnight(t time.Time, loc *time.Location) time.Time {
	l := t.In(loc)
	return time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, loc)
}

func (p *past) open() error {
	for _, g := range p.b.Gateways {
		n := &pastGateway{}
		p.gateways[g.ID] = n
		for name, j := range map[string]**journal.Journal{"audit": &n.audit, "telemetry": &n.telemetry} {
			var err error
			if *j, _, err = journal.Open(filepath.Join(p.dirs(g.ID), name), journal.Options{Log: p.log}); err != nil {
				return err
			}
		}
		for _, s := range g.Sensors {
			if p.air[s.Zone] == nil {
				p.air[s.Zone] = newAir(p.b.Zone(s.Zone).AreaM2, p.rng)
			}
		}
	}
	for _, d := range p.b.Doors {
		p.doors[d.ID] = door.New(door.Config{Contact: d.Contact != "", Release: d.Release, Extended: d.Extended, HeldAfter: d.HeldAfter})
	}
	return nil
}

// moments is what the gateway sees of one pass.
func (p *past) moments(ps pass, at time.Time) []moment {
	d, side := ps.leg.door, event.Out
	if ps.leg.in {
		side = event.In
	}
	if free := p.free[d.ID]; at.Before(free) { // one after the other: the door closes behind each
		at = free
	}
	var ms []moment
	add := func(after time.Duration, in door.Input) {
		ms = append(ms, moment{at: at.Add(after), door: d, in: in, side: side})
	}
	switch {
	case ps.why != "":
		add(0, door.Decided{Decision: policy.Decision{Reason: ps.why, Badge: ps.who.Badge}, Side: side})
		return ms
	case ps.shown:
		add(0, door.Decided{Decision: policy.Decision{Granted: true, Reason: event.Granted, Badge: ps.who.Badge, Extended: ps.who.Slow}, Side: side})
	case d.Mode == site.Secure:
		add(0, door.REX{Active: true})
		add(300*time.Millisecond, door.REX{})
	}
	if d.Contact != "" {
		add(700*time.Millisecond, door.Contact{Active: true})
	}
	if d.Counter != "" {
		add(1500*time.Millisecond, nil)
	}
	if d.Contact != "" {
		add(3*time.Second+ps.prop+p.jitter(), door.Contact{})
	}
	p.free[d.ID] = ms[len(ms)-1].at.Add(500 * time.Millisecond)
	return ms
}

func (p *past) jitter() time.Duration { return time.Duration(p.rng.Int64N(int64(time.Second))) }

// tick lets every door do what was due before now, at the time at which it was due.
func (p *past) tick(now time.Time) {
	for {
		var due *site.Door
		at := now
		for _, d := range p.b.Doors {
			if t := p.doors[d.ID].Deadline(); !t.IsZero() && t.Before(at) {
				due, at = d, t
			}
		}
		if due == nil {
			return
		}
		p.step(moment{at: at, door: due, in: door.Tick{}})
	}
}

func (p *past) step(m moment) {
	if m.in == nil {
		p.record(m.at, m.door, event.Event{Kind: event.InputCounted, Side: m.side, Cause: m.door.Counter})
		return
	}
	for _, a := range p.doors[m.door.ID].Step(m.at, m.in) {
		if r, ok := a.(door.Record); ok {
			p.record(m.at, m.door, event.Event{Kind: r.Kind, Side: r.Side, Badge: r.Badge, Reason: r.Reason, Cause: r.Cause})
		}
	}
}

func (p *past) record(at time.Time, d *site.Door, e event.Event) {
	g := p.gateways[d.Gateway]
	e.At, e.Clock, e.Boot, e.Door = g.stamp(at), event.ClockIsSynced, "history", d.ID
	p.estimator.Advance(e.At)
	p.estimator.Apply(e)
	p.keep(g.audit, func(seq uint64, prev string) any {
		e.Seq, e.Prev = seq, prev
		return e
	})
}

func (g *pastGateway) stamp(at time.Time) time.Time {
	if !at.After(g.last) {
		at = g.last.Add(time.Microsecond)
	}
	g.last = at
	return at.UTC()
}

func (p *past) keep(j *journal.Journal, build func(seq uint64, prev string) any) {
	_, err := j.Append(func(seq uint64, prev string) ([]byte, error) { return json.Marshal(build(seq, prev)) })
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("demo: history of %s: %w", p.b.ID, err)
	}
}

// measure notes the occupancy, and what the sensors showed.
func (p *past) measure(at time.Time) {
	p.estimator.Advance(at)
	o := p.estimator.Estimate(at)
	p.counts = append(p.counts, o)
	for i, z := range p.b.Zones {
		if a := p.air[z.ID]; a != nil {
			a.step(countedEvery, o.Zones[i+1].Count)
		}
	}
	if at.Truncate(measuredEvery) != at {
		return
	}
	for _, g := range p.b.Gateways {
		for _, s := range g.Sensors {
			for _, r := range p.air[s.Zone].readings(s.Chip) {
				n := p.gateways[g.ID]
				r.At, r.Clock, r.Sensor = at.UTC(), event.ClockIsSynced, s.ID
				p.keep(n.telemetry, func(seq uint64, _ string) any {
					r.Seq = seq
					return r
				})
			}
		}
	}
}
