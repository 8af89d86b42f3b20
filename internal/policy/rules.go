package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
	_ "time/tzdata" // a machine without time zone files must not mean UTC (L10)
)

// EncodeRules checks the rules as WithRules does, and encodes them as JSON.
func EncodeRules(r Rules) ([]byte, error) {
	if _, err := compile(r); err != nil {
		return nil, err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("policy: rules: %w", err)
	}
	return b, nil
}

// DecodeRules reads what EncodeRules wrote. A field that it does not know is refused: a rule that this program does not
// understand must not be left out in silence. WithRules checks what the rules say.
func DecodeRules(b []byte) (Rules, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r Rules
	if err := d.Decode(&r); err != nil {
		return Rules{}, fmt.Errorf("policy: rules are not the JSON that is expected: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Rules{}, fmt.Errorf("policy: rules: something follows the JSON object at byte %d: nothing is expected", d.InputOffset())
	}
	return r, nil
}

// ruleset is compiled rules: what Decide needs, with one search, for the door.
type ruleset struct {
	version  uint64
	zone     zone
	levels   []uint16 // by number: 1 + place of the level in Rules; 0: there is none
	doors    map[string]*door
	plans    []plan
	holidays []int32 // local days since 1970-01-01, ascending
	pin      PINRule
	reset    int // minute of the local day, 1 … 1440; 0: never

	levelIDs, planIDs []string // by place, for Explain
}

// door says which levels open a door: the level at place i does while one of plans[first[i]:first[i+1]] is open.
type door struct {
	first []uint16
	plans []uint16 // 0 is always, n is ruleset.plans[n-1]
	rule  *rule    // nil: there is none
}

const (
	always           = "always"
	maxPlans         = 4096
	maxLevelsOfRules = math.MaxUint16
)

// compile checks rules and compiles them. Every problem is in the error.
func compile(r Rules) (*ruleset, error) {
	c := &ruleset{version: r.Version}
	var problems []error
	report := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("policy: rules: "+format, args...))
	}
	var err error
	if c.zone, err = loadZone(r.TimeZone); err != nil {
		report("%w", err)
	}
	if c.holidays, err = holidayDays(r.Holidays); err != nil {
		report("%w", err)
	}
	if len(r.Schedules) > maxPlans || len(r.Levels) > maxLevelsOfRules {
		return nil, fmt.Errorf("policy: rules: %d schedules and %d levels: at most %d and %d are possible", len(r.Schedules), len(r.Levels), maxPlans, maxLevelsOfRules)
	}
	plans := map[string]uint16{always: 0}
	c.planIDs = []string{always}
	for _, s := range r.Schedules {
		if _, ok := plans[s.ID]; ok || s.ID == "" {
			report("schedule %q: an ID that no other schedule has, and that is neither empty nor %q, is expected", s.ID, always)
			continue
		}
		p, err := newPlan(s.Intervals)
		if err != nil {
			report("schedule %q: %w", s.ID, err)
		}
		c.plans = append(c.plans, p)
		c.planIDs = append(c.planIDs, s.ID)
		plans[s.ID] = uint16(len(c.plans))
	}
	c.levels = make([]uint16, maxNumber(r.Levels)+1)
	grants := make(map[string][]levelPlan)
	for i, l := range r.Levels {
		c.levelIDs = append(c.levelIDs, l.ID)
		if other := c.levels[l.Number]; other != 0 {
			report("levels %q and %q have the same number %d", r.Levels[other-1].ID, l.ID, l.Number)
			continue
		}
		c.levels[l.Number] = uint16(i + 1)
		for _, g := range l.Grants {
			p, ok := plans[g.Schedule]
			if !ok {
				report("level %q: schedule %q is not defined: one of %s is expected", l.ID, g.Schedule, known(plans))
				continue
			}
			if slices.Contains(g.Doors, "") {
				report("level %q: a door without ID: the ID of a door of this gateway is expected", l.ID)
			}
			for _, d := range g.Doors {
				grants[d] = append(grants[d], levelPlan{uint16(i), p})
			}
		}
	}
	c.doors = make(map[string]*door, len(grants))
	for id, g := range grants {
		if c.doors[id], err = newDoor(g, len(r.Levels)); err != nil {
			report("door %q: %w", id, err)
		}
	}
	c.doorRules(r, plans, report)
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return c, nil
}

// levelPlan is one grant for one door: the place of the level, and the number of the plan.
type levelPlan struct{ level, plan uint16 }

func newDoor(grants []levelPlan, levels int) (*door, error) {
	slices.SortFunc(grants, func(a, b levelPlan) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.plan, b.plan))
	})
	grants = slices.Compact(grants)
	if len(grants) > math.MaxUint16 {
		return nil, fmt.Errorf("%d pairs of level and schedule: at most %d are possible", len(grants), math.MaxUint16)
	}
	d := &door{first: make([]uint16, levels+1), plans: make([]uint16, len(grants))}
	for i, g := range grants {
		d.first[g.level+1]++
		d.plans[i] = g.plan
	}
	for i := range levels {
		d.first[i+1] += d.first[i]
	}
	return d, nil
}

func maxNumber(levels []Level) (n int) {
	for _, l := range levels {
		n = max(n, int(l.Number))
	}
	return n
}

func holidayDays(holidays []Holiday) ([]int32, error) {
	days := make([]int32, 0, len(holidays))
	var problems []error
	for _, h := range holidays {
		t, err := time.Parse(time.DateOnly, h.Date)
		if err != nil {
			problems = append(problems, fmt.Errorf("holiday %q on %q: a date such as 2026-02-15 is expected", h.Name, h.Date))
			continue
		}
		days = append(days, int32(t.Unix()/secondsPerDay))
	}
	slices.Sort(days)
	return slices.Clip(slices.Compact(days)), errors.Join(problems...)
}

func known(plans map[string]uint16) string {
	names := make([]string, 0, len(plans))
	for n := range plans {
		names = append(names, n)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
