package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"kapija/internal/policy"
)

const maxPage = 1000

// People lists people in the order of the Latin alphabet, whatever script their names are written in. query is words;
// each must occur in the name or company of whoever is found, or be the ID of the person or of one of the badges: Ђорђе,
// Đorđe, djordje and dorde find the same. total is how many are found; the answer holds at most limit of them, and never
// more than 1,000, after the first offset.
func (d *Directory) People(ctx context.Context, query string, limit, offset int) (page []Person, total int, err error) {
	where, args := "", []any{}
	for _, t := range terms(query) {
		where += " AND (instr(folded, ?) OR id = ? OR id IN (SELECT person FROM badge WHERE badge.id = ?))"
		args = append(args, t, t, t)
	}
	where = strings.Replace(where, " AND", " WHERE", 1)
	tx, err := d.file.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, fmt.Errorf("directory: people: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM person"+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("directory: people: %w", err)
	}
	limit, offset = min(max(limit, 0), maxPage), max(offset, 0)
	page, err = readPeople(ctx, tx, where+" ORDER BY sorting, id LIMIT ? OFFSET ?", append(args, limit, offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("directory: people: %w", err)
	}
	return page, total, nil
}

// Person is one person, with badges. The code of the error is not_found when there is none.
func (d *Directory) Person(ctx context.Context, id string) (Person, error) {
	found, err := readPeople(ctx, d.file.Read, " WHERE id = ?", id)
	if err != nil {
		return Person{}, fmt.Errorf("directory: person: %w", err)
	}
	if len(found) == 0 {
		return Person{}, noPerson(id)
	}
	return found[0], nil
}

// Holder is who holds a badge, by its pseudonym; also a revoked one, so that past events keep their names.
func (d *Directory) Holder(ctx context.Context, badge string) (Person, bool, error) {
	found, err := readPeople(ctx, d.file.Read, " WHERE id = (SELECT person FROM badge WHERE badge.id = ?)", badge)
	if err != nil {
		return Person{}, false, fmt.Errorf("directory: holder: %w", err)
	}
	if len(found) == 0 {
		return Person{}, false, nil
	}
	return found[0], true, nil
}

func noPerson(id string) error {
	return fault(notFound, "there is no person %.40q: the ID of a person in the register is expected", id)
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readPeople reads whole people in one statement. Levels and badges come as JSON, so that a page is one round trip.
func readPeople(ctx context.Context, q queryer, rest string, args ...any) ([]Person, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, name, company, extended, suspended, roles, pin IS NOT NULL,
		(SELECT json_group_array(l.id ORDER BY l.id) FROM person_level pl JOIN level l ON l.number = pl.level WHERE pl.person = person.id),
		(SELECT json_group_array(json_array(b.id, b.format, b.hint, b.not_before, b.not_after, b.revoked) ORDER BY b.seq) FROM badge b WHERE b.person = person.id)
		FROM person`+rest, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	people := []Person{}
	for rows.Next() {
		var p Person
		var levels, badges string
		var roles policy.Roles
		if err := rows.Scan(&p.ID, &p.Name, &p.Company, &p.Extended, &p.Suspended, &roles, &p.HasPIN, &levels, &badges); err != nil {
			return nil, err
		}
		p.setRoles(roles)
		var rowsOfBadges []badgeRow
		if err := errors.Join(json.Unmarshal([]byte(levels), &p.Levels), json.Unmarshal([]byte(badges), &rowsOfBadges)); err != nil {
			return nil, err
		}
		for _, b := range rowsOfBadges {
			p.Badges = append(p.Badges, Badge(b))
		}
		people = append(people, p)
	}
	return people, rows.Err()
}

// badgeRow is a Badge as an array of columns.
type badgeRow Badge

func (b *badgeRow) UnmarshalJSON(text []byte) error {
	var notBefore, notAfter int64
	var revoked *int64
	if err := json.Unmarshal(text, &[]any{&b.ID, &b.Format, &b.Hint, &notBefore, &notAfter, &revoked}); err != nil {
		return err
	}
	b.NotBefore, b.NotAfter = fromSeconds(notBefore), fromSeconds(notAfter)
	if revoked != nil {
		b.Revoked = time.UnixMilli(*revoked).UTC()
	}
	return nil
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
