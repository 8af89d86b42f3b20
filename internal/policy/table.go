package policy

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of one shard and of one entry.
const (
	maxEntries = math.MaxUint16
	maxLevels  = math.MaxUint8
	maxBadge   = math.MaxUint8
)

// table is one shard, flat and without pointers: records in ascending order of
// their keys, and three arenas.
type table struct {
	records []record
	badges  string   // pseudonyms, one after the other
	levels  []uint16 // level sets, each stored once
	pins    []pinOf  // of the few who have one, in the order of records
	version uint64
	first   [257]uint16 // where the keys with this second byte begin; the next one says where they end
}

// pinOf is the PIN of the record at place at.
type pinOf struct {
	at  uint16
	key Key
}

// record is what the table knows of one key, with the key: 40 bytes, so that who finds the key has the rest at hand.
type record struct {
	key                 Key
	notBefore, notAfter uint32 // Unix seconds; 0: no limit
	badge               uint32 // offset in badges
	levels              uint32 // offset in levels
	person              uint32
	badgeLen, levelLen  uint8
	status              Status
	flags               uint8 // Roles, and the two below
}

const (
	recordExtended uint8 = 1 << 6
	recordPIN      uint8 = 1 << 7
)

func (r *record) extended() bool { return r.flags&recordExtended != 0 }
func (r *record) hasPIN() bool   { return r.flags&recordPIN != 0 }
func (r *record) roles() Roles   { return Roles(r.flags) & allRoles }

func flagsOf(roles Roles, extended, pin bool) uint8 {
	flags := uint8(roles)
	if extended {
		flags |= recordExtended
	}
	if pin {
		flags |= recordPIN
	}
	return flags
}

// find returns the place of key, or -1.
func (t *table) find(key *Key) int {
	i, end := int(t.first[key[1]]), int(t.first[int(key[1])+1])
	want := binary.BigEndian.Uint64(key[:])
	for end-i > 8 {
		mid := int(uint(i+end) / 2)
		if binary.BigEndian.Uint64(t.records[mid].key[:]) < want {
			i = mid + 1
		} else {
			end = mid
		}
	}
	for ; i < len(t.records); i++ {
		switch at := &t.records[i].key; {
		case *at == *key:
			return i
		case binary.BigEndian.Uint64(at[:]) > want:
			return -1
		}
	}
	return -1
}

// pin is the PIN of the record at place i; false: there is none.
func (t *table) pin(i int) (Key, bool) {
	p, ok := sort.Find(len(t.pins), func(p int) int { return cmp.Compare(i, int(t.pins[p].at)) })
	if !ok {
		return Key{}, false
	}
	return t.pins[p].key, true
}

func (t *table) badgeOf(r *record) string { return t.badges[r.badge : r.badge+uint32(r.badgeLen)] }

func (t *table) levelsOf(r *record) []uint16 { return t.levels[r.levels : r.levels+uint32(r.levelLen)] }

// builder fills a table, entry by entry in ascending order of keys.
type builder struct {
	table
	badges strings.Builder
	sets   map[string]uint32 // level set, as bytes: its offset
}

func newBuilder(version uint64, entries int) *builder {
	b := &builder{sets: make(map[string]uint32)}
	b.version = version
	b.records = make([]record, 0, entries)
	return b
}

// add appends an entry whose levels are given as ascending big-endian numbers. pin counts when the record says so.
func (b *builder) add(r record, badge, levels []byte, pin Key) {
	if r.hasPIN() {
		b.pins = append(b.pins, pinOf{uint16(len(b.records)), pin})
	}
	r.badge, r.badgeLen = uint32(b.badges.Len()), uint8(len(badge))
	b.badges.Write(badge)
	at, ok := b.sets[string(levels)]
	if !ok {
		at = uint32(len(b.levels))
		for i := 0; i < len(levels); i += 2 {
			b.levels = append(b.levels, binary.BigEndian.Uint16(levels[i:]))
		}
		b.sets[string(levels)] = at
	}
	r.levels, r.levelLen = at, uint8(len(levels)/2)
	b.records = append(b.records, r)
}

