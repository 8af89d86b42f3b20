package site

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const configs = "../../configs"

func shipped(t *testing.T) *District {
	t.Helper()
	d, err := Load(filepath.Join(configs, "district.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConfigsLoad(t *testing.T) {
	d := shipped(t)
	if d.Building("lozionica") == nil || d.Building("kragujevac") == nil {
		t.Fatal("the district has not both buildings, lozionica and kragujevac")
	}
	files, err := filepath.Glob(filepath.Join(configs, "gateways", "*.yaml"))
	if err != nil || len(files) < 2 {
		t.Fatalf("found the wiring files %v, %v; expected at least two", files, err)
	}
	chips := map[string]bool{}
	for _, f := range files {
		w, err := LoadWiring(f, d)
		if err != nil {
			t.Error(err)
			continue
		}
		chips[w.Chip] = true
		if name := w.Building + "-" + w.Gateway + ".yaml"; filepath.Base(f) != name {
			t.Errorf("%s is the wiring of %s", f, name)
		}
	}
	if !chips["pinctrl-bcm2711"] || !chips["pinctrl-rp1"] {
		t.Errorf("examples are of the chips %v, expected a Pi 4 and a Pi 5", chips)
	}
}

// The areas add up to what the public sources say.
func TestAreasAddUp(t *testing.T) {
	d := shipped(t)
	sum := func(building string, zones ...string) (m2 float64) {
		for _, id := range zones {
			m2 += d.Building(building).Zone(id).AreaM2
		}
		return m2
	}
	for _, c := range []struct {
		what          string
		public, found float64
	}{
		{"roundhouse", 4800, sum("lozionica", "turntable-hall", "exhibition", "workshops", "black-box", "classrooms", "cafe", "gallery")},
		{"annex", 11000, sum("lozionica", "egov-hall", "egov-offices", "annex-lobby", "startup-offices", "ai-district",
			"cyber-district", "open-data-hub", "digital-district", "it-office", "conference")},
		{"first building", 4800, sum("kragujevac", "event-hall", "lobby", "showroom", "incubator", "coworking", "meeting",
			"lab-electronics", "lab-ai", "offices", "admin")},
		{"garage", 10000, sum("kragujevac", "garage")},
	} {
		if math.Abs(c.found-c.public) > c.public/100 {
			t.Errorf("%s: zones have %v m², the public sources say %v", c.what, c.found, c.public)
		}
	}
	for _, b := range d.Buildings {
		for _, z := range b.Zones {
			if a := area(z.Shape); math.Abs(a-z.AreaM2) > 1 {
				t.Errorf("%s: area_m2 is %v, its shape has %.0f", z.ID, z.AreaM2, a)
			}
			if !z.Capacity.Assumed {
				t.Errorf("%s: its capacity is not public, expected assumed: true", z.ID)
			}
		}
	}
}

func TestZonesDoNotOverlap(t *testing.T) {
	const step = 0.37 // m; no wall of the plans is a multiple of it
	for _, b := range shipped(t).Buildings {
		for _, f := range b.Floors {
			for x := step; x < f.Width; x += step {
				for y := step; y < f.Height; y += step {
					in := ""
					for _, z := range b.Zones {
						if z.Floor != f.ID || !contains(z.Shape, Point{x, y}) || away(Shape{Polygon: z.Shape.Polygon}, Point{x, y}) < 0.01 {
							continue
						}
						if in != "" {
							t.Fatalf("%s: %.2f, %.2f is in %s and in %s", b.ID, x, y, in, z.ID)
						}
						in = z.ID
					}
				}
			}
		}
	}
}

func TestDoorsAreInTheWall(t *testing.T) {
	for _, b := range shipped(t).Buildings {
		for _, d := range b.Doors {
			to, from := b.Zone(d.To), b.Zone(d.From)
			if m := away(to.Shape, d.Position); m > 0.05 {
				t.Errorf("%s is %.2f m away from the border of %s", d.ID, m, to.ID)
			}
			if from == nil || from.Floor != to.Floor {
				continue
			}
			if m := away(from.Shape, d.Position); m > 0.05 {
				t.Errorf("%s is %.2f m away from the border of %s", d.ID, m, from.ID)
			}
		}
	}
}

// Every zone can be reached from outside, so that the people in it can be counted.
func TestEveryZoneHasAWayIn(t *testing.T) {
	for _, b := range shipped(t).Buildings {
		reached := map[string]bool{Outside: true}
		for range b.Doors {
			for _, d := range b.Doors {
				if reached[d.From] || reached[d.To] {
					reached[d.From], reached[d.To] = true, true
				}
			}
		}
		for _, z := range b.Zones {
			if !reached[z.ID] {
				t.Errorf("%s: no door leads to %s", b.ID, z.ID)
			}
		}
	}
}

// A Pi's header has GPIO4 … GPIO27 beside the I²C bus and the HAT's ID lines.
func TestGatewaysFitOnAPi(t *testing.T) {
	for _, b := range shipped(t).Buildings {
		for _, g := range b.Gateways {
			if n := 2*len(g.Readers) + len(g.Inputs) + len(g.Outputs); n > 24 {
				t.Errorf("%s/%s needs %d lines, a Pi has 24", b.ID, g.ID, n)
			}
			used, bus := map[uint16]bool{}, 0
			for _, s := range g.Sensors {
				used[chips[s.Chip][0]] = true
				bus++
			}
			if len(used) != bus {
				t.Errorf("%s/%s: %d sensors share the %d addresses of one bus", b.ID, g.ID, bus, len(used))
			}
			for _, id := range []string{"fire-", "tamper-"} {
				if !slices.ContainsFunc(g.Inputs, func(i *Input) bool { return i.ID == id+g.ID[3:] }) {
					t.Errorf("%s/%s has no input %s%s", b.ID, g.ID, id, g.ID[3:])
				}
			}
		}
	}
}

func TestWhatTheBuildingsShow(t *testing.T) {
	for _, b := range shipped(t).Buildings {
		main := b.Door("main")
		if main == nil || main.Counter != "main-counter" || !main.Public || main.REX == "" || main.Contact == "" || main.From != Outside {
			t.Errorf("%s: main is %+v, expected a public entrance with counter, rex and contact", b.ID, main)
		}
		safe, blind := 0, 0
		for _, d := range b.Doors {
			if d.Fail == FailSafe {
				safe++
			}
			if d.Contact == "" {
				blind++
			}
		}
		if safe == 0 || blind == 0 {
			t.Errorf("%s: %d maglocks, %d doors without a contact; expected at least one of each", b.ID, safe, blind)
		}
		if len(b.Sources) == 0 {
			t.Errorf("%s names no public sources", b.ID)
		}
	}
}

func TestSerbianNamesAreCyrillic(t *testing.T) {
	d := shipped(t)
	texts := []Text{d.Name}
	for _, b := range d.Buildings {
		texts = append(texts, b.Name, b.City)
		for _, z := range b.Zones {
			texts = append(texts, z.Name)
		}
		for _, f := range b.Floors {
			texts = append(texts, f.Name)
		}
		for _, door := range b.Doors {
			texts = append(texts, door.Name)
		}
		for _, g := range b.Gateways {
			texts = append(texts, g.Name)
		}
	}
	for _, text := range texts {
		if strings.ContainsFunc(text.Sr, func(r rune) bool { return unicode.Is(unicode.Latin, r) }) {
			t.Errorf("%q has Latin letters, expected Cyrillic: Latin script is made from it", text.Sr)
		}
		if strings.ContainsFunc(text.En, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) {
			t.Errorf("%q has Cyrillic letters, expected English", text.En)
		}
	}
}
