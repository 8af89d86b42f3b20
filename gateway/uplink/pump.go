package uplink

import (
	"context"
	"errors"
	"time"

	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

const (
	settle   = 2 * time.Second  // for the retained ack after a connect
	retry    = time.Second      // after a refusal or a failed read
	fallback = 15 * time.Second // after a lost connection, whose end is announced by OnConnect
)

// pump is the one goroutine that decides what is sent when.
type pump struct {
	c         Config
	in        *inbox
	connected chan struct{}
	results   chan result
	streams   [2]*stream // in order of importance

	up       bool      // there was a connection
	settleAt time.Time // not zero: waiting for the relay's ack until then
	retryAt  time.Time
	trouble  bool // a journal could not be read
}

type result struct {
	s   *stream
	b   batch
	err error
}

func newPump(c Config, in *inbox) *pump {
	p := &pump{c: c, in: in, connected: make(chan struct{}, 1), results: make(chan result, 2)}
	p.streams[0] = &stream{leaf: topic.Audit, j: c.Audit, bytes: 256 << 10, log: c.Log}
	p.streams[1] = &stream{leaf: topic.Telemetry, j: c.Telemetry, bytes: 64 << 10, log: c.Log}
	for _, s := range p.streams {
		s.restart()
	}
	return p
}

func (p *pump) run(ctx context.Context, cl client) error {
	flying := 0
	defer func() {
		for range flying {
			<-p.results
		}
	}()
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		audit, telemetry := p.streams[0].j.Changed(), p.streams[1].j.Changed()
		now := time.Now()
		for _, s := range p.streams {
			s.tick(now)
		}
		for _, s := range p.streams {
			b, ok := p.pick(s, now)
			if !ok {
				continue
			}
			flying++
			go func() {
				err := publish(ctx, cl, mqtt.Message{Topic: topic.For(p.c.Gateway, s.leaf), Payload: b.payload})
				b.payload = nil
				p.results <- result{s, b, err}
			}()
		}
		t.Reset(p.idle(now))
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-audit:
		case <-telemetry:
		case <-p.connected:
			p.up = true
			p.retryAt = time.Time{}
			p.settleAt = time.Now().Add(settle)
			for _, s := range p.streams {
				s.restart()
			}
			if p.in.toldSince(time.Now().Add(-settle)) {
				p.acks()
				p.settleAt = time.Time{}
			}
		case <-p.in.wake:
			p.acks()
			p.settleAt = time.Time{}
		case r := <-p.results:
			flying--
			if errors.Is(r.err, errStuck) {
				return r.err
			}
			p.settled(r)
		}
	}
}

func (p *pump) acks() {
	if a, ok := p.in.take(); ok {
		now := time.Now()
		p.streams[0].acked(a.Audit, now)
		p.streams[1].acked(a.Telemetry, now)
	}
}

// pick returns what a stream is to send now, if anything.
func (p *pump) pick(s *stream, now time.Time) (batch, bool) {
	switch {
	case !p.up, s.flying, now.Before(p.settleAt), now.Before(p.retryAt):
		return batch{}, false
	case s == p.streams[1] && (p.streams[0].pending() || p.streams[0].probe || p.streams[0].flying):
		return batch{}, false
	case !s.pending() && !s.probe:
		return batch{}, false
	}
	b, ok, err := s.pick()
	if err != nil {
		if !p.trouble {
			p.c.Log.Error("the journal cannot be read", "stream", string(s.leaf), "error", err)
		}
		p.trouble, p.retryAt = true, now.Add(retry)
		return b, false
	}
	p.trouble = false
	return b, ok
}

func (p *pump) settled(r result) {
	now := time.Now()
	if r.err == nil {
		r.s.taken(r.b, now)
		return
	}
	r.s.failed(r.b)
	wait := retry
	if errors.Is(r.err, mqtt.ErrNotConnected) {
		wait = fallback
	}
	if until := now.Add(wait); p.retryAt.Before(until) {
		p.retryAt = until
	}
}

// idle is how long nothing is due for.
func (p *pump) idle(now time.Time) time.Duration {
	due := now.Add(time.Hour)
	for _, t := range []time.Time{p.settleAt, p.retryAt, p.streams[0].stallAt, p.streams[1].stallAt} {
		if t.After(now) && t.Before(due) {
			due = t
		}
	}
	return due.Sub(now)
}
