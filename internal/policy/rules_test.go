package policy

import (
	"strings"
	"testing"
)

// office is a schedule of working days, 8 to 16; night is 22 to 6 of every day.
var (
	office = Schedule{ID: "office", Intervals: []Interval{{Days: 0x1f, From: 8 * 60, To: 16 * 60}}}
	night  = Schedule{ID: "night", Intervals: []Interval{{Days: 0xff, From: 22 * 60, To: 6 * 60}}}
)

// doorRules are rules with one door for each rule, which level 1 opens always.
func doorRules() Rules {
	r := Rules{
		Version: 1, TimeZone: "Europe/Belgrade", Schedules: []Schedule{office, night}, Reset: 4 * 60,
		PIN: PINRule{Tries: 3, Within: 60, Wait: 120},
		Doors: map[string]DoorRule{
			"main":     {From: "outside", To: "hall", Periods: []Period{{"night", ModeLockdown, false}, {"office", ModeUnlocked, true}}},
			"free":     {From: "outside", To: "hall", Mode: ModeFreeAccess},
			"hard":     {From: "hall", To: "vault", Antipassback: Antipassback{Kind: PassbackHard}},
			"timed":    {From: "hall", To: "vault", Antipassback: Antipassback{PassbackTimed, 600}},
			"soft":     {From: "hall", To: "vault", Antipassback: Antipassback{Kind: PassbackSoft}},
			"full":     {From: "hall", To: "box"},
			"busy":     {From: "hall", To: "yard"},
			"two":      {From: "hall", To: "vault", TwoPerson: 15},
			"escort":   {From: "hall", To: "lab", Escort: 30},
			"lock-a":   {Interlock: "airlock"},
			"lock-b":   {Interlock: "airlock"},
			"strong":   {Security: StrengthSecret},
			"pin":      {Mode: ModeCardAndPIN},
			"timeless": {ClockUnset: true},
			"closed":   {Mode: ModeDisabled},
		},
		Zones: map[string]ZoneRule{"box": {2, LimitDeny}, "yard": {2, LimitNotify}, "lab": {1, ""}},
	}
	doors := []string{"plain"}
	for id := range r.Doors {
		if id != "free" {
			doors = append(doors, id)
		}
	}
	r.Levels = []Level{{Number: 1, ID: "all", Grants: []Grant{{doors, "always"}}}}
	return r
}

func TestDoorRulesAreRefused(t *testing.T) {
	door := func(d DoorRule) func(*Rules) { return func(r *Rules) { r.Doors["x"] = d } }
	for name, c := range map[string]struct {
		change func(*Rules)
		says   string
	}{
		"mode":                   {door(DoorRule{Mode: "open"}), `door "x": mode "open"`},
		"period's mode":          {door(DoorRule{Periods: []Period{{"office", "open", false}}}), `mode "open" of a period`},
		"period's schedule":      {door(DoorRule{Periods: []Period{{"offise", ModeUnlocked, false}}}), `schedule "offise"`},
		"too many periods":       {door(DoorRule{Periods: make([]Period, maxPeriods+1)}), "17 periods"},
		"first person, secure":   {door(DoorRule{Periods: []Period{{"office", ModeSecure, true}}}), "first person"},
		"first person, always":   {door(DoorRule{Periods: []Period{{"always", ModeUnlocked, true}}}), "first person"},
		"interlock, unlocked":    {door(DoorRule{Interlock: "g", Mode: ModeUnlocked}), "interlock"},
		"interlock, unlocking":   {door(DoorRule{Interlock: "g", Periods: []Period{{"office", ModeUnlocked, false}}}), "interlock"},
		"anti-passback":          {door(DoorRule{From: "a", To: "b", Antipassback: Antipassback{Kind: "strict"}}), `"strict"`},
		"soft with time":         {door(DoorRule{From: "a", To: "b", Antipassback: Antipassback{PassbackSoft, 5}}), "5 s"},
		"timed without time":     {door(DoorRule{From: "a", To: "b", Antipassback: Antipassback{PassbackTimed, 0}}), "0 s"},
		"anti-passback, nowhere": {door(DoorRule{Antipassback: Antipassback{Kind: PassbackHard}}), "zone"},
		"two persons, for days":  {door(DoorRule{TwoPerson: maxWithin + 1}), "86401 s"},
		"security":               {door(DoorRule{Security: 3}), "security 3"},
		"zone without limit":     {func(r *Rules) { r.Zones["x"] = ZoneRule{0, LimitDeny} }, `zone "x"`},
		"zone's action":          {func(r *Rules) { r.Zones["x"] = ZoneRule{1, "shout"} }, `"shout"`},
		"reset":                  {func(r *Rules) { r.Reset = 1441 }, "1441"},
		"no tries":               {func(r *Rules) { r.PIN = PINRule{0, 1, 1} }, "0 tries"},
		"too many tries":         {func(r *Rules) { r.PIN = PINRule{17, 1, 1} }, "17 tries"},
	} {
		r := doorRules()
		c.change(&r)
		if _, err := EncodeRules(r); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
	}
	if _, err := EncodeRules(doorRules()); err != nil {
		t.Error(err)
	}
}
