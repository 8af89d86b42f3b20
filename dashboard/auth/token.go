package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"regexp"
	"time"
)

const (
	tokenPrefix = "kpj_"
	tokenHolder = "token:"
)

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}$`)

// CreateToken makes a bearer token, which is given back this once.
func (a *Auth) CreateToken(ctx context.Context, name string, role Role) (token string, err error) {
	if !tokenName.MatchString(name) {
		return "", fault(invalid, "%.80q is no name for a token: 1 … 64 of A-Z, a-z, 0-9, space and . _ @ - are expected, beginning with a letter or digit", name)
	}
	if _, err := ParseRole(string(role)); err != nil {
		return "", err
	}
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret)
	token = tokenPrefix + base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding).EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	r, err := a.file.Write.ExecContext(ctx, "INSERT INTO token VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING", name, role, sum[:], now())
	if err := a.expectOne(r, err, conflict, "there is a token %q already: revoke it first or choose another name", name); err != nil {
		return "", err
	}
	return token, nil
}

// RevokeToken ends a token at once, in every process.
func (a *Auth) RevokeToken(ctx context.Context, name string) error {
	r, err := a.file.Write.ExecContext(ctx, "DELETE FROM token WHERE name = ?", name)
	return a.expectOne(r, err, notFound, "there is no token %.80q", name)
}

// Tokens lists the tokens by name.
func (a *Auth) Tokens(ctx context.Context) ([]Token, error) {
	rows, err := a.file.Read.QueryContext(ctx, "SELECT name, role, created, used FROM token ORDER BY name")
	if err != nil {
		return nil, wrap("tokens", err)
	}
	defer rows.Close()
	var tokens []Token
	for rows.Next() {
		var t Token
		var created, used int64
		if err := rows.Scan(&t.Name, &t.Role, &created, &used); err != nil {
			return nil, wrap("tokens", err)
		}
		t.Created = time.Unix(created, 0).UTC()
		if used != 0 {
			t.Used = time.Unix(used, 0).UTC()
		}
		tokens = append(tokens, t)
	}
	return tokens, wrap("tokens", rows.Err())
}

// Bearer says who has this token. It is found by its SHA-256, so that how long the search takes tells nothing of it.
func (a *Auth) Bearer(ctx context.Context, token string) (User, bool) {
	if token == "" || len(token) > maxCredential {
		return User{}, false
	}
	sum := sha256.Sum256([]byte(token))
	var used int64
	var hash []byte
	var u User
	err := a.bearer.QueryRowContext(ctx, sum[:]).Scan(&used, &hash, &u.Name, &u.Role)
	if err != nil || subtle.ConstantTimeCompare(hash, sum[:]) != 1 {
		return User{}, false
	}
	u.Name = tokenHolder + u.Name
	a.stamp(ctx, "UPDATE token SET used = ? WHERE hash = ? AND used < ?", sum[:], used, now())
	return u, true
}
