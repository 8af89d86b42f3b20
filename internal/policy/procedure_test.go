package policy

import (
	"testing"
	"time"

	"kapija/internal/event"
)

// facts is a Memory for tests.
type facts struct {
	zone     map[string]string // by badge
	since    time.Time         // of each place
	inside   int
	waiting  *Waiting
	escorted time.Time
	firstIn  time.Time
	secured  bool
	wrong    []time.Time
}

func (f *facts) Place(badge string) (string, time.Time, bool) {
	z, ok := f.zone[badge]
	return z, f.since, ok
}
func (f *facts) Inside(_ string, since time.Time) int {
	if f.since.Before(since) {
		return 0
	}
	return f.inside
}
func (f *facts) Waiting(string) (Waiting, bool) {
	if f.waiting == nil {
		return Waiting{}, false
	}
	return *f.waiting, true
}
func (f *facts) Escorted(string) time.Time { return f.escorted }
func (f *facts) FirstIn(string) time.Time  { return f.firstIn }
func (f *facts) Secured(string) bool       { return f.secured }
func (f *facts) WrongPINs(_ string, since time.Time) (n int, last time.Time) {
	for _, t := range f.wrong {
		if !t.Before(since) {
			n, last = n+1, t
		}
	}
	return n, last
}

var testSite = SiteKey{4, 2}

// ruleEntries are the people of doorRules: 1 to 4 have level 1, 5 has none.
func ruleEntries(t testing.TB) []Entry {
	t.Helper()
	pin, err := testSite.PINKey(1, "4079")
	if err != nil {
		t.Fatal(err)
	}
	return []Entry{
		{Key: key(1), Badge: "ana", Levels: []uint16{1}, Person: 1, PIN: pin, Roles: Escort | FirstPerson},
		{Key: key(2), Badge: "bora", Levels: []uint16{1}, Person: 2, Roles: Exempt, Extended: true},
		{Key: key(3), Badge: "vera", Levels: []uint16{1}, Person: 3, Roles: Visitor},
		{Key: key(4), Badge: "ana two", Levels: []uint16{1}, Person: 1},
		{Key: key(5), Badge: "nobody", Person: 5, NotAfter: monday.AddDate(0, 0, 7)},
		{Key: key(6), Badge: "no person", Levels: []uint16{1}},
	}
}

