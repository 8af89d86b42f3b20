package directory

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"kapija/internal/mqtt"
)

// Publisher sends one message and returns when the broker has taken it.
type Publisher interface {
	Publish(ctx context.Context, m mqtt.Message) error
}

const (
	batchUnits   = 16          // compiled before they are published: what is in memory at once
	lookEvery    = time.Second // for what other processes changed
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 5 * time.Second
)

// need is why a unit is to be compiled. Urgent ones go first.
type need uint8

const (
	urgent need = 1 << iota // this process changed it: publish it if it differs
	check                   // publish it if it differs
	force                   // publish it
)

// Serve publishes the policy of every gateway until ctx is done, and then returns nil. At the start, and each time
// connected is received from, everything is published: all 256 shards, also the empty ones, because a gateway refuses
// credentials of a shard that it never got with another reason than unknown ones. After a change only the shards and
// rules that differ are, each signed for its topic and retained. What cannot be published is tried again. The error is
// about reading what was published before. Call it once.
func (d *Directory) Serve(ctx context.Context, key ed25519.PrivateKey, pub Publisher, connected <-chan struct{}) error {
	known, err := d.loadVersions(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s := &service{
		d: d, key: key, pub: pub, versions: known, wait: firstBackOff, year: time.Now().Year(),
		log: slog.Default().With("room", "directory"),
	}
	for _, b := range d.site.Buildings {
		for _, g := range b.Gateways {
			s.units = append(s.units, unit{building: b, gateway: g})
		}
		for i := range 256 {
			s.units = append(s.units, unit{building: b, shard: uint8(i)})
		}
	}
	s.needs = make([]need, len(s.units))
	s.everything(force)
	s.look(ctx)
	s.run(ctx, connected)
	return nil
}

// service is the state of Serve.
type service struct {
	d        *Directory
	key      ed25519.PrivateKey
	pub      Publisher
	log      *slog.Logger
	versions *versions

	units []unit
	needs []need // of units
	next  int    // where the search for the next unit begins, so that one that fails does not hold up the others

	retry   <-chan time.Time // set while nothing is tried
	wait    time.Duration    // the next back-off
	failing bool

	foreign int64 // data_version of the file
	year    int
}

// run is the loop. A back-off ends early when the broker comes back; changes that happen meanwhile are collected.
func (s *service) run(ctx context.Context, connected <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case _, open := <-connected:
			connected = s.connected(connected, open)
		default:
		}
		s.collect()
		if s.retry == nil {
			if batch := s.pick(); len(batch) > 0 {
				s.publish(ctx, batch)
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-s.d.wake:
		case <-tick.C:
			s.look(ctx)
		case <-s.retry:
			s.retry = nil
		case _, open := <-connected:
			connected = s.connected(connected, open)
		}
	}
}

// connected publishes everything again: the broker may have forgotten it.
func (s *service) connected(c <-chan struct{}, open bool) <-chan struct{} {
	if !open {
		return nil
	}
	s.everything(force)
	s.retry, s.wait = nil, firstBackOff
	return c
}

func (s *service) everything(n need) {
	for i := range s.needs {
		s.needs[i] |= n
	}
}

// collect takes over what changes of this process have touched.
func (s *service) collect() {
	s.d.mu.Lock()
	dirty := s.d.dirty
	s.d.dirty = touched{}
	s.d.mu.Unlock()
	for i, u := range s.units {
		if u.gateway == nil && dirty.shards[u.shard] || u.gateway != nil && dirty.rules {
			s.needs[i] |= urgent
		}
	}
}

// look finds what no change of this process tells: another process wrote, or a year began and with it a year of holidays.
func (s *service) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery/10)
	defer cancel()
	var version int64 // changes when another connection than this one, the only one of this process that writes, did
	if err := s.d.file.Write.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err == nil && version != s.foreign {
		s.foreign = version
		s.everything(check)
	}
	if y := time.Now().Year(); y != s.year {
		s.year = y
		s.everything(check)
	}
}

// pick takes the next units: urgent ones, else others.
func (s *service) pick() []job {
	var batch []job
	for _, want := range []need{urgent, urgent | check | force} {
		start := s.next
		for k := range s.units {
			i := (start + k) % len(s.units)
			if s.needs[i]&want != 0 {
				batch = append(batch, job{index: i, unit: s.units[i], need: s.needs[i]})
				s.needs[i] = 0
				s.next = i + 1
			}
			if len(batch) == batchUnits {
				return batch
			}
		}
		if len(batch) > 0 {
			return batch
		}
	}
	return nil
}
