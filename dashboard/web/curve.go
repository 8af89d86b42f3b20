package web

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/history"
	"kapija/internal/site"
)

// curve is a day of one building and its occupancy. charts.js draws it anew from GET /api/v1/buildings/:id/curve, whose
// points are the same.
type curve struct {
	from, to time.Time // local midnight to the next one; a day may have 23 or 25 hours
	capacity int       // persons
	points   []history.Point
	failed   bool // history did not answer in time
}

// newCurve puts the points of today into the day that now is in. A building's day that began before midnight, because
// it starts in the small hours, is shown from its first hour on.
func newCurve(b *site.Building, now time.Time, points []history.Point) curve {
	loc := location(b)
	y, m, d := now.In(loc).Date()
	k := curve{
		from: time.Date(y, m, d, 0, 0, 0, 0, loc), to: time.Date(y, m, d+1, 0, 0, 0, 0, loc),
		capacity: b.People(), points: points,
	}
	if len(points) > 0 && points[0].At.Before(k.from) {
		first := points[0].At.In(loc)
		k.from = time.Date(first.Year(), first.Month(), first.Day(), first.Hour(), 0, 0, 0, loc)
		k.to = k.from.AddDate(0, 0, 1)
	}
	return k
}

func location(b *site.Building) *time.Location {
	if b == nil || b.Location == nil {
		return time.UTC
	}
	return b.Location
}

// historyWait is how long a page waits for its curves; the rest of it is not kept waiting for longer by a slow database.
const historyWait = 800 * time.Millisecond

// curves asks for the curves of all places at once.
func (s *server) curves(c *fiber.Ctx, p *page, all []*place) {
	ctx, cancel := within(c, historyWait)
	defer cancel()
	var wg sync.WaitGroup
	for _, pl := range all {
		wg.Go(func() { pl.curve = s.curveOf(ctx, p, pl) })
	}
	wg.Wait()
}

func (s *server) curveOf(ctx context.Context, p *page, pl *place) (k curve) {
	defer func() {
		if r := recover(); r != nil { // a goroutine of our own: the handler's recover does not see it
			s.Log.Error("web: panic while asking history", "building", pl.ID, "panic", r)
			k = newCurve(pl.Building, p.now, nil)
			k.failed = true
		}
	}()
	points, err := s.History.Today(ctx, pl.ID)
	if err != nil {
		s.Log.Debug("web: no curve", "building", pl.ID, "err", err)
	}
	k = newCurve(pl.Building, p.now, points)
	k.failed = err != nil
	return k
}

// The drawing's units; the SVG is stretched to its box.
const (
	curveWidth  = 1440
	curveHeight = 200
)

// top is the value at the upper edge: room for the highest value, and for the capacity where that is not far above.
func (k curve) top() float64 {
	most := 10.0
	for _, p := range k.points {
		most = max(most, p.Count, p.High)
	}
	if full := float64(k.capacity); full <= most*1.8 {
		return nice(max(most, full) * 1.04)
	}
	return nice(most * 1.1)
}

// nice rounds up to 1, 1.2, 1.6, 2, 3, 4, 6, 8 times a power of ten; each halves well.
func nice(v float64) float64 {
	power := math.Pow10(int(math.Floor(math.Log10(v))))
	for _, f := range []float64{1, 1.2, 1.6, 2, 3, 4, 6, 8} {
		if v <= f*power {
			return f * power
		}
	}
	return 10 * power
}

func (k curve) x(t time.Time) float64 {
	return curveWidth * float64(t.Sub(k.from)) / float64(k.to.Sub(k.from))
}

func (k curve) y(v float64) float64 { return curveHeight * (1 - v/k.top()) }

// runs parts the points where recording paused, so that no line is drawn over what is not known.
func (k curve) runs() [][]history.Point {
	const pause = 16 * time.Minute
	var runs [][]history.Point
	for i, p := range k.points {
		if i == 0 || p.At.Sub(k.points[i-1].At) > pause {
			runs = append(runs, nil)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], p)
	}
	return runs
}

func (k curve) line() string {
	var b strings.Builder
	for _, run := range k.runs() {
		k.trace(&b, "M", run, func(p history.Point) float64 { return p.Count })
	}
	return b.String()
}

// spread is the area between the lower and the upper bound.
func (k curve) spread() string {
	var b strings.Builder
	for _, run := range k.runs() {
		k.trace(&b, "M", run, func(p history.Point) float64 { return p.High })
		back := make([]history.Point, 0, len(run))
		for i := len(run) - 1; i >= 0; i-- {
			back = append(back, run[i])
		}
		k.trace(&b, "L", back, func(p history.Point) float64 { return p.Low })
		b.WriteByte('Z')
	}
	return b.String()
}

func (k curve) trace(b *strings.Builder, first string, run []history.Point, value func(history.Point) float64) {
	for i, p := range run {
		step := "L"
		if i == 0 {
			step = first
		}
		b.WriteString(step + short(k.x(p.At)) + " " + short(k.y(value(p))))
	}
}

// peak is the highest point; ok is false without any.
func (k curve) peak() (p history.Point, ok bool) {
	for _, q := range k.points {
		if !ok || q.Count > p.Count {
			p, ok = q, true
		}
	}
	return p, ok
}

// hours are the labels of the day's quarters.
func (k curve) hours() []string {
	var at []string
	for i := range 5 {
		at = append(at, k.from.Add(k.to.Sub(k.from)/4*time.Duration(i)).Format("15"))
	}
	return at
}

func (k curve) unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func short(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10+0, 'f', -1, 64) }
