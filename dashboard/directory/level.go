package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kapija/internal/policy"
	"kapija/internal/site"
)

// The schedule that needs no definition.
const always = "always"

const (
	maxGrants    = 100
	maxIntervals = 100
)

// Levels lists the access levels in the order of their numbers.
func (d *Directory) Levels(ctx context.Context) ([]Level, error) {
	levels, err := readLevels(ctx, d.file.Read, "")
	if err != nil {
		return nil, fmt.Errorf("directory: levels: %w", err)
	}
	return levels, nil
}

// AddLevel adds an access level to a building. Its number is given; its ID too, when it has none.
func (d *Directory) AddLevel(ctx context.Context, by string, l Level) (made Level, err error) {
	err = d.Import(ctx, by, func(t *Tx) error {
		made, err = t.AddLevel(l)
		return err
	})
	return made, err
}

// SetLevel changes name and grants of the level with this ID; its building and number stay.
func (d *Directory) SetLevel(ctx context.Context, by string, l Level) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.SetLevel(l) })
}

// AddSchedule adds a schedule. The ID is made up when it has none.
func (d *Directory) AddSchedule(ctx context.Context, by string, s Schedule) (made Schedule, err error) {
	err = d.Import(ctx, by, func(t *Tx) error {
		made, err = t.AddSchedule(s)
		return err
	})
	return made, err
}

// AddHoliday adds a day of one's own to the holidays of Serbia, which are known.
func (d *Directory) AddHoliday(ctx context.Context, by string, h policy.Holiday) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.AddHoliday(h) })
}

// AddLevel is as of Directory.
func (t *Tx) AddLevel(l Level) (Level, error) {
	if err := t.checkLevel(&l); err != nil {
		return Level{}, err
	}
	if err := checkID("level", l.ID); err != nil {
		return Level{}, err
	}
	var newest int
	if _, err := t.row("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'level'", nil, &newest); err != nil {
		return Level{}, err
	}
	if newest == 65535 {
		return Level{}, fault(conflict, "all 65535 numbers of access levels were given out: change a level that nobody needs instead")
	}
	grants, err := json.Marshal(l.Grants)
	if err != nil {
		return Level{}, t.fail(err)
	}
	const insert = "INSERT INTO level (id, building, name, grants) VALUES (?, ?, ?, ?)"
	if l.ID == "" {
		l.ID, err = t.insert("l_", insert, l.Building, l.Name, string(grants))
	} else {
		var n int64
		if n, err = t.exec(insert+" ON CONFLICT (id) DO NOTHING", l.ID, l.Building, l.Name, string(grants)); err == nil && n == 0 {
			return Level{}, fault(conflict, "there is a level %q already: another ID is expected", l.ID)
		}
	}
	if err != nil {
		return Level{}, err
	}
	if _, err := t.row("SELECT number FROM level WHERE id = ?", []any{l.ID}, &l.Number); err != nil {
		return Level{}, err
	}
	t.touched.rules = true
	return l, t.record("level.add", l.ID, nil, l)
}

// SetLevel is as of Directory.
func (t *Tx) SetLevel(l Level) error {
	levels, err := readLevels(t.ctx, t.tx, " WHERE id = ?", l.ID)
	if err != nil {
		return t.fail(err)
	}
	if len(levels) == 0 {
		return t.noLevel(notFound, l.ID)
	}
	before := levels[0]
	if l.Building != before.Building && l.Building != "" {
		return fault(invalid, "level %q belongs to building %s, not to %q: a level stays in its building", l.ID, before.Building, l.Building)
	}
	l.Building, l.Number = before.Building, before.Number
	if err := t.checkLevel(&l); err != nil {
		return err
	}
	grants, err := json.Marshal(l.Grants)
	if err != nil {
		return t.fail(err)
	}
	if _, err := t.exec("UPDATE level SET name = ?, grants = ? WHERE id = ?", l.Name, string(grants), l.ID); err != nil {
		return err
	}
	t.touched.rules = true
	return t.record("level.set", l.ID, before, l)
}

