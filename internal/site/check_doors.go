package site

import "time"

func (doc *document) doors(b *Building, ds *devices) {
	seen := unique{}
	for _, d := range b.Doors {
		doc.id(&d.ID, d, "door", seen)
		doc.name(&d.Name, d, "door "+d.ID)
		doc.sides(b, d)
		doc.times(d)
		doc.doorDevices(b, d, ds)
		doc.rules(b, d)
	}
	doc.interlocks(b)
}

func (doc *document) sides(b *Building, d *Door) {
	what := quoted("door", d.ID)
	doc.zone(b, &d.From, d, what+": from", true)
	doc.zone(b, &d.To, d, what+": to", true)
	if d.From == d.To && d.From != "" {
		doc.say(in(&d.To, &d.From, d), "%s leads from %s to %s, expected two different zones", what, d.From, d.To)
	}
	z := b.Zone(d.To)
	if z == nil {
		z = b.Zone(d.From)
	}
	if z == nil {
		return
	}
	f := b.Floor(z.Floor)
	if f == nil || !(f.Width > 0 && f.Height > 0) {
		return
	}
	if _, stated := doc.at[&d.Position]; !stated {
		doc.say(in(d), "%s has no position: [x, y] in metres on the plan of floor %s", what, f.ID)
	} else if p := d.Position; !(p[0] >= 0 && p[1] >= 0 && p[0] <= f.Width && p[1] <= f.Height) {
		doc.say(in(&d.Position), "%s: position %v is outside of the plan of floor %s, which is %v wide and %v high", what, p, f.ID, f.Width, f.Height)
	}
}

func (doc *document) times(d *Door) {
	what := quoted("door", d.ID)
	doc.duration(&d.Release, d, what+": release", time.Second, time.Minute)
	doc.duration(&d.Extended, d, what+": extended", time.Second, 2*time.Minute)
	doc.duration(&d.HeldAfter, d, what+": held_after", 5*time.Second, time.Hour)
	held := d.HeldAfter
	if held == 0 {
		held = defaultHeldAfter
	}
	doc.duration(&d.HeldWarning, d, what+": held_warning", time.Second, held/2)
	if d.Extended != 0 && d.Extended < max(d.Release, time.Second) {
		doc.say(in(&d.Extended, d), "%s: extended is %v, expected at least release, %v", what, d.Extended, d.Release)
	}
}

func (doc *document) doorDevices(b *Building, d *Door, ds *devices) {
	what := quoted("door", d.ID)
	fail := string(d.Fail)
	if d.Fail != FailSecure && d.Fail != FailSafe {
		doc.say(in(&d.Fail, d), "%s: fail is %q; allowed are secure (locked without power) and safe (open without power)", what, fail)
	}
	if d.Mode != "" {
		doc.mode(&d.Mode, d, what+": mode")
	}
	if d.OnFire != "" {
		doc.oneOf(&d.OnFire, d, what+": on_fire", []string{OnFireRelease})
	}
	doc.need(&d.Lock, d, what+" has no lock: the output that unlocks it")
	if d.Entry == "" && d.Exit == "" {
		doc.say(in(d), "%s has no reader: expected entry, exit or both", what)
	}
	if d.Exit == "" && d.REX == "" {
		doc.say(in(d), "%s has neither an exit reader nor a rex: everybody who leaves would be taken for an intruder", what)
	}
	if b.Gateway(d.Gateway) == nil {
		names := ids(b.Gateways, func(g *Gateway) string { return g.ID })
		doc.say(in(&d.Gateway, d), "%s: unknown gateway %q%s; gateways of building %s are %s", what, d.Gateway, suggest(d.Gateway, names), b.ID, list(names))
		for _, id := range []string{d.Lock, d.Contact, d.REX, d.Entry, d.Exit, d.Counter} {
			if dev := ds.byID[id]; dev != nil {
				dev.usedBy = what
			}
		}
		return
	}
	doc.use(ds, "output", &d.Lock, d, d.Gateway, what, "lock")
	doc.use(ds, "input", &d.Contact, d, d.Gateway, what, "contact")
	doc.use(ds, "input", &d.REX, d, d.Gateway, what, "rex")
	doc.use(ds, "reader", &d.Entry, d, d.Gateway, what, "entry")
	doc.use(ds, "reader", &d.Exit, d, d.Gateway, what, "exit")
	doc.use(ds, "counter", &d.Counter, d, d.Gateway, what, "counter")
}
