// Package memory is what a gateway remembers between decisions: where each badge went last, how many are in a zone, who
// waits for a second person, who brought visitors, who came first, and how many wrong PINs were typed. It knows only what
// passed at this gateway's own doors. A badge that it does not know counts as being nowhere.
//
// It never decides: package policy asks it. It keeps no file: everything in it follows from the audit events, which the
// journal has on the disk already, so that after a restart it is made again of the last ones (Rebuild). A second file
// could be older than the journal, or torn, and would have to be believed or not; the journal cannot disagree with itself.
// What does not stand in events is forgotten at a restart, which refuses and never opens: the first of two persons,
// the escort of a visitor, and which doors are closed and locked.
//
// Concurrency: a Memory belongs to one goroutine, that of the gateway's loop. It is bounded: MaxPlaces badges, of which
// those that left the building longest ago are forgotten first, and maxTyped badges with wrong PINs, of which the one
// whose last wrong PIN is the oldest is forgotten. One person's mistake changes nothing for another (L17).
package memory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
)

// MaxPlaces is how many badges are remembered, with where they are.
const MaxPlaces = 16384

// maxTyped is of how many badges wrong PINs are remembered; maxFirst, how many persons who may come first.
const (
	maxTyped = 1024
	maxFirst = 4096
)

// Forgive begins the Cause of the event command.accepted that forgives its Badge: where it is, and its wrong PINs.
const Forgive = "forgive"

// Place is where a badge went last.
type Place struct {
	Badge string
	Zone  string
	At    time.Time
}

// Memory is what one gateway remembers.
type Memory struct {
	building *site.Building
	badges   map[string]Place
	zones    map[string][]Place // the same, in order of time
	waiting  map[string]policy.Waiting
	escorted map[string]time.Time
	firstIn  map[string]time.Time
	secured  map[string]bool
	first    map[string]bool // badges that were accepted and whose person may come first
	wrong    map[string][]time.Time
}

// New remembers nothing. The building tells which zones a door joins.
func New(b *site.Building) *Memory {
	return &Memory{
		building: b, badges: map[string]Place{}, zones: map[string][]Place{}, waiting: map[string]policy.Waiting{},
		escorted: map[string]time.Time{}, firstIn: map[string]time.Time{}, secured: map[string]bool{},
		first: map[string]bool{}, wrong: map[string][]time.Time{},
	}
}

// Decided notes what does not stand in the events of a decision. It comes before Apply of those events.
func (m *Memory) Decided(q policy.Request, d policy.Decision) {
	inward := q.Side != event.Out
	switch {
	case d.Reason == event.SecondPerson:
		m.waiting[q.Door] = policy.Waiting{Badge: d.Badge, Person: d.Person, Side: q.Side, At: q.At}
	case d.Granted && d.With != "":
		delete(m.waiting, q.Door)
	}
	if inward && d.Roles.Has(policy.Escort) && (d.Granted || d.Reason == event.SecondPerson) {
		m.escorted[q.Door] = q.At
	}
	if inward && d.Granted && d.Mode != policy.ModeFreeAccess {
		delete(m.first, d.Badge)
		if d.Roles.Has(policy.FirstPerson) {
			m.mayBeFirst(d.Badge)
		}
	}
}

func (m *Memory) mayBeFirst(badge string) {
	if len(m.first) >= maxFirst {
		clear(m.first)
	}
	m.first[badge] = true
}

// Apply notes an audit event, in the order in which they are written.
func (m *Memory) Apply(e event.Event) {
	if e.Badge == "" {
		return
	}
	switch e.Kind {
	case event.AccessEntered:
		d := m.building.Door(e.Door)
		if d == nil {
			return
		}
		if e.Side == event.Out {
			m.move(e.Badge, d.From, e.At)
			return
		}
		m.move(e.Badge, d.To, e.At)
		if m.first[e.Badge] {
			m.firstIn[e.Door] = e.At
		}
	case event.AccessDenied:
		if e.Reason == event.WrongPIN {
			m.typedWrong(e.Badge, e.At)
		}
	case event.CommandAccepted:
		if strings.HasPrefix(e.Cause, Forgive) {
			m.leave(e.Badge)
			delete(m.wrong, e.Badge)
		}
	}
}

// SetDoor says whether a door is closed and locked. Until it is said, it is taken as not.
func (m *Memory) SetDoor(door string, secured bool) { m.secured[door] = secured }

// Places lists where badges are, in order of zone and time, without those that left the building.
func (m *Memory) Places() []Place {
	var list []Place
	for zone, places := range m.zones {
		if zone != site.Outside {
			list = append(list, places...)
		}
	}
	slices.SortFunc(list, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), a.At.Compare(b.At), cmp.Compare(a.Badge, b.Badge))
	})
	return list
}

func (m *Memory) move(badge, zone string, at time.Time) {
	m.leave(badge)
	if len(m.badges) >= MaxPlaces {
		m.forgetOldest()
	}
	p := Place{badge, zone, at}
	m.badges[badge] = p
	list := m.zones[zone]
	i, _ := slices.BinarySearchFunc(list, at, func(p Place, t time.Time) int {
		return cmp.Or(p.At.Compare(t), -1) // behind those of the same time
	})
	m.zones[zone] = slices.Insert(list, i, p)
}

func (m *Memory) leave(badge string) {
	p, ok := m.badges[badge]
	if !ok {
		return
	}
	delete(m.badges, badge)
	list := m.zones[p.Zone]
	i, _ := slices.BinarySearchFunc(list, p.At, func(p Place, t time.Time) int { return p.At.Compare(t) })
	for ; i < len(list); i++ {
		if list[i].Badge == badge {
			m.zones[p.Zone] = slices.Delete(list, i, i+1)
			return
		}
	}
}

// forgetOldest makes room: of those outside first, where nobody is counted.
func (m *Memory) forgetOldest() {
	if list := m.zones[site.Outside]; len(list) > 0 {
		m.leave(list[0].Badge)
		return
	}
	var oldest Place
	for _, list := range m.zones {
		if len(list) > 0 && (oldest.Badge == "" || list[0].At.Before(oldest.At)) {
			oldest = list[0]
		}
	}
	m.leave(oldest.Badge)
}

func (m *Memory) typedWrong(badge string, at time.Time) {
	if _, known := m.wrong[badge]; !known && len(m.wrong) >= maxTyped {
		oldest := ""
		for b, times := range m.wrong {
			if oldest == "" || slices.MaxFunc(times, time.Time.Compare).Before(slices.MaxFunc(m.wrong[oldest], time.Time.Compare)) {
				oldest = b
			}
		}
		delete(m.wrong, oldest)
	}
	times := append(m.wrong[badge], at)
	m.wrong[badge] = times[max(0, len(times)-policy.MaxTries):]
}