func TestDecideByDoorRules(t *testing.T) {
	s := mustSnapshot(t, doorRules(), ruleEntries(t))
	ago := func(d time.Duration) time.Time { return monday.Add(-d) }
	minute := time.Minute
	in := func(zone string, since time.Duration) *facts {
		return &facts{zone: map[string]string{"ana": zone, "bora": zone}, since: ago(since)}
	}
	full := func(n int) *facts { return &facts{inside: n, since: ago(minute)} }
	waits := func(badge string, person uint32, since time.Duration, side event.Side) *facts {
		return &facts{waiting: &Waiting{badge, person, side, ago(since)}}
	}
	typed := func(tries ...time.Duration) *facts {
		f := &facts{}
		for _, d := range tries {
			f.wrong = append(f.wrong, ago(d))
		}
		return f
	}
	granted := Decision{Reason: event.Granted, Mode: ModeSecure}
	refused := func(r event.Reason) Decision { return Decision{Reason: r, Mode: ModeSecure} }
	noticed := func(n Notices) Decision { return Decision{Reason: event.Granted, Mode: ModeSecure, Notify: n} }
	mode := func(m Mode, r event.Reason) Decision { return Decision{Reason: r, Mode: m} }
	for _, c := range []struct {
		name   string
		key    byte // 0: 1
		door   string
		side   event.Side // empty: in
		after  time.Duration
		ask    Request // Mode, Format, Clock and PIN
		pin    string
		memory *facts // nil: an empty one
		none   bool   // no Memory at all
		want   Decision
	}{
		{name: "no rule", door: "plain", none: true, want: granted},

		{name: "free access asks no level", key: 5, door: "free", none: true, want: mode(ModeFreeAccess, event.Granted)},
		{name: "free access asks validity", key: 5, door: "free", after: 8 * 24 * time.Hour, want: mode("", event.Expired)},
		{name: "secure asks levels", key: 5, door: "plain", want: refused(event.NoAccess)},
		{name: "disabled", door: "closed", want: mode(ModeDisabled, event.DoorDisabled)},
		{name: "disabled: exempt too", key: 2, door: "closed", want: mode(ModeDisabled, event.DoorDisabled)},
		{name: "lockdown by plan", door: "main", after: 12 * time.Hour, want: mode(ModeLockdown, event.Lockdown)},
		{name: "lockdown by plan, exempt", key: 2, door: "main", after: 12 * time.Hour, want: mode(ModeLockdown, event.Granted)},
		{name: "lockdown by command", door: "plain", ask: Request{Mode: ModeLockdown}, want: mode(ModeLockdown, event.Lockdown)},
		{name: "lockdown on the way out", door: "plain", side: event.Out, ask: Request{Mode: ModeLockdown}, want: mode(ModeLockdown, event.Lockdown)},
		{name: "exempt still needs a level", key: 5, door: "plain", ask: Request{Mode: ModeLockdown}, want: mode(ModeLockdown, event.Lockdown)},
		{name: "a mode that nobody knows", door: "plain", ask: Request{Mode: "open"}, want: mode("open", event.DoorDisabled)},
		{name: "command before plan", door: "closed", ask: Request{Mode: ModeSecure}, want: granted},
		{name: "command before plan, unlocked", door: "main", after: 12 * time.Hour, ask: Request{Mode: ModeUnlocked}, want: mode(ModeUnlocked, event.Granted)},
		{name: "no first person yet", door: "main", want: granted},
		{name: "first person today", door: "main", memory: &facts{firstIn: ago(minute)}, want: mode(ModeUnlocked, event.Granted)},
		{name: "first person before it opened", door: "main", memory: &facts{firstIn: ago(3 * time.Hour)}, want: granted},
		{name: "first person, no memory", door: "main", none: true, want: granted},

		{name: "L09 clock unset", door: "plain", ask: Request{Clock: event.ClockIsUnset}, want: mode("", event.ClockUnset)},
		{name: "clock unset, door says otherwise", door: "timeless", ask: Request{Clock: event.ClockIsUnset}, want: granted},
		{name: "clock unset, no level all the same", key: 5, door: "timeless", ask: Request{Clock: event.ClockIsUnset}, want: refused(event.NoAccess)},

		{name: "weak card", door: "strong", ask: Request{Format: "wiegand-26"}, want: refused(event.WeakCredential)},
		{name: "card of no known strength", door: "strong", want: refused(event.WeakCredential)},
		{name: "strong card", door: "strong", ask: Request{Format: "desfire-ev3"}, want: granted},

		{name: "PIN needed", door: "pin", want: mode(ModeCardAndPIN, event.PINNeeded)},
		{name: "PIN needed by command", door: "plain", ask: Request{Mode: ModeCardAndPIN}, want: mode(ModeCardAndPIN, event.PINNeeded)},
		{name: "no PIN on the way out", door: "pin", side: event.Out, want: mode(ModeCardAndPIN, event.Granted)},
		{name: "who has no PIN", key: 2, door: "pin", pin: "4079", want: mode(ModeCardAndPIN, event.PINNeeded)},
		{name: "right PIN", door: "pin", pin: "4079", want: mode(ModeCardAndPIN, event.Granted)},
		{name: "right PIN, no memory", door: "pin", pin: "4079", none: true, want: mode(ModeCardAndPIN, event.PINLocked)},
		{name: "wrong PIN", door: "pin", pin: "4078", want: mode(ModeCardAndPIN, event.WrongPIN)},
		{name: "no digits", door: "pin", pin: "407x", want: mode(ModeCardAndPIN, event.WrongPIN)},
		{name: "empty PIN", door: "pin", pin: " ", want: mode(ModeCardAndPIN, event.WrongPIN)},
		{name: "duress, 9 becomes 0", door: "pin", pin: "4070", want: Decision{Reason: event.Duress, Mode: ModeCardAndPIN, Duress: true}},
		{name: "two wrong ones before", door: "pin", pin: "4079", memory: typed(20*time.Second, 10*time.Second), want: mode(ModeCardAndPIN, event.Granted)},
		{name: "locked out", door: "pin", pin: "4079", memory: typed(50*time.Second, 20*time.Second, 10*time.Second), want: mode(ModeCardAndPIN, event.PINLocked)},
		{name: "locked out under duress", door: "pin", pin: "4070", memory: typed(50*time.Second, 20*time.Second, 10*time.Second), want: mode(ModeCardAndPIN, event.PINLocked)},
		{name: "still locked out", door: "pin", pin: "4079", memory: typed(170*time.Second, 130*time.Second, 119*time.Second), want: mode(ModeCardAndPIN, event.PINLocked)},
		{name: "waited long enough", door: "pin", pin: "4079", memory: typed(170*time.Second, 130*time.Second, 121*time.Second), want: mode(ModeCardAndPIN, event.Granted)},
		{name: "three wrong ones, slowly", door: "pin", pin: "4079", memory: typed(100*time.Second, 50*time.Second, 10*time.Second), want: mode(ModeCardAndPIN, event.Granted)},

		{name: "interlock", door: "lock-a", want: refused(event.Interlocked)},
		{name: "interlock, no memory", door: "lock-a", none: true, want: refused(event.Interlocked)},
		{name: "interlock on the way out", door: "lock-b", side: event.Out, want: refused(event.Interlocked)},
		{name: "interlock secured", door: "lock-b", memory: &facts{secured: true}, want: granted},

		{name: "hard: from outside", door: "hard", memory: in("hall", minute), want: granted},
		{name: "hard: not known", door: "hard", want: granted},
		{name: "hard: again", door: "hard", memory: in("vault", minute), want: refused(event.Antipassback)},
		{name: "hard: no side is in", door: "hard", side: "up", memory: in("vault", minute), want: refused(event.Antipassback)},
		{name: "hard: another's badge", key: 3, door: "hard", memory: in("vault", minute), want: granted},
		{name: "hard: yesterday, before the reset", door: "hard", memory: in("vault", 6*time.Hour+time.Second), want: granted},
		{name: "hard: since the reset", door: "hard", memory: in("vault", 6*time.Hour), want: refused(event.Antipassback)},
		{name: "hard: out", door: "hard", side: event.Out, memory: in("vault", minute), want: granted},
		{name: "hard: out again is told", door: "hard", side: event.Out, memory: in("hall", minute), want: noticed(NoticeAntipassback)},
		{name: "hard: no memory", door: "hard", none: true, want: refused(event.Antipassback)},
		{name: "hard: out, no memory", door: "hard", side: event.Out, none: true, want: granted},
		{name: "hard: door stands open", door: "hard", ask: Request{Mode: ModeUnlocked}, memory: in("vault", minute), want: Decision{Reason: event.Granted, Mode: ModeUnlocked, Notify: NoticeAntipassback}},
		{name: "timed: too soon", door: "timed", memory: in("vault", 10*minute-1), want: refused(event.Antipassback)},
		{name: "timed: later", door: "timed", memory: in("vault", 10*minute), want: granted},
		{name: "timed: clock went back", door: "timed", memory: in("vault", -minute), want: refused(event.Antipassback)},
		{name: "soft", door: "soft", memory: in("vault", minute), want: noticed(NoticeAntipassback)},
		{name: "soft: no memory", door: "soft", none: true, want: granted},

		{name: "room for one", door: "full", memory: full(1), want: granted},
		{name: "full", door: "full", memory: full(2), want: refused(event.OccupancyLimit)},
		{name: "full: no memory", door: "full", none: true, want: refused(event.OccupancyLimit)},
		{name: "full: out", door: "full", side: event.Out, memory: full(2), want: granted},
		{name: "full: inside already", door: "full", memory: &facts{inside: 2, since: ago(minute), zone: map[string]string{"ana": "box"}}, want: granted},
		{name: "full: all from before the reset", door: "full", memory: &facts{inside: 9, since: ago(7 * time.Hour)}, want: granted},
		{name: "full: told", door: "busy", memory: full(2), want: noticed(NoticeOccupancy)},
		{name: "full: door stands open", door: "full", ask: Request{Mode: ModeUnlocked}, memory: full(2), want: Decision{Reason: event.Granted, Mode: ModeUnlocked, Notify: NoticeOccupancy}},
		{name: "full: no action", door: "escort", memory: full(5), want: granted},

		{name: "visitor alone", key: 3, door: "escort", want: refused(event.EscortNeeded)},
		{name: "visitor, no memory", key: 3, door: "escort", none: true, want: refused(event.EscortNeeded)},
		{name: "visitor with escort", key: 3, door: "escort", memory: &facts{escorted: ago(30 * time.Second)}, want: granted},
		{name: "visitor too late", key: 3, door: "escort", memory: &facts{escorted: ago(31 * time.Second)}, want: refused(event.EscortNeeded)},
		{name: "escort in the future", key: 3, door: "escort", memory: &facts{escorted: ago(-time.Second)}, want: refused(event.EscortNeeded)},
		{name: "visitor leaves alone", key: 3, door: "escort", side: event.Out, want: granted},
		{name: "visitor elsewhere", key: 3, door: "plain", want: granted},
		{name: "no visitor", key: 2, door: "escort", want: granted},

		{name: "first of two", door: "two", want: refused(event.SecondPerson)},
		{name: "two persons, no memory", door: "two", none: true, want: refused(event.SecondPerson)},
		{name: "second of two", door: "two", memory: waits("bora", 2, 15*time.Second, event.In), want: Decision{Reason: event.Granted, Mode: ModeSecure, With: "bora"}},
		{name: "too late for the first", door: "two", memory: waits("bora", 2, 16*time.Second, event.In), want: refused(event.SecondPerson)},
		{name: "the same badge", door: "two", memory: waits("ana", 1, time.Second, event.In), want: refused(event.SecondPerson)},
		{name: "another badge of the same person", key: 4, door: "two", memory: waits("ana", 1, time.Second, event.In), want: refused(event.SecondPerson)},
		{name: "nobody knows whose badge", key: 6, door: "two", memory: waits("ana", 1, time.Second, event.In), want: refused(event.SecondPerson)},
		{name: "nobody knows whose badge waits", door: "two", memory: waits("no person", 0, time.Second, event.In), want: refused(event.SecondPerson)},
		{name: "the first goes out", door: "two", memory: waits("bora", 2, time.Second, event.Out), want: refused(event.SecondPerson)},
		{name: "out alone", door: "two", side: event.Out, want: granted},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := c.ask
			q.Door, q.Side, q.Key, q.At = c.door, c.side, key(max(c.key, 1)), monday.Add(c.after).UTC()
			if q.Clock == "" {
				q.Clock = event.ClockIsSynced
			}
			if q.Side == "" {
				q.Side = event.In
			}
			if c.pin != "" {
				q.PIN = testSite.PIN(c.pin)
			}
			if c.memory == nil {
				c.memory = &facts{}
			}
			if !c.none {
				q.Memory = c.memory
			}
			got := s.Decide(q)
			want := c.want
			want.Granted = want.Reason == event.Granted || want.Reason == event.Duress
			want.Badge, want.Extended, want.Person, want.Roles = got.Badge, got.Extended, got.Person, got.Roles
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if got.Badge == "" {
				t.Error("no badge")
			}
			if q.PIN == nil {
				if n := testing.AllocsPerRun(20, func() { s.Decide(q) }); n != 0 {
					t.Errorf("%v allocations", n)
				}
			}
		})
	}
}

