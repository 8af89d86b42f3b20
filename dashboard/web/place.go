package web

import (
	"time"

	"kapija/dashboard/live"
	"kapija/internal/event"
	"kapija/internal/site"
)

// place is one building: what it is and how it is now.
type place struct {
	*site.Building
	now   live.Building
	doors map[string]live.Door
	zones map[string]live.Zone
	gates map[string]live.Gateway
	curve curve
}

// staleAfter is when a building of which nothing is heard is shown as stale: its gateways say something every 4 s.
const staleAfter = 10 * time.Second

// places joins the configuration with the present state. A building of which nothing is known yet is there all the same.
func places(d *site.District, s live.Snapshot) []*place {
	all := make([]*place, 0, len(d.Buildings))
	for _, b := range d.Buildings {
		pl := &place{Building: b, now: live.Building{ID: b.ID, Capacity: b.People()}}
		for _, now := range s.Buildings {
			if now.ID == b.ID {
				pl.now = now
			}
		}
		pl.index()
		all = append(all, pl)
	}
	return all
}

func (pl *place) index() {
	pl.doors, pl.zones, pl.gates = map[string]live.Door{}, map[string]live.Zone{}, map[string]live.Gateway{}
	for _, d := range pl.now.Doors {
		pl.doors[d.ID] = d
	}
	for _, z := range pl.now.Zones {
		pl.zones[z.ID] = z
	}
	for _, g := range pl.now.Gateways {
		pl.gates[g.ID] = g
	}
}

// zone is the present state of a zone; unknown when nobody told.
func (pl *place) zone(z *site.Zone) live.Zone {
	if now, ok := pl.zones[z.ID]; ok {
		return now
	}
	return live.Zone{ID: z.ID, Capacity: z.People()}
}

func (pl *place) stale(now time.Time) bool { return now.Sub(pl.now.At) > staleAfter }

func (pl *place) band() band { return bandOf(pl.now.Known, pl.now.Count, pl.now.Capacity) }

// doorsWell counts the doors of which is known that they are neither forced nor held.
func (pl *place) doorsWell() (well, all int) {
	for _, d := range pl.Doors {
		if now := pl.doors[d.ID]; now.Known && !now.Forced && !now.Held {
			well++
		}
	}
	return well, len(pl.Doors)
}

func (pl *place) gatewaysWell() (well, all int) {
	for _, g := range pl.Gateways {
		if pl.gates[g.ID].Online {
			well++
		}
	}
	return well, len(pl.Gateways)
}

// worstAir is the zone with the most CO2.
func (pl *place) worstAir() (z *site.Zone, ppm float64, ok bool) {
	for _, c := range pl.Zones {
		if v := pl.zones[c.ID].CO2; v != nil && *v > ppm {
			z, ppm, ok = c, *v, true
		}
	}
	return z, ppm, ok
}

// zonesOn are the zones of one floor.
func (pl *place) zonesOn(f *site.Floor) []*site.Zone {
	var on []*site.Zone
	for _, z := range pl.Zones {
		if z.Floor == f.ID {
			on = append(on, z)
		}
	}
	return on
}

// doorsOn are the doors that touch a zone of the floor.
func (pl *place) doorsOn(f *site.Floor) []*site.Door {
	var on []*site.Door
	for _, d := range pl.Doors {
		to := pl.Zone(d.To)
		if to == nil {
			to = pl.Zone(d.From)
		}
		if to != nil && to.Floor == f.ID {
			on = append(on, d)
		}
	}
	return on
}

// alarmsShown is how many alarms are listed before the rest is folded away.
const alarmsShown = 6

// alarm is something that wants to be looked at.
type alarm struct {
	kind     string // forced, held, silent: alarm.<kind>
	critical bool
	where    site.Text // door or gateway
	building *site.Building
	since    time.Time // zero: not known
}

// alarms lists forced doors, then held ones, then silent gateways, each in the order of the configuration.
func alarms(all []*place) []alarm {
	var forced, held, silent []alarm
	for _, pl := range all {
		for _, d := range pl.Doors {
			now := pl.doors[d.ID]
			a := alarm{where: d.Name, building: pl.Building}
			if now.Kind == event.DoorForced || now.Kind == event.DoorHeld {
				a.since = now.At
			}
			switch {
			case now.Forced:
				a.kind, a.critical = "forced", true
				forced = append(forced, a)
			case now.Held:
				a.kind = "held"
				held = append(held, a)
			}
		}
		for _, g := range pl.Gateways {
			if now := pl.gates[g.ID]; !now.Online {
				silent = append(silent, alarm{kind: "silent", where: g.Name, building: pl.Building, since: now.Heard})
			}
		}
	}
	return append(append(forced, held...), silent...)
}
