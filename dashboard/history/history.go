// Package history asks InfluxDB about the past: curves of occupancy, what is usual at an hour, and events that the live
// view missed. It only reads. It is safe for concurrent use; each question is one Flux query under the caller's deadline.
package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/api/query"
)

// Whole is the zone tag under which a building's total is stored.
const Whole = "_building"

// Config names the database.
type Config struct{ URL, Token, Org, Bucket string }

// History is a connection to one bucket.
type History struct {
	client influxdb2.Client
	query  api.QueryAPI
	bucket string
}

// New makes a History. It does not connect yet.
func New(c Config) *History {
	client := influxdb2.NewClientWithOptions(c.URL, c.Token, influxdb2.DefaultOptions().SetHTTPRequestTimeout(20))
	return &History{client: client, query: client.QueryAPI(c.Org), bucket: c.Bucket}
}

// Close gives the connections back.
func (h *History) Close() { h.client.Close() }

// Ready asks whether the database answers.
func (h *History) Ready(ctx context.Context) error {
	ok, err := h.client.Ping(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("it answers, but says that it is not ready")
	}
	if err != nil {
		return fmt.Errorf("history: influxdb at %s: %w", h.client.ServerURL(), err)
	}
	return nil
}

// rows runs one Flux query and hands each row to fn.
func (h *History) rows(ctx context.Context, flux string, fn func(*query.FluxRecord)) error {
	res, err := h.query.Query(ctx, flux)
	if err != nil {
		return fmt.Errorf("history: influxdb at %s: %w", h.client.ServerURL(), err)
	}
	defer res.Close()
	for res.Next() {
		fn(res.Record())
	}
	if err := res.Err(); err != nil {
		return fmt.Errorf("history: influxdb at %s: %w", h.client.ServerURL(), err)
	}
	return nil
}

// from is the beginning of each query: bucket and range, to exclusive.
func (h *History) from(start, stop time.Time) string {
	return fmt.Sprintf("from(bucket: %s) |> range(start: %s, stop: %s)", quote(h.bucket), stamp(start), stamp(stop))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// quote makes a Flux string literal. Go's quoting is Flux's, but for the interpolation that "${" would begin.
func quote(s string) string { return strings.ReplaceAll(strconv.Quote(s), "${", `\${`) }

func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	}
	return 0
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