// A full zone has no room for two when it has room for one.
func TestTwoPersonsTakeTwoPlaces(t *testing.T) {
	r := doorRules()
	r.Doors["two"] = DoorRule{From: "hall", To: "box", TwoPerson: 15}
	s := mustSnapshot(t, r, ruleEntries(t))
	for n, want := range map[int]event.Reason{0: event.Granted, 1: event.OccupancyLimit} {
		f := &facts{inside: n, since: monday, waiting: &Waiting{"bora", 2, event.In, monday}}
		if d := s.Decide(Request{Door: "two", Key: key(1), At: monday, Clock: event.ClockIsSynced, Memory: f}); d.Reason != want {
			t.Errorf("%d inside: %+v, want %s", n, d, want)
		}
	}
}

// The order of the contract from 15 on: of several causes the first one is told.
func TestOrderOfProcedure(t *testing.T) {
	r := doorRules()
	r.Doors["all"] = DoorRule{
		From: "hall", To: "box", Mode: ModeCardAndPIN, Antipassback: Antipassback{Kind: PassbackHard}, TwoPerson: 15, Escort: 15,
		Interlock: "airlock", Security: StrengthNumber,
	}
	r.Levels[0].Grants = append(r.Levels[0].Grants, Grant{[]string{"all"}, "always"})
	entries := ruleEntries(t)
	entries[0].Roles = Visitor
	s := mustSnapshot(t, r, entries)
	f := &facts{zone: map[string]string{"ana": "box"}, since: monday, inside: 9}
	q := Request{Door: "all", Side: event.In, Key: key(1), At: monday, Clock: event.ClockIsSynced, Memory: f}
	for _, step := range []struct {
		want event.Reason
		cure func()
	}{
		{event.WeakCredential, func() { q.Format = "wiegand-26" }},
		{event.PINNeeded, func() { q.PIN = testSite.PIN("0000") }},
		{event.WrongPIN, func() { q.PIN = testSite.PIN("4070") }},
		{event.Interlocked, func() { f.secured = true }},
		{event.Antipassback, func() { f.zone = nil }},
		{event.EscortNeeded, func() { f.escorted = monday }},
		{event.SecondPerson, func() { f.waiting = &Waiting{"bora", 2, event.In, monday} }},
		{event.OccupancyLimit, func() { f.inside = 0 }},
		{event.Duress, func() {}},
	} {
		if d := s.Decide(q); d.Reason != step.want {
			t.Fatalf("%+v, want %s", d, step.want)
		}
		step.cure()
	}
}
