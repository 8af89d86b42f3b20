package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	maxID     = 40   // characters: IDs stand in topics and tags
	maxMetres = 2000 // of a floor plan
)

// unique finds IDs that are given twice.
type unique map[string]position

func checkDistrict(doc *document, d *District) {
	doc.name(&d.Name, d, "the district")
	if len(d.Buildings) == 0 {
		doc.say(in(&d.Buildings, d), "there are no buildings, expected at least one")
	}
	doc.ownFormats(d)
	seen := unique{}
	for _, b := range d.Buildings {
		doc.id(&b.ID, b, "building", seen)
		doc.building(b)
	}
}

func (doc *document) building(b *Building) {
	what := "building " + b.ID
	doc.name(&b.Name, b, what)
	doc.name(&b.City, b, what+": city")
	doc.timeZone(b)
	if b.Reset != "" && b.Reset.Minute() < 0 {
		doc.say(in(&b.Reset, b), "reset is %q, expected a local time such as 04:00", b.Reset)
	}
	doc.floors(b)
	doc.zones(b)
	devices := doc.gateways(b)
	doc.doors(b, devices)
	doc.leftOver(b, devices)
}

func (doc *document) timeZone(b *Building) {
	location, err := time.LoadLocation(b.TimeZone)
	if err != nil || b.TimeZone == "" || b.TimeZone == "Local" {
		doc.say(in(&b.TimeZone, b), "time_zone %q is not known, expected an IANA name such as Europe/Belgrade", b.TimeZone)
		return
	}
	b.Location = location
}

func (doc *document) floors(b *Building) {
	seen := unique{}
	for _, f := range b.Floors {
		doc.id(&f.ID, f, "floor", seen)
		doc.name(&f.Name, f, "floor "+f.ID)
		for _, side := range []struct {
			key   string
			value *float64
		}{{"width", &f.Width}, {"height", &f.Height}} {
			if v := *side.value; !(v > 0 && v <= maxMetres) {
				doc.say(in(side.value, f), "floor %s: %s is %v m, expected more than 0 and at most %d", f.ID, side.key, v, maxMetres)
			}
		}
	}
}

func (doc *document) zones(b *Building) {
	if len(b.Zones) == 0 {
		doc.say(in(&b.Zones, b), "building %s has no zones, expected at least one", b.ID)
	}
	seen := unique{}
	for _, z := range b.Zones {
		doc.id(&z.ID, z, "zone", seen)
		if z.ID == Outside {
			doc.say(in(&z.ID, z), "a zone cannot be called %q: that is everything outside of the building", Outside)
		}
		doc.name(&z.Name, z, "zone "+z.ID)
		doc.capacity(z)
		floor := b.Floor(z.Floor)
		if floor == nil {
			names := ids(b.Floors, func(f *Floor) string { return f.ID })
			doc.say(in(&z.Floor, z), "zone %s: unknown floor %q%s; floors of building %s are %s", z.ID, z.Floor, suggest(z.Floor, names), b.ID, list(names))
		}
		doc.shape(z, floor)
		doc.occupancy(b, z)
	}
}

func (doc *document) capacity(z *Zone) {
	if !(z.AreaM2 > 0) {
		doc.say(in(&z.AreaM2, z), "zone %s: area_m2 is %v, expected more than 0", z.ID, z.AreaM2)
	}
	c := &z.Capacity
	switch {
	case c.People < 0 || c.M2PerPerson < 0 || (c.People > 0) == (c.M2PerPerson > 0):
		doc.say(in(c, z), "zone %s: found people %d and m2_per_person %v, expected exactly one of them, more than 0", z.ID, c.People, c.M2PerPerson)
	case c.M2PerPerson > 0 && !c.Assumed:
		doc.say(in(c, z), "zone %s: a capacity from m2_per_person is an assumption: write assumed: true, or state people", z.ID)
	case z.People() < 1 && z.AreaM2 > 0:
		doc.say(in(c, z), "zone %s: %v m² by %v m² per person is room for nobody, expected at least one", z.ID, z.AreaM2, c.M2PerPerson)
	}
}

