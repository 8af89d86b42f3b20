package directory

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Tx makes changes in one transaction: see Import. It is for one goroutine, and ends when the function that got it does.
type Tx struct {
	d      *Directory
	ctx    context.Context
	tx     *sql.Tx
	by     string
	now    time.Time
	stmts  map[string]*sql.Stmt
	broken error // a statement failed: the transaction cannot be committed any more

	touched touched
}

// exec runs a statement that is prepared once, and says how many rows it changed.
func (t *Tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := r.RowsAffected()
	return n, t.fail(err)
}

// row reads one row and says whether there is one.
func (t *Tx) row(query string, args []any, to ...any) (bool, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(t.ctx, args...).Scan(to...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, t.fail(err)
}

func (t *Tx) prepare(query string) (*sql.Stmt, error) {
	if stmt := t.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.tx.PrepareContext(t.ctx, query) // closed with the transaction
	if err != nil {
		return nil, t.fail(err)
	}
	t.stmts[query] = stmt
	return stmt, nil
}

func (t *Tx) fail(err error) error {
	if err != nil && t.broken == nil {
		t.broken = err
	}
	return err
}

// record writes the line of the record of changes. before and after hold no secret.
func (t *Tx) record(action, object string, before, after any) error {
	b, err := json.Marshal(before)
	if err != nil {
		return t.fail(err)
	}
	a, err := json.Marshal(after)
	if err != nil {
		return t.fail(err)
	}
	_, err = t.exec("INSERT INTO change (at, by, action, object, before, after) VALUES (?, ?, ?, ?, ?, ?)",
		t.now.UnixMilli(), t.by, action, object, string(b), string(a))
	return err
}

// The letters of random IDs: base32 by Crockford, without those that are taken for one another.
const letters = "0123456789abcdefghjkmnpqrstvwxyz"

// insert inserts a row with a random ID, and tries again in the case that there is one with that ID.
func (t *Tx) insert(prefix, query string, args ...any) (id string, err error) {
	for range 10 {
		var r [10]byte
		_, _ = rand.Read(r[:]) // never fails: it ends the program instead
		for i := range r {
			r[i] = letters[r[i]%32]
		}
		id = prefix + string(r[:])
		n, err := t.exec(query+" ON CONFLICT (id) DO NOTHING", append([]any{id}, args...)...)
		if err != nil || n > 0 {
			return id, err
		}
	}
	return "", t.fail(errors.New("directory: ten random IDs are taken already: the random numbers of this machine are not random"))
}

// checkText refuses what nobody could read back: too short, too long, not UTF-8, or with control characters.
func checkText(what, text string, least, most int) error {
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		return fault(invalid, "%s is not UTF-8: a text is expected", what)
	case n < least || n > most:
		return fault(invalid, "%s has %d characters: %d … %d are expected", what, n, least, most)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }); i >= 0 {
		return fault(invalid, "%s has a control character after %d bytes: only letters and signs are expected", what, i)
	}
	return nil
}

// checkID refuses what is no ID of a level or schedule; an empty one is made up.
func checkID(what, id string) error {
	if len(id) > 64 {
		return fault(invalid, "the ID of the %s has %d characters: at most 64 are expected", what, len(id))
	}
	for _, r := range id {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) {
			return fault(invalid, "the ID %q of the %s has %q: only a-z, 0-9, - and _ are expected", id, what, r)
		}
	}
	return nil
}

func some(list []string) string {
	const shown = 20
	if len(list) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
	}
	return strings.Join(list, ", ")
}
