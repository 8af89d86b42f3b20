package policy

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"kapija/internal/event"
)

const (
	benchCredentials = 250_000
	benchLevels      = 200
	benchSchedules   = 64
	benchDoors       = 8
)

// benchPolicy is the size of the promise: 250,000 credentials, 200 levels, 64 schedules, one gateway's doors.
func benchPolicy() (Rules, []Entry) {
	r := rand.New(rand.NewPCG(1, 2))
	rules := Rules{Version: 1, TimeZone: "Europe/Belgrade"}
	for y := 2025; y < 2029; y++ {
		rules.Holidays = append(rules.Holidays, SerbianHolidays(y)...)
	}
	for i := range benchSchedules {
		rules.Schedules = append(rules.Schedules, Schedule{ID: fmt.Sprint("s", i), Intervals: []Interval{
			{Days: 0x1f, From: 300 + i, To: 1200 + i}, {Days: 0xe0, From: 1300, To: 200 + i},
		}})
	}
	for i := range benchLevels {
		l := Level{Number: uint16(i), ID: fmt.Sprint("l", i)}
		for d := range benchDoors {
			l.Grants = append(l.Grants, Grant{Doors: []string{fmt.Sprint("door-", d)}, Schedule: fmt.Sprint("s", (i+d)%benchSchedules)})
		}
		rules.Levels = append(rules.Levels, l)
	}
	entries := make([]Entry, benchCredentials)
	for i := range entries {
		e := &entries[i]
		binary.BigEndian.PutUint64(e.Key[:], r.Uint64())
		binary.BigEndian.PutUint64(e.Key[8:], r.Uint64())
		e.Badge = fmt.Sprintf("b-%010x", r.Uint64N(1<<40))
		e.NotBefore = monday.AddDate(-1, 0, -r.IntN(300))
		e.NotAfter = monday.AddDate(1, 0, r.IntN(300))
		e.Person = r.Uint32() | 1
		if i%100 == 0 {
			e.PIN = Key{1, byte(i)}
		}
		for range 1 + r.IntN(3) {
			e.Levels = append(e.Levels, uint16(r.IntN(benchLevels)))
		}
	}
	return rules, entries
}

// heap is what build's result keeps, in bytes.
func heap[T any](build func() T) (T, uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := build()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return v, after.HeapAlloc - before.HeapAlloc
}

// withDoorRules asks at every door for everything that the plain cards of benchPolicy can give.
func withDoorRules(r Rules) Rules {
	r.Doors, r.Reset = map[string]DoorRule{}, 240
	r.Zones = map[string]ZoneRule{"in": {100, LimitDeny}}
	for d := range benchDoors {
		r.Doors[fmt.Sprint("door-", d)] = DoorRule{
			From: "out", To: "in", Interlock: "all", Antipassback: Antipassback{Kind: PassbackHard}, Escort: 30,
			Periods: []Period{{"s1", ModeSecure, false}, {"s2", ModeFreeAccess, true}},
		}
	}
	return r
}

// asked is what differs among requests, small: what is measured is the policy's memory, not that of the requests.
type asked struct {
	key  Key
	door string
}

func requests(entries []Entry) []asked {
	r := rand.New(rand.NewPCG(3, 4))
	list := make([]asked, 1<<16)
	for i := range list {
		list[i] = asked{entries[r.IntN(len(entries))].Key, fmt.Sprint("door-", i%benchDoors)}
	}
	return list
}

func (a asked) at(i int) Request {
	return Request{Door: a.door, Key: a.key, At: monday.Add(time.Duration(i%(1<<16)) * time.Minute), Clock: event.ClockIsSynced}
}

// The promise of the snapshot's size: 250,000 credentials, of which one in a hundred has a PIN, in 16 MB.
func TestSnapshotIsSmall(t *testing.T) {
	rules, entries := benchPolicy()
	snap, bytes := heap(func() *Snapshot { return mustSnapshot(t, rules, entries) })
	if mb := float64(bytes) / 1e6; mb > 16 {
		t.Errorf("%.1f MB, want at most 16", mb)
	}
	runtime.KeepAlive(snap)
	runtime.KeepAlive(entries)
}

