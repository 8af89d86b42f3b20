package memory

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"pgregory.net/rapid"
)

// disk is a journal.
type disk struct {
	records [][]byte // of sequence 1, 2, …
	gone    uint64   // the first that are not there any more
	fail    uint64   // cannot be read from here on; 0: all can
}

func (d *disk) Last() uint64 { return uint64(len(d.records)) }

func (d *disk) Read(from uint64, limit int) ([][]byte, uint64, error) {
	from = max(from, d.gone+1)
	if d.fail != 0 && from >= d.fail {
		return nil, from, errors.New("read: input/output error")
	}
	if from > d.Last() {
		return nil, from, nil
	}
	return d.records[from-1 : min(int(from)-1+min(limit, 7), len(d.records))], from, nil
}

func (d *disk) write(t testing.TB, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		e.Seq = d.Last() + 1
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		d.records = append(d.records, b)
	}
}

func TestRebuild(t *testing.T) {
	s, err := policy.NewSnapshot(policy.Rules{TimeZone: "UTC"}, []policy.Entry{
		{Key: policy.Key{1}, Badge: "a", Roles: policy.FirstPerson}, {Key: policy.Key{2}, Badge: "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{}
	d.write(t, entered("old", "vault", event.In, monday.Add(-49*time.Hour)), entered("b", "vault", event.In, monday.Add(-time.Hour)))
	for i := range 20 {
		d.write(t, event.Event{Kind: event.DoorOpened, Door: "main", At: monday.Add(time.Duration(i-60) * time.Minute)})
	}
	d.records = append(d.records, []byte("{torn"))
	d.write(t, entered("a", "main", event.In, monday.Add(-30*time.Minute)), wrongPIN("b", monday.Add(-time.Minute)),
		entered("c", "vault", event.In, monday), event.Event{Kind: event.CommandAccepted, Badge: "c", Cause: Forgive, At: monday})
	m, err := Rebuild(d, house, s, monday)
	if err != nil {
		t.Fatal(err)
	}
	want := []Place{{"a", "hall", monday.Add(-30 * time.Minute)}, {"b", "vault", monday.Add(-time.Hour)}}
	if got := m.Places(); !slices.EqualFunc(got, want, func(a, b Place) bool { return a.Badge == b.Badge && a.Zone == b.Zone && a.At.Equal(b.At) }) {
		t.Errorf("%v, want %v", got, want)
	}
	if n, _ := m.WrongPINs("b", monday.Add(-time.Hour)); n != 1 || !m.FirstIn("main").Equal(monday.Add(-30*time.Minute)) || m.Secured("main") {
		t.Errorf("%d wrong PINs, first in at %s", n, m.FirstIn("main"))
	}
	d.fail = 20
	if m, err = Rebuild(d, house, nil, monday); err == nil || m == nil || len(m.Places()) != 1 || !m.FirstIn("main").IsZero() {
		t.Errorf("a disk that fails: %v, error %v", m.Places(), err)
	}
	if m, err = Rebuild(&disk{}, house, nil, monday); err != nil || len(m.Places()) != 0 {
		t.Errorf("nothing on the disk: %v, error %v", m.Places(), err)
	}
}

// What a gateway remembers does not depend on whether it was restarted.
func TestRebuildIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, d := New(house), &disk{}
		at := monday
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "later")) * time.Second)
			badge := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "badge")
			e := rapid.SampledFrom([]event.Event{
				entered(badge, "main", event.In, at), entered(badge, "vault", event.Out, at), entered(badge, "vault", event.In, at),
				wrongPIN(badge, at), {Kind: event.CommandAccepted, Badge: badge, Cause: Forgive, At: at}, {Kind: event.DoorClosed, Door: "main", At: at},
			}).Draw(t, "event")
			m.Apply(e)
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			d.records = append(d.records, b)
		}
		again, err := Rebuild(d, house, nil, at)
		if err != nil || !slices.Equal(again.Places(), m.Places()) {
			t.Fatalf("%v, was %v, error %v", again.Places(), m.Places(), err)
		}
		for _, badge := range []string{"a", "b", "c"} {
			n, last := again.WrongPINs(badge, monday)
			if want, wantLast := m.WrongPINs(badge, monday); n != want || !last.Equal(wantLast) {
				t.Fatalf("%d wrong PINs, was %d", n, want)
			}
		}
	})
}
