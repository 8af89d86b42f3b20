package site

import "time"

// device is one thing that hangs on a gateway.
type device struct {
	kind, gateway string
	at            any    // pointer to its ID
	of            any    // pointer to itself
	usedBy        string // empty: nothing yet
}

// devices is every device of a building by ID, and the IDs in the order of the file.
type devices struct {
	byID  map[string]*device
	order []string
}

func (ds *devices) names(kind, gateway string) []string {
	var names []string
	for _, id := range ds.order {
		if d := ds.byID[id]; d.kind == kind && d.gateway == gateway {
			names = append(names, id)
		}
	}
	return names
}

func (doc *document) gateways(b *Building) *devices {
	ds := &devices{byID: map[string]*device{}}
	seen, seenDevice := unique{}, unique{}
	for _, g := range b.Gateways {
		doc.id(&g.ID, g, "gateway", seen)
		doc.name(&g.Name, g, "gateway "+g.ID)
		add := func(kind string, id *string, of any) {
			doc.id(id, of, kind, seenDevice)
			if ds.byID[*id] == nil && *id != "" {
				ds.byID[*id] = &device{kind: kind, gateway: g.ID, at: id, of: of}
				ds.order = append(ds.order, *id)
			}
		}
		for _, r := range g.Readers {
			add("reader", &r.ID, r)
		}
		for _, i := range g.Inputs {
			add("input", &i.ID, i)
		}
		for _, o := range g.Outputs {
			add("output", &o.ID, o)
		}
		for _, c := range g.Counters {
			add("counter", &c.ID, c)
		}
		for _, s := range g.Sensors {
			add("sensor", &s.ID, s)
		}
		doc.gateway(b, g, ds)
	}
	return ds
}

// gateway checks what the devices of one gateway say of themselves and of each other.
func (doc *document) gateway(b *Building, g *Gateway, ds *devices) {
	doc.oneOf(&g.Model, g, quoted("gateway", g.ID)+": model", models())
	for _, r := range g.Readers {
		what := quoted("reader", r.ID)
		doc.formats(r)
		doc.use(ds, "output", &r.LED, r, g.ID, what, "led")
		doc.use(ds, "output", &r.Buzzer, r, g.ID, what, "buzzer")
		doc.use(ds, "input", &r.Tamper, r, g.ID, what, "tamper")
	}
	doc.use(ds, "input", &g.Fire, g, g.ID, quoted("gateway", g.ID), "fire")
	doc.use(ds, "input", &g.Tamper, g, g.ID, quoted("gateway", g.ID), "tamper")
	for _, i := range g.Inputs {
		if i.Active != "" {
			doc.oneOf(&i.Active, i, quoted("input", i.ID)+": active", []string{"high", "low"})
		}
		doc.duration(&i.Debounce, i, quoted("input", i.ID)+": debounce", time.Millisecond, time.Second)
	}
	for _, c := range g.Counters {
		what := quoted("counter", c.ID)
		if c.Chip != "" {
			doc.chipCounter(c, what)
			continue
		}
		doc.need(&c.Outer, c, what+" has no outer: the input of the barrier on the outer side")
		doc.need(&c.Inner, c, what+" has no inner: the input of the barrier on the inner side")
		doc.use(ds, "input", &c.Outer, c, g.ID, what, "outer")
		doc.use(ds, "input", &c.Inner, c, g.ID, what, "inner")
	}
	for _, s := range g.Sensors {
		what := quoted("sensor", s.ID)
		doc.zone(b, &s.Zone, s, what+": zone", false)
		doc.oneOf(&s.Chip, s, what+": chip", names(sensorChips))
		doc.duration(&s.Every, s, what+": every", 5*time.Second, time.Hour)
	}
}

func (doc *document) chipCounter(c *Counter, what string) {
	doc.oneOf(&c.Chip, c, what+": chip", counterChips)
	if c.Outer != "" || c.Inner != "" {
		doc.say(in(&c.Outer, &c.Inner, c), "%s has a chip and light barriers, expected one of them", what)
	}
}

// need says what when an ID is missing.
func (doc *document) need(id *string, of any, what string) {
	if *id == "" {
		doc.say(in(id, of), "%s", what)
	}
}

// use checks that an ID, when there is one, is a device of this kind on this gateway, and takes it: each device has
// one use.
func (doc *document) use(ds *devices, kind string, id *string, of any, gateway, user, role string) {
	if *id == "" {
		return
	}
	d := ds.byID[*id]
	switch {
	case d == nil:
		names := ds.names(kind, gateway)
		doc.say(in(id, of), "%s: %s is the unknown %s %q%s; %ss of gateway %s are %s", user, role, kind, *id, suggest(*id, names), kind, gateway, list(names))
	case d.kind != kind:
		doc.say(in(id, of), "%s: %s is %q, which is of the kind %s, expected %s; %ss of gateway %s are %s", user, role, *id, d.kind, kind, kind, gateway, list(ds.names(kind, gateway)))
	case d.gateway != gateway:
		doc.say(in(id, of), "%s: %s is the %s %q of gateway %s, expected one of gateway %s: what works together hangs on the same gateway", user, role, kind, *id, d.gateway, gateway)
	case d.usedBy != "":
		doc.say(in(id, of), "%s: %s is the %s %q, which is already in use as %s", user, role, kind, *id, d.usedBy)
	default:
		d.usedBy = role + " of " + user
	}
}

// leftOver finds what is read or counted for no door.
func (doc *document) leftOver(b *Building, ds *devices) {
	for _, id := range ds.order {
		d := ds.byID[id]
		if d.usedBy == "" && (d.kind == "reader" || d.kind == "counter") {
			doc.say(in(d.at, d.of), "%s belongs to no door of building %s: name it at a door, or remove it", quoted(d.kind, id), b.ID)
		}
	}
}

// zone checks a reference to a zone.
func (doc *document) zone(b *Building, id *string, of any, what string, outside bool) {
	if b.Zone(*id) != nil && *id != Outside || outside && *id == Outside {
		return
	}
	names := ids(b.Zones, func(z *Zone) string { return z.ID })
	if outside && b.Zone(Outside) == nil {
		names = append(names, Outside)
	}
	if *id == "" {
		doc.say(in(id, of), "%s is missing; zones of building %s are %s", what, b.ID, list(names))
		return
	}
	doc.say(in(id, of), "%s is the unknown zone %q%s; zones of building %s are %s", what, *id, suggest(*id, names), b.ID, list(names))
}
