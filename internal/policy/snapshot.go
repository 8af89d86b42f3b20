package policy

import "errors"

// Snapshot is everything that one gateway decides from: the rules and 256 shards. It is immutable and may be shared by
// any number of goroutines; WithShard and WithRules make a new one that shares what did not change. A shard that was
// never loaded is not an empty one: its credentials are refused with event.PolicyNotLoaded.
//
// The zero Snapshot holds nothing and refuses everybody.
type Snapshot struct {
	rules  *ruleset
	shards [256]*table
}

// NewSnapshot builds a snapshot with all 256 shards loaded, from entries in any order. The error lists every problem of
// rules and entries; there is no snapshot then.
func NewSnapshot(r Rules, entries []Entry) (*Snapshot, error) {
	var parts [256][]Entry
	for _, e := range entries {
		parts[e.Key.Shard()] = append(parts[e.Key.Shard()], e)
	}
	s, err := (*Snapshot)(nil).WithRules(r)
	problems := []error{err}
	if s == nil {
		s = new(Snapshot)
	}
	for i, part := range parts {
		t, err := buildTable(uint8(i), r.Version, part)
		s.shards[i] = t
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s, nil
}

// WithShard is the snapshot with one shard replaced, whatever its version. It works on a nil snapshot too. A Shard that
// does not come from DecodeShard counts as never loaded.
func (s *Snapshot) WithShard(shard Shard) *Snapshot {
	next := s.copy()
	next.shards[shard.Index] = shard.table
	return next
}

// WithRules is the snapshot with other rules. It works on a nil snapshot too. The error lists every problem of the rules:
// a bad time zone, a schedule that is not defined, a level number that occurs twice; there is no snapshot then.
func (s *Snapshot) WithRules(r Rules) (*Snapshot, error) {
	rules, err := compile(r)
	if err != nil {
		return nil, err
	}
	next := s.copy()
	next.rules = rules
	return next, nil
}

// Version is that of the rules; 0 when there are none.
func (s *Snapshot) Version() uint64 {
	if s == nil || s.rules == nil {
		return 0
	}
	return s.rules.version
}

// TimeZone is the IANA name of the zone of the rules; empty when there are none.
func (s *Snapshot) TimeZone() string {
	if s == nil || s.rules == nil {
		return ""
	}
	return s.rules.zone.location.String()
}

// Loaded counts the shards that are loaded, and the credentials in them.
func (s *Snapshot) Loaded() (shards, credentials int) {
	if s == nil {
		return 0, 0
	}
	for _, t := range s.shards {
		if t != nil {
			shards++
			credentials += len(t.records)
		}
	}
	return shards, credentials
}

func (s *Snapshot) copy() *Snapshot {
	if s == nil {
		return new(Snapshot)
	}
	next := *s
	return &next
}

// RolesOf tells the roles of badges by their pseudonyms. It looks through all credentials: it is for the start of a
// gateway, not for decisions.
func (s *Snapshot) RolesOf(badges map[string]Roles) {
	if s == nil {
		return
	}
	for _, t := range s.shards {
		if t == nil {
			continue
		}
		for i := range t.records {
			if _, asked := badges[t.badgeOf(&t.records[i])]; asked {
				badges[t.badgeOf(&t.records[i])] = t.records[i].roles()
			}
		}
	}
}
