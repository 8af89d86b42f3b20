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
			Key: r.key, Badge: s.table.badgeOf(r), Status: r.status, Extended: r.extended(), Roles: r.roles(), Person: r.person,
			NotBefore: timeOf(r.notBefore), NotAfter: timeOf(r.notAfter), Levels: append([]uint16(nil), s.table.levelsOf(r)...),
		}
		entries[i].PIN, _ = s.table.pin(i)
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
//	1   roles, when flagged; not zero
//	4   person, when flagged; not zero
//	16  PIN, when flagged
//	4   not before, Unix seconds, when flagged
//	4   not after, when flagged
//	1+n badge: length, bytes
//	1+2n levels: count, numbers in ascending order, each once
//
// There is one encoding of each shard: what is not exactly it is refused. Version 1 of the encoding, which had neither
// roles nor persons nor PINs, is read too: a gateway has stored it when its program is renewed.
const (
	shardMagic    = "kps\x02"
	shardMagic1   = "kps\x01"
	shardHeader   = len(shardMagic) + 1 + 8 + 2
	entryAtLeast  = 16 + 1 + 1 + 1 + 1
	flagStatus    = 0x03 // two bits
	flagExtended  = 0x04
	flagNotBefore = 0x08
	flagNotAfter  = 0x10
	flagRoles     = 0x20
	flagPerson    = 0x40
	flagPIN       = 0x80
	flags1        = flagStatus | flagExtended | flagNotBefore | flagNotAfter // what version 1 knows
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
		b = t.appendEntry(b, i)
	}
	return b, nil
}

func (t *table) appendEntry(b []byte, i int) []byte {
	r := &t.records[i]
	flags := byte(r.status)
	for _, f := range []struct {
		flag byte
		is   bool
	}{
		{flagExtended, r.extended()}, {flagRoles, r.roles() != 0}, {flagPerson, r.person != 0}, {flagPIN, r.hasPIN()},
		{flagNotBefore, r.notBefore != 0}, {flagNotAfter, r.notAfter != 0},
	} {
		if f.is {
			flags |= f.flag
		}
	}
	b = append(b, r.key[:]...)
	b = append(b, flags)
	if r.roles() != 0 {
		b = append(b, byte(r.roles()))
	}
	if r.person != 0 {
		b = binary.BigEndian.AppendUint32(b, r.person)
	}
	if pin, ok := t.pin(i); ok {
		b = append(b, pin[:]...)
	}
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
	if len(b) < shardHeader || string(b[:3]) != shardMagic[:3] {
		return Shard{}, fmt.Errorf("policy: %d bytes do not begin as a shard: a header of %d bytes with magic %q is expected", len(b), shardHeader, shardMagic)
	}
	r := reader{rest: b[len(shardMagic):]}
	switch string(b[:len(shardMagic)]) {
	case shardMagic:
		r.known = 0xff
	case shardMagic1:
		r.known = flags1
	default:
		return Shard{}, fmt.Errorf("policy: the encoding of the shard has version %d: 1 or %d is expected; a newer program wrote it", b[3], shardMagic[3])
	}
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
type reader struct {
	rest  []byte
	known byte // flags that the encoding knows
}

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

// number reads a number that is there when it is flagged, and is then not zero.
func (r *reader) number(flagged bool, to *uint32) error {
	if !flagged {
		return nil
	}
	b := r.take(4)
	if b == nil {
		return errShort
	}
	if *to = binary.BigEndian.Uint32(b); *to == 0 {
		return errors.New("a person or a limit of validity is flagged, but zero")
	}
	return nil
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
	rec := record{key: Key(key), status: Status(flags & flagStatus)}
	if flags&^r.known != 0 || rec.status > Revoked {
		return nil, fmt.Errorf("unknown flags %#x", flags)
	}
	var roles Roles
	if flags&flagRoles != 0 {
		if roles = Roles(r.byte()); roles == 0 || roles&^allRoles != 0 {
			return nil, fmt.Errorf("unknown roles %#x", roles)
		}
	}
	if err := r.number(flags&flagPerson != 0, &rec.person); err != nil {
		return nil, err
	}
	var pin Key
	if flags&flagPIN != 0 {
		if copy(pin[:], r.take(len(pin))); pin == (Key{}) || rec.person == 0 {
			return nil, errors.New("a PIN is flagged, but cut off, zero or nobody's")
		}
	}
	rec.flags = flagsOf(roles, flags&flagExtended != 0, flags&flagPIN != 0)
	if err := r.number(flags&flagNotBefore != 0, &rec.notBefore); err != nil {
		return nil, err
	}
	if err := r.number(flags&flagNotAfter != 0, &rec.notAfter); err != nil {
		return nil, err
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
	build.add(rec, badge, levels, pin)
	return key, nil
}

func timeOf(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
