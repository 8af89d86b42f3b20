package policy

import (
	"testing"
	"time"

	"kapija/internal/event"
	"pgregory.net/rapid"
)

// slowWall is the wall clock of Belgrade as a naive UTC time, by the rule of Directive 2000/84/EC instead of tzdata: summer
// time from the last Sunday of March to the last of October, 01:00 UTC each.
func slowWall(t time.Time) time.Time {
	t = t.UTC()
	lastSunday := func(m time.Month) time.Time {
		day := time.Date(t.Year(), m, 31, 1, 0, 0, 0, time.UTC)
		for day.Weekday() != time.Sunday {
			day = day.AddDate(0, 0, -1)
		}
		return day
	}
	if !t.Before(lastSunday(time.March)) && t.Before(lastSunday(time.October)) {
		return t.Add(2 * time.Hour)
	}
	return t.Add(time.Hour)
}

// slowOpen asks each interval on each day on which it may have started.
func slowOpen(s Schedule, holidays []Holiday, t time.Time) bool {
	wall := slowWall(t)
	for _, iv := range s.Intervals {
		for back := range 3 {
			start := time.Date(wall.Year(), wall.Month(), wall.Day()-back, 0, 0, 0, 0, time.UTC)
			bit := map[time.Weekday]Days{
				time.Monday: 1, time.Tuesday: 2, time.Wednesday: 4, time.Thursday: 8, time.Friday: 16, time.Saturday: 32, time.Sunday: 64,
			}[start.Weekday()]
			for _, h := range holidays {
				if h.Date == start.Format(time.DateOnly) {
					bit = 128
				}
			}
			from := start.Add(time.Duration(iv.From) * time.Minute)
			to := start.Add(time.Duration(iv.To) * time.Minute)
			if iv.To < iv.From {
				to = to.Add(24 * time.Hour)
			}
			if iv.Days&bit != 0 && !wall.Before(from) && wall.Before(to) {
				return true
			}
		}
	}
	return false
}

var anInterval = rapid.Custom(func(t *rapid.T) Interval {
	iv := Interval{
		Days: Days(rapid.Uint8Range(1, 255).Draw(t, "days")),
		From: rapid.OneOf(rapid.IntRange(0, 1439), rapid.SampledFrom([]int{0, 60, 120, 180, 1320, 1439})).Draw(t, "from"),
		To:   rapid.OneOf(rapid.IntRange(1, 1440), rapid.SampledFrom([]int{1, 60, 120, 180, 360, 1440})).Draw(t, "to"),
	}
	if iv.From == iv.To {
		iv.To = 1440
	}
	return iv
})

// aTime draws times of which many lie around a DST change, a midnight or a holiday.
func aTime(t *rapid.T, holidays []Holiday) time.Time {
	base := time.Date(rapid.IntRange(2000, 2036).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC).
		Add(time.Duration(rapid.IntRange(0, 365*86400).Draw(t, "second")) * time.Second)
	switch rapid.IntRange(0, 3).Draw(t, "place") {
	case 1: // within two days of a change
		change := time.Date(base.Year(), rapid.SampledFrom([]time.Month{time.March, time.October}).Draw(t, "month"), 31, 1, 0, 0, 0, time.UTC)
		for change.Weekday() != time.Sunday {
			change = change.AddDate(0, 0, -1)
		}
		base = change.Add(time.Duration(rapid.IntRange(-48*3600, 48*3600).Draw(t, "around")) * time.Second)
	case 2: // within two minutes of a local midnight
		base = time.Date(base.Year(), base.Month(), base.Day(), 0, 0, rapid.IntRange(-120, 120).Draw(t, "around"), 0, belgrade)
	case 3:
		if len(holidays) > 0 {
			day, err := time.ParseInLocation(time.DateOnly, rapid.SampledFrom(holidays).Draw(t, "holiday").Date, belgrade)
			if err != nil {
				t.Fatal(err)
			}
			base = day.Add(time.Duration(rapid.IntRange(-24*60, 48*60).Draw(t, "around")) * time.Minute)
		}
	}
	return base
}

func TestSchedulesAgainstSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var holidays []Holiday
		for range rapid.IntRange(0, 4).Draw(t, "holidays") {
			holidays = append(holidays, Holiday{Date: slowWall(aTime(t, nil)).Format(time.DateOnly)})
		}
		schedule := Schedule{ID: "s", Intervals: rapid.SliceOfN(anInterval, 0, 5).Draw(t, "intervals")}
		s, err := NewSnapshot(Rules{
			TimeZone: "Europe/Belgrade", Schedules: []Schedule{schedule}, Holidays: holidays,
			Levels: []Level{{Number: 1, ID: "l", Grants: []Grant{{[]string{"d"}, "s"}}}},
		}, []Entry{{Key: key(1), Badge: "b", Levels: []uint16{1}}})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			at := aTime(t, holidays)
			got := s.Decide(Request{Door: "d", Key: key(1), At: at, Clock: event.ClockIsSynced})
			if want := slowOpen(schedule, holidays, at); got.Granted != want {
				t.Fatalf("%s: %+v, want open %v", at.In(belgrade), got, want)
			}
		}
	})
}

