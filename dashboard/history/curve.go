package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"
)

// Point is one value of a curve, in persons.
type Point struct {
	At    time.Time `json:"at"`    // end of its window
	Count float64   `json:"count"` // mean of the window
	Low   float64   `json:"low"`   // mean lower bound
	High  float64   `json:"high"`  // mean upper bound
}

// Curve is the occupancy of a building between two times in windows of every. A window in which nothing was recorded has
// no point.
func (h *History) Curve(ctx context.Context, building string, from, to time.Time, every time.Duration) ([]Point, error) {
	at := map[int64]*Point{}
	flux := h.from(from, to) + fmt.Sprintf(`
 |> filter(fn: (r) => r._measurement == "occupancy" and r.building == %s and r.zone == %s)
 |> filter(fn: (r) => r._field == "count" or r._field == "low" or r._field == "high")
 |> aggregateWindow(every: %ds, fn: mean, createEmpty: false)`, quote(building), quote(Whole), int(every.Seconds()))
	err := h.rows(ctx, flux, func(r *query.FluxRecord) {
		p := at[r.Time().Unix()]
		if p == nil {
			p = &Point{At: r.Time()}
			at[r.Time().Unix()] = p
		}
		switch v := number(r.Value()); r.Field() {
		case "count":
			p.Count = v
		case "low":
			p.Low = v
		case "high":
			p.High = v
		}
	})
	if err != nil {
		return nil, err
	}
	points := make([]Point, 0, len(at))
	for _, p := range at {
		points = append(points, *p)
	}
	slices.SortFunc(points, func(a, b Point) int { return a.At.Compare(b.At) })
	return points, nil
}

// weeksBack is how many weeks the usual is taken from.
const weeksBack = 4

// Usual is the median of the building's mean occupancy in the hour about the same local time on the same weekday, over
// the last weeks; nil when there is no such record.
func (h *History) Usual(ctx context.Context, building string, loc *time.Location, now time.Time) (*int, error) {
	local := now.In(loc)
	var counts []float64
	for week := 1; week <= weeksBack; week++ {
		t := local.AddDate(0, 0, -7*week) // wall-clock arithmetic: the same local hour across a change of the clocks
		flux := h.from(t.Add(-30*time.Minute), t.Add(30*time.Minute)) + fmt.Sprintf(`
 |> filter(fn: (r) => r._measurement == "occupancy" and r.building == %s and r.zone == %s and r._field == "count")
 |> mean()`, quote(building), quote(Whole))
		if err := h.rows(ctx, flux, func(r *query.FluxRecord) { counts = append(counts, number(r.Value())) }); err != nil {
			return nil, err
		}
	}
	if len(counts) == 0 {
		return nil, nil
	}
	slices.Sort(counts)
	m := counts[len(counts)/2]
	if len(counts)%2 == 0 {
		m = (m + counts[len(counts)/2-1]) / 2
	}
	n := int(m + 0.5)
	return &n, nil
}
