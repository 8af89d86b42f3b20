package web

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/directory"
	"kapija/dashboard/live"
	"kapija/internal/site"
)

func (s *server) overview(c *fiber.Ctx, p *page) error {
	all := places(s.Site, s.Live.Snapshot())
	p.title, p.live, p.chart = p.T("nav.overview"), true, true
	if p.part == "alarms" {
		return s.show(c, p, fiber.StatusOK, alarmList(p, alarms(all)))
	}
	s.curves(c, p, all)
	return s.show(c, p, fiber.StatusOK, overviewPage(p, all))
}

func (s *server) building(c *fiber.Ctx, p *page) error {
	all := places(s.Site, s.Live.Snapshot())
	i := slices.IndexFunc(all, func(pl *place) bool { return pl.ID == c.Params("id") })
	if i < 0 {
		return errNotFound
	}
	pl := all[i]
	p.title, p.live, p.chart = p.name(pl.Name), true, true
	if p.part == "doors" && p.may(seeDoors) {
		return s.show(c, p, fiber.StatusOK, doorRows(p, []*place{pl}))
	}
	s.curves(c, p, all[i:i+1])
	return s.show(c, p, fiber.StatusOK, buildingPage(p, all, pl))
}

func (s *server) doors(c *fiber.Ctx, p *page) error {
	all := places(s.Site, s.Live.Snapshot())
	p.title, p.live = p.T("nav.doors"), true
	if p.part == "doors" {
		return s.show(c, p, fiber.StatusOK, doorRows(p, all))
	}
	return s.show(c, p, fiber.StatusOK, doorsPage(p, all))
}

func (s *server) devices(c *fiber.Ctx, p *page) error {
	all := places(s.Site, s.Live.Snapshot())
	p.title, p.live = p.T("nav.devices"), true
	if p.part == "devices" {
		return s.show(c, p, fiber.StatusOK, deviceList(p, all))
	}
	return s.show(c, p, fiber.StatusOK, devicesPage(p, all))
}

func (s *server) events(c *fiber.Ctx, p *page) error {
	snapshot := s.Live.Snapshot()
	all := places(s.Site, snapshot)
	p.title, p.live = p.T("nav.events"), true
	only := strings.Clone(c.Query("building"))
	latest := snapshot.Events
	if only != "" {
		if s.Site.Building(only) == nil {
			return errNotFound
		}
		latest = slices.DeleteFunc(slices.Clone(latest), func(e live.Event) bool { return e.Building != only })
	}
	p.holders = s.holders(c.UserContext(), p, latest)
	if p.part == "events" {
		return s.show(c, p, fiber.StatusOK, eventRows(p, latest))
	}
	return s.show(c, p, fiber.StatusOK, eventsPage(p, all, latest, only))
}

// holders is who holds the badges of events, for those who may see people. Without an answer the pseudonyms remain.
func (s *server) holders(ctx context.Context, p *page, events []live.Event) map[string]directory.Person {
	held := map[string]directory.Person{}
	if !p.may(seePeople) {
		return held
	}
	for _, e := range events {
		if _, asked := held[e.Badge]; asked || e.Badge == "" {
			continue
		}
		person, _, err := s.People.Holder(ctx, e.Badge)
		if err != nil {
			s.Log.Warn("web: no names for events", "err", err)
			break
		}
		held[e.Badge] = person
	}
	return held
}

// doorName is the name of a door of an event, or its ID when the configuration no longer has it.
func (p *page) doorName(building, door string) string {
	if b := p.site.Building(building); b != nil && door != "" {
		if d := b.Door(door); d != nil {
			return p.name(d.Name)
		}
	}
	return door
}

func (p *page) buildingName(id string) string {
	if b := p.site.Building(id); b != nil {
		return p.name(b.Name)
	}
	return id
}

func (p *page) gatewayName(building, gateway string) string {
	if b := p.site.Building(building); b != nil {
		if g := b.Gateway(gateway); g != nil {
			return p.name(g.Name)
		}
	}
	return gateway
}

// zoneName is the name of one side of a door.
func (p *page) zoneName(b *site.Building, zone string) string {
	if zone == site.Outside {
		return p.T("place.outside")
	}
	if z := b.Zone(zone); z != nil {
		return p.name(z.Name)
	}
	return zone
}
