package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"kapija/internal/event"
)

// Event is one audit event as InfluxDB holds it.
type Event struct {
	Gateway string
	event.Event
}

// Events are the audit events of a building from one time to another, newest first, at most limit of them.
func (h *History) Events(ctx context.Context, building string, from, to time.Time, limit int) ([]Event, error) {
	return h.events(ctx, building, from, to, "", limit)
}

// Range is the audit events of one gateway with first ≤ seq ≤ last that happened since, oldest first.
func (h *History) Range(ctx context.Context, building, gateway string, first, last uint64, since time.Time) ([]Event, error) {
	// The future is included: a gateway whose clock runs ahead must not lose its events here.
	evs, err := h.events(ctx, building, since, time.Now().AddDate(0, 0, 2),
		fmt.Sprintf(" and r.gateway == %s", quote(gateway)), 0)
	evs = slices.DeleteFunc(evs, func(e Event) bool { return e.Seq < first || e.Seq > last })
	slices.SortFunc(evs, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return evs, err
}

func (h *History) events(ctx context.Context, building string, from, to time.Time, more string, limit int) ([]Event, error) {
	flux := h.from(from, to) + fmt.Sprintf(`
 |> filter(fn: (r) => (r._measurement == "access" or r._measurement == "door" or r._measurement == "gateway") and r.building == %s%s)
 |> filter(fn: (r) => r._field == "seq" or r._field == "badge" or r._field == "cause" or r._field == "decided_us" or r._field == "clock" or r._field == "ns")
 |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
 |> group()
 |> sort(columns: ["_time"], desc: true)`, quote(building), more)
	if limit > 0 {
		flux += fmt.Sprintf("\n |> limit(n: %d)", limit)
	}
	var evs []Event
	err := h.rows(ctx, flux, func(r *query.FluxRecord) {
		v := r.ValueByKey
		evs = append(evs, Event{Gateway: text(v("gateway")), Event: event.Event{
			Seq: uint64(number(v("seq"))), At: r.Time().Truncate(time.Microsecond).Add(time.Duration(number(v("ns")))),
			Clock: event.Clock(text(v("clock"))), Kind: event.Kind(text(v("kind"))), Door: text(v("door")),
			Side: event.Side(text(v("side"))), Badge: text(v("badge")), Reason: event.Reason(text(v("reason"))),
			DecidedUs: int64(number(v("decided_us"))), Cause: text(v("cause")),
		}})
	})
	return evs, err
}
