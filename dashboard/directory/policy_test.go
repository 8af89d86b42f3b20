package directory

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"kapija/internal/cardformat"
	"kapija/internal/event"
	"kapija/internal/policy"
)

// compiledSnapshot is what a gateway would decide from.
func compiledSnapshot(t testing.TB, d *Directory, building, gateway string, now time.Time) *policy.Snapshot {
	t.Helper()
	b := d.site.Building(building)
	rules := must1(d.compile(ctx, unit{building: b, gateway: b.Gateway(gateway)}, now))(t)
	var entries []policy.Entry
	for i := range 256 {
		c := must1(d.compile(ctx, unit{building: b, shard: uint8(i)}, now))(t)
		entries = append(entries, c.entries...)
	}
	return must1(policy.NewSnapshot(*rules.rules, entries))(t)
}

func TestL12EachStatusHasItsOwnReason(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	must1(d.AddSchedule(ctx, "test", Schedule{ID: "night", Name: "Ноћ", Intervals: []policy.Interval{{Days: 0xff, From: 1320, To: 300}}}))(t)
	must1(d.AddLevel(ctx, "test", Level{ID: "night", Building: "lozionica", Name: "Ноћ", Grants: []policy.Grant{{Doors: []string{"main"}, Schedule: "night"}}}))(t)
	at := ask("main", policy.Key{}).At
	_, revoked := addHolder(t, d, card(1), "loz")
	check0(t, d.RevokeBadge(ctx, "test", revoked.ID))
	suspended, _ := addHolder(t, d, card(2), "loz")
	check0(t, d.Suspend(ctx, "test", suspended.ID, true))
	limited := func(number uint64, from, to time.Time) {
		p := must1(d.AddPerson(ctx, "test", Person{Name: "Гост", Levels: []string{"loz"}}))(t)
		must1(d.AddBadge(ctx, "test", p.ID, card(number), from, to))(t)
	}
	limited(3, at.Add(time.Hour), time.Time{})
	limited(4, time.Time{}, at)
	limited(5, at, at.Add(time.Hour))
	addHolder(t, d, card(6))
	addHolder(t, d, card(7), "kg")
	addHolder(t, d, card(8), "night")
	both, old := addHolder(t, d, card(9), "loz")
	check0(t, d.RevokeBadge(ctx, "test", old.ID))
	must1(d.AddBadge(ctx, "test", both.ID, card(9), time.Time{}, time.Time{}))(t)
	s := compiledSnapshot(t, d, "lozionica", "gw-hall", at)
	for number, want := range map[uint64]event.Reason{
		1: event.Revoked, 2: event.Suspended, 3: event.NotYetValid, 4: event.Expired, 5: event.Granted, 6: event.NoAccess,
		7: event.UnknownBadge, 8: event.OutsideSchedule, 9: event.Granted, 10: event.UnknownBadge,
	} {
		if got := s.Decide(ask("main", keyOf(t, card(number)))).Reason; got != want {
			t.Errorf("card %d: %s, want %s", number, got, want)
		}
	}
	if got := compiledSnapshot(t, d, "kragujevac", "gw-lobby", at).Decide(ask("lobby", keyOf(t, card(6)))).Reason; got != event.NoAccess {
		t.Errorf("a person without levels at the other building: %s", got)
	}
	serbian := compiledSnapshot(t, d, "lozionica", "gw-hall", at)
	r := ask("main", keyOf(t, card(5)))
	r.Door = "side"
	if got := serbian.Decide(r).Reason; got != event.NoAccess {
		t.Errorf("a door that the level does not hold: %s", got)
	}
}

// The two formats of 37 bits send the same frame for these two cards.
func TestL08FormatsAreKeyedApart(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	a, b := Card{"wiegand-37", 1, 5}, Card{"wiegand-37-h10302", 0, 1<<19 + 5}
	bitsA, n, err := cardformat.Encode(a.Format, a.Facility, a.Number)
	check0(t, err)
	bitsB, m, err := cardformat.Encode(b.Format, b.Facility, b.Number)
	check0(t, err)
	if !bytes.Equal(bitsA, bitsB) || n != m {
		t.Fatalf("%x of %d and %x of %d: the same frame is expected", bitsA, n, bitsB, m)
	}
	_, first := addHolder(t, d, a, "loz")
	at := ask("main", policy.Key{}).At
	if got := compiledSnapshot(t, d, "lozionica", "gw-hall", at).Decide(ask("main", keyOf(t, b))).Reason; got != event.UnknownBadge {
		t.Errorf("the other format: %s", got)
	}
	_, second := addHolder(t, d, b, "kg")
	if first.ID == second.ID {
		t.Error("two cards have one pseudonym")
	}
}

