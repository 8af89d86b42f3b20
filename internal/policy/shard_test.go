package policy

import (
	"bytes"
	"encoding/json"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
	"pgregory.net/rapid"
)

func mustShard(t testing.TB, index uint8, version uint64, entries []Entry) Shard {
	t.Helper()
	b, err := EncodeShard(index, version, entries)
	if err != nil {
		t.Fatal(err)
	}
	s, err := DecodeShard(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// anEntry draws an entry of shard 7 in the form in which it comes back.
var anEntry = rapid.Custom(func(t *rapid.T) Entry {
	limit := func(name string) time.Time {
		return timeOf(rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32()).Draw(t, name))
	}
	e := Entry{
		Key:       Key(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")),
		Badge:     rapid.StringMatching(`[a-zč]{1,20}`).Draw(t, "badge"),
		Status:    rapid.SampledFrom([]Status{Active, Suspended, Revoked}).Draw(t, "status"),
		NotBefore: limit("not before"), NotAfter: limit("not after"),
		Levels:   rapid.SliceOfNDistinct(rapid.Uint16Range(0, 300), 0, 5, rapid.ID).Draw(t, "levels"),
		Extended: rapid.Bool().Draw(t, "extended"),
		Roles:    Roles(rapid.Uint8Range(0, uint8(allRoles)).Draw(t, "roles")),
		Person:   rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32()).Draw(t, "person"),
	}
	e.Key[0] = 7
	if e.Person != 0 && rapid.Bool().Draw(t, "has a PIN") {
		e.PIN = Key(rapid.SliceOfN(rapid.ByteRange(1, 255), 16, 16).Draw(t, "pin"))
	}
	slices.Sort(e.Levels)
	if len(e.Levels) == 0 {
		e.Levels = nil
	}
	return e
})

func TestShardRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfNDistinct(anEntry, 0, 60, func(e Entry) Key { return e.Key }).Draw(t, "entries")
		version := rapid.Uint64().Draw(t, "version")
		b, err := EncodeShard(7, version, entries)
		if err != nil {
			t.Fatal(err)
		}
		s, err := DecodeShard(b)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := rapid.Permutation(entries).Draw(t, "shuffled")
		again, err := EncodeShard(7, version, shuffled)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("the order of entries changes the bytes, error %v", err)
		}
		slices.SortFunc(entries, func(a, b Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		if got := s.Entries(); s.Index != 7 || s.Version != version || s.Len() != len(entries) || len(entries) > 0 && !reflect.DeepEqual(got, entries) {
			t.Fatalf("shard %d version %d: %+v, want %+v", s.Index, s.Version, got, entries)
		}
		snap := (*Snapshot)(nil).WithShard(s)
		snap, err = snap.WithRules(someRules)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if d := snap.Decide(Request{Door: "main", Key: e.Key, At: monday, Clock: event.ClockIsSynced}); d.Badge != e.Badge || d.Extended != e.Extended || d.Roles != e.Roles || d.Person != e.Person {
				t.Fatalf("%+v became %+v", e, d)
			}
		}
	})
}

func TestEntriesAreNormalised(t *testing.T) {
	at := time.Date(2026, 5, 1, 0, 0, 0, 1, belgrade)
	s := mustShard(t, 7, 1, []Entry{{Key: key(7), Badge: "b", Levels: []uint16{9, 2, 9}, NotBefore: at, NotAfter: at}})
	want := Entry{
		Key: key(7), Badge: "b", Levels: []uint16{2, 9},
		NotBefore: time.Date(2026, 4, 30, 22, 0, 1, 0, time.UTC), NotAfter: time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC),
	}
	if got := s.Entries()[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEntriesAreRefused(t *testing.T) {
	good := Entry{Key: key(7), Badge: "b"}
	for name, c := range map[string]struct {
		change func(*Entry)
		says   string
	}{
		"no badge":         {func(e *Entry) { e.Badge = "" }, "pseudonym"},
		"long badge":       {func(e *Entry) { e.Badge = strings.Repeat("b", 256) }, "pseudonym"},
		"badge not UTF-8":  {func(e *Entry) { e.Badge = "\xff" }, "pseudonym"},
		"status":           {func(e *Entry) { e.Status = 3 }, "status 3"},
		"levels":           {func(e *Entry) { e.Levels = make([]uint16, 256) }, "256 access levels"},
		"other shard":      {func(e *Entry) { e.Key[0] = 8 }, "shard 08, not 07"},
		"key twice":        {func(e *Entry) { e.Badge = "c" }, "same key"},
		"roles":            {func(e *Entry) { e.Roles = 0x10 }, "roles 0x10"},
		"PIN of nobody":    {func(e *Entry) { e.PIN = Key{1} }, "person"},
		"forever":          {func(e *Entry) { e.NotAfter = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }, "2106"},
		"before the epoch": {func(e *Entry) { e.NotBefore = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) }, "1969"},
	} {
		e := good
		c.change(&e)
		if _, err := EncodeShard(7, 1, []Entry{good, e}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
	}
	if _, err := EncodeShard(7, 1, make([]Entry, maxEntries+1)); err == nil {
		t.Error("too many entries were taken")
	}
}

func TestDecodeShardRefuses(t *testing.T) {
	b, err := EncodeShard(7, 1, []Entry{
		{Key: key(7), Badge: "b", Levels: []uint16{1, 2}, NotAfter: monday},
		{Key: Key{7, 2}, Badge: "c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := DecodeShard(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken", n, len(b))
		}
	}
	if _, err := DecodeShard(append(b[:len(b):len(b)], 0)); err == nil {
		t.Error("a byte too many was taken")
	}
}

// What a gateway stored before its program was renewed is read; what a newer program wrote is refused, and says so.
func TestShardEncodings(t *testing.T) {
	want := []Entry{{Key: key(7), Badge: "b", Levels: []uint16{1, 2}, Status: Suspended, NotAfter: timeOf(41), Extended: true}}
	b, err := EncodeShard(7, 3, want)
	if err != nil {
		t.Fatal(err)
	}
	b[3] = 1
	if s, err := DecodeShard(b); err != nil || !reflect.DeepEqual(s.Entries(), want) || s.Version != 3 {
		t.Errorf("version 1: %+v, error %v", s.Entries(), err)
	}
	b[3] = 3
	if _, err := DecodeShard(b); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("version 3: error %v", err)
	}
	for _, e := range []Entry{{Key: key(7), Badge: "b", Roles: Escort}, {Key: key(7), Badge: "b", Person: 1}} {
		if b, err = EncodeShard(7, 3, []Entry{e}); err != nil {
			t.Fatal(err)
		}
		b[3] = 1
		if _, err := DecodeShard(b); err == nil || !strings.Contains(err.Error(), "flags") {
			t.Errorf("version 1 with %+v: error %v", e, err)
		}
	}
}

