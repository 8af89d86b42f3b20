package policy

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"
	"time"

	"kapija/internal/event"
)

func FuzzDecodeShard(f *testing.F) {
	for _, entries := range [][]Entry{
		nil, {{Key: key(7), Badge: "b"}},
		{{Key: key(7), Badge: "бета", Status: Revoked, Levels: []uint16{0, 1, math.MaxUint16}, NotBefore: monday, NotAfter: monday.AddDate(1, 0, 0), Extended: true}, {Key: Key{7, 9}, Badge: "c", Levels: []uint16{4}}},
		{{Key: key(7), Badge: "b", Roles: Visitor | FirstPerson, Person: 9, PIN: Key{1}}, {Key: Key{7, 9}, Badge: "c", Person: 1, Extended: true}},
	} {
		b, err := EncodeShard(7, 41, entries)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	long := append([]byte(shardMagic), 7)
	long = binary.BigEndian.AppendUint64(long, math.MaxUint64)
	f.Add(append(long, 0xff, 0xff, 7, 7, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeShard(b)
		if err != nil {
			return
		}
		entries := s.Entries()
		again, err := EncodeShard(s.Index, s.Version, entries)
		if err != nil || b[3] == shardMagic[3] && !bytes.Equal(again, b) {
			t.Fatalf("%x was taken and became %x, error %v", b, again, err)
		}
		if renewed, err := DecodeShard(again); err != nil || !reflect.DeepEqual(renewed.Entries(), entries) {
			t.Fatalf("%+v became %+v, error %v", entries, renewed.Entries(), err)
		}
		snap := (&Snapshot{rules: &ruleset{zone: zone{location: time.UTC}}}).WithShard(s)
		for _, e := range entries {
			if d := snap.Decide(Request{Key: e.Key, At: monday, Clock: event.ClockIsSynced}); d.Granted || d.Badge != e.Badge {
				t.Fatalf("%+v: %+v", e, d)
			}
		}
	})
}

func FuzzDecodeRules(f *testing.F) {
	b, err := EncodeRules(someRules)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	if b, err = EncodeRules(doorRules()); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"version":1,"time_zone":"UTC","schedules":[{"id":"s","intervals":[{"days":255,"from":1439,"to":1}]}],"holidays":[{"date":"0000-01-01"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRules(b)
		if err != nil {
			return
		}
		s, err := NewSnapshot(r, []Entry{{Key: key(1), Badge: "b", Levels: []uint16{0, 1, 2}}})
		if (s == nil) != (err != nil) {
			t.Fatalf("snapshot %v with error %v", s, err)
		}
		if s == nil {
			return
		}
		for door := range s.rules.doors {
			for hour := range 200 {
				at := monday.Add(time.Duration(hour) * time.Hour)
				if next := s.NextModeChange(door, at); !next.IsZero() && !next.After(at) {
					t.Fatalf("door %q: the mode changes at %s, before %s", door, next, at)
				}
				if mode := s.EffectiveMode(door, at, at); !mode.known() {
					t.Fatalf("door %q has mode %q", door, mode)
				}
				ask := Request{Door: door, Key: key(1), At: at, Clock: event.ClockIsSynced}
				if d := s.Decide(ask); d.Granted && d.Reason != event.Granted {
					t.Fatalf("%+v", d)
				}
			}
		}
	})
}