// L54: no number of a card, in whatever shape, is in the file, in what is published, or in the log.
func TestL54NoCardNumberAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		defer slog.SetDefault(before)
		path := filepath.Join(t.TempDir(), "directory.db")
		d := open(t, path)
		withLevels(t, d)
		cards := []Card{{"wiegand-26", 231, 48213}, {"wiegand-37", 51734, 402197}, {"wiegand-37-h10302", 0, 27182818284}}
		b := newBroker(t)
		b.down = true
		var said []string
		serving(t, d, b, func(connected chan struct{}) {
			for _, c := range cards {
				p, badge := addHolder(t, d, c, "loz")
				_, err := d.AddBadge(ctx, "test", p.ID, c, time.Time{}, time.Time{})
				wantCode(t, err, conflict)
				said = append(said, err.Error())
				check0(t, d.RevokeBadge(ctx, "test", badge.ID))
			}
			b.mu.Lock()
			b.down = false
			b.mu.Unlock()
			connected <- struct{}{}
			synctest.Wait()
		})
		places := map[string][]byte{"the log": log.Bytes(), "the errors": []byte(strings.Join(said, "\n"))}
		for name, payload := range b.retained {
			places[name] = payload
			places["the topics"] = append(places["the topics"], name...)
		}
		for _, suffix := range []string{"", "-wal", "-shm", MarkSuffix} {
			places["directory.db"+suffix] = must1(os.ReadFile(path + suffix))(t)
		}
		check0(t, d.Close())
		places["directory.db, closed"] = must1(os.ReadFile(path))(t)
		if len(log.Bytes()) == 0 {
			t.Error("nothing was logged: the test looks at nothing")
		}
		for _, c := range cards {
			for _, secret := range shapes(t, c) {
				for place, content := range places {
					if bytes.Contains(content, secret) {
						t.Errorf("%q of a card of %s is in %s", secret, c.Format, place)
					}
				}
			}
		}
	})
}

// shapes is how a number could be written, as far as it is long enough not to occur by chance.
func shapes(t *testing.T, c Card) [][]byte {
	bits, n, err := cardformat.Encode(c.Format, c.Facility, c.Number)
	check0(t, err)
	list := [][]byte{[]byte(cardformat.String(bits, n)), bits}
	for _, form := range []string{"%d", "%x", "%X"} {
		list = append(list, []byte(strings.TrimSpace(fmt.Sprintf(form, c.Number))))
	}
	return append(list, []byte(fmt.Sprintf("%x", bits)))
}

// The register, compiled and decided from, says the same as a simple model of it.
func TestCompiledPolicyDecidesAsTheRegisterSays(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	number := uint64(0)
	rapid.Check(t, func(rt *rapid.T) {
		levels := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"loz", "kg"}), 0, 2, rapid.ID).Draw(rt, "levels")
		suspended, revoked := rapid.Bool().Draw(rt, "suspended"), rapid.Bool().Draw(rt, "revoked")
		extended := rapid.Bool().Draw(rt, "extended")
		number++
		p := must1(d.AddPerson(ctx, "test", Person{Name: "Ана", Levels: levels, Extended: extended, Suspended: suspended}))(t)
		badge := must1(d.AddBadge(ctx, "test", p.ID, card(number), time.Time{}, time.Time{}))(t)
		if revoked {
			check0(t, d.RevokeBadge(ctx, "test", badge.ID))
		}
		for building, at := range map[string]struct{ gateway, door, level string }{
			"lozionica": {"gw-annex", "annex", "loz"}, "kragujevac": {"gw-lobby", "lobby", "kg"},
		} {
			has := false
			for _, l := range levels {
				has = has || l == at.level
			}
			want := event.Granted
			switch {
			case !has && len(levels) > 0:
				want = event.UnknownBadge
			case revoked:
				want = event.Revoked
			case suspended:
				want = event.Suspended
			case !has:
				want = event.NoAccess
			}
			b, key := d.site.Building(building), keyOf(t, card(number))
			rules := must1(d.compile(ctx, unit{building: b, gateway: b.Gateway(at.gateway)}, time.Now()))(t)
			shard := must1(d.compile(ctx, unit{building: b, shard: key.Shard()}, time.Now()))(t)
			got := must1(policy.NewSnapshot(*rules.rules, shard.entries))(t).Decide(ask(at.door, key))
			if got.Reason != want || got.Granted && got.Extended != extended {
				rt.Errorf("%s: %+v, want %s", building, got, want)
			}
		}
	})
}
