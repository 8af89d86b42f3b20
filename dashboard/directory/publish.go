package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kapija/internal/mqtt"
	"kapija/internal/policy"
	"kapija/internal/site"
	"kapija/internal/topic"
)

const (
	inFlight    = 16               // publications that wait for the broker
	publishWait = 10 * time.Second // for one of them
)

// job is one unit on its way to the broker.
type job struct {
	unit
	index    int
	need     need
	contents compiled
	version  uint64 // 0: its contents are not to be published
	err      error
}

// publish compiles and publishes a batch. What failed stays needed; when all of it did, nothing is tried for a while.
func (s *service) publish(ctx context.Context, batch []job) {
	s.prepare(ctx, batch)
	s.send(ctx, batch)
	if ctx.Err() != nil {
		return
	}
	var problems []error
	for _, j := range batch {
		if j.err != nil {
			problems = append(problems, j.err)
		}
	}
	for _, j := range batch {
		switch {
		case j.err == nil:
		case len(problems) == len(batch):
			s.needs[j.index] |= j.need | force
		default:
			s.needs[j.index] |= force // and no more before the others
		}
	}
	if len(problems) == len(batch) {
		s.retry = time.After(s.wait)
		s.wait = min(2*s.wait, lastBackOff)
	} else {
		s.wait = firstBackOff
	}
	switch {
	case problems != nil && !s.failing:
		s.failing = true
		s.log.Warn("policy cannot be published; trying again until it can", "error", problems[0])
	case problems == nil && s.failing && s.done():
		s.failing = false
		s.log.Info("policy is published again")
	}
}

func (s *service) done() bool {
	for _, n := range s.needs {
		if n != 0 {
			return false
		}
	}
	return true
}

// prepare compiles the batch and gives a version to what differs.
func (s *service) prepare(ctx context.Context, batch []job) {
	now := time.Now()
	fresh := make(map[string][sha256.Size]byte)
	for i := range batch {
		j := &batch[i]
		if j.contents, j.err = s.d.compile(ctx, j.unit, now); j.err != nil {
			continue
		}
		body, err := j.contents.encode(j.unit, 0)
		if err != nil {
			j.err = fmt.Errorf("directory: %s: %w", j.name(), err)
			continue
		}
		hash := sha256.Sum256(body)
		last, ok := s.versions.known[j.name()]
		if !ok || last.hash != hash {
			fresh[j.name()] = hash
		}
	}
	err := s.versions.give(ctx, fresh)
	for i := range batch {
		j := &batch[i]
		_, differs := fresh[j.name()]
		switch {
		case j.err != nil:
		case differs && err != nil:
			j.err = err
		case differs || j.need&force != 0:
			j.version = s.versions.known[j.name()].version
		}
	}
}

// send publishes what has a version to each gateway that it is for.
func (s *service) send(ctx context.Context, batch []job) {
	var g errgroup.Group
	g.SetLimit(inFlight)
	var mu sync.Mutex // of the jobs' errors
	for i := range batch {
		j := &batch[i]
		if j.err != nil || j.version == 0 {
			continue
		}
		body, err := j.contents.encode(j.unit, j.version)
		if err != nil {
			j.err = fmt.Errorf("directory: %s: %w", j.name(), err)
			continue
		}
		gateways, name := j.building.Gateways, policy.ShardName(j.shard)
		if j.gateway != nil {
			gateways, name = []*site.Gateway{j.gateway}, policy.RulesName
		}
		for _, gw := range gateways {
			to := topic.ForPolicy(topic.Gateway{Building: j.building.ID, Gateway: gw.ID}, name)
			g.Go(func() error {
				ctx, cancel := context.WithTimeout(ctx, publishWait)
				defer cancel()
				err := s.pub.Publish(ctx, mqtt.Message{Topic: to, Payload: policy.Seal(s.key, to, body), Retained: true})
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					j.err = errors.Join(j.err, fmt.Errorf("directory: %s: %w", to, err))
				}
				return nil
			})
		}
	}
	_ = g.Wait()
}
