// Package auth says who is at the other end: users with passwords (argon2id) and sessions, and bearer tokens for
// programs, each with a role. What a role may do is for its callers to say.
//
// It never keeps or logs a password, a session or a token: of passwords it keeps argon2id, of the random others SHA-256.
//
// Concurrency: an Auth may be used by any number of goroutines, and its file by several processes: nothing is cached, so
// that what one process creates or revokes counts in the other at once. Session and Bearer are one indexed read. At most
// two passwords are hashed at once, 19 MiB each; 32 more may wait, and whoever comes then is told to come back. Failed
// log-ins are counted in memory, for 10,000 users and addresses at most; a restart forgets them.
package auth

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"kapija/dashboard/directory/dbfile"
)

//go:embed migrations
var migrations embed.FS

// Auth is the open register of users and tokens.
type Auth struct {
	file    *dbfile.File
	session *sql.Stmt
	bearer  *sql.Stmt
	hashing *hasher
	limit   *limiter
}

const (
	selectSession = `SELECT s.created, s.used, s.hash, u.name, u.role, u.must_change, u.language
		FROM session s JOIN user u ON u.name = s.user WHERE s.hash = ?`
	selectBearer = "SELECT used, hash, name, role FROM token WHERE hash = ?"
)

// Open opens or creates the file.
func Open(path string) (*Auth, error) {
	file, err := dbfile.Open(path, migrations)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	a := &Auth{file: file, hashing: newHasher(), limit: newLimiter()}
	if a.session, err = file.Read.Prepare(selectSession); err == nil {
		a.bearer, err = file.Read.Prepare(selectBearer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("auth: %s: %w", path, err), file.Close())
	}
	return a, nil
}

// Close closes the file.
func (a *Auth) Close() error {
	if err := a.file.Close(); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	return nil
}

// Bootstrap makes the user admin, with the role of a manager and a password that must be changed, when there is no user
// at all. The password is given back this once (L50).
func (a *Auth) Bootstrap(ctx context.Context) (user, password string, created bool, err error) {
	var users int
	if err := a.file.Read.QueryRowContext(ctx, "SELECT count(*) FROM user").Scan(&users); err != nil || users > 0 {
		return "", "", false, wrap("first user", err)
	}
	password = firstPassword()
	hash, err := a.hashing.hash(ctx, password)
	if err != nil {
		return "", "", false, err
	}
	r, err := a.file.Write.ExecContext(ctx,
		"INSERT INTO user SELECT 'admin', ?, ?, 1, '' WHERE NOT EXISTS (SELECT 1 FROM user)", Manager, hash)
	if err != nil {
		return "", "", false, wrap("first user", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return "", "", false, wrap("first user", err) // another process was faster
	}
	return "admin", password, true, nil
}

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// canonical is the one spelling of a user name.
func canonical(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// CreateUser adds a user. Names are a-z, 0-9 and . _ @ - in lower case; capitals are made small.
func (a *Auth) CreateUser(ctx context.Context, name string, role Role, password string, mustChange bool) error {
	name = canonical(name)
	if !userName.MatchString(name) {
		return fault(invalid, "%.80q is no user name: 1 … 64 of a-z, 0-9 and . _ @ - are expected, beginning with a letter or digit", name)
	}
	if _, err := ParseRole(string(role)); err != nil {
		return err
	}
	if err := checkPassword(name, password); err != nil {
		return err
	}
	hash, err := a.hashing.hash(ctx, password)
	if err != nil {
		return err
	}
	r, err := a.file.Write.ExecContext(ctx, "INSERT INTO user VALUES (?, ?, ?, ?, '') ON CONFLICT DO NOTHING", name, role, hash, mustChange)
	return a.expectOne(r, err, conflict, "there is a user %q already: choose another name", name)
}

// SetPassword gives a user another password and ends all sessions of that user.
func (a *Auth) SetPassword(ctx context.Context, user, password string, mustChange bool) error {
	user = canonical(user)
	if err := checkPassword(user, password); err != nil {
		return err
	}
	hash, err := a.hashing.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.replacePassword(ctx, user, "", hash, mustChange, nil)
}

// replacePassword stores a hash and ends the user's sessions but keep. When before is not empty, it must be the hash
// that is replaced: a change that overtook this one wins.
func (a *Auth) replacePassword(ctx context.Context, user, before, hash string, mustChange bool, keep []byte) error {
	err := a.file.Change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "UPDATE user SET hash = ?, must_change = ? WHERE name = ? AND (? = '' OR hash = ?)", hash, mustChange, user, before, before)
		if err := a.expectOne(r, err, notFound, "there is no user %.80q, or its password was just changed", user); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM session WHERE user = ? AND hash IS NOT ?", user, keep)
		return err
	})
	return wrap("password", err)
}

// Users lists the users by name.
func (a *Auth) Users(ctx context.Context) ([]User, error) {
	rows, err := a.file.Read.QueryContext(ctx, "SELECT name, role, must_change, language FROM user ORDER BY name")
	if err != nil {
		return nil, wrap("users", err)
	}
	defer rows.Close()
	var users []User
	for rows.Next() {
		var u User
		if err := rows.Scan(&u.Name, &u.Role, &u.MustChange, &u.Language); err != nil {
			return nil, wrap("users", err)
		}
		users = append(users, u)
	}
	return users, wrap("users", rows.Err())
}

// SetLanguage remembers in which language and script a user reads.
func (a *Auth) SetLanguage(ctx context.Context, user, lang string) error {
	switch lang {
	case "sr-Latn", "sr-Cyrl", "en":
	default:
		return fault(invalid, "%.20q is no language: sr-Latn, sr-Cyrl or en is expected", lang)
	}
	r, err := a.file.Write.ExecContext(ctx, "UPDATE user SET language = ? WHERE name = ?", lang, canonical(user))
	return a.expectOne(r, err, notFound, "there is no user %.80q", user)
}

// expectOne turns a statement that changed nothing into a problem.
func (a *Auth) expectOne(r sql.Result, err error, code, format string, args ...any) error {
	if err != nil {
		return wrap("write", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(wrap("write", err), fault(code, format, args...))
	}
	return nil
}

// wrap names the package, unless the error does so already.
func wrap(what string, err error) error {
	if _, ok := errors.AsType[*problem](err); ok || err == nil {
		return err
	}
	return fmt.Errorf("auth: %s: %w", what, err)
}

func now() int64 { return time.Now().Unix() }
