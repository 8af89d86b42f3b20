package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"

	"kapija/demo"
	"kapija/gateway/journal"
)

// flux runs a query and returns the value of each row.
func flux(t testing.TB, in demo.Influx, query string) []any {
	t.Helper()
	c := influxdb2.NewClient(in.URL, in.Token)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	res, err := c.QueryAPI(in.Org).Query(ctx, query)
	if err != nil {
		t.Fatalf("flux: %v\n%s", err, query)
	}
	var values []any
	for res.Next() {
		values = append(values, res.Record().Value())
	}
	if res.Err() != nil {
		t.Fatalf("flux: %v\n%s", res.Err(), query)
	}
	return values
}

// sequences are the sequence numbers of a gateway's audit events in InfluxDB, with how often each stands there.
func sequences(t testing.TB, in demo.Influx, building, gateway string) map[uint64]int {
	t.Helper()
	seqs := map[uint64]int{}
	for _, v := range flux(t, in, fmt.Sprintf(`from(bucket: %q) |> range(start: -30d, stop: 1h)
 |> filter(fn: (r) => (r._measurement == "access" or r._measurement == "door" or r._measurement == "gateway") and r._field == "seq")
 |> filter(fn: (r) => r.building == %q and r.gateway == %q) |> group()`, in.Bucket, building, gateway)) {
		switch n := v.(type) {
		case int64:
			seqs[uint64(n)]++
		case uint64:
			seqs[n]++
		default:
			t.Fatalf("seq is %T", v)
		}
	}
	return seqs
}

// journaled is the last sequence number in a stopped gateway's journal.
func journaled(t testing.TB, g demo.Gateway) uint64 {
	t.Helper()
	j, report, err := journal.Open(filepath.Join(g.Data, "audit"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if len(report.Lost) > 0 {
		t.Errorf("%s/%s: the journal lost %v", g.Building, g.Gateway, report.Lost)
	}
	return j.Last()
}
