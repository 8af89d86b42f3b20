package site

import "slices"

// Building is the building with this ID; nil when there is none.
func (d *District) Building(id string) *Building {
	return find(d.Buildings, func(b *Building) bool { return b.ID == id })
}

// Gateway is the gateway with this ID; nil when there is none.
func (b *Building) Gateway(id string) *Gateway {
	return find(b.Gateways, func(g *Gateway) bool { return g.ID == id })
}

// Door is the door with this ID; nil when there is none.
func (b *Building) Door(id string) *Door {
	return find(b.Doors, func(d *Door) bool { return d.ID == id })
}

// Zone is the zone with this ID; nil when there is none, as for Outside.
func (b *Building) Zone(id string) *Zone {
	return find(b.Zones, func(z *Zone) bool { return z.ID == id })
}

// Floor is the floor with this ID; nil when there is none.
func (b *Building) Floor(id string) *Floor {
	return find(b.Floors, func(f *Floor) bool { return f.ID == id })
}

// DoorsOf is the doors that this gateway drives, in the order of the file.
func (b *Building) DoorsOf(gateway string) []*Door {
	var doors []*Door
	for _, d := range b.Doors {
		if d.Gateway == gateway {
			doors = append(doors, d)
		}
	}
	return doors
}

// ReaderDoor is the door at which a reader hangs. In is true for the entry reader, on the door's outer side.
func (b *Building) ReaderDoor(reader string) (d *Door, in, ok bool) {
	if reader == "" {
		return nil, false, false
	}
	for _, d := range b.Doors {
		if d.Entry == reader || d.Exit == reader {
			return d, d.Entry == reader, true
		}
	}
	return nil, false, false
}

// People is how many people all zones are meant for together.
func (b *Building) People() int {
	sum := 0
	for _, z := range b.Zones {
		sum += z.People()
	}
	return sum
}

// People is how many people the zone is meant for: as stated, else as many whole times as the rule's area fits into
// the zone.
func (z *Zone) People() int {
	switch {
	case z.Capacity.People > 0:
		return z.Capacity.People
	case z.Capacity.M2PerPerson > 0:
		return int(z.AreaM2 / z.Capacity.M2PerPerson)
	}
	return 0
}

func find[T any](all []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return nil
}
