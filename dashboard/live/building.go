package live

import (
	"cmp"
	"slices"
	"time"

	"kapija/dashboard/occupancy"
	"kapija/internal/event"
	"kapija/internal/site"
)

// building is the state of one building, guarded by the Hub's mutex.
type building struct {
	site      *site.Building
	occupancy *occupancy.Estimator
	gateways  []*gateway
	doors     map[string]*Door
	air       map[string]map[string]measured // zone, quantity
	sensors   map[string]string              // sensor: zone
	events    []Event                        // oldest first, in the order of arrival
	heard     time.Time
	usual     *int
	usualAt   time.Time
	dirty     bool
	published time.Time
	told      event.Occupancy // as published last
}

type measured struct {
	at    time.Time
	value float64
}

// gateway is what one gateway said.
type gateway struct {
	site  *site.Gateway
	state event.State
	told  bool // it has said its state
	heard time.Time
	seen  sequence
	ack   uint64    // what InfluxDB holds of it
	ackAt time.Time // since when; zero: no ack came yet
	tried time.Time // when history was asked last
	first time.Time // when anything was heard first
	whole bool      // what happened today before we listened is known too
}

func newBuilding(b *site.Building, dayStart time.Duration) *building {
	n := &building{
		site: b, occupancy: occupancy.New(b, dayStart), doors: map[string]*Door{},
		air: map[string]map[string]measured{}, sensors: map[string]string{},
	}
	for _, g := range b.Gateways {
		n.gateways = append(n.gateways, &gateway{site: g})
		for _, s := range g.Sensors {
			n.sensors[s.ID] = s.Zone
		}
	}
	for _, d := range b.Doors {
		n.doors[d.ID] = &Door{Door: event.Door{ID: d.ID}}
	}
	return n
}

func (b *building) gateway(id string) *gateway {
	for _, g := range b.gateways {
		if g.site.ID == id {
			return g
		}
	}
	return nil
}

func (g *gateway) acked(n uint64, now time.Time) {
	if n != g.ack || g.ackAt.IsZero() {
		g.ack, g.ackAt = n, now
	}
}

// complete notes whether today's events are known up to what InfluxDB holds, and no backlog is on its way, once. A gateway
// of which the relay has never said anything has no past.
func (g *gateway) complete(now time.Time) bool {
	if !g.whole && g.told && g.state.Queued < backlog {
		if g.ackAt.IsZero() {
			g.whole = !g.first.IsZero() && now.Sub(g.first) > noPastAfter
		} else {
			g.whole = len(g.seen.missing(g.ack)) == 0
		}
	}
	return g.whole
}

// known reports whether what the gateway said still holds.
func (g *gateway) known(now time.Time) bool {
	return g.told && g.state.Online && now.Sub(g.heard) < silentAfter
}

func (b *building) state(g *gateway, s event.State, now time.Time) {
	if !s.Online { // the last will says nothing else
		g.state.Online = false
		return
	}
	g.state, g.told = s, true
	if s.At.After(now.Add(-silentAfter)) {
		g.heard, b.heard = now, now // a retained birth of a moment ago
	}
	for _, d := range s.Doors {
		if have := b.doors[d.ID]; have != nil {
			have.Door = d
		}
	}
}

func (b *building) reading(r event.Reading, now time.Time) {
	zone, ok := b.sensors[r.Sensor]
	if !ok || r.At.After(now.Add(futureLimit)) {
		return
	}
	if b.air[zone] == nil {
		b.air[zone] = map[string]measured{}
	}
	if m := b.air[zone][r.Quantity]; !r.At.Before(m.at) {
		b.air[zone][r.Quantity] = measured{r.At, r.Value}
	}
}

// door follows the events of a door, ahead of its gateway's next state message.
func (b *building) door(e event.Event) {
	d := b.doors[e.Door]
	if d == nil || e.At.Before(d.At) {
		return
	}
	d.Kind, d.At = e.Kind, e.At
	switch e.Kind {
	case event.DoorOpened:
		d.Open = true
	case event.DoorClosed:
		d.Open = false
	case event.DoorForced:
		d.Open, d.Forced = true, true
	case event.DoorForcedCleared:
		d.Forced = false
	case event.DoorHeld:
		d.Held = true
	case event.DoorHeldCleared:
		d.Held = false
	case event.DoorLocked:
		d.Locked = true
	case event.DoorUnlocked:
		d.Locked = false
	}
}

func (b *building) remember(e Event) {
	b.events = append(b.events, e)
	if len(b.events) >= 2*keptEvents {
		slices.SortStableFunc(b.events, func(x, y Event) int { return x.At.Compare(y.At) })
		b.events = slices.Clone(b.events[len(b.events)-keptEvents:])
	}
}

func (b *building) latest(n int) []Event {
	s := slices.Clone(b.events)
	sortNewestFirst(s)
	return s[:min(n, len(s))]
}

func sortNewestFirst(s []Event) {
	slices.SortStableFunc(s, func(x, y Event) int {
		return cmp.Or(y.At.Compare(x.At), cmp.Compare(y.Seq, x.Seq))
	})
}
