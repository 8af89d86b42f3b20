package memory

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
	"pgregory.net/rapid"
)

var (
	monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	house  = &site.Building{ID: "house", Doors: []*site.Door{
		{ID: "main", From: site.Outside, To: "hall"}, {ID: "vault", From: "hall", To: "vault"}, {ID: "back", From: "vault", To: "hall"},
	}}
)

func entered(badge, door string, side event.Side, at time.Time) event.Event {
	return event.Event{Kind: event.AccessEntered, Badge: badge, Door: door, Side: side, At: at}
}

func wrongPIN(badge string, at time.Time) event.Event {
	return event.Event{Kind: event.AccessDenied, Reason: event.WrongPIN, Badge: badge, Door: "vault", Side: event.In, At: at}
}

func TestPlaces(t *testing.T) {
	m := New(house)
	m.Apply(entered("a", "main", event.In, monday))
	m.Apply(entered("b", "vault", event.In, monday.Add(time.Minute)))
	m.Apply(entered("c", "main", event.Out, monday))
	m.Apply(entered("", "main", event.In, monday))                                                        // a request to exit has no badge
	m.Apply(entered("d", "elsewhere", event.In, monday))                                                  // a door of another building
	m.Apply(event.Event{Kind: event.AccessGranted, Badge: "e", Door: "main", Side: event.In, At: monday}) // has not passed
	m.Apply(event.Event{Kind: event.AccessNotEntered, Badge: "e", Door: "main", Side: event.In, At: monday})
	want := []Place{{"a", "hall", monday}, {"b", "vault", monday.Add(time.Minute)}}
	if got := m.Places(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if zone, at, ok := m.Place("c"); zone != site.Outside || !at.Equal(monday) || !ok {
		t.Errorf("c is in %q", zone)
	}
	if _, _, ok := m.Place("e"); ok {
		t.Error("who did not pass is somewhere")
	}
	m.Apply(entered("a", "vault", event.In, monday.Add(time.Hour)))
	if m.Inside("vault", time.Time{}) != 2 || m.Inside("vault", monday.Add(2*time.Minute)) != 1 || m.Inside("hall", time.Time{}) != 0 || m.Inside("nowhere", monday) != 0 {
		t.Error("the zones count wrongly")
	}
}

// The counts of zones and the places of badges tell the same, whatever happens, and also when the clock goes back.
func TestPlacesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, model := New(house), map[string]Place{}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			badge := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "badge")
			at := monday.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "at")) * time.Minute)
			if rapid.IntRange(0, 9).Draw(t, "forgive") == 0 {
				m.Apply(event.Event{Kind: event.CommandAccepted, Badge: badge, Cause: Forgive + " by anybody", At: at})
				delete(model, badge)
				continue
			}
			d := rapid.SampledFrom(house.Doors).Draw(t, "door")
			side, zone := event.In, d.To
			if rapid.Bool().Draw(t, "out") {
				side, zone = event.Out, d.From
			}
			m.Apply(entered(badge, d.ID, side, at))
			model[badge] = Place{badge, zone, at}
		}
		since := monday.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "since")) * time.Minute)
		count := map[string]int{}
		for badge, want := range model {
			if zone, at, ok := m.Place(badge); zone != want.Zone || !at.Equal(want.At) || !ok {
				t.Fatalf("%s is in %q since %s, want %+v", badge, zone, at, want)
			}
			if !want.At.Before(since) {
				count[want.Zone]++
			}
		}
		for _, zone := range []string{site.Outside, "hall", "vault"} {
			if got := m.Inside(zone, since); got != count[zone] {
				t.Fatalf("%d in %s, want %d", got, zone, count[zone])
			}
		}
	})
}