func TestScheduleByExample(t *testing.T) {
	holidays := []Holiday{{"2026-05-01", "Празник рада"}} // a Friday
	for name, c := range map[string]struct {
		intervals []Interval
		at        string // local, with offset
		want      bool
	}{
		"first minute":                       {[]Interval{{1, 480, 960}}, "2026-03-02T08:00:00+01:00", true},
		"second before":                      {[]Interval{{1, 480, 960}}, "2026-03-02T07:59:59+01:00", false},
		"last second":                        {[]Interval{{1, 480, 960}}, "2026-03-02T15:59:59+01:00", true},
		"end is exclusive":                   {[]Interval{{1, 480, 960}}, "2026-03-02T16:00:00+01:00", false},
		"whole day, last second":             {[]Interval{{1, 0, 1440}}, "2026-03-02T23:59:59+01:00", true},
		"whole day, next day":                {[]Interval{{1, 0, 1440}}, "2026-03-03T00:00:00+01:00", false},
		"Sunday night into Monday":           {[]Interval{{64, 1320, 360}}, "2026-03-02T05:59:59+01:00", true},
		"Sunday night, not Sunday morning":   {[]Interval{{64, 1320, 360}}, "2026-03-01T05:00:00+01:00", false},
		"holiday: weekday does not count":    {[]Interval{{16, 480, 960}}, "2026-05-01T09:00:00+02:00", false},
		"holiday: bit 7 counts":              {[]Interval{{128, 480, 960}}, "2026-05-01T09:00:00+02:00", true},
		"no holiday: bit 7 does not count":   {[]Interval{{128, 480, 960}}, "2026-05-02T09:00:00+02:00", false},
		"night before runs into the holiday": {[]Interval{{8, 1320, 360}}, "2026-05-01T03:00:00+02:00", true},
		"holiday night runs into Saturday":   {[]Interval{{128, 1320, 360}}, "2026-05-02T03:00:00+02:00", true},
		"Friday night does not start":        {[]Interval{{16, 1320, 360}}, "2026-05-02T03:00:00+02:00", false},
		"spring: 01:59 winter time":          {[]Interval{{64, 120, 180}}, "2026-03-29T01:59:59+01:00", false},
		"spring: the hour does not exist":    {[]Interval{{64, 120, 180}}, "2026-03-29T03:00:00+02:00", false},
		"autumn: first 02:30":                {[]Interval{{64, 120, 180}}, "2026-10-25T02:30:00+02:00", true},
		"autumn: second 02:30":               {[]Interval{{64, 120, 180}}, "2026-10-25T02:30:00+01:00", true},
		"autumn: 03:00":                      {[]Interval{{64, 120, 180}}, "2026-10-25T03:00:00+01:00", false},
		"before 1970":                        {[]Interval{{64, 480, 960}}, "1969-12-28T09:00:00+01:00", true},
	} {
		s := mustSnapshot(t, Rules{
			TimeZone: "Europe/Belgrade", Schedules: []Schedule{{"s", c.intervals}}, Holidays: holidays,
			Levels: []Level{{Number: 1, ID: "l", Grants: []Grant{{[]string{"d"}, "s"}}}},
		}, []Entry{{Key: key(1), Badge: "b", Levels: []uint16{1}}})
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Decide(Request{Door: "d", Key: key(1), At: at, Clock: event.ClockIsSynced}); got.Granted != c.want {
			t.Errorf("%s: %+v, want open %v", name, got, c.want)
		}
	}
}

// The zones written out agree with package time: zones of both hemispheres, with odd offsets, and those that changed
// their rules.
func TestZoneAgreesWithPackageTime(t *testing.T) {
	for _, name := range []string{"Europe/Belgrade", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Europe/Volgograd", "Africa/Cairo", "Pacific/Apia"} {
		z, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(z.spans) > 400 {
			t.Errorf("%s has %d spans", name, len(z.spans))
		}
		rapid.Check(t, func(rt *rapid.T) {
			at := time.Unix(rapid.Int64Range(zoneFrom.Unix()-1e9, zoneTo.Unix()+1e9).Draw(rt, "at"), 0)
			if i := rapid.IntRange(0, 2*len(z.spans)).Draw(rt, "span"); i < len(z.spans) {
				at = time.Unix(z.spans[i].from+rapid.Int64Range(-2, 2).Draw(rt, "around"), 0)
			}
			_, offset := at.In(z.location).Zone()
			if got := z.local(at); got != at.Unix()+int64(offset) {
				rt.Fatalf("%s at %s: %d seconds from UTC, want %d", name, at, got-at.Unix(), offset)
			}
		})
	}
}
