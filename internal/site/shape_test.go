package site

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPath(t *testing.T) {
	centre := Point{10, 10}
	for _, c := range []struct {
		name, want string
		shape      Shape
		label      Point
	}{
		{"nothing", "", Shape{}, Point{}},
		{"rectangle", "M0 0L4 0L4 2.5L0 2.5Z", Shape{Polygon: []Point{{0, 0}, {4, 0}, {4, 2.5}, {0, 2.5}}}, Point{2, 1.25}},
		{"a quarter of a ring", "M18 10A8 8 0 0 1 15.66 15.66A8 8 0 0 1 10 18L10 14A4 4 0 0 0 12.83 12.83A4 4 0 0 0 14 10Z",
			Shape{Sector: &Sector{centre, 4, 8, 0, 90}}, Point{14.24, 14.24}},
		{"a slice", "M10 2A8 8 0 0 1 15.66 4.34A8 8 0 0 1 18 10L10 10Z",
			Shape{Sector: &Sector{centre, 0, 8, -90, 0}}, Point{13.77, 6.23}},
		{"a disc", "M18 10A8 8 0 0 1 2 10A8 8 0 0 1 18 10Z", Shape{Sector: &Sector{centre, 0, 8, 0, 360}}, centre},
		{"a ring", "M18 10A8 8 0 0 1 2 10A8 8 0 0 1 18 10ZM14 10A4 4 0 0 0 6 10A4 4 0 0 0 14 10Z",
			Shape{Sector: &Sector{centre, 4, 8, 0, 360}}, Point{4, 10}},
		{"a bracket, whose centroid is outside", "M0 0L10 0L10 1L1 1L1 9L10 9L10 10L0 10Z",
			Shape{Polygon: []Point{{0, 0}, {10, 0}, {10, 1}, {1, 1}, {1, 9}, {10, 9}, {10, 10}, {0, 10}}}, Point{5, 0.31}},
	} {
		if p := c.shape.Path(); p != c.want {
			t.Errorf("%s: path %s, expected %s", c.name, p, c.want)
		}
		if l := c.shape.Centre(); math.Hypot(l[0]-c.label[0], l[1]-c.label[1]) > 0.01 {
			t.Errorf("%s: label at %v, expected %v", c.name, l, c.label)
		}
	}
}

func TestSectorStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Sector{Centre: Point{50, 50}}
		s.Inner = rapid.Float64Range(0, 20).Draw(t, "inner")
		s.Outer = s.Inner + rapid.Float64Range(0.1, 20).Draw(t, "width")
		s.From = rapid.Float64Range(-360, 360).Draw(t, "from")
		s.To = s.From + rapid.Float64Range(0.1, 360).Draw(t, "angle")
		shape := Shape{Sector: s}
		least, most := shape.bounds()
		r := s.Inner + (s.Outer-s.Inner)*rapid.Float64Range(0, 1).Draw(t, "radius")
		p := s.point(r, s.From+(s.To-s.From)*rapid.Float64Range(0, 1).Draw(t, "turn"))
		for i := range p {
			if p[i] < least[i]-1e-9 || p[i] > most[i]+1e-9 {
				t.Fatalf("%v is outside of the bounds %v to %v", p, least, most)
			}
		}
		if c := shape.Centre(); !contains(shape, c) {
			t.Fatalf("the label %v is outside of the sector", c)
		}
	})
}

func TestLabelIsInItsPolygon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 12).Draw(t, "corners")
		polygon := make([]Point, n) // a star about (50, 50): its points in order of their angle
		for i := range polygon {
			ring := &Sector{Centre: Point{50, 50}}
			polygon[i] = ring.point(rapid.Float64Range(1, 40).Draw(t, "radius"), float64(i)*360/float64(n))
		}
		if !simple(polygon) {
			t.Fatalf("%v is taken for a polygon that crosses itself", polygon)
		}
		if c := centre(polygon); !inside(polygon, c) {
			t.Fatalf("the label %v is outside of %v", c, polygon)
		}
	})
}

// contains tells that a point is in the shape.
func contains(s Shape, p Point) bool {
	if s.Sector == nil {
		return inside(s.Polygon, p)
	}
	c := s.Sector
	x, y := p[0]-c.Centre[0], p[1]-c.Centre[1]
	r := math.Hypot(x, y)
	turn := math.Mod(math.Atan2(y, x)*180/math.Pi-c.From, 360)
	if turn < 0 {
		turn += 360
	}
	return r >= c.Inner && r <= c.Outer && (turn <= c.To-c.From || r == 0)
}

// area in m².
func area(s Shape) float64 {
	if c := s.Sector; c != nil {
		return math.Pi * (c.Outer*c.Outer - c.Inner*c.Inner) * (c.To - c.From) / 360
	}
	twice := 0.0
	for i, p := range s.Polygon {
		q := s.Polygon[(i+1)%len(s.Polygon)]
		twice += p[0]*q[1] - q[0]*p[1]
	}
	return math.Abs(twice) / 2
}

// away is how far a point is from the outline of the shape, in m.
func away(s Shape, p Point) float64 {
	least := math.Inf(1)
	side := func(a, b Point) {
		d := Point{b[0] - a[0], b[1] - a[1]}
		t := ((p[0]-a[0])*d[0] + (p[1]-a[1])*d[1]) / (d[0]*d[0] + d[1]*d[1])
		t = min(1, max(0, t))
		least = min(least, math.Hypot(p[0]-a[0]-t*d[0], p[1]-a[1]-t*d[1]))
	}
	outline := s.Polygon
	if c := s.Sector; c != nil {
		for i := range 3601 {
			a := c.From + (c.To-c.From)*float64(i)/3600
			least = min(least, dist(p, c.point(c.Outer, a)), dist(p, c.point(c.Inner, a)))
		}
		side(c.point(c.Inner, c.From), c.point(c.Outer, c.From))
		side(c.point(c.Inner, c.To), c.point(c.Outer, c.To))
	}
	for i, a := range outline {
		side(a, outline[(i+1)%len(outline)])
	}
	return least
}

func dist(a, b Point) float64 { return math.Hypot(a[0]-b[0], a[1]-b[1]) }
