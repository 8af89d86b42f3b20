package directory

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/configs"
	"kapija/internal/policy"
	"kapija/internal/site"
)

func entryOf(t *testing.T, d *Directory, c Card) policy.Entry {
	t.Helper()
	key := keyOf(t, c)
	entries, err := d.compileShard(ctx, "lozionica", key.Shard())
	check0(t, err)
	for _, e := range entries {
		if e.Key == key {
			return e
		}
	}
	t.Fatal("the card is in no shard")
	return policy.Entry{}
}

func TestRolesAndPIN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	d := open(t, path)
	withLevels(t, d)
	p, _ := addHolder(t, d, card(7), "loz")
	if e := entryOf(t, d, card(7)); e.Person != policy.PersonOf(p.ID) || e.Roles != 0 || e.PIN != (policy.Key{}) {
		t.Errorf("%+v", e)
	}
	check0(t, d.SetRoles(ctx, "test", p.ID, policy.Visitor|policy.FirstPerson))
	check0(t, d.SetPIN(ctx, "test", p.ID, "8642"))
	want, err := siteKey.PINKey(policy.PersonOf(p.ID), "8642")
	check0(t, err)
	if e := entryOf(t, d, card(7)); e.Roles != policy.Visitor|policy.FirstPerson || e.PIN != want {
		t.Errorf("%+v", e)
	}
	if got, err := d.Person(ctx, p.ID); err != nil || !got.Visitor || !got.FirstPerson || got.Escort || got.Exempt || !got.HasPIN {
		t.Errorf("%+v, error %v", got, err)
	}
	if key := keyOf(t, card(7)); !d.dirty.shards[key.Shard()] {
		t.Error("the shard is not published")
	}
	// What stands in the register and in its record of changes is neither the PIN nor, in the record, its key.
	changes, err := d.Changes(ctx, 2)
	check0(t, err)
	text, err := json.Marshal(changes)
	check0(t, err)
	if changes[0].Action != "person.pin" || changes[1].Action != "person.roles" || strings.Contains(string(text), "8642") || !strings.Contains(string(changes[0].After), `"has_pin":true`) {
		t.Errorf("%s", text)
	}
	check0(t, d.SetPIN(ctx, "test", p.ID, ""))
	check0(t, d.SetPIN(ctx, "test", p.ID, ""))
	check0(t, d.SetRoles(ctx, "test", p.ID, policy.Visitor|policy.FirstPerson))
	if again, err := d.Changes(ctx, 2); err != nil || again[0].Seq != changes[0].Seq+1 {
		t.Errorf("what changes nothing is recorded: %+v, error %v", again, err)
	}
	if e := entryOf(t, d, card(7)); e.PIN != (policy.Key{}) {
		t.Error("the PIN is there still")
	}
	wantCode(t, d.SetPIN(ctx, "test", p.ID, "12"), invalid)
	wantCode(t, d.SetPIN(ctx, "test", "p_nobody", "1234"), notFound)
	wantCode(t, d.SetRoles(ctx, "test", "p_nobody", policy.Escort), notFound)
	wantCode(t, d.SetRoles(ctx, "test", p.ID, 0x80), invalid)
	made, err := d.AddPerson(ctx, "test", Person{Name: "Гост", Escort: true, HasPIN: true})
	check0(t, err)
	if got, err := d.Person(ctx, made.ID); err != nil || !got.Escort || got.HasPIN {
		t.Errorf("%+v, error %v", got, err)
	}
	check0(t, d.Close())
	for _, name := range []string{path, path + "-wal"} {
		if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte("8642")) {
			t.Errorf("%s holds the PIN", name)
		}
	}
}

