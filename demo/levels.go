package demo

import (
	"slices"

	"kapija/internal/site"
)

// commons are the zones that everybody with a badge may use.
var commons = map[string][]string{
	"lozionica":  {"gallery", "cafe", "classrooms"},
	"kragujevac": {"event-hall", "showroom", "meeting"},
}

// doorsFor is every door that somebody with a desk in home passes: on the way in by each entrance, and to the commons.
func doorsFor(b *site.Building, home string) []string {
	var ids []string
	add := func(way []leg) {
		for _, l := range way {
			if !slices.Contains(ids, l.door.ID) {
				ids = append(ids, l.door.ID)
			}
		}
	}
	for _, d := range b.Doors {
		if d.From == site.Outside {
			add([]leg{{d, true}})
			add(route(b, d.To, home, true))
		}
	}
	for _, z := range commons[b.ID] {
		add(route(b, home, z, true))
		add(route(b, site.Outside, z, true))
	}
	return ids
}
