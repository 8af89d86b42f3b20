package relay

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/influxdata/influxdb-client-go/v2/api/write"
	"pgregory.net/rapid"

	"kapija/internal/event"
	"kapija/internal/site"
	"kapija/internal/topic"
)

var (
	gw    = topic.Gateway{Building: "b", Gateway: "g"}
	when  = time.Date(2025, 3, 4, 5, 6, 7, 123456789, time.UTC)
	front = &site.Door{ID: "front", From: "outside", To: "lobby"}
)

func line(p *write.Point) string {
	return strings.TrimSpace(write.PointToLineProtocol(p, time.Nanosecond))
}

func TestEventPoint(t *testing.T) {
	for _, c := range []struct {
		e    event.Event
		m    marks
		want []string // substrings
		not  []string
	}{
		{
			e:    event.Event{Seq: 7, At: when, Kind: event.AccessDenied, Door: "front", Side: event.In, Reason: event.Revoked, Badge: "p1", DecidedUs: 12, Clock: event.ClockIsSynced},
			want: []string{"access,building=b,", "gateway=g", "door=front", "zone=lobby", "kind=access.denied", "reason=revoked", "side=in", "seq=7i", `badge="p1"`, "decided_us=12i", "ns=789i", " 1741064767123456007"},
			not:  []string{"late", "future", "chain"},
		},
		{
			e:    event.Event{Seq: 1007, At: when, Kind: event.AccessEntered, Door: "front", Side: event.Out},
			m:    marks{late: true, broken: true},
			want: []string{"zone=outside", "late=true", "chain=false", " 1741064767123456007"},
			not:  []string{"badge", "decided_us", "reason"},
		},
		{e: event.Event{Seq: 1, At: when, Kind: event.RexPressed, Door: "front"}, want: []string{"door,", "zone=lobby"}},
		{e: event.Event{Seq: 1, At: when, Kind: event.ModeChanged, Door: "front"}, want: []string{"door,"}},
		{e: event.Event{Seq: 1, At: when, Kind: event.InputCounted, Door: "front", Side: event.In}, want: []string{"door,"}},
		{e: event.Event{Seq: 1, At: when, Kind: event.GatewayStarted}, m: marks{future: true}, want: []string{"gateway,", "future=true"}, not: []string{"zone", "door"}},
		{e: event.Event{Seq: 1, At: when, Kind: "something.new"}, want: []string{"gateway,"}},
		{e: event.Event{Seq: 1, At: when, Kind: event.GatewayStarted, Cause: text("a\nb\"c\\d\x00 ш")}, want: []string{`cause="a b\"c\\d  ш"`}},
	} {
		raw, _ := json.Marshal(c.e)
		var d *site.Door
		if c.e.Door != "" {
			d = front
		}
		got := line(eventPoint(gw, &c.e, raw, d, c.m))
		for _, w := range append(c.want, `hash="`+event.Hash(raw)+`"`) {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in %s", c.e.Kind, w, got)
			}
		}
		for _, w := range c.not {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q in %s", c.e.Kind, w, got)
			}
		}
	}
}

func TestOtherPoints(t *testing.T) {
	r := event.Reading{Seq: 3, At: when, Sensor: "s", Quantity: "CO2_Level_Sensor", Value: 612.5, Unit: "[ppm]", Clock: event.ClockIsSynced}
	for got, want := range map[string]string{
		line(readingPoint(gw, &r, "lobby", marks{})):                                                         `environment,building=b,gateway=g,sensor=s,quantity=CO2_Level_Sensor,zone=lobby seq=3i,ns=789i,clock="synced",value=612.5,unit="[ppm]" 1741064767123456003`,
		line(occupancyPoint("b", when, event.ZoneOccupancy{Count: 3, Low: 1, High: 5, Entered: 9, Left: 6})): `occupancy,building=b,zone=_building count=3i,low=1i,high=5i,entered=9i,left=6i 1741064767123456789`,
		line(gapPoint(gw, audit, gap{from: 4, to: 9, at: when})):                                             `gateway,building=b,gateway=g,kind=journal.gap,stream=audit from=4i,to=9i,cause="the gateway has no records of this range any more" 1741064767123455000`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// L45: the identity of a point follows from the record alone; two records of one gateway never share it, even when
// their stamps are equal.
func TestL45Identity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(0, rapid.Int64Range(0, 1<<60).Draw(t, "at"))
		seq := rapid.Uint64Range(1, 1<<40).Draw(t, "seq")
		step := rapid.Uint64Range(1, 999).Draw(t, "step")
		ahead := time.Duration(rapid.Int64Range(0, 5000).Draw(t, "ahead"))
		if stamp(at, seq) != stamp(at.In(time.FixedZone("x", 3600)), seq) {
			t.Fatal("the zone of a time changes the identity")
		}
		if stamp(at, seq).Equal(stamp(at.Add(ahead), seq+step)) {
			t.Fatal("two records share a stamp")
		}
		if d := stamp(at, seq).Sub(at); d < -time.Microsecond || d > time.Microsecond {
			t.Fatalf("the stamp moved by %v", d)
		}
	})
}