func (b *builder) done() *table {
	t := b.table
	for i := range t.records {
		t.first[int(t.records[i].key[1])+1]++
	}
	for i := range 256 {
		t.first[i+1] += t.first[i]
	}
	t.badges = strings.Clone(b.badges.String())
	t.levels = slices.Clone(t.levels)
	t.pins = slices.Clone(t.pins)
	return &t
}

// buildTable checks entries and compiles them. Every problem is in the error.
func buildTable(index uint8, version uint64, entries []Entry) (*table, error) {
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("policy: shard %s has %d entries: at most %d are possible", ShardName(index), len(entries), maxEntries)
	}
	sorted := slices.Clone(entries)
	sort.Slice(sorted, func(i, j int) bool { return string(sorted[i].Key[:]) < string(sorted[j].Key[:]) })
	b := newBuilder(version, len(sorted))
	var problems []error
	var levels []byte
	for i, e := range sorted {
		r, err := recordOf(e)
		switch {
		case err != nil:
		case e.Key.Shard() != index:
			err = fmt.Errorf("belongs to shard %s, not %s", ShardName(e.Key.Shard()), ShardName(index))
		case i > 0 && sorted[i-1].Key == e.Key:
			err = errors.New("has the same key as another badge: one credential is expected once")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("policy: badge %q %w", e.Badge, err))
			continue
		}
		numbers := slices.Clone(e.Levels)
		slices.Sort(numbers)
		levels = levels[:0]
		for _, n := range slices.Compact(numbers) {
			levels = binary.BigEndian.AppendUint16(levels, n)
		}
		b.add(r, []byte(e.Badge), levels, e.PIN)
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return b.done(), nil
}

// recordOf checks the parts of an entry that stand for themselves.
func recordOf(e Entry) (record, error) {
	if e.Badge == "" || len(e.Badge) > maxBadge || !utf8.ValidString(e.Badge) {
		return record{}, fmt.Errorf("is no pseudonym: 1 … %d bytes of UTF-8 are expected", maxBadge)
	}
	if e.Status > Revoked {
		return record{}, fmt.Errorf("has status %d: 0 … %d is expected", e.Status, Revoked)
	}
	if len(e.Levels) > maxLevels {
		return record{}, fmt.Errorf("has %d access levels: at most %d are possible", len(e.Levels), maxLevels)
	}
	if e.Roles&^allRoles != 0 {
		return record{}, fmt.Errorf("has roles %#x: 0 … %#x is expected", e.Roles, allRoles)
	}
	pin := e.PIN != Key{}
	if pin && e.Person == 0 {
		return record{}, errors.New("has a PIN and no person: the person whose PIN it is is expected")
	}
	// A part of a second is rounded so that the validity becomes shorter, never longer.
	notBefore, err := seconds("not_before", e.NotBefore.Add(time.Second-time.Nanosecond), e.NotBefore.IsZero())
	if err != nil {
		return record{}, err
	}
	notAfter, err := seconds("not_after", e.NotAfter, e.NotAfter.IsZero())
	if err != nil {
		return record{}, err
	}
	return record{key: e.Key, notBefore: notBefore, notAfter: notAfter, status: e.Status, person: e.Person, flags: flagsOf(e.Roles, e.Extended, pin)}, nil
}

func seconds(what string, t time.Time, none bool) (uint32, error) {
	if none {
		return 0, nil
	}
	s := t.Unix()
	if s < 1 || s > math.MaxUint32 {
		return 0, fmt.Errorf("has %s %s: a time after 1970 and before 2106-02-07 is expected, or none for no limit", what, t.UTC().Format(time.RFC3339))
	}
	return uint32(s), nil
}