// checkLevel checks all but the ID, and trims the name.
func (t *Tx) checkLevel(l *Level) error {
	l.Name = strings.TrimSpace(l.Name)
	if err := checkText("the name of the level", l.Name, 1, 200); err != nil {
		return err
	}
	b := t.d.site.Building(l.Building)
	if b == nil {
		return fault(invalid, "there is no building %.40q: one of %s is expected", l.Building, some(ids(t.d.site.Buildings, func(b *site.Building) string { return b.ID })))
	}
	if len(l.Grants) > maxGrants {
		return fault(invalid, "the level has %d grants: at most %d are expected", len(l.Grants), maxGrants)
	}
	for _, g := range l.Grants {
		if len(g.Doors) == 0 {
			return fault(invalid, "a grant of the level names no door: doors of building %s are expected", b.ID)
		}
		for _, door := range g.Doors {
			if b.Door(door) == nil {
				return fault(invalid, "there is no door %.40q in building %s: one of %s is expected", door, b.ID, some(ids(b.Doors, func(d *site.Door) string { return d.ID })))
			}
		}
		if err := t.checkSchedule(g.Schedule); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) checkSchedule(id string) error {
	var one int
	if id == always {
		return nil
	}
	found, err := t.row("SELECT 1 FROM schedule WHERE id = ?", []any{id}, &one)
	if err != nil || found {
		return err
	}
	known, err := t.list("SELECT id FROM schedule ORDER BY id LIMIT 100")
	if err != nil {
		return err
	}
	return fault(invalid, "there is no schedule %.40q: one of %s is expected", id, some(append([]string{always}, known...)))
}

func (t *Tx) noLevel(code, id string) error {
	known, err := t.list("SELECT id FROM level ORDER BY id LIMIT 100")
	if err != nil {
		return err
	}
	if len(known) == 0 {
		known = []string{"none, as there is none yet,"}
	}
	return fault(code, "there is no access level %.40q: one of %s is expected", id, some(known))
}

// AddSchedule is as of Directory.
func (t *Tx) AddSchedule(s Schedule) (Schedule, error) {
	s.Name = strings.TrimSpace(s.Name)
	if err := checkText("the name of the schedule", s.Name, 1, 200); err != nil {
		return Schedule{}, err
	}
	if err := checkID("schedule", s.ID); err != nil {
		return Schedule{}, err
	}
	if len(s.Intervals) > maxIntervals {
		return Schedule{}, fault(invalid, "the schedule has %d intervals: at most %d are expected", len(s.Intervals), maxIntervals)
	}
	if _, err := policy.EncodeRules(policy.Rules{TimeZone: "UTC", Schedules: []policy.Schedule{{ID: cmp.Or(s.ID, "new"), Intervals: s.Intervals}}}); err != nil {
		return Schedule{}, fault(invalid, "%w", err)
	}
	intervals, err := json.Marshal(s.Intervals)
	if err != nil {
		return Schedule{}, t.fail(err)
	}
	const insert = "INSERT INTO schedule (id, name, intervals) VALUES (?, ?, ?)"
	if s.ID == "" {
		s.ID, err = t.insert("s_", insert, s.Name, string(intervals))
	} else {
		var n int64
		if n, err = t.exec(insert+" ON CONFLICT (id) DO NOTHING", s.ID, s.Name, string(intervals)); err == nil && n == 0 {
			return Schedule{}, fault(conflict, "there is a schedule %q already: another ID is expected", s.ID)
		}
	}
	if err != nil {
		return Schedule{}, err
	}
	t.touched.rules = true
	return s, t.record("schedule.add", s.ID, nil, s)
}

// AddHoliday is as of Directory.
func (t *Tx) AddHoliday(h policy.Holiday) error {
	h.Name = strings.TrimSpace(h.Name)
	if err := checkText("the name of the holiday", h.Name, 1, 200); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, h.Date); err != nil {
		return fault(invalid, "%.40q is no date: one such as 2026-02-15 is expected", h.Date)
	}
	n, err := t.exec("INSERT INTO holiday VALUES (?, ?) ON CONFLICT DO NOTHING", h.Date, h.Name)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault(conflict, "%s is a holiday already", h.Date)
	}
	t.touched.rules = true
	return t.record("holiday.add", h.Date, nil, h)
}

func (t *Tx) list(query string) ([]string, error) {
	rows, err := t.tx.QueryContext(t.ctx, query)
	if err != nil {
		return nil, t.fail(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, t.fail(err)
		}
		list = append(list, s)
	}
	return list, t.fail(rows.Err())
}

func readLevels(ctx context.Context, q queryer, rest string, args ...any) ([]Level, error) {
	rows, err := q.QueryContext(ctx, "SELECT number, id, building, name, grants FROM level"+rest+" ORDER BY number", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var levels []Level
	for rows.Next() {
		var l Level
		var grants string
		if err := rows.Scan(&l.Number, &l.ID, &l.Building, &l.Name, &grants); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(grants), &l.Grants); err != nil {
			return nil, errors.Join(fmt.Errorf("level %s is damaged", l.ID), err)
		}
		levels = append(levels, l)
	}
	return levels, rows.Err()
}

func ids[T any](list []T, id func(T) string) []string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = id(x)
	}
	slices.Sort(names)
	return names
}
