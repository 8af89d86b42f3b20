package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"
)

const (
	sessionIdle   = 12 * time.Hour
	sessionLife   = 7 * 24 * time.Hour
	stampEvery    = time.Minute
	stampWait     = 250 * time.Millisecond // for another process that writes
	secretSize    = 32
	maxCredential = 128 // bytes; longer ones are not looked up
)

// Login checks a password and begins a session. remote is the address of the browser. The code of the error is
// unauthorized, whatever was wrong, or rate_limited, with the time at which to come back (L51).
func (a *Auth) Login(ctx context.Context, user, password, remote string) (session string, err error) {
	user = canonical(user)
	if err := a.verify(ctx, user, password, nil, ofUser(user), ofRemote(remote)); err != nil {
		return "", err
	}
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret)
	session = base64.RawURLEncoding.EncodeToString(secret)
	hash, at := sha256.Sum256([]byte(session)), now()
	err = a.file.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM session WHERE used <= ? OR created <= ?", at-seconds(sessionIdle), at-seconds(sessionLife)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO session VALUES (?, ?, ?, ?)", hash[:], user, at, at)
		return err
	})
	if err != nil {
		return "", wrap("session", err)
	}
	return session, nil
}

// verify checks a password within the limits; into, when not nil, gets the hash that is stored.
func (a *Auth) verify(ctx context.Context, user, password string, into *string, first subject, others ...subject) error {
	all := append([]subject{first}, others...)
	if err := a.limit.try(all...); err != nil {
		return err
	}
	var stored string
	err := a.file.Read.QueryRowContext(ctx, "SELECT hash FROM user WHERE name = ?", user).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	fits := false
	if err == nil {
		fits, err = a.hashing.fits(ctx, stored, password)
	}
	switch {
	case err != nil:
		a.limit.undo(all...)
		return wrap("log-in", err)
	case !fits:
		return fault(unauthorized, "user and password do not fit")
	}
	a.limit.succeeded(first, others...)
	if into != nil {
		*into = stored
	}
	return nil
}

type keptSession struct{}

// KeepSession marks the session that ChangePassword leaves open: that of whoever changes the own password.
func KeepSession(ctx context.Context, session string) context.Context {
	return context.WithValue(ctx, keptSession{}, session)
}

// ChangePassword changes the own password. All sessions of the user end but the one of KeepSession. The code of the
// error is unauthorized when old is wrong, rate_limited after too many of those, and invalid when fresh will not do.
func (a *Auth) ChangePassword(ctx context.Context, user, old, fresh string) error {
	user = canonical(user)
	var stored string
	if err := a.verify(ctx, user, old, &stored, ofUser(user)); err != nil {
		return err
	}
	if err := checkPassword(user, fresh); err != nil {
		return err
	}
	if string(normal(old)) == string(normal(fresh)) {
		return fault(invalid, "the new password is the old one: another one is expected")
	}
	hash, err := a.hashing.hash(ctx, fresh)
	if err != nil {
		return err
	}
	var keep []byte
	if session, ok := ctx.Value(keptSession{}).(string); ok {
		sum := sha256.Sum256([]byte(session))
		keep = sum[:]
	}
	return a.replacePassword(ctx, user, stored, hash, false, keep)
}

// Session says who has this session. A session ends after 12 hours without use, after 7 days in any case, and when the
// user's password is changed.
func (a *Auth) Session(ctx context.Context, session string) (User, bool) {
	if session == "" || len(session) > maxCredential {
		return User{}, false
	}
	sum, at := sha256.Sum256([]byte(session)), now()
	var created, used int64
	var hash []byte
	var u User
	err := a.session.QueryRowContext(ctx, sum[:]).Scan(&created, &used, &hash, &u.Name, &u.Role, &u.MustChange, &u.Language)
	if err != nil || subtle.ConstantTimeCompare(hash, sum[:]) != 1 ||
		at-used >= seconds(sessionIdle) || at-created >= seconds(sessionLife) {
		return User{}, false
	}
	a.stamp(ctx, "UPDATE session SET used = ? WHERE hash = ? AND used < ?", sum[:], used, at)
	return u, true
}

// Logout ends a session.
func (a *Auth) Logout(ctx context.Context, session string) {
	sum := sha256.Sum256([]byte(session))
	_, _ = a.file.Write.ExecContext(ctx, "DELETE FROM session WHERE hash = ?", sum[:])
}

// stamp notes that something was used, at most once a minute. Nobody is kept waiting for it: when the file is busy or the
// disk full, the next request tries again.
func (a *Auth) stamp(ctx context.Context, update string, hash []byte, used, at int64) {
	if at-used < seconds(stampEvery) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stampWait)
	defer cancel()
	_, _ = a.file.Write.ExecContext(ctx, update, at, hash, at)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
