package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"kapija/gateway/journal"
	"kapija/gateway/local"
	"kapija/internal/event"
)

// recentEvents is how many of the last events the local page shows.
const recentEvents = 100

// recent are the last events, for the local page. It belongs to the loop.
type recent struct {
	events [recentEvents]event.Event
	n      int // that came
}

func (r *recent) add(e event.Event) {
	r.events[r.n%recentEvents] = e
	r.n++
}

// newestFirst copies them.
func (r *recent) newestFirst() []event.Event {
	var out []event.Event
	for i := range min(r.n, recentEvents) {
		out = append(out, r.events[(r.n-1-i)%recentEvents])
	}
	return out
}

// load begins with those of the run before.
func (r *recent) load(j *journal.Journal) {
	last := j.Last()
	for from := max(last, recentEvents) - recentEvents + 1; ; {
		records, first, err := j.Read(from, recentEvents)
		if err != nil || len(records) == 0 {
			return
		}
		from = first + uint64(len(records))
		for _, raw := range records {
			var e event.Event
			if json.Unmarshal(raw, &e) == nil {
				r.add(e)
			}
		}
	}
}

// view asks the loop what the local page shows.
func (l *loop) view(ctx context.Context) (local.View, error) {
	answer := make(chan local.View, 1)
	ask := func() {
		v := local.View{State: l.State(), Events: l.recent.newestFirst()}
		for _, p := range l.memory.Places() {
			v.Places = append(v.Places, local.Place{Badge: p.Badge, Zone: p.Zone, At: p.At})
		}
		answer <- v
	}
	select {
	case l.asks <- ask:
		return <-answer, nil
	case <-ctx.Done():
		return local.View{}, fmt.Errorf("gateway: the doors do not answer: %w", ctx.Err())
	}
}

// localPage is what the local page is made of.
func (l *loop) localPage() local.Config {
	c := l.c.Local
	c.Building, c.Gateway, c.View, c.Log = l.c.Building, l.c.Gateway, l.view, l.log
	return c
}

// serveLocal shows the local page until ctx is done.
func serveLocal(ctx context.Context, at net.Listener, c local.Config) {
	if err := local.Serve(ctx, at, c); err != nil {
		c.Log.Error("the local page ended; the doors go on", "error", err)
	}
}