// A header that promises much must not make the decoder reserve much.
func TestDecodeShardDoesNotTrustCounts(t *testing.T) {
	b := append([]byte(shardMagic), 7, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff)
	b = append(b, make([]byte, 100)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := DecodeShard(b); err == nil {
			t.Fatal("was taken")
		}
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / 100; per > 4096 {
		t.Errorf("%d bytes reserved for %d bytes of input", per, len(b))
	}
}

func TestWithShardSharesTheRest(t *testing.T) {
	old := mustSnapshot(t, someRules, someEntries)
	next := old.WithShard(mustShard(t, 2, 8, []Entry{{Key: key(2), Badge: "guard", Status: Revoked}}))
	ask := func(s *Snapshot, k byte) event.Reason {
		return s.Decide(Request{Door: "main", Key: key(k), At: monday, Clock: event.ClockIsSynced}).Reason
	}
	if ask(old, 2) != event.Granted || ask(next, 2) != event.Revoked || ask(next, 1) != event.Granted {
		t.Error("one shard changed more or less than itself")
	}
	r := someRules
	r.Version, r.Levels = 8, nil
	noLevels, err := next.WithRules(r)
	if err != nil || ask(noLevels, 1) != event.NoAccess || ask(next, 1) != event.Granted || noLevels.Version() != 8 || next.Version() != 7 {
		t.Errorf("rules changed more or less than themselves, error %v", err)
	}
	if shards, credentials := next.Loaded(); shards != 256 || credentials != len(someEntries) {
		t.Errorf("%d shards with %d credentials", shards, credentials)
	}
	if n := testing.AllocsPerRun(100, func() { old.WithShard(Shard{}) }); n > 1 {
		t.Errorf("%v allocations to replace a shard", n)
	}
}

func TestRulesRoundTrip(t *testing.T) {
	r := someRules
	r.Holidays = SerbianHolidays(2026)
	b, err := EncodeRules(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EncodeRules(r)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("the bytes differ, error %v", err)
	}
	got, err := DecodeRules(b)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON, _ := json.Marshal(r)
	if gotJSON, _ := json.Marshal(got); !bytes.Equal(gotJSON, wantJSON) {
		t.Errorf("%s, want %s", gotJSON, wantJSON)
	}
	for name, c := range map[string]struct{ json, says string }{
		"unknown field":       {`{"version":1,"lockdown":true}`, "lockdown"},
		"unknown inner field": {`{"levels":[{"number":1,"grants":[{"doors":[],"schedule":"always","escort":true}]}]}`, "escort"},
		"something follows":   {string(b) + "{}", "follows"},
		"garbage follows":     {string(b) + "x", "follows"},
		"level out of range":  {`{"levels":[{"number":65536}]}`, "65536"},
		"days out of range":   {`{"schedules":[{"intervals":[{"days":256}]}]}`, "256"},
		"no JSON":             {`version`, "invalid"},
		"nothing":             {``, "EOF"},
		"torn":                {string(b[:len(b)/2]), "EOF"},
	} {
		if _, err := DecodeRules([]byte(c.json)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
	}
}
