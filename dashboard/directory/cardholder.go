package directory

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxLevels = 64 // of one person

// AddPerson adds a person with name, company, levels, roles and whether the longer release is needed. The ID is made up.
func (d *Directory) AddPerson(ctx context.Context, by string, p Person) (made Person, err error) {
	err = d.Import(ctx, by, func(t *Tx) error {
		made, err = t.AddPerson(p)
		return err
	})
	return made, err
}

// AddBadge gives a card to a person, from notBefore on (zero: at once) until notAfter (exclusive; zero: no end). A card
// that somebody has already is a conflict; one that was revoked may be given out again, and gets a new pseudonym.
func (d *Directory) AddBadge(ctx context.Context, by, personID string, c Card, notBefore, notAfter time.Time) (made Badge, err error) {
	err = d.Import(ctx, by, func(t *Tx) error {
		made, err = t.AddBadge(personID, c, notBefore, notAfter)
		return err
	})
	return made, err
}

// RevokeBadge ends a badge for ever. A badge that is revoked already is no error.
func (d *Directory) RevokeBadge(ctx context.Context, by, badgeID string) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.RevokeBadge(badgeID) })
}

// Suspend refuses all badges of a person until they are let in again.
func (d *Directory) Suspend(ctx context.Context, by, personID string, suspended bool) error {
	return d.Import(ctx, by, func(t *Tx) error { return t.Suspend(personID, suspended) })
}

// AddPerson is as of Directory.
func (t *Tx) AddPerson(p Person) (Person, error) {
	p.Name, p.Company = strings.TrimSpace(p.Name), strings.TrimSpace(p.Company)
	if err := checkText("the name", p.Name, 1, 200); err != nil {
		return Person{}, err
	}
	if err := checkText("the company", p.Company, 0, 200); err != nil {
		return Person{}, err
	}
	p.Badges, p.HasPIN = nil, false
	p.Levels = slices.Compact(slices.Sorted(slices.Values(p.Levels)))
	if len(p.Levels) > maxLevels {
		return Person{}, fault(invalid, "the person has %d access levels: at most %d are expected", len(p.Levels), maxLevels)
	}
	numbers := make([]int64, len(p.Levels))
	for i, id := range p.Levels {
		found, err := t.row("SELECT number FROM level WHERE id = ?", []any{id}, &numbers[i])
		if err != nil {
			return Person{}, err
		}
		if !found {
			return Person{}, t.noLevel(invalid, id)
		}
	}
	var err error
	p.ID, err = t.insert("p_", "INSERT INTO person (id, name, company, extended, suspended, roles, folded, sorting) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.Name, p.Company, p.Extended, p.Suspended, p.roles(), fold(p.Name)+"\n"+fold(p.Company), t.d.sort.key(p.Name))
	if err != nil {
		return Person{}, err
	}
	for _, n := range numbers {
		if _, err := t.exec("INSERT INTO person_level VALUES (?, ?)", p.ID, n); err != nil {
			return Person{}, err
		}
	}
	return p, t.record("person.add", p.ID, nil, p)
}

// AddBadge is as of Directory.
func (t *Tx) AddBadge(personID string, c Card, notBefore, notAfter time.Time) (Badge, error) {
	bits, n, err := t.d.site.Formats.Encode(c.Format, c.Facility, c.Number)
	if err != nil {
		return Badge{}, fault(invalid, "%w", err)
	}
	from, err := seconds("begins", notBefore, time.Second-time.Nanosecond)
	if err != nil {
		return Badge{}, err
	}
	until, err := seconds("ends", notAfter, 0)
	if err != nil {
		return Badge{}, err
	}
	if from != 0 && until != 0 && until <= from {
		return Badge{}, fault(invalid, "the badge ends at %s and begins at %s: an end after the beginning is expected",
			notAfter.Format(time.DateTime), notBefore.Format(time.DateTime))
	}
	var one int
	if found, err := t.row("SELECT 1 FROM person WHERE id = ?", []any{personID}, &one); err != nil {
		return Badge{}, err
	} else if !found {
		return Badge{}, noPerson(personID)
	}
	key := t.d.key.Card(c.Format, bits, n)
	if found, err := t.row("SELECT 1 FROM badge WHERE key = ? AND revoked IS NULL", []any{key[:]}, &one); err != nil {
		return Badge{}, err
	} else if found {
		return Badge{}, fault(conflict, "this card is given out already: revoke that badge first, or take another card")
	}
	b := Badge{Format: c.Format, Hint: hint(c.Number), NotBefore: fromSeconds(from), NotAfter: fromSeconds(until)}
	b.ID, err = t.insert("b_", "INSERT INTO badge (id, person, key, shard, format, hint, not_before, not_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		personID, key[:], key.Shard(), b.Format, b.Hint, from, until)
	if err != nil {
		return Badge{}, err
	}
	t.touched.shards[key.Shard()] = true
	return b, t.record("badge.add", b.ID, nil, badgeOf{b, personID})
}

// badgeOf is a badge in the record of changes.
type badgeOf struct {
	Badge
	Person string `json:"person"`
}

// RevokeBadge is as of Directory.
func (t *Tx) RevokeBadge(badgeID string) error {
	var b badgeOf
	var from, until int64
	var shard uint8
	var revoked *int64
	found, err := t.row("SELECT id, person, shard, format, hint, not_before, not_after, revoked FROM badge WHERE id = ?", []any{badgeID},
		&b.ID, &b.Person, &shard, &b.Format, &b.Hint, &from, &until, &revoked)
	switch {
	case err != nil:
		return err
	case !found:
		return fault(notFound, "there is no badge %.40q: the pseudonym of a badge in the register is expected", badgeID)
	case revoked != nil:
		return nil
	}
	b.NotBefore, b.NotAfter = fromSeconds(from), fromSeconds(until)
	after := b
	after.Revoked = time.UnixMilli(t.now.UnixMilli()).UTC()
	if _, err := t.exec("UPDATE badge SET revoked = ? WHERE id = ?", after.Revoked.UnixMilli(), badgeID); err != nil {
		return err
	}
	t.touched.shards[shard] = true
	return t.record("badge.revoke", badgeID, b, after)
}

// Suspend is as of Directory.
func (t *Tx) Suspend(personID string, suspended bool) error {
	before, err := t.person(personID)
	if err != nil || before.Suspended == suspended {
		return err
	}
	if _, err := t.exec("UPDATE person SET suspended = ? WHERE id = ?", suspended, personID); err != nil {
		return err
	}
	if err := t.touch(personID); err != nil {
		return err
	}
	after, action := before, "person.resume"
	after.Suspended = suspended
	if suspended {
		action = "person.suspend"
	}
	return t.record(action, personID, before, after)
}

// seconds is a limit of validity in Unix seconds, rounded up by up; 0 is none. Its range is that of the policy.
func seconds(what string, limit time.Time, up time.Duration) (int64, error) {
	if limit.IsZero() {
		return 0, nil
	}
	s := limit.Add(up).Unix()
	if s < 1 || s > math.MaxUint32 {
		return 0, fault(invalid, "the badge %s at %s: a time after 1970 and before 2106-02-07 is expected, or none", what, limit.Format(time.DateTime))
	}
	return s, nil
}

// hint is the end of a card's number, and never the most of it.
func hint(number uint64) string {
	digits := strconv.FormatUint(number, 10)
	return fmt.Sprint("…", digits[len(digits)-min(len(digits)/2, 2):])
}
