package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"kapija/gateway/journal"
	"kapija/gateway/memory"
	"kapija/gateway/snapshot"
	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/topic"
)

// Question is one card at one door, at one time.
type Question struct {
	Door   string
	Side   event.Side
	Format string // of the card, as in package cardformat
	Bits   []byte // its frame
	Len    int    // in bits
	PIN    string // as typed; empty: none
	At     time.Time
}

// Explain is the decision that a gateway would make, step by step, from what its folder holds: Building, Gateway, Dir and
// Keys of c count. It changes nothing there and may be asked while the gateway runs; who is where is known only when it
// does not run, because the journal is the gateway's own: notes says so, and what else could not be read.
func Explain(c Config, q Question) (steps []policy.Step, notes []string, err error) {
	d := c.Building.Door(q.Door)
	if d == nil || d.Gateway != c.Gateway.ID {
		return nil, nil, fmt.Errorf("gateway: %s has no door %q", c.Gateway.ID, q.Door)
	}
	keys, err := LoadKeys(c.Keys)
	if err != nil {
		return nil, nil, err
	}
	store, err := snapshot.Look(filepath.Join(c.Dir, PolicyDir), keys.Policy, topic.Gateway{Building: c.Building.ID, Gateway: c.Gateway.ID})
	if err != nil {
		return nil, nil, fmt.Errorf("gateway: stored policy: %w", err)
	}
	for _, d := range store.Damaged() {
		notes = append(notes, fmt.Sprintf("shard %s: %v", d.Shard, d.Cause))
	}
	s := store.Current()
	r := policy.Request{
		Door: q.Door, Side: q.Side, Key: keys.Site.Card(q.Format, q.Bits, q.Len), Format: q.Format, At: q.At, Clock: event.ClockIsSynced,
	}
	if q.PIN != "" {
		r.PIN = keys.Site.PIN(q.PIN)
	}
	if m, err := recall(c, s, q.At); err != nil {
		notes = append(notes, fmt.Sprintf("who is where is not known: %v", err))
	} else {
		for _, d := range c.Building.DoorsOf(c.Gateway.ID) {
			m.SetDoor(d.ID, true)
		}
		r.Memory = m
	}
	modes, err := storedModes(c.Dir)
	if err != nil {
		notes = append(notes, err.Error())
	}
	switch m := modes[q.Door]; {
	case m.Lockdown != "":
		r.Mode = policy.ModeLockdown
	case m.Mode != "":
		r.Mode = m.Mode
	case !s.HasRule(q.Door):
		r.Mode = policy.Mode(d.Mode)
	}
	return s.Explain(r), notes, nil
}

// recall makes the memory that the gateway would have at its next start.
func recall(c Config, s *policy.Snapshot, at time.Time) (m *memory.Memory, err error) {
	j, _, err := journal.Open(filepath.Join(c.Dir, AuditDir), journal.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	return memory.Rebuild(j, c.Building, s, at)
}

// storedModes reads the commanded modes without touching them.
func storedModes(dir string) (modes map[string]commanded, err error) {
	contents, err := peekKeep(filepath.Join(dir, OrdersDir, "modes"))
	if err != nil || contents == nil {
		return nil, err
	}
	if err := json.Unmarshal(contents, &modes); err != nil {
		return nil, fmt.Errorf("gateway: stored modes: %w", err)
	}
	return modes, nil
}
