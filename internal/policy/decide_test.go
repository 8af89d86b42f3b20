package policy

import (
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
)

var (
	belgrade = func() *time.Location {
		zone, err := loadZone("Europe/Belgrade")
		if err != nil {
			panic(err)
		}
		return zone.location
	}()
	monday = time.Date(2026, 3, 2, 10, 0, 0, 0, belgrade) // no holiday
)

func key(b byte) Key { return Key{b, 1} }

var someRules = Rules{
	Version: 7, TimeZone: "Europe/Belgrade",
	Schedules: []Schedule{
		{ID: "office", Intervals: []Interval{{Days: 0x1f, From: 8 * 60, To: 16 * 60}}},
		{ID: "evening", Intervals: []Interval{{Days: 0x1f, From: 18 * 60, To: 20 * 60}}},
		{ID: "never"},
	},
	Levels: []Level{
		{Number: 1, ID: "staff", Grants: []Grant{{[]string{"main", "yard"}, "office"}, {[]string{"main"}, "evening"}}},
		{Number: 2, ID: "guard", Grants: []Grant{{[]string{"main", "vault"}, "always"}}},
		{Number: 3, ID: "empty"},
		{Number: 4, ID: "nobody", Grants: []Grant{{[]string{"main"}, "never"}}},
	},
}

var someEntries = []Entry{
	{Key: key(1), Badge: "staff", Levels: []uint16{1}},
	{Key: key(2), Badge: "guard", Levels: []uint16{2}, Extended: true},
	{Key: key(3), Badge: "both", Levels: []uint16{2, 1, 4}},
	{Key: key(4), Badge: "revoked", Levels: []uint16{2}, Status: Revoked},
	{Key: key(5), Badge: "suspended", Levels: []uint16{2}, Status: Suspended},
	{Key: key(6), Badge: "limited", Levels: []uint16{2}, NotBefore: monday, NotAfter: monday.Add(time.Hour)},
	{Key: key(7), Badge: "none"},
	{Key: key(8), Badge: "missing level", Levels: []uint16{99, 3}},
	{Key: key(9), Badge: "never", Levels: []uint16{4}},
	// All causes at once: the order decides.
	{Key: key(10), Badge: "all", Levels: []uint16{99}, Status: Revoked, NotBefore: monday.Add(time.Hour), NotAfter: monday},
	{Key: key(11), Badge: "all but revoked", Levels: []uint16{99}, Status: Suspended, NotBefore: monday.Add(time.Hour), NotAfter: monday},
	{Key: key(12), Badge: "validity", Levels: []uint16{99}, NotBefore: monday.Add(time.Hour), NotAfter: monday},
	{Key: key(13), Badge: "expired and no level", NotAfter: monday},
}