// One person's error never refuses another: whatever one badge does, the decisions about another are the same.
func TestL17OneErrorIsOnePersons(t *testing.T) {
	rules := policy.Rules{TimeZone: "UTC", PIN: policy.PINRule{Tries: 2, Within: 600, Wait: 600}, Doors: map[string]policy.DoorRule{
		"vault": {From: "hall", To: "vault", Antipassback: policy.Antipassback{Kind: policy.PassbackHard}},
		"back":  {From: "vault", To: "hall", Antipassback: policy.Antipassback{Kind: policy.PassbackTimed, For: 300}, Mode: policy.ModeCardAndPIN},
	}, Levels: []policy.Level{{Number: 1, ID: "all", Grants: []policy.Grant{{Doors: []string{"main", "vault", "back"}, Schedule: "always"}}}}}
	var key policy.SiteKey
	pin, err := key.PINKey(2, "1234")
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.NewSnapshot(rules, []policy.Entry{
		{Key: policy.Key{1}, Badge: "a", Levels: []uint16{1}, Person: 1}, {Key: policy.Key{2}, Badge: "b", Levels: []uint16{1}, Person: 2, PIN: pin},
	})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		both, alone := New(house), New(house)
		at := monday
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "later")) * time.Second)
			badge := rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "badge")
			d := rapid.SampledFrom(house.Doors).Draw(t, "door")
			e := entered(badge, d.ID, rapid.SampledFrom([]event.Side{event.In, event.Out}).Draw(t, "side"), at)
			if rapid.IntRange(0, 4).Draw(t, "wrong PIN") == 0 {
				e = wrongPIN(badge, at)
			}
			both.Apply(e)
			if badge == "b" {
				alone.Apply(e)
			}
			for _, d := range house.Doors {
				for _, side := range []event.Side{event.In, event.Out} {
					q := policy.Request{Door: d.ID, Side: side, Key: policy.Key{2}, At: at, Clock: event.ClockIsSynced, PIN: key.PIN("1234")}
					q.Memory = both
					got := s.Decide(q)
					q.Memory = alone
					if want := s.Decide(q); got != want {
						t.Fatalf("%+v, without the other %+v", got, want)
					}
				}
			}
		}
	})
}

func TestL17Forgive(t *testing.T) {
	m := New(house)
	for _, badge := range []string{"a", "b"} {
		m.Apply(entered(badge, "vault", event.In, monday))
		m.Apply(wrongPIN(badge, monday))
	}
	m.Apply(event.Event{Kind: event.CommandAccepted, Badge: "a", Cause: "open, by anybody", At: monday})
	if _, _, ok := m.Place("a"); !ok {
		t.Error("another command forgives")
	}
	m.Apply(event.Event{Kind: event.CommandAccepted, Badge: "a", Cause: Forgive + ", by anybody", At: monday})
	_, _, a := m.Place("a")
	_, _, b := m.Place("b")
	na, _ := m.WrongPINs("a", monday)
	nb, _ := m.WrongPINs("b", monday)
	if a || !b || na != 0 || nb != 1 || m.Inside("vault", monday) != 1 {
		t.Errorf("a known %v, b known %v, wrong PINs %d and %d", a, b, na, nb)
	}
}

func TestWrongPINs(t *testing.T) {
	m := New(house)
	for i := range 2 * policy.MaxTries {
		m.Apply(wrongPIN("a", monday.Add(time.Duration(i)*time.Second)))
	}
	last := monday.Add((2*policy.MaxTries - 1) * time.Second)
	if n, at := m.WrongPINs("a", monday); n != policy.MaxTries || !at.Equal(last) {
		t.Errorf("%d until %s", n, at)
	}
	if n, _ := m.WrongPINs("a", last.Add(-2*time.Second)); n != 3 {
		t.Errorf("%d in two seconds", n)
	}
	m.Apply(event.Event{Kind: event.AccessDenied, Reason: event.PINLocked, Badge: "a", At: last.Add(time.Hour)})
	m.Apply(event.Event{Kind: event.AccessGranted, Reason: event.Granted, Badge: "a", Door: "main", At: last.Add(time.Hour)})
	if n, at := m.WrongPINs("a", monday); n != policy.MaxTries || !at.Equal(last) {
		t.Errorf("%d until %s after a refusal and a grant elsewhere", n, at)
	}
	for i := range maxTyped {
		m.Apply(wrongPIN(fmt.Sprint("x", i), last.Add(time.Duration(i+1)*time.Second)))
	}
	if n, _ := m.WrongPINs("a", monday); n != 0 || len(m.wrong) != maxTyped {
		t.Errorf("%d badges are remembered, the oldest with %d", len(m.wrong), n)
	}
}