// BenchmarkDecide asks for cards in random order among 250,000. Beside it the obvious way, a map of structs, is asked the
// same; heap-MB is what each keeps in memory.
func BenchmarkDecide(b *testing.B) {
	rules, entries := benchPolicy()
	ask := requests(entries)
	snap, snapHeap := heap(func() *Snapshot { return mustSnapshot(b, rules, entries) })
	naive, naiveHeap := heap(func() *naivePolicy { return newNaive(rules, entries) })
	for i, a := range ask[:2000] {
		r := a.at(i)
		got, want := snap.Decide(r), naive.decide(r)
		if got.Mode, got.Person = "", 0; got != want {
			b.Fatalf("%+v, the naive one says %+v", got, want)
		}
	}
	run := func(name string, bytes uint64, decide func(Request) Decision) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			granted, i := 0, 0
			for b.Loop() {
				if decide(ask[i&(len(ask)-1)].at(i)).Granted {
					granted++
				}
				i++
			}
			b.ReportMetric(float64(bytes)/1e6, "heap-MB")
			b.ReportMetric(100*float64(granted)/float64(i), "%granted")
		})
	}
	run("snapshot", snapHeap, snap.Decide)
	run("naive", naiveHeap, naive.decide)
	unknown := func(r Request) Request { r.Key[15] ^= 1; return r }
	run("snapshot-unknown", snapHeap, func(r Request) Decision { return snap.Decide(unknown(r)) })
	run("naive-unknown", naiveHeap, func(r Request) Decision { return naive.decide(unknown(r)) })
	ruled := mustSnapshot(b, withDoorRules(rules), entries)
	known := &facts{secured: true, zone: map[string]string{}}
	run("snapshot-rules", snapHeap, func(r Request) Decision { r.Memory = known; return ruled.Decide(r) })
	runtime.KeepAlive(snap)
	runtime.KeepAlive(naive)
	runtime.KeepAlive(entries)
}

// BenchmarkShard is what one revocation costs a gateway with 250,000 credentials: decoding one shard and swapping it in.
func BenchmarkShard(b *testing.B) {
	rules, entries := benchPolicy()
	snap := mustSnapshot(b, rules, entries)
	var part []Entry
	for _, e := range entries {
		if e.Key.Shard() == 0x2a {
			part = append(part, e)
		}
	}
	body, err := EncodeShard(0x2a, 2, part)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := DecodeShard(body)
		if err != nil {
			b.Fatal(err)
		}
		snap = snap.WithShard(s)
	}
	b.ReportMetric(float64(len(part)), "credentials")
	b.ReportMetric(float64(len(body)), "bytes")
}

// naivePolicy is a map of structs over the entries as they are, with the calendar of package time.
type naivePolicy struct {
	entries   map[Key]Entry
	levels    map[uint16]Level
	schedules map[string]Schedule
	holidays  map[string]bool
}

func newNaive(r Rules, entries []Entry) *naivePolicy {
	p := &naivePolicy{entries: map[Key]Entry{}, levels: map[uint16]Level{}, schedules: map[string]Schedule{}, holidays: map[string]bool{}}
	for _, e := range entries {
		e.Badge = string([]byte(e.Badge))
		e.Levels = append([]uint16(nil), e.Levels...)
		p.entries[e.Key] = e
	}
	for _, l := range r.Levels {
		p.levels[l.Number] = l
	}
	for _, s := range r.Schedules {
		p.schedules[s.ID] = s
	}
	for _, h := range r.Holidays {
		p.holidays[h.Date] = true
	}
	return p
}

func (p *naivePolicy) decide(r Request) Decision {
	e, ok := p.entries[r.Key]
	d := Decision{Badge: e.Badge, Reason: event.NoAccess}
	switch {
	case !ok:
		return Decision{Reason: event.UnknownBadge}
	case e.Status == Revoked:
		d.Reason = event.Revoked
		return d
	case e.Status == Suspended:
		d.Reason = event.Suspended
		return d
	case r.At.Before(e.NotBefore):
		d.Reason = event.NotYetValid
		return d
	case !r.At.Before(e.NotAfter):
		d.Reason = event.Expired
		return d
	}
	for _, n := range e.Levels {
		for _, g := range p.levels[n].Grants {
			for _, door := range g.Doors {
				if door != r.Door {
					continue
				}
				d.Reason = event.OutsideSchedule
				if p.open(p.schedules[g.Schedule], r.At.In(belgrade)) {
					return Decision{Granted: true, Reason: event.Granted, Badge: e.Badge, Extended: e.Extended}
				}
			}
		}
	}
	return d
}

func (p *naivePolicy) open(s Schedule, t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	kind := func(t time.Time) Days {
		if p.holidays[t.Format(time.DateOnly)] {
			return 1 << holiday
		}
		return 1 << ((int(t.Weekday()) + 6) % 7)
	}
	today, yesterday := kind(t), kind(t.AddDate(0, 0, -1))
	for _, iv := range s.Intervals {
		over := iv.To < iv.From
		if iv.Days&today != 0 && minute >= iv.From && (over || minute < iv.To) || over && iv.Days&yesterday != 0 && minute < iv.To {
			return true
		}
	}
	return false
}
