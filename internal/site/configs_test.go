package site

import (
	"maps"
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
	bench, err := Load(filepath.Join(configs, "bench.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	wired, wirings := map[string]bool{}, map[string]*Wiring{}
	shown := map[string]bool{} // models, and chips of sensors
	for _, d := range []*District{d, bench} {
		for _, b := range d.Buildings {
			for _, g := range b.Gateways {
				name := b.ID + "-" + g.ID + ".yaml"
				w, err := LoadWiring(filepath.Join(configs, "gateways", name), d)
				if err != nil {
					t.Error(err)
					continue
				}
				if w.Building != b.ID || w.Gateway != g.ID {
					t.Errorf("%s is the wiring of %s-%s", name, w.Building, w.Gateway)
				}
				wired[name], wirings[g.ID], shown[g.Model] = true, w, true
				for _, s := range g.Sensors {
					shown[s.Chip] = true
				}
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(configs, "gateways", "*.yaml"))
	if err != nil || len(files) != len(wired) {
		t.Errorf("found the wiring files %v, %v; expected one for each of the gateways of %v", files, err, slices.Sorted(maps.Keys(wired)))
	}
	for _, want := range append(models(), names(sensorChips)...) {
		if !shown[want] {
			t.Errorf("no gateway is a %s, or has one", want)
		}
	}
	w := wirings["gw-bench"]
	if w == nil {
		t.Fatal("there is no bench")
	}
	chips := map[string]bool{}
	for _, r := range w.Readers {
		chips[r.Chip] = true
	}
	for _, e := range w.Expanders {
		chips[e.Chip] = true
	}
	for _, want := range slices.Concat(names(readerChips), names(expanderChips)) {
		if !chips[want] {
			t.Errorf("the bench has no %s", want)
		}
	}
	if len(w.Sensors) != len(sensorChips) || len(w.Buses) == 0 || len(w.Counters) == 0 {
		t.Errorf("the bench has %d sensors, %d buses and %d counters with a chip, expected one of everything", len(w.Sensors), len(w.Buses), len(w.Counters))
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

func TestGatewaysWatchFireAndCabinet(t *testing.T) {
	for _, b := range shipped(t).Buildings {
		for _, g := range b.Gateways {
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
