package demo

import (
	"testing"
	"time"

	"kapija/internal/site"
)

func district(t testing.TB) *site.District {
	d, err := site.Load("../configs/district.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func realCounts(t testing.TB) counts {
	c, err := readCounts(calit2)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Who goes through Kragujevac's main door on a day is exactly who went through the real one.
func TestKragujevacFollowsTheRealCounts(t *testing.T) {
	b := district(t).Building("kragujevac")
	c := realCounts(t)
	for i := range 14 {
		date := time.Date(2026, 11, 9+i, 0, 0, 0, 0, b.Location)
		var got [48]flow
		for _, p := range day(b, populate(b, nil), c, date) {
			if p.leg.door.ID != "main" || p.why != "" {
				continue
			}
			s := min(max(int(p.at.Sub(date)/slot), 0), 47)
			if p.leg.in {
				got[s].in++
			} else {
				got[s].out++
			}
		}
		if want := c.on(date); got != want {
			t.Errorf("%s:\n got %v\nwant %v", date.Format(time.DateOnly), got, want)
		}
	}
}

func TestADayIsPlausible(t *testing.T) {
	for _, b := range district(t).Buildings {
		people := populate(b, nil)
		date := time.Date(2026, 11, 24, 0, 0, 0, 0, b.Location) // a Tuesday
		passes := day(b, people, realCounts(t), date)
		if len(passes) < 500 {
			t.Errorf("%s: only %d passes", b.ID, len(passes))
		}
		again := day(b, populate(b, nil), realCounts(t), date)
		if len(again) != len(passes) || again[7].at != passes[7].at {
			t.Errorf("%s: the same day came out differently", b.ID)
		}
		inside, peak := map[string]int{}, 0
		for i, p := range passes {
			if i > 0 && p.at.Before(passes[i-1].at) {
				t.Fatalf("%s: pass %d is out of order", b.ID, i)
			}
			if p.why != "" {
				continue
			}
			from, to := p.leg.door.From, p.leg.door.To
			if !p.leg.in {
				from, to = to, from
			}
			inside[from]--
			inside[to]++
			peak = max(peak, -inside[site.Outside])
		}
		if peak < 30 || peak > b.People() {
			t.Errorf("%s: at most %d people at once, with room for %d", b.ID, peak, b.People())
		}
		t.Logf("%s: %d people, %d passes, at most %d inside at once", b.ID, len(people), len(passes), peak)
	}
}

func TestEverybodyReachesTheirDesk(t *testing.T) {
	for _, b := range district(t).Buildings {
		for _, r := range residents[b.ID] {
			if b.Zone(r.zone) == nil {
				t.Errorf("%s: residents of the unknown zone %q", b.ID, r.zone)
				continue
			}
			for _, way := range [][2]string{{site.Outside, r.zone}, {r.zone, site.Outside}} {
				if route(b, way[0], way[1], true) == nil {
					t.Errorf("%s: no way from %s to %s", b.ID, way[0], way[1])
				}
			}
			if len(doorsFor(b, r.zone)) < 3 {
				t.Errorf("%s: %s opens only %v", b.ID, r.zone, doorsFor(b, r.zone))
			}
		}
	}
}

func TestTimeline(t *testing.T) {
	loc := time.UTC
	sunday := time.Date(2026, 11, 22, 23, 30, 0, 0, loc)
	tl, err := newTimeline(sunday, loc, "08:15", 10)
	if err != nil {
		t.Fatal(err)
	}
	if tl.Sim.Weekday() != time.Monday || tl.Sim.Hour() != 8 {
		t.Errorf("a Sunday night starts at %s, want Monday 08:15", tl.Sim)
	}
	for _, d := range []time.Duration{-48 * time.Hour, -time.Second, 0, time.Second, 5 * time.Hour} {
		if got := tl.real(tl.sim(sunday.Add(d))); got.Sub(sunday.Add(d)).Abs() > time.Microsecond {
			t.Errorf("there and back of %s: %s", d, got.Sub(sunday))
		}
	}
	if got := tl.dayStart(loc); got != 19*time.Hour+15*time.Minute {
		t.Errorf("four in the morning is at %s of the real day, want 19h15m", got)
	}
	for _, bad := range []string{"", "25:00", "8"} {
		if _, err := newTimeline(sunday, loc, bad, 1); err == nil {
			t.Errorf("--at %q was taken", bad)
		}
	}
	if _, err := newTimeline(sunday, loc, "08:00", 0); err == nil {
		t.Error("--speed 0 was taken")
	}
}
