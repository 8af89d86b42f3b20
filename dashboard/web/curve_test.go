package web

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kapija/dashboard/history"
)

func TestCurveDaysFollowTheClock(t *testing.T) {
	b := district(t).Buildings[0]
	for day, hours := range map[string]float64{"2026-03-29T12:00:00Z": 23, "2026-10-25T12:00:00Z": 25, "2026-07-01T12:00:00Z": 24} {
		now, _ := time.Parse(time.RFC3339, day)
		k := newCurve(b, now, nil)
		if got := k.to.Sub(k.from).Hours(); got != hours || k.from.Hour() != 0 {
			t.Errorf("%s: from %s, %v h, want %v", day, k.from, got, hours)
		}
	}
	now, _ := time.Parse(time.RFC3339, "2026-07-01T23:30:00Z") // 01:30 in Belgrade
	k := newCurve(b, now, []history.Point{{At: now.Add(-21*time.Hour + 5*time.Minute), Count: 1}})
	if got := strings.Join(k.hours(), " "); got != "04 10 16 22 04" {
		t.Errorf("a day that began before midnight has the hours %s", got)
	}
}

func TestCurveLeavesGaps(t *testing.T) {
	b, now := district(t).Buildings[0], time.Now()
	k := newCurve(b, now, nil)
	at := func(minutes int, n float64) history.Point {
		return history.Point{At: k.from.Add(time.Duration(minutes) * time.Minute), Count: n, Low: n, High: n}
	}
	k.points = []history.Point{at(60, 1), at(65, 2), at(120, 3), at(125, 4)}
	if got := strings.Count(k.line(), "M"); got != 2 {
		t.Errorf("%d strokes, want 2: %s", got, k.line())
	}
	if got := strings.Count(k.spread(), "Z"); got != 2 {
		t.Errorf("%d areas, want 2", got)
	}
}

func TestCurveStaysInItsBox(t *testing.T) {
	b := district(t).Buildings[0]
	rapid.Check(t, func(t *rapid.T) {
		k := newCurve(b, time.Now(), nil)
		for i := range rapid.IntRange(0, 50).Draw(t, "n") {
			n := rapid.Float64Range(0, 1e6).Draw(t, "count")
			k.points = append(k.points, history.Point{At: k.from.Add(time.Duration(i) * 5 * time.Minute), Count: n, Low: n / 2, High: n * 2})
		}
		for _, p := range k.points {
			if y := k.y(p.High); y < 0 || y > curveHeight || math.IsNaN(y) {
				t.Fatalf("%v is drawn at %v", p.High, y)
			}
			if x := k.x(p.At); x < 0 || x > curveWidth {
				t.Fatalf("%v is drawn at %v", p.At, x)
			}
		}
		if s := k.line() + k.spread(); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") || strings.Contains(s, "e+") {
			t.Fatalf("path data: %s", s)
		}
	})
}

// asking is a History that never answers, or breaks.
type asking struct{ broken bool }

func (a asking) Today(ctx context.Context, _ string) ([]history.Point, error) {
	if a.broken {
		panic("a bug in history")
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSlowOrBrokenHistoryIsLeftOut(t *testing.T) {
	d := district(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, broken := range []bool{false, true} {
		s := &server{Deps{Site: d, History: asking{broken}, Log: slog.New(slog.DiscardHandler)}}
		k := s.curveOf(ctx, &page{now: time.Now()}, &place{Building: d.Buildings[0]})
		if !k.failed || k.line() != "" {
			t.Errorf("broken %v: failed %v, line %q", broken, k.failed, k.line())
		}
	}
}
