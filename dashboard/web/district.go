package web

import (
	"slices"
	"time"

	"kapija/internal/site"
)

// formatsOf are the card formats that any reader of the district reads, in order.
func formatsOf(d *site.District) []string {
	var all []string
	for _, b := range d.Buildings {
		for _, g := range b.Gateways {
			for _, r := range g.Readers {
				all = append(all, r.Formats...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// local is the time zone of the district: that of its first building.
func local(d *site.District) *time.Location {
	if len(d.Buildings) == 0 {
		return time.UTC
	}
	return location(d.Buildings[0])
}