func TestPlacesAreBounded(t *testing.T) {
	m := New(house)
	m.Apply(entered("first in", "main", event.In, monday))
	m.Apply(entered("second in", "main", event.In, monday.Add(time.Second)))
	m.Apply(entered("out", "main", event.Out, monday.Add(2*time.Second)))
	for i := range MaxPlaces - 2 {
		m.Apply(entered(fmt.Sprint("x", i), "vault", event.In, monday.Add(time.Minute)))
	}
	if _, _, ok := m.Place("out"); ok || len(m.badges) != MaxPlaces || m.Inside(site.Outside, monday) != 0 {
		t.Errorf("%d badges; who left is remembered: %v", len(m.badges), ok)
	}
	m.Apply(entered("one more", "vault", event.In, monday.Add(time.Minute)))
	_, _, first := m.Place("first in")
	_, _, second := m.Place("second in")
	if first || !second || len(m.badges) != MaxPlaces || m.Inside("vault", monday) != MaxPlaces-1 {
		t.Errorf("the first is remembered: %v, the second: %v, of %d", first, second, len(m.badges))
	}
}

func TestDecided(t *testing.T) {
	m := New(house)
	q := policy.Request{Door: "vault", Side: event.In, At: monday}
	m.Decided(q, policy.Decision{Reason: event.SecondPerson, Badge: "a", Person: 1, Roles: policy.Escort})
	if w, ok := m.Waiting("vault"); !ok || w != (policy.Waiting{Badge: "a", Person: 1, Side: event.In, At: monday}) {
		t.Errorf("%+v waits", w)
	}
	if !m.Escorted("vault").Equal(monday) || !m.Escorted("main").IsZero() {
		t.Error("the first of two is no escort")
	}
	m.Decided(q, policy.Decision{Granted: true, Reason: event.Granted, Badge: "b", Person: 2, With: "a"})
	if _, ok := m.Waiting("vault"); ok {
		t.Error("the first of two waits on")
	}
	q = policy.Request{Door: "main", Side: event.Out, At: monday}
	m.Decided(q, policy.Decision{Granted: true, Roles: policy.Escort, Badge: "a"})
	q.Side = event.In
	m.Decided(q, policy.Decision{Reason: event.NoAccess, Roles: policy.Escort, Badge: "a"})
	if !m.Escorted("main").IsZero() {
		t.Error("an escort who leaves or is refused brings visitors in")
	}
}

func TestFirstPerson(t *testing.T) {
	m := New(house)
	q := policy.Request{Door: "main", Side: event.In, At: monday}
	come := func(badge string, roles policy.Roles, mode policy.Mode, minutes int) {
		m.Decided(q, policy.Decision{Granted: true, Badge: badge, Roles: roles, Mode: mode})
		m.Apply(entered(badge, "main", event.In, monday.Add(time.Duration(minutes)*time.Minute)))
	}
	come("a", policy.Escort, policy.ModeSecure, 1)
	come("b", policy.FirstPerson, policy.ModeFreeAccess, 2)
	m.Decided(q, policy.Decision{Granted: true, Badge: "c", Roles: policy.FirstPerson, Mode: policy.ModeSecure}) // does not pass
	m.Decided(q, policy.Decision{Reason: event.NoAccess, Badge: "d", Roles: policy.FirstPerson})
	m.Apply(entered("d", "main", event.In, monday))
	m.Apply(entered("c", "main", event.Out, monday))
	if !m.FirstIn("main").IsZero() {
		t.Errorf("somebody came first at %s", m.FirstIn("main"))
	}
	come("c", policy.FirstPerson, policy.ModeSecure, 3)
	if !m.FirstIn("main").Equal(monday.Add(3 * time.Minute)) {
		t.Errorf("came first at %s", m.FirstIn("main"))
	}
	come("c", 0, policy.ModeSecure, 4)
	if !m.FirstIn("main").Equal(monday.Add(3 * time.Minute)) {
		t.Error("who lost the role comes first")
	}
	if len(m.first) > maxFirst {
		t.Error("too many may come first")
	}
}

func TestSecured(t *testing.T) {
	m := New(house)
	if m.Secured("main") {
		t.Error("secured before anybody said so")
	}
	m.SetDoor("main", true)
	if !m.Secured("main") || m.Secured("vault") {
		t.Error("doors are mixed up")
	}
	m.SetDoor("main", false)
	if m.Secured("main") {
		t.Error("secured although it is not")
	}
}