func TestParseBatch(t *testing.T) {
	good := `{"seq":5,"at":"2025-01-01T00:00:00Z","kind":"door.opened","door":"front"}`
	for name, c := range map[string]struct {
		payload string
		seqs    []uint64 // nil: the whole batch is refused
		bad     []bool
	}{
		"good":              {`{"v":1,"records":[` + good + `]}`, []uint64{5}, []bool{false}},
		"number from above": {`{"v":1,"records":[{"seq":"x"},` + good + `]}`, []uint64{4, 5}, []bool{true, false}},
		"number from below": {`{"v":1,"records":[` + good + `,7,null]}`, []uint64{5, 6, 7}, []bool{false, true, true}},
		"alone":             {`{"v":1,"records":[{}]}`, []uint64{0}, []bool{true}},
		"bad kind":          {`{"v":1,"records":[{"seq":5,"at":"2025-01-01T00:00:00Z","kind":"a b"}]}`, []uint64{5}, []bool{true}},
		"no time":           {`{"v":1,"records":[{"seq":5,"kind":"a"}]}`, []uint64{5}, []bool{true}},
		"far time":          {`{"v":1,"records":[{"seq":5,"kind":"a","at":"2300-01-01T00:00:00Z"}]}`, []uint64{5}, []bool{true}},
		"bad side":          {`{"v":1,"records":[{"seq":5,"kind":"a","side":"up","at":"2025-01-01T00:00:00Z"}]}`, []uint64{5}, []bool{true}},
		"huge seq":          {`{"v":1,"records":[{"seq":18446744073709551615,"kind":"a","at":"2025-01-01T00:00:00Z"}]}`, []uint64{0}, []bool{true}},
		"empty":             {`{"v":1,"records":[]}`, nil, nil},
		"version":           {`{"v":2,"records":[` + good + `]}`, nil, nil},
		"not JSON":          {"\xff\x00garbage", nil, nil},
		"nothing":           {"", nil, nil},
		"array":             {"[]", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseBatch(audit, []byte(c.payload))
			if (err != nil) != (c.seqs == nil) || (err != nil && !errors.Is(err, errMalformed)) {
				t.Fatalf("error %v", err)
			}
			for i, r := range got {
				if r.seq != c.seqs[i] || (r.bad != nil) != c.bad[i] {
					t.Errorf("record %d: seq %d, bad %v", i, r.seq, r.bad)
				}
			}
		})
	}
}

func TestParseLost(t *testing.T) {
	for in, want := range map[string]string{
		"seq 12-34: disk full": "audit 12 34", "telemetry seq 7: corrupt": "telemetry 7 7", "seq 3-4": "audit 3 4",
		"audit 5-6: x": "audit 5 6", "telemetry 5-6: x": "telemetry 5 6", "5-6: x": "", "audit: 5 records were never written": "",
		"seq 9-3: x": "", "seq 0-3: x": "", "lost seq 1-2": "", "": "", "seq -1": "", "seq 99999999999999999999-2": "",
	} {
		got := ""
		if s, from, to, ok := parseLost(in); ok {
			got = strings.Join([]string{s.String(), itoa(from), itoa(to)}, " ")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func itoa(n uint64) string { b, _ := json.Marshal(n); return string(b) }

func FuzzParseBatch(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"records":[{"seq":5,"at":"2025-01-01T00:00:00Z","kind":"door.opened","door":"front","cause":"a\nb"}]}`,
		`{"v":1,"records":[{"seq":5,"at":"2025-01-01T00:00:00Z","sensor":"s","quantity":"q","value":1e308,"unit":"Cel"}]}`,
		`{"v":1,"records":[null,1,"x",{},[]]}`, `{"v":1,"records":null}`, "\x00", `{"v":1e9}`,
		`{"v":1,"records":[{"seq":1,"at":"2025-01-01T00:00:00Z","kind":"journal.dropped","cause":"seq 1-18446744073709551615: x"}]}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, readings bool) {
		st := audit
		if readings {
			st = telemetry
		}
		records, err := parseBatch(st, payload)
		if err != nil {
			return
		}
		var tr tracker
		for _, r := range records {
			var p *write.Point
			switch {
			case r.bad != nil:
				continue
			case r.event != nil:
				p = eventPoint(gw, r.event, r.raw, front, marks{})
				_, _, _, _ = parseLost(r.event.Cause)
			default:
				p = readingPoint(gw, r.reading, "z", marks{})
			}
			tr.add(span{from: r.seq, to: r.seq}, false)
			got := line(p)
			if strings.ContainsAny(got, "\n\x00") || !utf8.ValidString(got) || got == "" {
				t.Fatalf("line %q", got)
			}
		}
	})
}
