package relay

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/site"
	"kapija/internal/topic"
)

const (
	retryFirst = 100 * time.Millisecond
	retryLast  = 5 * time.Second
)

// database is what the loop needs of InfluxDB.
type database interface {
	write(ctx context.Context, points []*write.Point) error
	mark(g topic.Gateway, l level, now time.Time) *write.Point
	own(ctx context.Context, now time.Time) (map[topic.Gateway]level, error)
	marks(ctx context.Context) (map[topic.Gateway]level, error)
	highest(ctx context.Context) (map[topic.Gateway]level, error)
	contiguous(ctx context.Context, highest map[topic.Gateway]level) (map[topic.Gateway]level, error)
}

// loop owns the state. It runs in one goroutine.
type loop struct {
	site   *site.District
	db     database
	dead   *letters
	acks   *acks
	m      *metrics
	log    *slog.Logger
	states map[topic.Gateway]*gatewayState

	batch      []entry
	suspect    bool // the database may hold less than before: ask before writing
	down       bool // the outage has been logged
	deadFailed bool
}

func newLoop(d *site.District, db database, dead *letters, a *acks, m *metrics, log *slog.Logger) *loop {
	return &loop{site: d, db: db, dead: dead, acks: a, m: m, log: log, states: newStates(d)}
}

// run works until ctx ends.
func (l *loop) run(ctx context.Context, in <-chan message) {
	if l.begin(ctx) != nil {
		return
	}
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case m := <-in:
			err = l.relay(ctx, m, in)
		case <-save.C:
			err = l.save(ctx)
		case <-check.C:
			l.suspect = true
			err = l.verify(ctx)
		}
		if err != nil {
			return
		}
	}
}

// begin learns from the database how far each gateway is held.
func (l *loop) begin(ctx context.Context) error {
	return l.insist(ctx, func() error {
		marks, err := l.db.marks(ctx)
		if err != nil {
			return err
		}
		highest, err := l.db.highest(ctx)
		if err != nil {
			return err
		}
		var unmarked map[topic.Gateway]level
		for g, s := range l.states {
			held, ok := marks[g]
			if ok {
				if hi := highest[g]; hi.below(held) {
					l.log.Warn("InfluxDB holds less than was acknowledged: asking the gateway for the rest", "gateway", g.String(),
						"acknowledged", held.n[audit], "held", hi.n[audit])
					l.m.lowered.Inc()
				}
				held = atMost(held, highest[g])
			} else if highest[g] != (level{}) {
				if unmarked == nil {
					if unmarked, err = l.db.contiguous(ctx, highest); err != nil {
						return err
					}
				}
				held = unmarked[g]
			}
			s.lower(held)
		}
		l.suspect = false
		return nil
	})
}

// relay takes in one message and what comes close after it, writes it all, and acknowledges it all.
func (l *loop) relay(ctx context.Context, m message, in <-chan message) error {
	done := []func(){m.ack}
	l.take(m)
	late := time.NewTimer(linger)
	defer late.Stop()
	for more := true; more && len(l.batch) < maxPoints && len(done) < waiting; {
		select {
		case m := <-in:
			l.take(m)
			done = append(done, m.ack)
		case <-late.C:
			more = false
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	for _, ack := range done {
		ack()
	}
	return nil
}

// flush writes the batch, and what refused points add to it.
func (l *loop) flush(ctx context.Context) error {
	for len(l.batch) > 0 {
		now := l.batch
		l.batch = nil
		for len(now) > 0 {
			n := min(len(now), maxPoints)
			if err := l.write(ctx, now[:n]); err != nil {
				return err
			}
			now = now[n:]
		}
	}
	return nil
}

// write insists until InfluxDB has accepted the points; those that it refuses for themselves are found by halving and
// become dead letters. Writing a point twice changes nothing.
func (l *loop) write(ctx context.Context, es []entry) error {
	points := make([]*write.Point, len(es))
	for i, e := range es {
		points[i] = e.point
	}
	var no error
	err := l.insist(ctx, func() error {
		if err := l.ask(ctx); err != nil {
			return err
		}
		start := time.Now()
		err := l.db.write(ctx, points)
		if err == nil {
			l.m.points.Add(float64(len(points)))
			l.m.write.Observe(time.Since(start).Seconds())
			return nil
		}
		if refused(err) {
			if len(es) == 1 {
				// A database that refuses even a plain point is out of order; that is not this record's fault.
				if perr := l.db.write(ctx, []*write.Point{probe(start)}); perr != nil {
					return fmt.Errorf("it refuses every point: %w", perr)
				}
				if err = l.db.write(ctx, points); err == nil || !refused(err) {
					return err
				}
			}
			no = err
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case no == nil:
		return nil
	case len(es) == 1:
		l.refuse(es[0], no)
		return nil
	}
	if err := l.write(ctx, es[:len(es)/2]); err != nil {
		return err
	}
	return l.write(ctx, es[len(es)/2:])
}

func probe(now time.Time) *write.Point {
	return write.NewPointWithMeasurement(mRelay).SetTime(now.UTC().Truncate(24*time.Hour)).AddField("probe", true)
}

func (l *loop) refuse(e entry, why error) {
	l.letter(time.Now(), e.topic, causeRefused, why, e.raw)
	if e.seq > 0 {
		l.batch = append(l.batch, entry{point: letterPoint(e.gw, e.st, e.seq, time.Now(), why.Error()), topic: e.topic, raw: e.raw})
	}
}

// save writes the marks of gateways that have moved, and publishes their acks after that.
func (l *loop) save(ctx context.Context) error {
	for g, a := range l.acks.collect() {
		l.states[g].published(a)
	}
	now := time.Now()
	day := now.Unix() / 86400
	var moved []*gatewayState
	for _, s := range l.states {
		if s.dirty || s.day != day {
			moved = append(moved, s)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	err := l.insist(ctx, func() error {
		// Asked first, each time: a mark written into a database that has just been wiped would hide that.
		l.suspect = true
		if err := l.ask(ctx); err != nil {
			return err
		}
		var points []*write.Point
		for _, s := range moved {
			if s.level() != s.saved || s.day != day {
				points = append(points, l.db.mark(s.gw, s.level(), now))
			}
		}
		if len(points) == 0 {
			return nil
		}
		return l.db.write(ctx, points)
	})
	if err != nil {
		return err
	}
	for _, s := range moved {
		s.saved, s.day, s.dirty = s.level(), day, false
		if a, ok := s.due(); ok {
			l.acks.set(s.gw, a)
		}
	}
	return nil
}
