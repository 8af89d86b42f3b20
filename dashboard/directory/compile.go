package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kapija/internal/policy"
	"kapija/internal/site"
)

// What is compiled. A shard is the same for every gateway of a building; rules are each gateway's own.
//
// A badge is in the shards of every building in which its person has a level, and of all buildings when the person has
// none anywhere, so that each door can say why it refuses: revoked, suspended, no access. It stays there with all levels
// of the building; the rules hold those that grant something at the gateway, and the others grant nothing.

// unit is what is compiled and given a version: a shard of a building, or the rules of a gateway.
type unit struct {
	building *site.Building
	gateway  *site.Gateway // nil for a shard
	shard    uint8
}

// name is the unit in the file.
func (u unit) name() string {
	if u.gateway != nil {
		return u.building.ID + "/" + u.gateway.ID + "/" + policy.RulesName
	}
	return u.building.ID + "/" + policy.ShardName(u.shard)
}

// compiled is a unit's contents.
type compiled struct {
	entries []policy.Entry
	rules   *policy.Rules
}

func (c compiled) encode(u unit, version uint64) ([]byte, error) {
	if c.rules == nil {
		return policy.EncodeShard(u.shard, version, c.entries)
	}
	rules := *c.rules
	rules.Version = version
	return policy.EncodeRules(rules)
}

func (d *Directory) compile(ctx context.Context, u unit, now time.Time) (c compiled, err error) {
	if u.gateway == nil {
		c.entries, err = d.compileShard(ctx, u.building.ID, u.shard)
		return c, err
	}
	c.rules, err = d.compileRules(ctx, u.building, u.gateway.ID, now)
	return c, err
}

// A card that was revoked and given out again is there twice: the badge in use, or the newest, is the one that counts.
const selectShard = `SELECT b.key, b.id, b.not_before, b.not_after, b.revoked IS NOT NULL, p.suspended, p.extended, p.roles, p.id, p.pin, coalesce(
		(SELECT group_concat(l.number) FROM person_level pl JOIN level l ON l.number = pl.level WHERE pl.person = p.id AND l.building = ?), '')
	FROM badge b JOIN person p ON p.id = b.person
	WHERE b.shard = ? AND (NOT EXISTS (SELECT 1 FROM person_level WHERE person = p.id)
		OR EXISTS (SELECT 1 FROM person_level pl JOIN level l ON l.number = pl.level WHERE pl.person = p.id AND l.building = ?))
	ORDER BY b.key, b.revoked IS NULL DESC, b.seq DESC`

func (d *Directory) compileShard(ctx context.Context, building string, shard uint8) ([]policy.Entry, error) {
	rows, err := d.shard.QueryContext(ctx, building, shard, building)
	if err != nil {
		return nil, fmt.Errorf("directory: shard %s: %w", policy.ShardName(shard), err)
	}
	defer rows.Close()
	var entries []policy.Entry
	for rows.Next() {
		var e policy.Entry
		var key, pin sql.RawBytes
		var person string
		var notBefore, notAfter int64
		var revoked, suspended bool
		var levels string
		if err := rows.Scan(&key, &e.Badge, &notBefore, &notAfter, &revoked, &suspended, &e.Extended, &e.Roles, &person, &pin, &levels); err != nil {
			return nil, fmt.Errorf("directory: shard %s: %w", policy.ShardName(shard), err)
		}
		e.Key = policy.Key(key)
		if n := len(entries); n > 0 && entries[n-1].Key == e.Key {
			continue
		}
		e.Person = policy.PersonOf(person)
		copy(e.PIN[:], pin)
		e.NotBefore, e.NotAfter = fromSeconds(notBefore), fromSeconds(notAfter)
		switch {
		case revoked:
			e.Status = policy.Revoked
		case suspended:
			e.Status = policy.Suspended
		}
		if e.Levels, err = parseLevels(levels); err != nil {
			return nil, fmt.Errorf("directory: levels of badge %s: %w", e.Badge, err)
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("directory: shard %s: %w", policy.ShardName(shard), err)
	}
	return entries, nil
}

func parseLevels(list string) ([]uint16, error) {
	if list == "" {
		return nil, nil
	}
	var levels []uint16
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return nil, err
		}
		levels = append(levels, uint16(n))
	}
	return levels, nil
}

// compileRules makes the rules of one gateway: the levels that grant something there, the rules of its doors, the schedules
// that they name, and the holidays of this year and the next.
func (d *Directory) compileRules(ctx context.Context, b *site.Building, gateway string, now time.Time) (*policy.Rules, error) {
	tx, err := d.file.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("directory: rules: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	levels, errLevels := readLevels(ctx, tx, " WHERE building = ?", b.ID)
	schedules, errSchedules := readSchedules(ctx, tx)
	own, errHolidays := readHolidays(ctx, tx)
	if err := errors.Join(errLevels, errSchedules, errHolidays); err != nil {
		return nil, fmt.Errorf("directory: rules: %w", err)
	}
	r := policy.Rules{TimeZone: b.TimeZone, Levels: []policy.Level{}, Schedules: []policy.Schedule{}}
	used := map[string]bool{}
	for _, l := range levels {
		compiled := policy.Level{Number: l.Number, ID: l.ID}
		for _, g := range l.Grants {
			doors := slices.DeleteFunc(g.Doors, func(id string) bool {
				door := b.Door(id)
				return door == nil || door.Gateway != gateway
			})
			if len(doors) > 0 {
				compiled.Grants = append(compiled.Grants, policy.Grant{Doors: doors, Schedule: g.Schedule})
				used[g.Schedule] = true
			}
		}
		if compiled.Grants != nil {
			r.Levels = append(r.Levels, compiled)
		}
	}
	exist := map[string]bool{}
	for _, s := range schedules {
		exist[s.ID] = true
	}
	doorRules(&r, b, gateway, exist, used)
	for _, s := range schedules {
		if used[s.ID] {
			r.Schedules = append(r.Schedules, policy.Schedule{ID: s.ID, Intervals: s.Intervals})
		}
	}
	year := now.In(b.Location).Year()
	r.Holidays = slices.Concat(own, policy.SerbianHolidays(year), policy.SerbianHolidays(year+1))
	slices.SortStableFunc(r.Holidays, func(a, b policy.Holiday) int { return strings.Compare(a.Date, b.Date) })
	r.Holidays = slices.CompactFunc(r.Holidays, func(a, b policy.Holiday) bool { return a.Date == b.Date })
	return &r, nil
}

func readSchedules(ctx context.Context, q queryer) ([]Schedule, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, name, intervals FROM schedule ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Schedule
	for rows.Next() {
		var s Schedule
		var intervals string
		if err := rows.Scan(&s.ID, &s.Name, &intervals); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(intervals), &s.Intervals); err != nil {
			return nil, fmt.Errorf("schedule %s is damaged: %w", s.ID, err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func readHolidays(ctx context.Context, q queryer) ([]policy.Holiday, error) {
	rows, err := q.QueryContext(ctx, "SELECT date, name FROM holiday ORDER BY date")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []policy.Holiday
	for rows.Next() {
		var h policy.Holiday
		if err := rows.Scan(&h.Date, &h.Name); err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, rows.Err()
}
