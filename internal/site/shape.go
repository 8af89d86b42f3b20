package site

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Path is the outline as SVG path data, in metres of the floor's plan. It is empty for an empty shape.
func (s Shape) Path() string {
	var b strings.Builder
	if s.Sector != nil {
		s.Sector.path(&b)
	} else if len(s.Polygon) > 0 {
		for i, p := range s.Polygon {
			b.WriteString(map[bool]string{true: "M", false: "L"}[i == 0])
			b.WriteString(p.svg())
		}
		b.WriteByte('Z')
	}
	return b.String()
}

// svg is the point as SVG writes it, to the centimetre.
func (p Point) svg() string { return metres(p[0]) + " " + metres(p[1]) }

func metres(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100+0, 'f', -1, 64)
}

func (s *Sector) path(b *strings.Builder) {
	whole := s.To-s.From >= 360
	b.WriteString("M" + s.point(s.Outer, s.From).svg())
	s.arc(b, s.Outer, s.From, s.To, "1")
	switch {
	case s.Inner <= 0 && !whole:
		b.WriteString("L" + s.Centre.svg())
	case s.Inner > 0 && whole:
		b.WriteString("ZM" + s.point(s.Inner, s.To).svg())
		s.arc(b, s.Inner, s.To, s.From, "0")
	case s.Inner > 0:
		b.WriteString("L" + s.point(s.Inner, s.To).svg())
		s.arc(b, s.Inner, s.To, s.From, "0")
	}
	b.WriteByte('Z')
}

// arc goes in two halves: SVG draws no arc of a whole turn, and a half never needs the large-arc flag.
func (s *Sector) arc(b *strings.Builder, radius, from, to float64, sweep string) {
	r := metres(radius)
	for _, a := range []float64{(from + to) / 2, to} {
		b.WriteString("A" + r + " " + r + " 0 0 " + sweep + " " + s.point(radius, a).svg())
	}
}

func (s *Sector) point(radius, degrees float64) Point {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return Point{s.Centre[0] + radius*cos, s.Centre[1] + radius*sin}
}

// Centre is where a label stands: inside the shape, near to its middle.
func (s Shape) Centre() Point {
	switch {
	case s.Sector != nil:
		return s.Sector.middle()
	case len(s.Polygon) > 0:
		return centre(s.Polygon)
	}
	return Point{}
}

func (s *Sector) middle() Point {
	switch {
	case s.Inner > 0:
		return s.point((s.Inner+s.Outer)/2, (s.From+s.To)/2)
	case s.To-s.From >= 360:
		return s.Centre
	}
	return s.point(s.Outer*2/3, (s.From+s.To)/2)
}

// centre is the centroid, or where that is outside of a concave polygon, the middle of the widest of some level cuts.
func centre(polygon []Point) Point {
	var twice, x, y float64
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		cross := p[0]*q[1] - q[0]*p[1]
		twice += cross
		x += (p[0] + q[0]) * cross
		y += (p[1] + q[1]) * cross
	}
	if c := (Point{x / (3 * twice), y / (3 * twice)}); twice != 0 && inside(polygon, c) {
		return c
	}
	return widest(polygon)
}

func widest(polygon []Point) Point {
	const cuts = 16
	top, bottom := polygon[0][1], polygon[0][1]
	for _, p := range polygon {
		top, bottom = min(top, p[1]), max(bottom, p[1])
	}
	best, width := polygon[0], 0.0
	for i := range cuts {
		y := top + (bottom-top)*(float64(i)+0.5)/cuts
		xs := crossings(polygon, y)
		for i := 0; i+1 < len(xs); i += 2 {
			if w := xs[i+1] - xs[i]; w > width {
				best, width = Point{(xs[i] + xs[i+1]) / 2, y}, w
			}
		}
	}
	return best
}

// crossings are the places at which the level y cuts the outline, from left to right.
func crossings(polygon []Point, y float64) []float64 {
	var xs []float64
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		if (p[1] > y) != (q[1] > y) {
			xs = append(xs, p[0]+(y-p[1])*(q[0]-p[0])/(q[1]-p[1]))
		}
	}
	slices.Sort(xs)
	return xs
}

func inside(polygon []Point, p Point) bool {
	odd := false
	for _, x := range crossings(polygon, p[1]) {
		odd = odd != (x < p[0])
	}
	return odd
}

// bounds is the rectangle around the shape.
func (s Shape) bounds() (least, most Point) {
	points := s.Polygon
	if c := s.Sector; c != nil {
		points = []Point{c.point(c.Outer, c.From), c.point(c.Outer, c.To), c.point(c.Inner, c.From), c.point(c.Inner, c.To)}
		for a := math.Ceil(c.From/90) * 90; a <= c.To; a += 90 {
			points = append(points, c.point(c.Outer, a))
		}
	}
	least, most = Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		for i := range p {
			least[i], most[i] = min(least[i], p[i]), max(most[i], p[i])
		}
	}
	return least, most
}

// simple tells that no two sides of the polygon meet but at the corner that they share, and that it has an area.
func simple(polygon []Point) bool {
	n := len(polygon)
	for i := range n {
		a, b := polygon[i], polygon[(i+1)%n]
		if turn(a, b, polygon[(i+2)%n]) == 0 && !between(a, polygon[(i+2)%n], b) || a == b {
			return false
		}
		for j := i + 2; j < n; j++ {
			if (j+1)%n != i && meet(a, b, polygon[j], polygon[(j+1)%n]) {
				return false
			}
		}
	}
	return true
}

// turn is positive when the way from a over b to c turns right, zero when it does not turn.
func turn(a, b, c Point) float64 {
	return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0])
}

// between tells that c, which is on the line through a and b, is not outside of the two.
func between(a, b, c Point) bool {
	return min(a[0], b[0]) <= c[0] && c[0] <= max(a[0], b[0]) && min(a[1], b[1]) <= c[1] && c[1] <= max(a[1], b[1])
}

func meet(a, b, c, d Point) bool {
	abc, abd, cda, cdb := turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
	return abc*abd < 0 && cda*cdb < 0 ||
		abc == 0 && between(a, b, c) || abd == 0 && between(a, b, d) ||
		cda == 0 && between(c, d, a) || cdb == 0 && between(c, d, b)
}