// withRules is a building whose doors ask for everything.
func withRules() *site.Building {
	b := twoBuildings().Buildings[0]
	b.Reset = "00:00"
	b.Zones = []*site.Zone{{ID: "hall"}, {ID: "box", Occupancy: site.Occupancy{Limit: 9, Action: "deny"}}}
	*b.Doors[0] = site.Door{ID: "main", Gateway: "gw-hall", From: site.Outside, To: "hall", Mode: site.Unlocked, Rules: site.Rules{
		Periods:      []*site.Period{{Schedule: "office", Mode: site.FreeAccess, FirstPerson: true}, {Schedule: always, Mode: site.Lockdown}},
		Antipassback: site.Antipassback{Kind: "timed", For: time.Minute}, TwoPerson: 15 * time.Second, Escort: 30 * time.Second,
		Interlock: "", Security: "secret", ClockUnset: true,
	}}
	*b.Doors[1] = site.Door{ID: "side", Gateway: "gw-hall", From: "hall", To: "box", Mode: site.Secure}
	return b
}

func TestDoorRulesAreCompiled(t *testing.T) {
	d := fresh(t)
	b := withRules()
	compiled := func() *policy.Rules {
		r, err := d.compileRules(ctx, b, "gw-hall", time.Now())
		check0(t, err)
		if _, err := policy.EncodeRules(*r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	// The schedule of the plan does not exist: the door is locked, everything else holds.
	r := compiled()
	if main := r.Doors["main"]; main.Mode != policy.ModeSecure || main.Periods != nil || main.TwoPerson != 15 || len(r.Schedules) != 0 {
		t.Errorf("%+v", main)
	}
	_, err := d.AddSchedule(ctx, "test", Schedule{ID: "office", Name: "Radno vreme", Intervals: []policy.Interval{{Days: 31, From: 480, To: 960}}})
	check0(t, err)
	r = compiled()
	main := r.Doors["main"]
	if main.Mode != policy.ModeUnlocked || len(main.Periods) != 2 || main.Periods[0] != (policy.Period{Schedule: "office", Mode: policy.ModeFreeAccess, FirstPerson: true}) ||
		main.Antipassback != (policy.Antipassback{Kind: policy.PassbackTimed, For: 60}) || main.TwoPerson != 15 || main.Escort != 30 ||
		main.Security != policy.StrengthSecret || !main.ClockUnset || main.From != site.Outside || main.To != "hall" {
		t.Errorf("%+v", main)
	}
	if len(r.Schedules) != 1 || r.Reset != 1440 || r.Zones["box"] != (policy.ZoneRule{Limit: 9, Action: policy.LimitDeny}) || len(r.Zones) != 1 {
		t.Errorf("%+v", r)
	}
	if side, ok := r.Doors["side"]; !ok || side.To != "box" || len(r.Doors) != 2 {
		t.Errorf("%+v", r.Doors)
	}
	if r, err := d.compileRules(ctx, b, "gw-annex", time.Now()); err != nil || len(r.Doors) != 0 || len(r.Zones) != 0 {
		t.Errorf("the rules of another gateway: %+v", r.Doors)
	}
}

// The names that the configuration may use are those that the policy knows.
func TestNamesOfConfigurationAndPolicy(t *testing.T) {
	rules := policy.Rules{TimeZone: "UTC", Doors: map[string]policy.DoorRule{}}
	for _, m := range site.Modes {
		rules.Doors[string(m)] = policy.DoorRule{Mode: policy.Mode(m)}
	}
	if _, err := policy.EncodeRules(rules); err != nil {
		t.Error(err)
	}
}

// The shipped configuration gives every gateway rules that the gateway accepts.
func TestShippedConfigurationCompiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "district.yaml")
	check0(t, os.WriteFile(file, configs.District, 0o600))
	district, err := site.Load(file)
	check0(t, err)
	d, err := Open(filepath.Join(t.TempDir(), "directory.db"), siteKey, district)
	check0(t, err)
	defer func() { check0(t, d.Close()) }()
	for _, b := range district.Buildings {
		for _, g := range b.Gateways {
			r, err := d.compileRules(ctx, b, g.ID, time.Now())
			check0(t, err)
			if _, err := policy.EncodeRules(*r); err != nil {
				t.Errorf("%s/%s: %v", b.ID, g.ID, err)
			}
		}
	}
}
