package relay

import (
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/event"
	"kapija/internal/site"
	"kapija/internal/topic"
)

// The measurements and their tags are a contract: docs/protocol.md.
const (
	mAccess      = "access"
	mDoor        = "door"
	mEnvironment = "environment"
	mOccupancy   = "occupancy"
	mGateway     = "gateway"

	wholeBuilding = "_building" // tag zone of a building's own occupancy: a tag cannot be empty

	lateAfter   = 2 * time.Minute // L47
	futureAfter = 5 * time.Minute

	kindGap    = "journal.gap"
	kindLetter = "journal.dead_letter"
)

// marks is what the relay knows about a record beside its content. Only what is true becomes a field, and late and
// future only the first time: a record that comes again must not take back or add to what was said of it.
type marks struct {
	late, future, broken bool
}

// stamp is a point's time: the record's, with the nanoseconds replaced by the last three digits of its sequence number.
// A gateway's stamps rise strictly by contract (gateway/clock). Should that fail, two records still collide only if they
// carry the same microsecond, the same tags and numbers a multiple of 1,000 apart. The field ns keeps what was replaced.
func stamp(at time.Time, seq uint64) time.Time {
	return at.UTC().Truncate(time.Microsecond).Add(time.Duration(seq % 1000))
}

func measurement(k event.Kind) string {
	switch {
	case strings.HasPrefix(string(k), "access."):
		return mAccess
	case strings.HasPrefix(string(k), "door."), k == event.RexPressed, k == event.ModeChanged, k == event.InputCounted:
		return mDoor
	}
	return mGateway
}

// passage is the zone that somebody reaches through a door: its inner zone, or its outer one on the way out.
func passage(d *site.Door, s event.Side) string {
	if s == event.Out {
		return d.From
	}
	return d.To
}

// eventPoint is the point of an audit event; d is nil when the event names no door.
func eventPoint(g topic.Gateway, e *event.Event, raw []byte, d *site.Door, m marks) *write.Point {
	p := write.NewPointWithMeasurement(measurement(e.Kind)).SetTime(stamp(e.At, e.Seq)).
		AddTag("building", g.Building).AddTag("gateway", g.Gateway).AddTag("kind", string(e.Kind))
	if d != nil {
		p.AddTag("door", d.ID).AddTag("zone", passage(d, e.Side))
	}
	tag(p, "reason", string(e.Reason))
	tag(p, "side", string(e.Side))
	common(p, e.Seq, e.At, e.Clock, m)
	p.AddField("hash", event.Hash(raw))
	field(p, "badge", e.Badge)
	field(p, "cause", e.Cause)
	field(p, "boot", e.Boot)
	if e.DecidedUs > 0 {
		p.AddField("decided_us", e.DecidedUs)
	}
	return p
}

// readingPoint is the point of one reading.
func readingPoint(g topic.Gateway, r *event.Reading, zone string, m marks) *write.Point {
	p := write.NewPointWithMeasurement(mEnvironment).SetTime(stamp(r.At, r.Seq)).
		AddTag("building", g.Building).AddTag("gateway", g.Gateway).
		AddTag("sensor", r.Sensor).AddTag("quantity", r.Quantity)
	tag(p, "zone", zone)
	common(p, r.Seq, r.At, r.Clock, m)
	p.AddField("value", r.Value)
	field(p, "unit", r.Unit)
	return p
}

func common(p *write.Point, seq uint64, at time.Time, c event.Clock, m marks) {
	p.AddField("seq", int64(seq)).AddField("ns", int64(at.Nanosecond()%1000))
	field(p, "clock", string(c))
	if m.late {
		p.AddField("late", true)
	}
	if m.future {
		p.AddField("future", true)
	}
	if m.broken {
		p.AddField("chain", false)
	}
}

// occupancyPoint is the point of one zone's estimate.
func occupancyPoint(building string, at time.Time, z event.ZoneOccupancy) *write.Point {
	zone := z.Zone
	if zone == "" {
		zone = wholeBuilding
	}
	p := write.NewPointWithMeasurement(mOccupancy).SetTime(at.UTC()).AddTag("building", building).AddTag("zone", zone).
		AddField("count", int64(z.Count)).AddField("low", int64(z.Low)).AddField("high", int64(z.High)).
		AddField("entered", int64(z.Entered)).AddField("left", int64(z.Left))
	if z.Capacity > 0 {
		p.AddField("capacity", int64(z.Capacity))
	}
	return p
}

// gapPoint names a range that no record of will come. It lies before the first record above the gap, and carries no
// sequence number of its own.
func gapPoint(g topic.Gateway, s stream, x gap) *write.Point {
	return write.NewPointWithMeasurement(mGateway).SetTime(x.at.UTC().Truncate(time.Microsecond).Add(-time.Microsecond)).
		AddTag("building", g.Building).AddTag("gateway", g.Gateway).AddTag("kind", kindGap).AddTag("stream", s.String()).
		AddField("from", int64(x.from)).AddField("to", int64(x.to)).
		AddField("cause", "the gateway has no records of this range any more")
}

// letterPoint shows in the database that a record is among the dead letters, and holds its place in the sequence.
func letterPoint(g topic.Gateway, s stream, seq uint64, at time.Time, cause string) *write.Point {
	p := write.NewPointWithMeasurement(mGateway).SetTime(stamp(at, seq)).
		AddTag("building", g.Building).AddTag("gateway", g.Gateway).AddTag("kind", kindLetter).AddTag("stream", s.String())
	field(p, "cause", text(cause))
	if s == audit {
		return p.AddField("seq", int64(seq))
	}
	return p.AddField("telemetry_seq", int64(seq))
}

func tag(p *write.Point, k, v string) {
	if v != "" {
		p.AddTag(k, v)
	}
}

func field(p *write.Point, k, v string) {
	if v != "" {
		p.AddField(k, v)
	}
}
