package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/topic"
)

// mRelay holds the relay's marks: one point per gateway, relay and day, with the fields audit and telemetry (how far the
// database holds them without a gap that is not named) and chain (sequence number and hash of the last audit event).
const mRelay = "relay"

const (
	requestLimit = 20 * time.Second
	queryLimit   = 2 * time.Minute // the first question reads all history
	// As literals: the range of everything that a point's time can be.
	always = `range(start: 1970-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z)`
)

// store is InfluxDB as the relay sees it.
type store struct {
	client influxdb2.Client
	writer api.WriteAPIBlocking
	reader api.QueryAPI
	from   string // Flux source
	self   string // this relay's ClientID
}

// level is how far each stream of a gateway is held.
type level struct {
	n     [streams]uint64
	chain string // "seq:hash"
}

func newStore(c Influx, self string) (*store, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("relay: InfluxDB address %q is not of the form http://host:8086", c.URL)
	}
	if c.Bucket == "" {
		return nil, errors.New("relay: the InfluxDB bucket is empty: name it, for InfluxDB 1.8 as database/retention policy")
	}
	o := influxdb2.DefaultOptions().SetHTTPRequestTimeout(uint(queryLimit / time.Second)).SetApplicationName("kapija-relay")
	client := influxdb2.NewClientWithOptions(strings.TrimSuffix(c.URL, "/"), c.Token, o)
	return &store{
		client: client, writer: client.WriteAPIBlocking(c.Org, c.Bucket), reader: client.QueryAPI(c.Org),
		from: "from(bucket: " + strconv.Quote(c.Bucket) + ")", self: self,
	}, nil
}

func (s *store) close() { s.client.Close() }

func (s *store) write(ctx context.Context, points []*write.Point) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return s.writer.WritePoint(ctx, points...)
}

// refused reports whether InfluxDB has judged the points themselves: trying the same again is of no use.
func refused(err error) bool {
	var e *influxhttp.Error
	return errors.As(err, &e) && (e.StatusCode == http.StatusBadRequest ||
		e.StatusCode == http.StatusUnprocessableEntity || e.StatusCode == http.StatusRequestEntityTooLarge)
}

// mark is the point that says how far a gateway is held.
func (s *store) mark(g topic.Gateway, l level, now time.Time) *write.Point {
	p := write.NewPointWithMeasurement(mRelay).SetTime(now.UTC().Truncate(24*time.Hour)).
		AddTag("building", g.Building).AddTag("gateway", g.Gateway).AddTag("relay", s.self).
		AddField("audit", int64(l.n[audit])).AddField("telemetry", int64(l.n[telemetry]))
	field(p, "chain", l.chain)
	return p
}

// own reads this relay's marks of the last days back: cheap enough to do before each new one.
func (s *store) own(ctx context.Context, now time.Time) (map[topic.Gateway]level, error) {
	start := now.UTC().Add(-72 * time.Hour).Format(time.RFC3339)
	stop := now.UTC().Add(time.Hour).Format(time.RFC3339)
	return s.levels(ctx, fmt.Sprintf(`range(start: %s, stop: %s) |> filter(fn: (r) => r._measurement == %q and r.relay == %s and (r._field == "audit" or r._field == "telemetry"))
		|> max() |> group(columns: ["building", "gateway", "_field"]) |> max()`, start, stop, mRelay, strconv.Quote(s.self)))
}

// marks reads the highest marks of all relays.
func (s *store) marks(ctx context.Context) (map[topic.Gateway]level, error) {
	out, err := s.levels(ctx, always+fmt.Sprintf(` |> filter(fn: (r) => r._measurement == %q and (r._field == "audit" or r._field == "telemetry"))
		|> max() |> group(columns: ["building", "gateway", "_field"]) |> max()`, mRelay))
	if err != nil {
		return nil, err
	}
	err = s.rows(ctx, always+fmt.Sprintf(` |> filter(fn: (r) => r._measurement == %q and r._field == "chain") |> last()`, mRelay),
		func(g topic.Gateway, _ string, v any) {
			l := out[g]
			if c, ok := v.(string); ok && strings.HasPrefix(c, strconv.FormatUint(l.n[audit], 10)+":") {
				l.chain = c
				out[g] = l
			}
		})
	return out, err
}

const (
	auditSeq     = `r._field == "seq" and r._measurement != "environment"`
	telemetrySeq = `(r._field == "seq" and r._measurement == "environment") or r._field == "telemetry_seq"`
)

// highest reads the highest sequence number of each stream that the database holds a record of.
func (s *store) highest(ctx context.Context) (map[topic.Gateway]level, error) {
	return s.perStream(ctx, `|> max() |> group(columns: ["building", "gateway"]) |> max()`)
}

// contiguous is the highest number up to which nothing is missing, for gateways that have records but no mark. As far as
// it can be told: from the lowest number on, older ones may have left the database by its retention policy.
func (s *store) contiguous(ctx context.Context, highest map[topic.Gateway]level) (map[topic.Gateway]level, error) {
	lowest, err := s.perStream(ctx, `|> min() |> group(columns: ["building", "gateway"]) |> min()`)
	if err != nil {
		return nil, err
	}
	count, err := s.perStream(ctx, `|> count() |> group(columns: ["building", "gateway"]) |> sum()`)
	if err != nil {
		return nil, err
	}
	out := map[topic.Gateway]level{}
	for g, hi := range highest {
		var l level
		for st := range streams {
			if lo := lowest[g].n[st]; lo > 0 && hi.n[st]-lo+1 == count[g].n[st] {
				l.n[st] = hi.n[st]
			}
		}
		out[g] = l
	}
	return out, nil
}

func (s *store) perStream(ctx context.Context, reduce string) (map[topic.Gateway]level, error) {
	out := map[topic.Gateway]level{}
	for st, which := range [streams]string{auditSeq, telemetrySeq} {
		err := s.rows(ctx, always+` |> filter(fn: (r) => `+which+`) `+reduce, func(g topic.Gateway, _ string, v any) {
			if n, ok := v.(int64); ok && n > 0 {
				l := out[g]
				l.n[st] = max(l.n[st], uint64(n))
				out[g] = l
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *store) levels(ctx context.Context, flux string) (map[topic.Gateway]level, error) {
	out := map[topic.Gateway]level{}
	err := s.rows(ctx, flux, func(g topic.Gateway, field string, v any) {
		n, ok := v.(int64)
		if !ok || n < 0 {
			return
		}
		l := out[g]
		st := audit
		if field == "telemetry" {
			st = telemetry
		}
		l.n[st] = uint64(n)
		out[g] = l
	})
	return out, err
}

func (s *store) rows(ctx context.Context, flux string, each func(g topic.Gateway, field string, v any)) error {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	res, err := s.reader.Query(ctx, s.from+" |> "+flux)
	if err != nil {
		return err
	}
	defer func() { _ = res.Close() }()
	for res.Next() {
		r := res.Record()
		b, _ := r.ValueByKey("building").(string)
		g, _ := r.ValueByKey("gateway").(string)
		f, _ := r.ValueByKey("_field").(string)
		each(topic.Gateway{Building: b, Gateway: g}, f, r.Value())
	}
	return res.Err()
}
