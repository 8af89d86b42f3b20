package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// slowMode asks each period by the slow model of schedules. A first person counts when the schedule has been open each
// minute since.
func slowMode(d DoorRule, schedules map[string]Schedule, holidays []Holiday, at, firstIn time.Time) Mode {
	open := func(id string, t time.Time) bool { return id == always || slowOpen(schedules[id], holidays, t) }
	for _, p := range d.Periods {
		if !open(p.Schedule, at) {
			continue
		}
		if p.FirstPerson {
			came := !firstIn.IsZero() && !firstIn.After(at) && at.Sub(firstIn) < week && open(p.Schedule, firstIn)
			for t := firstIn.Truncate(time.Minute).Add(time.Minute); came && !t.After(at); t = t.Add(time.Minute) {
				came = open(p.Schedule, t)
			}
			if !came {
				continue
			}
		}
		return p.Mode
	}
	if d.Mode == "" {
		return ModeSecure
	}
	return d.Mode
}

var everyMode = []Mode{ModeSecure, ModeCardAndPIN, ModeFreeAccess, ModeUnlocked, ModeLockdown, ModeDisabled}

func TestModePlansAgainstSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var holidays []Holiday
		for range rapid.IntRange(0, 3).Draw(t, "holidays") {
			holidays = append(holidays, Holiday{Date: slowWall(aTime(t, nil)).Format(time.DateOnly)})
		}
		schedules, list := map[string]Schedule{}, []Schedule{}
		for _, id := range []string{"a", "b"} {
			s := Schedule{ID: id, Intervals: rapid.SliceOfN(anInterval, 0, 3).Draw(t, id)}
			schedules[id], list = s, append(list, s)
		}
		d := DoorRule{Mode: rapid.SampledFrom(everyMode).Draw(t, "mode")}
		for range rapid.IntRange(0, 3).Draw(t, "periods") {
			p := Period{Schedule: rapid.SampledFrom([]string{"a", "b", "always"}).Draw(t, "schedule"), Mode: rapid.SampledFrom(everyMode).Draw(t, "period")}
			p.FirstPerson = p.Mode.opens() && p.Schedule != always && rapid.Bool().Draw(t, "first")
			d.Periods = append(d.Periods, p)
		}
		s, err := NewSnapshot(Rules{TimeZone: "Europe/Belgrade", Schedules: list, Holidays: holidays, Doors: map[string]DoorRule{"d": d}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			at := aTime(t, holidays)
			firstIn := at.Add(-time.Duration(rapid.IntRange(-60, 26*3600).Draw(t, "ago")) * time.Second)
			if rapid.IntRange(0, 3).Draw(t, "nobody came") == 0 {
				firstIn = time.Time{}
			}
			if got, want := s.EffectiveMode("d", at, firstIn), slowMode(d, schedules, holidays, at, firstIn); got != want {
				t.Fatalf("%s, first in %s: %s, want %s", at.In(belgrade), firstIn.In(belgrade), got, want)
			}
			next := s.NextModeChange("d", at)
			if len(d.Periods) == 0 {
				if !next.IsZero() {
					t.Fatalf("no plan changes at %s", next)
				}
				continue
			}
			if !next.After(at) || next.After(at.Add(week)) {
				t.Fatalf("at %s the next change is at %s", at, next)
			}
			// Nothing changes before: neither a first person who came just now nor nobody makes a difference in between.
			for _, first := range []time.Time{{}, at} {
				mode := slowMode(d, schedules, holidays, at, first)
				between := next.Add(-time.Nanosecond)
				for _, then := range []time.Time{between, at.Add(between.Sub(at) / 3), at.Add(between.Sub(at) * 2 / 3)} {
					if got := slowMode(d, schedules, holidays, then, first); got != mode {
						t.Fatalf("at %s it is %s, at %s %s; the next change is at %s", at.In(belgrade), mode, then.In(belgrade), got, next.In(belgrade))
					}
				}
			}
			changed := next.Equal(at.Add(week))
			for _, p := range d.Periods {
				changed = changed || p.Schedule != always && slowOpen(schedules[p.Schedule], holidays, next) != slowOpen(schedules[p.Schedule], holidays, at)
			}
			if !changed {
				t.Fatalf("at %s the next change is at %s, where nothing changes", at.In(belgrade), next.In(belgrade))
			}
		}
	})
}

