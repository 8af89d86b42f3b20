package api

import (
	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/auth"
	"kapija/dashboard/live"
	"kapija/internal/site"
)

type text struct {
	Sr string `json:"sr"` // Cyrillic
	En string `json:"en"`
}

// building is a live.Building with the names that people know.
type building struct {
	live.Building
	Name  text   `json:"name"`
	City  text   `json:"city"`
	Zones []zone `json:"zones"`
}

type zone struct {
	live.Zone
	Name  text   `json:"name"`
	Floor string `json:"floor"`
}

func (s *server) buildings(c *fiber.Ctx) error {
	snapshot := s.Live.Snapshot()
	out := make([]building, 0, len(snapshot.Buildings))
	may := scope(c.Locals(userKey).(auth.User).Role)
	for _, b := range snapshot.Buildings {
		b = may.Only(b)
		conf := s.Site.Building(b.ID)
		n := building{Building: b, Name: named(conf.Name), City: named(conf.City), Zones: make([]zone, 0, len(b.Zones))}
		for _, z := range b.Zones {
			zc := conf.Zone(z.ID)
			n.Zones = append(n.Zones, zone{z, named(zc.Name), zc.Floor})
		}
		out = append(out, n)
	}
	return c.JSON(out)
}

func named(t site.Text) text { return text{t.Sr, t.En} }