func mustSnapshot(t testing.TB, r Rules, entries []Entry) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(r, entries)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDecide(t *testing.T) {
	s := mustSnapshot(t, someRules, someEntries)
	for _, c := range []struct {
		name  string
		key   byte
		door  string
		after time.Duration // Monday 10:00
		clock event.Clock
		fault event.Reason
		want  event.Reason
		badge string
	}{
		{name: "in schedule", key: 1, door: "main", want: event.Granted, badge: "staff"},
		{name: "held clock", key: 1, door: "main", clock: event.ClockIsHeld, want: event.Granted, badge: "staff"},
		{name: "second grant of a level", key: 1, door: "main", after: 9 * time.Hour, want: event.Granted, badge: "staff"},
		{name: "outside both", key: 1, door: "main", after: 7 * time.Hour, want: event.OutsideSchedule, badge: "staff"},
		{name: "weekend", key: 1, door: "main", after: 5 * 24 * time.Hour, want: event.OutsideSchedule, badge: "staff"},
		{name: "other door of the grant", key: 1, door: "yard", want: event.Granted, badge: "staff"},
		{name: "door of another level", key: 1, door: "vault", want: event.NoAccess, badge: "staff"},
		{name: "door that nobody knows", key: 2, door: "cellar", want: event.NoAccess, badge: "guard"},
		{name: "no door", key: 2, want: event.NoAccess, badge: "guard"},
		{name: "always", key: 2, door: "vault", after: 15 * time.Hour, want: event.Granted, badge: "guard"},
		{name: "one of three levels", key: 3, door: "main", after: 13 * time.Hour, want: event.Granted, badge: "both"},
		{name: "no levels", key: 7, door: "main", want: event.NoAccess, badge: "none"},
		{name: "level that rules do not hold", key: 8, door: "main", want: event.NoAccess, badge: "missing level"},
		{name: "schedule without intervals", key: 9, door: "main", want: event.OutsideSchedule, badge: "never"},
		{name: "first second of validity", key: 6, door: "main", want: event.Granted, badge: "limited"},
		{name: "second before", key: 6, door: "main", after: -time.Nanosecond, want: event.NotYetValid, badge: "limited"},
		{name: "last second", key: 6, door: "main", after: time.Hour - time.Nanosecond, want: event.Granted, badge: "limited"},
		{name: "end is exclusive", key: 6, door: "main", after: time.Hour, want: event.Expired, badge: "limited"},
		{name: "L12 revoked", key: 4, door: "main", want: event.Revoked, badge: "revoked"},
		{name: "L12 suspended", key: 5, door: "main", want: event.Suspended, badge: "suspended"},
		{name: "L12 unknown", key: 99, door: "main", want: event.UnknownBadge},
		{name: "L09 unset", key: 6, door: "main", clock: event.ClockIsUnset, want: event.ClockUnset, badge: "limited"},
		{name: "L09 1970", key: 6, door: "main", clock: event.ClockIsUnset, after: time.Unix(60, 0).Sub(monday), want: event.ClockUnset, badge: "limited"},
		{name: "L09 unset, without limits", key: 2, door: "main", clock: event.ClockIsUnset, want: event.ClockUnset, badge: "guard"},
		{name: "L09 a clock that nobody knows", key: 2, door: "main", clock: "fine", want: event.ClockUnset, badge: "guard"},
		{name: "bad parity of a known card", key: 2, door: "main", fault: event.BadParity, want: event.BadParity},
		{name: "unknown format", key: 2, door: "main", fault: event.UnknownFormat, want: event.UnknownFormat},
		{name: "a fault that is none", key: 2, door: "main", fault: event.Granted, want: event.UnknownFormat},
		{name: "order: fault before unknown", key: 99, door: "main", fault: event.BadParity, clock: event.ClockIsUnset, want: event.BadParity},
		{name: "order: unknown before clock", key: 99, door: "main", clock: event.ClockIsUnset, want: event.UnknownBadge},
		{name: "order: revoked first", key: 10, door: "main", clock: event.ClockIsUnset, want: event.Revoked, badge: "all"},
		{name: "order: suspended before clock", key: 11, door: "main", clock: event.ClockIsUnset, want: event.Suspended, badge: "all but revoked"},
		{name: "order: clock before validity", key: 12, door: "main", clock: event.ClockIsUnset, want: event.ClockUnset, badge: "validity"},
		{name: "order: not yet before expired", key: 12, door: "main", want: event.NotYetValid, badge: "validity"},
		{name: "order: expired before no access", key: 13, door: "main", want: event.Expired, badge: "expired and no level"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.clock == "" {
				c.clock = event.ClockIsSynced
			}
			got := s.Decide(Request{Door: c.door, Side: event.In, Key: key(c.key), Fault: c.fault, At: monday.Add(c.after).UTC(), Clock: c.clock})
			got.Mode = ""
			want := Decision{Granted: c.want == event.Granted, Reason: c.want, Badge: c.badge, Extended: c.badge == "guard"}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestNoPolicyRefuses(t *testing.T) {
	r := Request{Door: "main", Key: key(2), At: monday, Clock: event.ClockIsSynced}
	want := Decision{Reason: event.PolicyNotLoaded}
	var none *Snapshot
	shard := mustShard(t, 2, 1, someEntries[1:2])
	withRules, err := none.WithRules(someRules)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Snapshot{
		"nil": none, "zero": {}, "shard without rules": none.WithShard(shard), "rules without shards": withRules,
		"rules and another shard": withRules.WithShard(mustShard(t, 3, 1, nil)), "a shard out of nothing": withRules.WithShard(Shard{Index: 2}),
	} {
		if got := s.Decide(r); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		faulty := r
		faulty.Fault = event.BadParity
		if got := s.Decide(faulty); got.Granted {
			t.Errorf("%s: a faulty frame is granted", name)
		}
	}
	if got := withRules.WithShard(shard).Decide(r); !got.Granted {
		t.Errorf("rules and shard: %+v", got)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	s := mustSnapshot(t, someRules, someEntries)
	for _, k := range []byte{1, 2, 3, 6, 9, 99} {
		r := Request{Door: "main", Key: key(k), At: monday.UTC(), Clock: event.ClockIsSynced}
		if n := testing.AllocsPerRun(100, func() { s.Decide(r) }); n != 0 {
			t.Errorf("card %d: %v allocations", k, n)
		}
	}
}

func TestRulesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Rules)
		says   []string
	}{
		"unknown schedule":      {func(r *Rules) { r.Levels = []Level{{1, "l", []Grant{{[]string{"d"}, "offise"}}}} }, []string{`level "l"`, `"offise"`, "always, evening, never, office"}},
		"L10 bad zone":          {func(r *Rules) { r.TimeZone = "Europe/Beograd" }, []string{"Europe/Beograd", "Europe/Belgrade is expected"}},
		"L10 no zone":           {func(r *Rules) { r.TimeZone = "" }, []string{`time zone ""`}},
		"L10 the machine's own": {func(r *Rules) { r.TimeZone = "Local" }, []string{`"Local"`}},
		"level twice":           {func(r *Rules) { r.Levels = append(r.Levels, Level{Number: 1, ID: "x"}) }, []string{`"staff" and "x"`, "number 1"}},
		"schedule twice":        {func(r *Rules) { r.Schedules = append(r.Schedules, Schedule{ID: "office"}) }, []string{`"office"`}},
		"schedule always":       {func(r *Rules) { r.Schedules = append(r.Schedules, Schedule{ID: "always"}) }, []string{`"always"`}},
		"schedule without ID":   {func(r *Rules) { r.Schedules = append(r.Schedules, Schedule{}) }, []string{`schedule ""`}},
		"bad holiday":           {func(r *Rules) { r.Holidays = []Holiday{{"2026-02-30", "x"}} }, []string{`"2026-02-30"`}},
		"bad intervals": {func(r *Rules) {
			r.Schedules = append(r.Schedules, Schedule{"x", []Interval{{0, 1, 2}, {1, -1, 2}, {1, 1440, 2}, {1, 5, 0}, {1, 5, 1441}, {1, 60, 60}}})
		}, []string{"no day", "minute -1", "minute 1440:", "to minute 0:", "to minute 1441", "minute 60 to the same"}},
		"highest number twice": {func(r *Rules) { r.Levels = []Level{{65535, "a", nil}, {65535, "b", nil}} }, []string{"number 65535"}},
		"several at once":      {func(r *Rules) { r.TimeZone = "x/y"; r.Holidays = []Holiday{{"z", "n"}} }, []string{"x/y", `"z"`}},
		"door without ID":      {func(r *Rules) { r.Levels = []Level{{1, "l", []Grant{{[]string{""}, "always"}}}} }, []string{`level "l"`, "door"}},
		"too many schedules":   {func(r *Rules) { r.Schedules = make([]Schedule, maxPlans+1) }, []string{"at most 4096"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := someRules
			r.Levels = append([]Level(nil), r.Levels...)
			r.Schedules = append([]Schedule(nil), r.Schedules...)
			c.change(&r)
			s, err := NewSnapshot(r, someEntries)
			if s != nil || err == nil {
				t.Fatalf("was taken, error %v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("error %q does not say %q", err, says)
				}
			}
			if _, err := EncodeRules(r); err == nil {
				t.Error("was encoded")
			}
		})
	}
}

func TestL10ZonesAreEmbedded(t *testing.T) {
	t.Setenv("ZONEINFO", "/nowhere")
	if _, err := loadZone("Europe/Belgrade"); err != nil {
		t.Error(err)
	}
}

func TestHighestLevelNumber(t *testing.T) {
	s := mustSnapshot(t, Rules{TimeZone: "UTC", Levels: []Level{{65535, "a", []Grant{{[]string{"main"}, "always"}}}}}, []Entry{
		{Key: key(1), Badge: "a", Levels: []uint16{65535}}, {Key: key(2), Badge: "b", Levels: []uint16{0, 65534}},
	})
	for k, want := range map[byte]event.Reason{1: event.Granted, 2: event.NoAccess} {
		if got := s.Decide(Request{Door: "main", Key: key(k), At: monday, Clock: event.ClockIsHeld}); got.Reason != want {
			t.Errorf("card %d: %+v, want %s", k, got, want)
		}
	}
}
