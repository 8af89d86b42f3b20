// Package snapshot keeps the policy that a gateway decides from: the sealed shards as they came from the broker, in one
// folder, and the policy.Snapshot made of them, in memory. It trusts neither the broker nor the disk: what is not signed
// for this gateway and this shard is refused, whichever way it comes, and so is a version older than the one in use.
//
// It never decides, never publishes, and never makes policy of its own.
//
// Concurrency: Current is one atomic read and may be called by any number of goroutines, without ever waiting for the
// disk. Accept and Flush may be called by several goroutines; one works at a time. What is kept is bounded: 257 shards
// of at most MaxPayload bytes, compiled; the sealed bytes are kept only while they are not stored.
//
// Newer policy counts at once: Accept swaps it into memory first and stores it then, because a revocation must not wait
// for a slow or full disk. What could not be stored is reported by the error, is used nevertheless, and is stored by the
// next Flush or by the next delivery of the same message. Until then a restart brings the stored, older version back.
package snapshot

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"kapija/internal/policy"
	"kapija/internal/topic"
)

// MaxPayload is the longest sealed shard that is accepted, in bytes: what brokers take (broker.MaxPayload), and twenty times a
// shard of 1,000 credentials.
const MaxPayload = 1 << 20

// Store is the policy of one gateway.
type Store struct {
	dir     string
	pub     ed25519.PublicKey
	gateway topic.Gateway
	damaged []Damaged

	current atomic.Pointer[policy.Snapshot]

	mu    sync.Mutex
	known map[string]held // by shard name
}

// held is the shard in use.
type held struct {
	version uint64
	sum     [sha256.Size]byte // of the sealed payload
	pending []byte            // the sealed payload, while it is not stored
}

// Change is what one message did.
type Change struct {
	Shard   string // "rules", or "00" … "ff"
	Version uint64
	Applied bool // decisions are made from it now; false: it was in use before, or is refused
	Stored  bool // it is on disk and survives a power cut
}

// ErrStale is wrapped by Accept when a shard is not newer than the one in use: a broker that replays an old message
// cannot bring a revoked badge back.
var ErrStale = errors.New("not newer than what is in use")

// Current is the policy to decide from; nil when there is none.
func (s *Store) Current() *policy.Snapshot { return s.current.Load() }

// Accept takes one message from a policy topic. With an error and Applied false the message is refused and nothing
// changed. With an error and Applied true the policy is in use but not stored. A message that is in use already is no
// error, and no change.
func (s *Store) Accept(t string, payload []byte) (Change, error) {
	p, err := topic.Parse(t)
	switch {
	case err != nil:
		return Change{}, fmt.Errorf("snapshot: %w", err)
	case p.Leaf != topic.Policy:
		return Change{}, fmt.Errorf("snapshot: %s is no policy topic: %s is expected", t, topic.AllPolicy(s.gateway))
	case p.Gateway != s.gateway:
		return Change{}, fmt.Errorf("snapshot: %s is for another gateway: %s is expected", t, topic.AllPolicy(s.gateway))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.known[p.Shard]
	sum := sha256.Sum256(payload)
	if ok && now.sum == sum {
		c := Change{Shard: p.Shard, Version: now.version}
		c.Stored, err = s.store(p.Shard)
		return c, err
	}
	next, err := open(s.pub, s.gateway, p.Shard, payload)
	if err != nil {
		return Change{Shard: p.Shard}, err
	}
	c := Change{Shard: p.Shard, Version: next.version}
	if ok && now.version >= next.version {
		return c, fmt.Errorf("snapshot: version %d of shard %s is %w: version %d is. The directory must give each change a greater version", next.version, p.Shard, ErrStale, now.version)
	}
	snap, err := next.join(s.current.Load())
	if err != nil {
		return c, err
	}
	s.current.Store(snap)
	s.known[p.Shard] = held{version: next.version, sum: sum, pending: bytes.Clone(payload)}
	c.Applied = true
	c.Stored, err = s.store(p.Shard)
	return c, err
}

// Flush stores what could not be stored before. It does nothing, and touches no disk, when everything is.
func (s *Store) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.known {
		if _, err := s.store(name); err != nil {
			return err
		}
	}
	return nil
}

// store writes the shard in use, unless it is stored.
func (s *Store) store(name string) (bool, error) {
	h := s.known[name]
	if h.pending == nil {
		return true, nil
	}
	if err := write(s.dir, name, h.pending); err != nil {
		return false, fmt.Errorf("snapshot: version %d of shard %s is in use but not stored: %w", h.version, name, err)
	}
	h.pending = nil
	s.known[name] = h
	return true, nil
}

// opened is a shard or the rules, verified.
type opened struct {
	version uint64
	rules   *policy.Rules
	shard   policy.Shard
}

// open verifies a payload for one shard of one gateway.
func open(pub ed25519.PublicKey, gw topic.Gateway, name string, payload []byte) (opened, error) {
	if len(payload) > MaxPayload {
		return opened{}, fmt.Errorf("snapshot: shard %s has %d bytes: at most %d are accepted", name, len(payload), MaxPayload)
	}
	body, err := policy.Unseal(pub, topic.ForPolicy(gw, name), payload)
	if err != nil {
		return opened{}, fmt.Errorf("snapshot: shard %s is refused: %w", name, err)
	}
	if name == policy.RulesName {
		rules, err := policy.DecodeRules(body)
		if err != nil {
			return opened{}, fmt.Errorf("snapshot: %w", err)
		}
		return opened{version: rules.Version, rules: &rules}, nil
	}
	shard, err := policy.DecodeShard(body)
	if err != nil {
		return opened{}, fmt.Errorf("snapshot: %w", err)
	}
	if policy.ShardName(shard.Index) != name {
		return opened{}, fmt.Errorf("snapshot: shard %s holds shard %s: its topic and its contents must name the same", name, policy.ShardName(shard.Index))
	}
	return opened{version: shard.Version, shard: shard}, nil
}

// join adds it to a snapshot, which may be nil.
func (o opened) join(s *policy.Snapshot) (*policy.Snapshot, error) {
	if o.rules == nil {
		return s.WithShard(o.shard), nil
	}
	next, err := s.WithRules(*o.rules)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return next, nil
}