func (doc *document) shape(z *Zone, f *Floor) {
	s := &z.Shape
	switch c := s.Sector; {
	case (c != nil) == (len(s.Polygon) > 0):
		doc.say(in(s, &s.Polygon, z), "zone %s: a shape is a polygon or a sector, expected exactly one of them", z.ID)
		return
	case c == nil && len(s.Polygon) < 3:
		doc.say(in(&s.Polygon, s, z), "zone %s: a polygon of %d points, expected at least 3", z.ID, len(s.Polygon))
		return
	case c == nil && !simple(s.Polygon):
		doc.say(in(&s.Polygon, s, z), "zone %s: the polygon crosses or touches itself, expected its points in order around the zone", z.ID)
		return
	case c != nil && !(c.Inner >= 0 && c.Outer > c.Inner && c.Outer <= maxMetres):
		doc.say(in(c, s, z), "zone %s: a sector from inner %v to outer %v m, expected 0 ≤ inner < outer", z.ID, c.Inner, c.Outer)
		return
	case c != nil && !(c.From >= -360 && c.From < c.To && c.To-c.From <= 360):
		doc.say(in(c, s, z), "zone %s: a sector from %v to %v degrees, expected -360 ≤ from < to ≤ from + 360", z.ID, c.From, c.To)
		return
	}
	if f == nil || !(f.Width > 0 && f.Height > 0) {
		return
	}
	const rounding = 0.01
	least, most := s.bounds()
	if !(least[0] >= -rounding && least[1] >= -rounding && most[0] <= f.Width+rounding && most[1] <= f.Height+rounding) {
		doc.say(in(s, z), "zone %s reaches from %v to %v m, outside of the plan of floor %s, which is %v wide and %v high",
			z.ID, least, most, f.ID, f.Width, f.Height)
	}
}

// id checks the form of an ID and that it is not in seen.
func (doc *document) id(id *string, of any, what string, seen unique) {
	bad := strings.IndexFunc(*id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	})
	switch was, twice := seen[*id]; {
	case *id == "":
		doc.say(in(id, of), "%s without an id", what)
		return
	case bad >= 0 || len(*id) > maxID:
		doc.say(in(id, of), "%s %q: an id has only a-z, 0-9 and -, at most %d characters", what, *id, maxID)
	case twice:
		doc.say(in(id, of), "%s %q is there twice; the first is in line %d", what, *id, was.line)
	default:
		seen[*id] = doc.at[id]
	}
}

// name checks that a text has both languages.
func (doc *document) name(t *Text, of any, what string) {
	if strings.TrimSpace(t.Sr) == "" || strings.TrimSpace(t.En) == "" {
		doc.say(in(t, of), "%s: found the name %q in Serbian and %q in English, expected both: {sr: …, en: …}", what, t.Sr, t.En)
	}
}

// duration checks a time that is stated; what is left out gets its default.
func (doc *document) duration(v *time.Duration, of any, what string, least, most time.Duration) {
	if _, stated := doc.at[v]; stated && (*v < least || *v > most) {
		doc.say(in(v, of), "%s is %v, expected %v to %v", what, *v, least, most)
	}
}

// oneOf checks a value against what is allowed.
func (doc *document) oneOf(v *string, of any, what string, allowed []string) {
	if !slices.Contains(allowed, *v) {
		doc.say(in(v, of), "%s is %q%s; allowed are %s", what, *v, suggest(*v, allowed), list(allowed))
	}
}

// ids is the IDs in the order of the file, each once.
func ids[T any](all []T, id func(T) string) []string {
	names := make([]string, 0, len(all))
	for _, v := range all {
		if name := id(v); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func quoted(kind, id string) string { return fmt.Sprintf("%s %q", kind, id) }
