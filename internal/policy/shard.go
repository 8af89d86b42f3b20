package policy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// RulesName is the name of the shard that holds the rules, as in topics.
const RulesName = "rules"

// ShardName is the name of a shard of entries, as in topics: 00 … ff.
func ShardName(index uint8) string { return fmt.Sprintf("%02x", index) }

// Shard is all credentials whose keys begin with one byte, whole. It is immutable. All 256 are published, the empty ones
// too: a gateway cannot tell a shard that is empty from one that it has missed otherwise.
type Shard struct {
	Index   uint8
	Version uint64 // grows with each change of this shard
	table   *table
}

// Len is the number of credentials.
func (s Shard) Len() int {
	if s.table == nil {
		return 0
	}
	return len(s.table.records)
}

// Entries lists the credentials in the order of their keys.
func (s Shard) Entries() []Entry {
	entries := make([]Entry, s.Len())
	for i := range entries {
		r := &s.table.records[i]
		entries[i] = Entry{
			Key: s.table.keys[i], Badge: s.table.badgeOf(r), Status: r.status, Extended: r.extended,
			NotBefore: timeOf(r.notBefore), NotAfter: timeOf(r.notAfter), Levels: append([]uint16(nil), s.table.levelsOf(r)...),
		}
	}
	return entries
}

// The encoding of a shard, all numbers big-endian:
//
//	4  magic and version of the encoding
//	1  index
//	8  version
//	2  number of entries, which follow in ascending order of their keys, each once
//
// and each entry:
//
//	16  key
//	1   flags
//	4   not before, Unix seconds, when flagged
//	4   not after, when flagged
//	1+n badge: length, bytes
//	1+2n levels: count, numbers in ascending order, each once
//
// There is one encoding of each shard: what is not exactly it is refused.
const (
	shardMagic    = "kps\x01"
	shardHeader   = len(shardMagic) + 1 + 8 + 2
	entryAtLeast  = 16 + 1 + 1 + 1 + 1
	flagStatus    = 0x03 // two bits
	flagExtended  = 0x04
	flagNotBefore = 0x08
	flagNotAfter  = 0x10
	flagsKnown    = flagStatus | flagExtended | flagNotBefore | flagNotAfter
)

// EncodeShard checks entries, which may come in any order, and encodes them. The same entries always give the same bytes.
func EncodeShard(index uint8, version uint64, entries []Entry) ([]byte, error) {
	t, err := buildTable(index, version, entries)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, shardHeader+len(t.records)*(entryAtLeast+12)+len(t.badges))
	b = append(b, shardMagic...)
	b = append(b, index)
	b = binary.BigEndian.AppendUint64(b, version)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.records)))
	for i := range t.records {
		b = t.appendEntry(b, t.keys[i], &t.records[i])
	}
	return b, nil
}

func (t *table) appendEntry(b []byte, k Key, r *record) []byte {
	flags := byte(r.status)
	if r.extended {
		flags |= flagExtended
	}
	if r.notBefore != 0 {
		flags |= flagNotBefore
	}
	if r.notAfter != 0 {
		flags |= flagNotAfter
	}
	b = append(b, k[:]...)
	b = append(b, flags)
	if r.notBefore != 0 {
		b = binary.BigEndian.AppendUint32(b, r.notBefore)
	}
	if r.notAfter != 0 {
		b = binary.BigEndian.AppendUint32(b, r.notAfter)
	}
	b = append(b, r.badgeLen)
	b = append(b, t.badgeOf(r)...)
	b = append(b, r.levelLen)
	for _, n := range t.levelsOf(r) {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// DecodeShard reads what EncodeShard wrote. It refuses everything else, whatever the bytes are, and allocates no more
// than a small multiple of len(b). The shard shares no memory with b.
func DecodeShard(b []byte) (Shard, error) {
	if len(b) < shardHeader || string(b[:len(shardMagic)]) != shardMagic {
		return Shard{}, fmt.Errorf("policy: %d bytes do not begin as a shard: a header of %d bytes with magic %q is expected", len(b), shardHeader, shardMagic)
	}
	r := reader{rest: b[len(shardMagic):]}
	s := Shard{Index: r.byte(), Version: binary.BigEndian.Uint64(r.take(8))}
	n := int(binary.BigEndian.Uint16(r.take(2)))
	if n*entryAtLeast > len(r.rest) {
		return Shard{}, fmt.Errorf("policy: shard %s says %d entries, but only %d bytes follow", ShardName(s.Index), n, len(r.rest))
	}
	build := newBuilder(s.Version, n)
	last := []byte{s.Index}
	for i := range n {
		key, err := r.entry(build, last)
		if err == nil && key[0] != s.Index {
			err = errors.New("its key belongs to another shard")
		}
		if err != nil {
			return Shard{}, fmt.Errorf("policy: shard %s, entry %d: %w", ShardName(s.Index), i+1, err)
		}
		last = key
	}
	if len(r.rest) != 0 {
		return Shard{}, fmt.Errorf("policy: shard %s: %d bytes follow the last entry: none are expected", ShardName(s.Index), len(r.rest))
	}
	s.table = build.done()
	return s, nil
}

var errShort = errors.New("the bytes end too early")

// reader takes bytes off the front. After the end it gives nil, and zeros.
type reader struct{ rest []byte }

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.rest = nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// entry adds the next entry to build and returns its key, which must be greater than last.
func (r *reader) entry(build *builder, last []byte) ([]byte, error) {
	key, flags := r.take(16), r.byte()
	if key == nil {
		return nil, errShort
	}
	if bytes.Compare(key, last) <= 0 {
		return nil, errors.New("its key is not greater than the one before")
	}
	rec := record{status: Status(flags & flagStatus), extended: flags&flagExtended != 0}
	if flags&^flagsKnown != 0 || rec.status > Revoked {
		return nil, fmt.Errorf("unknown flags %#x", flags)
	}
	for _, f := range []struct {
		flag byte
		to   *uint32
	}{{flagNotBefore, &rec.notBefore}, {flagNotAfter, &rec.notAfter}} {
		if flags&f.flag == 0 {
			continue
		}
		b := r.take(4)
		if b == nil {
			return nil, errShort
		}
		if *f.to = binary.BigEndian.Uint32(b); *f.to == 0 {
			return nil, errors.New("a limit of validity is flagged, but zero")
		}
	}
	badge := r.take(int(r.byte()))
	if len(badge) == 0 || !utf8.Valid(badge) {
		return nil, errors.New("its badge is empty, cut off or not UTF-8")
	}
	if len(r.rest) == 0 {
		return nil, errShort
	}
	count := 2 * int(r.byte())
	levels := r.take(count)
	if len(levels) != count {
		return nil, errShort
	}
	for i := 2; i < count; i += 2 {
		if binary.BigEndian.Uint16(levels[i-2:]) >= binary.BigEndian.Uint16(levels[i:]) {
			return nil, errors.New("its levels are not in ascending order")
		}
	}
	build.add(Key(key), rec, badge, levels)
	return key, nil
}

func timeOf(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
