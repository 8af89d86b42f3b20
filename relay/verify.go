package relay

import (
	"context"
	"errors"
	"time"
)

func (l *loop) verify(ctx context.Context) error {
	return l.insist(ctx, func() error { return l.ask(ctx) })
}

// ask compares the database with this relay's marks, if there is reason to, and goes back to what it holds.
func (l *loop) ask(ctx context.Context) error {
	if !l.suspect {
		return nil
	}
	own, err := l.db.own(ctx, time.Now())
	if err != nil {
		return err
	}
	var doubtful []*gatewayState
	for g, s := range l.states {
		if own[g].below(s.saved) {
			doubtful = append(doubtful, s)
		}
	}
	if len(doubtful) > 0 {
		marks, err := l.db.marks(ctx)
		if err != nil {
			return err
		}
		highest, err := l.db.highest(ctx)
		if err != nil {
			return err
		}
		for _, s := range doubtful {
			held := atMost(marks[s.gw], highest[s.gw])
			if !held.below(s.saved) {
				continue
			}
			l.m.lowered.Inc()
			l.log.Warn("InfluxDB holds less than was acknowledged: asking the gateway for the rest", "gateway", s.gw.String(),
				"acknowledged", s.saved.n[audit], "held", held.n[audit])
			s.lower(held)
			s.saved = held
		}
	}
	l.suspect = false
	return nil
}

// insist tries until f succeeds or ctx ends, with back-off; the log gets one line when InfluxDB goes and one when it is back.
func (l *loop) insist(ctx context.Context, f func() error) error {
	for pause := retryFirst; ; pause = min(2*pause, retryLast) {
		err := f()
		if err == nil {
			if l.down {
				l.down = false
				l.log.Info("InfluxDB answers again")
			}
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		l.suspect = true
		l.m.failures.Inc()
		if !l.down {
			l.down = true
			l.log.Warn("InfluxDB does not take what is written: keeping it and trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
