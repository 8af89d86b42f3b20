package demo

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
)

// The past is made of the same records as the present: contiguous, chained, strictly increasing in time.
func TestPastIsWellFormed(t *testing.T) {
	b := district(t).Building("kragujevac")
	dir := t.TempDir()
	dirs := func(g string) string { return filepath.Join(dir, g) }
	now := time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)
	line, err := newTimeline(now, b.Location, "08:15", 1)
	if err != nil {
		t.Fatal(err)
	}
	people := populate(b, nil)
	for i, p := range people {
		p.Badge = "b_" + string(rune('a'+i%26)) + string(rune('a'+i/26))
	}
	log := slog.New(slog.DiscardHandler)
	counts, written, err := writePast(context.Background(), b, people, realCounts(t), line, dirs, log)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(counts); n < 14*24*12-1 {
		t.Errorf("%d occupancies, want one every five minutes of two weeks", n)
	}
	peak := 0
	for _, o := range counts {
		peak = max(peak, o.Zones[0].Count)
	}
	if peak < 30 || peak > 300 {
		t.Errorf("peak of %d people", peak)
	}
	kinds := map[event.Kind]int{}
	for _, g := range b.Gateways {
		j, report, err := journal.Open(filepath.Join(dirs(g.ID), "audit"), journal.Options{Log: log})
		if err != nil {
			t.Fatal(err)
		}
		if j.Last() != written[g.ID] || j.Last() == 0 {
			t.Errorf("%s: %d records, said to be %d", g.ID, j.Last(), written[g.ID])
		}
		if len(report.Lost) > 0 {
			t.Errorf("%s: lost %v", g.ID, report.Lost)
		}
		want, prev, last := uint64(1), "", time.Time{}
		for want <= j.Last() {
			records, first, err := j.Read(want, 500)
			if err != nil || first != want {
				t.Fatalf("%s: read from %d: first %d, %v", g.ID, want, first, err)
			}
			for _, raw := range records {
				var e event.Event
				if err := json.Unmarshal(raw, &e); err != nil {
					t.Fatal(err)
				}
				if e.Seq != want || e.Prev != prev || !e.At.After(last) || e.At.After(now) {
					t.Fatalf("%s: record %d: %+v after %s %q", g.ID, want, e, last, prev)
				}
				want, prev, last = want+1, event.Hash(raw), e.At
				kinds[e.Kind]++
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, k := range []event.Kind{event.AccessGranted, event.AccessEntered, event.AccessDenied, event.DoorOpened, event.DoorClosed, event.DoorLocked, event.DoorHeld, event.DoorHeldCleared, event.InputCounted, event.RexPressed} {
		if kinds[k] == 0 {
			t.Errorf("no %s in two weeks", k)
		}
	}
	if kinds[event.DoorForced] > 0 || kinds[event.AccessNotEntered] > 0 {
		t.Errorf("forced %d, not entered %d: want none", kinds[event.DoorForced], kinds[event.AccessNotEntered])
	}
	t.Log(kinds, "peak", peak)
}
