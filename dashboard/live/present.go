package live

import (
	"time"

	"kapija/internal/brick"
	"kapija/internal/event"
)

// present is what is known of a building now.
func (b *building) present(now time.Time) Building {
	o := b.estimate(now)
	whole := o.Zones[0]
	p := Building{
		ID: b.site.ID, At: b.heard.UTC(), Count: whole.Count, Low: whole.Low, High: whole.High,
		Capacity: whole.Capacity, Entered: whole.Entered, Left: whole.Left, Usual: b.usual,
		Zones: make([]Zone, 0, len(o.Zones)-1), Doors: make([]Door, 0, len(b.site.Doors)), Gateways: make([]Gateway, 0, len(b.gateways)),
	}
	known := map[string]bool{}
	missing := false
	for _, g := range b.gateways {
		known[g.site.ID] = g.known(now)
		p.Known = p.Known || !g.first.IsZero()
		missing = missing || !g.first.IsZero() && !g.complete(now)
		p.Partial = p.Partial || !known[g.site.ID]
		p.Gateways = append(p.Gateways, Gateway{ID: g.site.ID, State: g.state, Heard: g.heard.UTC()})
		p.Gateways[len(p.Gateways)-1].Online = known[g.site.ID]
	}
	p.Known = p.Known && !missing
	for _, d := range b.site.Doors {
		door := *b.doors[d.ID]
		door.Known = known[d.Gateway]
		p.Doors = append(p.Doors, door)
	}
	for i, z := range b.site.Zones {
		e := o.Zones[i+1]
		air := b.air[z.ID]
		p.Zones = append(p.Zones, Zone{
			ID: z.ID, Known: p.Known, Count: e.Count, Low: e.Low, High: e.High, Capacity: e.Capacity,
			CO2: fresh(air, brick.CO2Level, now), Temperature: fresh(air, brick.AirTemperature, now), Humidity: fresh(air, brick.RelativeHumidity, now),
		})
	}
	return p
}

func (b *building) estimate(now time.Time) event.Occupancy {
	b.occupancy.Advance(now)
	return b.occupancy.Estimate(now)
}

func fresh(air map[string]measured, quantity string, now time.Time) *float64 {
	m, ok := air[quantity]
	if !ok || now.Sub(m.at) > airAge {
		return nil
	}
	return &m.value
}