func TestModeByExample(t *testing.T) {
	s := mustSnapshot(t, doorRules(), nil)
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, belgrade)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		door, at, firstIn string
		want              Mode
		next              string // local; empty: never
	}{
		{"main", "2026-03-02 07:59", "", ModeSecure, "2026-03-02 08:00"},
		{"main", "2026-03-02 08:00", "", ModeSecure, "2026-03-02 16:00"},
		{"main", "2026-03-02 09:00", "2026-03-02 08:00", ModeUnlocked, "2026-03-02 16:00"},
		{"main", "2026-03-02 16:00", "2026-03-02 08:00", ModeSecure, "2026-03-02 22:00"},
		{"main", "2026-03-03 09:00", "2026-03-02 08:30", ModeSecure, "2026-03-03 16:00"},
		{"main", "2026-03-02 23:00", "", ModeLockdown, "2026-03-03 06:00"},
		{"main", "2026-03-28 23:00", "", ModeLockdown, "2026-03-29 06:00"}, // one hour is left out
		{"main", "2026-10-24 23:00", "", ModeLockdown, "2026-10-25 06:00"}, // one hour is twice
		{"free", "2026-03-02 09:00", "", ModeFreeAccess, ""},
		{"plain", "2026-03-02 09:00", "", ModeSecure, ""},
	} {
		var firstIn, next time.Time
		if c.firstIn != "" {
			firstIn = at(c.firstIn)
		}
		if c.next != "" {
			next = at(c.next)
		}
		if got := s.EffectiveMode(c.door, at(c.at), firstIn); got != c.want {
			t.Errorf("door %s at %s: %s, want %s", c.door, c.at, got, c.want)
		}
		if got := s.NextModeChange(c.door, at(c.at)); !got.Equal(next) {
			t.Errorf("door %s at %s: changes at %s, want %s", c.door, c.at, got.In(belgrade), c.next)
		}
	}
	var none *Snapshot
	if none.HasRule("main") || s.HasRule("plain") || !s.HasRule("main") || none.EffectiveMode("main", monday, monday) != ModeSecure ||
		!none.NextModeChange("main", monday).IsZero() || none.Interlocked("lock-a") != nil || s.Interlocked("lock-a")[0] != "lock-b" {
		t.Error("rules of doors are mixed up")
	}
}

// While the clock is not set, a plan that locks at some time must not leave the door open.
func TestModeWithoutTime(t *testing.T) {
	r := doorRules()
	for id, d := range map[string]DoorRule{
		"locks":   {Mode: ModeUnlocked, Periods: []Period{{"night", ModeSecure, false}}},
		"freer":   {Mode: ModeFreeAccess, Periods: []Period{{"office", ModeUnlocked, false}}},
		"strict":  {Mode: ModeLockdown, Periods: []Period{{"always", ModeUnlocked, false}}},
		"nothing": {Mode: ModeUnlocked},
	} {
		r.Doors[id] = d
	}
	s := mustSnapshot(t, r, nil)
	for id, want := range map[string]Mode{
		"locks": ModeSecure, "freer": ModeFreeAccess, "strict": ModeLockdown, "nothing": ModeUnlocked, "main": ModeSecure,
	} {
		if got := s.EffectiveMode(id, time.Time{}, time.Time{}); got != want {
			t.Errorf("door %s: %s, want %s", id, got, want)
		}
	}
}

func TestDailyResetAgainstSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := mustCompile(t, Rules{TimeZone: "Europe/Belgrade", Reset: rapid.IntRange(1, minutesPerDay).Draw(t, "reset")})
		at := aTime(t, nil).Truncate(time.Second)
		got := c.resetBefore(at)
		if got.After(at) || at.Sub(got) > 25*time.Hour {
			t.Fatalf("reset %d: at %s the last was at %s", c.reset, at.In(belgrade), got.In(belgrade))
		}
		// From the first to the next one there is one such minute on the wall clock, or two, or the hour that is left out.
		wall := slowWall(got)
		if minute := wall.Hour()*60 + wall.Minute(); minute != c.reset%minutesPerDay && c.zone.local(got)-c.zone.local(got.Add(-time.Second)) == 1 &&
			c.zone.local(got.Add(2*time.Hour))-c.zone.local(got.Add(-2*time.Hour)) == 4*3600 {
			t.Fatalf("reset %d: at %s the last was at %s", c.reset, at.In(belgrade), got.In(belgrade))
		}
	})
	// 02:01 is left out on the day on which the clock goes from 02:00 to 03:00: the change is the reset of that day.
	for _, year := range []int{2000, 2027} { // outside of the years that are written out, and in them
		change := time.Date(year, 3, 31, 1, 0, 0, 0, time.UTC)
		for change.Weekday() != time.Sunday {
			change = change.AddDate(0, 0, -1)
		}
		c := mustCompile(t, Rules{TimeZone: "Europe/Belgrade", Reset: 121})
		for _, after := range []time.Duration{0, time.Second, time.Minute, time.Hour, 20 * time.Hour} {
			if got := c.resetBefore(change.Add(after)); !got.Equal(change) {
				t.Errorf("%v after the change of %d the last reset was at %s, expected %s", after, year, got.In(belgrade), change.In(belgrade))
			}
		}
		if got := c.resetBefore(change.Add(-time.Second)); got.After(change.Add(-22 * time.Hour)) {
			t.Errorf("just before the change the last reset was at %s", got.In(belgrade))
		}
	}
	if c := mustCompile(t, Rules{TimeZone: "UTC"}); !c.resetBefore(monday).IsZero() {
		t.Error("a reset that nobody wants")
	}
}

func mustCompile(t interface{ Fatal(...any) }, r Rules) *ruleset {
	c, err := compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
