package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"kapija/dashboard/live"
	"kapija/demo"
	"kapija/internal/event"
)

// eventsOf are the API's latest events of a building.
func (s *system) eventsOf(building string, since time.Time) ([]live.Event, error) {
	var evs []live.Event
	err := s.get("/api/v1/events?limit=200&building="+building+"&since="+url.QueryEscape(since.UTC().Format(time.RFC3339Nano)), &evs)
	return evs, err
}

// seen waits for an event and returns it, with how long it took.
func (s *system) seen(building string, since time.Time, within time.Duration, want func(live.Event) bool) (live.Event, time.Duration) {
	s.t.Helper()
	var found live.Event
	took := eventually(s.t, within, "event in /api/v1/events", func() (bool, string) {
		evs, err := s.eventsOf(building, since)
		i := slices.IndexFunc(evs, want)
		if i < 0 {
			return false, fmt.Sprint(len(evs), " events, ", err)
		}
		found = evs[i]
		return true, ""
	})
	return found, took
}

func (s *system) count(building string) int {
	s.t.Helper()
	var bs []live.Building
	if err := s.get("/api/v1/buildings", &bs); err != nil {
		s.t.Fatal(err)
	}
	for _, b := range bs {
		if b.ID == building {
			return b.Count
		}
	}
	s.t.Fatalf("no building %s", building)
	return 0
}

func sampleOf(t testing.TB, m demo.Manifest, building string, r event.Reason) demo.Sample {
	t.Helper()
	i := slices.IndexFunc(m.Samples, func(s demo.Sample) bool { return s.Building == building && s.Reason == r })
	if i < 0 {
		t.Fatalf("no sample of %s in %s", r, building)
	}
	return m.Samples[i]
}

// Badge bits into a socket; the lock's output; the event in the API, and in InfluxDB by Flux; the number in the API and
// on a page that is open in a browser. In both buildings, with the three samples of the manifest.
func TestFromBadgeToScreen(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	m := s.manifest()
	page := openBrowser(t, m)
	page.logIn()
	for _, building := range []string{"lozionica", "kragujevac"} {
		t.Run(building, func(t *testing.T) {
			for _, r := range []event.Reason{event.Revoked, event.UnknownBadge, event.Granted} {
				sample := sampleOf(t, m, building, r)
				if outputs(t, sample.Socket)[sample.Output] {
					t.Fatalf("%s: the lock is released before anybody came", r)
				}
				before, began := s.count(building), time.Now()
				if a := wire(t, sample.Socket, "wiegand "+sample.Reader+" "+sample.Bits); a != "ok" {
					t.Fatalf("wiegand: %s", a)
				}
				eventually(t, time.Second, "lock after "+string(r), func() (bool, string) {
					got := outputs(t, sample.Socket)[sample.Output]
					return got == (r == event.Granted), fmt.Sprint("released: ", got)
				})
				e, took := s.seen(building, began, time.Second, func(e live.Event) bool {
					return e.Door == sample.Door && e.Reason == r && (e.Kind == event.AccessGranted || e.Kind == event.AccessDenied)
				})
				t.Logf("%s: in /api/v1/events after %s, decided in %d µs", r, took.Round(time.Millisecond), e.DecidedUs)
				if e.Badge != sample.Badge {
					t.Errorf("%s: badge %q, want %q", r, e.Badge, sample.Badge)
				}
				query := fmt.Sprintf(`from(bucket: %q) |> range(start: %s) |> filter(fn: (r) => r._measurement == "access" and r._field == "seq" and r.door == %q and r.reason == %q) |> group()`,
					m.Influx.Bucket, began.Add(-time.Second).UTC().Format(time.RFC3339Nano), sample.Door, r)
				took = eventually(t, 10*time.Second, "point in InfluxDB", func() (bool, string) {
					got := flux(t, m.Influx, query)
					return len(got) == 1, fmt.Sprint(got)
				})
				t.Logf("%s: in InfluxDB after another %s", r, took.Round(time.Millisecond))
				if r != event.Granted {
					if after := s.count(building); after != before {
						t.Errorf("%s moved the count from %d to %d", r, before, after)
					}
					continue
				}
				s.walkThrough(sample)
				eventually(t, 2*time.Second, "one more in the API", func() (bool, string) {
					got := s.count(building)
					return got == before+1, fmt.Sprint(got)
				})
				eventually(t, 2*time.Second, "one more on the page", func() (bool, string) {
					got := page.count(building)
					return got == fmt.Sprint(before+1), got
				})
			}
		})
	}
	page.screenshot("after-badges")
}

// walkThrough opens and closes the door of a sample.
func (s *system) walkThrough(sample demo.Sample) {
	s.t.Helper()
	if a := wire(s.t, sample.Socket, "level "+sample.Door+"-contact 1"); a != "ok" {
		s.t.Fatalf("open: %s", a)
	}
	<-time.After(200 * time.Millisecond)
	if a := wire(s.t, sample.Socket, "level "+sample.Door+"-contact 0"); a != "ok" {
		s.t.Fatalf("close: %s", a)
	}
	<-time.After(200 * time.Millisecond)
}
