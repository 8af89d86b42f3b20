package history

import (
	"strings"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/event"
	"kapija/internal/influxd"
)

// start runs a real InfluxDB with these points.
func start(t *testing.T, points ...*write.Point) *History {
	t.Helper()
	s, err := influxd.Start(t.Context(), influxd.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := influxdb2.NewClient(s.URL, s.Token)
	defer c.Close()
	if err := c.WriteAPIBlocking(s.Org, s.Bucket).WritePoint(t.Context(), points...); err != nil {
		t.Fatal(err)
	}
	h := New(Config{URL: s.URL, Token: s.Token, Org: s.Org, Bucket: s.Bucket})
	t.Cleanup(h.Close)
	return h
}

func occupied(at time.Time, zone string, n int) *write.Point {
	return write.NewPointWithMeasurement("occupancy").SetTime(at).AddTag("building", "b").AddTag("zone", zone).
		AddField("count", n).AddField("low", n-1).AddField("high", n+1)
}

func audited(seq int64, at time.Time, measurement string, kind event.Kind, badge string) *write.Point {
	p := write.NewPointWithMeasurement(measurement).SetTime(at.Truncate(time.Microsecond).Add(time.Duration(seq%1000))).
		AddTag("building", "b").AddTag("gateway", "g").AddTag("door", "main").AddTag("kind", string(kind)).
		AddField("seq", seq).AddField("ns", int64(at.Nanosecond()%1000)).AddField("clock", "synced")
	if badge != "" {
		p.AddField("badge", badge).AddField("decided_us", int64(42)).AddTag("side", "in").AddTag("reason", "granted")
	}
	return p
}

func TestAgainstARealInfluxDB(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Belgrade")
	if err != nil {
		t.Fatal(err)
	}
	// Twelve hours after the clocks went back: a week ago the same local hour was an hour earlier in UTC.
	now := time.Date(2026, 10, 25, 12, 0, 0, 123456789, loc)
	h := start(t,
		occupied(now.Add(-20*time.Minute), Whole, 10), occupied(now.Add(-17*time.Minute), Whole, 20), occupied(now.Add(-17*time.Minute), "lobby", 99),
		occupied(now.Add(-5*time.Minute), Whole, 30),
		occupied(now.AddDate(0, 0, -7), Whole, 40), occupied(now.AddDate(0, 0, -14), Whole, 60), occupied(now.AddDate(0, 0, -7).Add(-time.Hour), Whole, 1000),
		audited(1, now.Add(-3*time.Second), "door", event.DoorOpened, ""),
		audited(2, now.Add(-2*time.Second), "access", event.AccessEntered, "b_x"),
		audited(3, now.Add(-time.Second), "gateway", event.GatewayStopped, ""),
	)
	if err := h.Ready(t.Context()); err != nil {
		t.Error(err)
	}

	curve, err := h.Curve(t.Context(), "b", now.Add(-30*time.Minute).Truncate(10*time.Minute), now, 10*time.Minute)
	if err != nil || len(curve) != 2 {
		t.Fatalf("curve: %+v, %v; want two windows with records", curve, err)
	}
	if p := curve[0]; p.Count != 15 || p.Low != 14 || p.High != 16 {
		t.Errorf("mean of 10 and 20 of the whole building: %+v", p)
	}

	usual, err := h.Usual(t.Context(), "b", loc, now)
	if err != nil || usual == nil || *usual != 50 {
		t.Errorf("usual: %v, %v; want the median of 40 and 60", usual, err)
	}
	if none, err := h.Usual(t.Context(), "b", loc, now.AddDate(0, 0, 1)); err != nil || none != nil {
		t.Errorf("usual of a day without records: %v, %v", none, err)
	}

	evs, err := h.Events(t.Context(), "b", now.Add(-time.Minute), now, 2)
	if err != nil || len(evs) != 2 || evs[0].Seq != 3 || evs[1].Seq != 2 {
		t.Fatalf("events: %+v, %v; want the newest two, newest first", evs, err)
	}
	want := event.Event{Seq: 2, At: now.Add(-2 * time.Second).UTC(), Clock: event.ClockIsSynced, Kind: event.AccessEntered, Door: "main",
		Side: event.In, Badge: "b_x", Reason: event.Granted, DecidedUs: 42}
	if got := evs[1].Event; got != want {
		t.Errorf("to the nanosecond:\n got %+v\nwant %+v", got, want)
	}

	missed, err := h.Range(t.Context(), "b", "g", 1, 2, now.Add(-time.Hour))
	if err != nil || len(missed) != 2 || missed[0].Seq != 1 || missed[1].Seq != 2 {
		t.Errorf("range: %+v, %v; want 1 and 2, oldest first", missed, err)
	}
	for _, other := range [][2]string{{"b", "other"}, {"other", "g"}, {`b" or true or "`, "g"}, {"${b}", "g"}} {
		if evs, err := h.Range(t.Context(), other[0], other[1], 1, 9, now.Add(-time.Hour)); err != nil || len(evs) != 0 {
			t.Errorf("%q: %+v, %v; want nothing", other, evs, err)
		}
	}
}

func TestDatabaseAwayIsNamed(t *testing.T) {
	h := New(Config{URL: "http://127.0.0.1:1", Bucket: "b"})
	defer h.Close()
	_, err := h.Curve(t.Context(), "b", time.Now().Add(-time.Hour), time.Now(), time.Minute)
	for _, e := range []error{err, h.Ready(t.Context())} {
		if e == nil || !strings.Contains(e.Error(), "history: influxdb at http://127.0.0.1:1") {
			t.Errorf("%v", e)
		}
	}
}
