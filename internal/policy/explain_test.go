package policy

import (
	"slices"
	"testing"
	"time"

	"kapija/internal/event"
	"pgregory.net/rapid"
)

// aRequest draws requests of which most get far: a door of doorRules, somebody of ruleEntries, and what a gateway knows.
func aRequest(t *rapid.T) Request {
	doors := []string{"plain", "nowhere"}
	for id := range doorRules().Doors {
		doors = append(doors, id)
	}
	moment := func(name string) time.Time {
		return monday.Add(time.Duration(rapid.IntRange(-200, 100).Draw(t, name)) * time.Second)
	}
	q := Request{
		Door: rapid.SampledFrom(sorted(doors)).Draw(t, "door"), Side: rapid.SampledFrom([]event.Side{event.In, event.In, event.Out, ""}).Draw(t, "side"),
		Key: key(rapid.ByteRange(1, 7).Draw(t, "key")), At: monday.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour),
		Clock:  rapid.SampledFrom([]event.Clock{event.ClockIsSynced, event.ClockIsSynced, event.ClockIsHeld, event.ClockIsUnset}).Draw(t, "clock"),
		Format: rapid.SampledFrom([]string{"wiegand-26", "desfire", ""}).Draw(t, "format"),
		Mode:   rapid.SampledFrom(append([]Mode{"", "", "", "", "x"}, everyMode...)).Draw(t, "mode"),
		Fault:  rapid.SampledFrom([]event.Reason{"", "", "", "", "", "", event.BadParity, event.UnknownFormat}).Draw(t, "fault"),
	}
	if pin := rapid.SampledFrom([]string{"", "4079", "4070", "1111"}).Draw(t, "pin"); pin != "" {
		q.PIN = testSite.PIN(pin)
	}
	if rapid.IntRange(0, 5).Draw(t, "memory") == 0 {
		return q
	}
	f := &facts{
		zone:  map[string]string{rapid.SampledFrom([]string{"ana", "bora", "vera"}).Draw(t, "who"): rapid.SampledFrom([]string{"vault", "box", "hall"}).Draw(t, "where")},
		since: moment("since"), inside: rapid.IntRange(0, 3).Draw(t, "inside"), secured: rapid.Bool().Draw(t, "secured"),
		escorted: moment("escorted"), firstIn: moment("first in"),
	}
	if rapid.Bool().Draw(t, "waits") {
		f.waiting = &Waiting{"bora", 2, event.In, moment("waiting")}
	}
	for range rapid.IntRange(0, 4).Draw(t, "wrong") {
		f.wrong = append(f.wrong, moment("wrong"))
	}
	q.Memory = f
	return q
}

// Explain says what Decide does; what it has said of a request does not change the answer.
func TestExplainEndsAsDecideDoes(t *testing.T) {
	s := mustSnapshot(t, doorRules(), ruleEntries(t))
	rapid.Check(t, func(t *rapid.T) {
		q := aRequest(t)
		d := s.Decide(q)
		steps := s.Explain(q)
		if again := s.Decide(q); again != d {
			t.Fatalf("%+v, and then %+v", d, again)
		}
		if d.Granted != (d.Reason == event.Granted || d.Reason == event.Duress) || d.Duress != (d.Reason == event.Duress) || !d.Granted && d.Reason == "" {
			t.Fatalf("%+v", d)
		}
		last := steps[len(steps)-1]
		key := "refused." + string(d.Reason)
		if d.Granted {
			key = "granted." + string(d.Reason)
		}
		if last.Reason != d.Reason || last.Key != key {
			t.Fatalf("%+v ends %+v", d, steps)
		}
		for _, step := range steps[:len(steps)-1] {
			if step.Reason != "" || step.Key == "" {
				t.Fatalf("%+v", steps)
			}
		}
	})
	var none *Snapshot
	if steps := none.Explain(Request{}); len(steps) != 1 || steps[0].Reason != event.PolicyNotLoaded {
		t.Errorf("%+v", steps)
	}
}

// Where nothing is known, nothing is granted that knowledge could refuse.
func TestNoMemoryGrantsNoMore(t *testing.T) {
	s := mustSnapshot(t, doorRules(), ruleEntries(t))
	rapid.Check(t, func(t *rapid.T) {
		q := aRequest(t)
		known := s.Decide(q)
		q.Memory = nil
		if blind := s.Decide(q); blind.Granted && !known.Granted && known.Mode == blind.Mode {
			t.Fatalf("%+v with memory, %+v without", known, blind)
		}
	})
}

func TestExplainNames(t *testing.T) {
	s := mustSnapshot(t, someRules, someEntries)
	steps := s.Explain(Request{Door: "main", Key: key(3), At: monday.Add(13 * time.Hour), Clock: event.ClockIsSynced})
	want := []Step{
		{Key: "known", Args: []Arg{{"badge", "both"}}}, {Key: "active"}, {Key: "valid"}, {Key: "mode", Args: []Arg{{"mode", "secure"}}},
		{Key: "level_closed", Args: []Arg{{"level", "staff"}, {"schedule", "office"}}},
		{Key: "level_closed", Args: []Arg{{"level", "staff"}, {"schedule", "evening"}}},
		{Key: "level", Args: []Arg{{"level", "guard"}, {"schedule", "always"}}}, {Key: "granted.granted", Reason: event.Granted},
	}
	if len(steps) != len(want) {
		t.Fatalf("%+v", steps)
	}
	for i, step := range steps {
		if step.Key != want[i].Key || step.Reason != want[i].Reason || len(step.Args) != len(want[i].Args) {
			t.Errorf("step %d: %+v, want %+v", i, step, want[i])
			continue
		}
		for j, a := range step.Args {
			if a != want[i].Args[j] {
				t.Errorf("step %d: %+v, want %+v", i, step, want[i])
			}
		}
	}
	steps = s.Explain(Request{Door: "main", Key: key(6), At: monday.Add(2 * time.Hour), Clock: event.ClockIsSynced})
	if until := steps[len(steps)-2]; until.Key != "valid_until" || until.Args[0] != (Arg{"time", "2026-03-02 11:00:00"}) {
		t.Errorf("%+v", steps)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }
