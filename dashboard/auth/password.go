package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The parameters of argon2id: OWASP Password Storage Cheat Sheet, the first choice of equal strength that has p=1.
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonLanes  = 1
	saltSize    = 16
	hashSize    = 32

	maxArgonMemory = 256 * 1024 // KiB; a stored hash that asks for more is damaged
	maxArgonTime   = 16
)

const (
	atOnce     = 2  // hashings
	maxWaiting = 32 // for one of them

	minPassword = 10  // characters
	maxPassword = 256 // bytes
)

// hasher hashes passwords, a few at once.
type hasher struct {
	turn    chan struct{}
	waiting chan struct{}
	nobody  string // hash against which the passwords of unknown users are tried
}

func newHasher() *hasher {
	h := &hasher{turn: make(chan struct{}, atOnce), waiting: make(chan struct{}, atOnce+maxWaiting)}
	h.nobody = phc(make([]byte, saltSize), make([]byte, hashSize))
	return h
}

// take waits for a turn.
func (h *hasher) take(ctx context.Context) (done func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, fault(rateLimited, "%d log-ins are waiting already: try again in a few seconds", maxWaiting)
	}
	select {
	case h.turn <- struct{}{}:
		return func() { <-h.turn; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, fmt.Errorf("auth: password: %w", ctx.Err())
	}
}

// hash makes the PHC string of a password: https://github.com/P-H-C/phc-string-format.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.take(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	return phc(salt, argon2.IDKey(normal(password), salt, argonTime, argonMemory, argonLanes, hashSize)), nil
}

// fits says whether the password is that of the PHC string. An empty one takes as long, and fits nothing.
func (h *hasher) fits(ctx context.Context, stored, password string) (bool, error) {
	known := stored != ""
	if !known {
		stored = h.nobody
	}
	var version, memory, time uint32
	var lanes uint8
	var rest string
	_, err := fmt.Sscanf(stored, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &memory, &time, &lanes, &rest)
	saltText, sumText, _ := strings.Cut(rest, "$")
	salt, errSalt := base64.RawStdEncoding.DecodeString(saltText)
	sum, errSum := base64.RawStdEncoding.DecodeString(sumText)
	if err != nil || errSalt != nil || errSum != nil || version != argon2.Version || len(sum) < 16 || lanes == 0 ||
		memory == 0 || memory > maxArgonMemory || time == 0 || time > maxArgonTime {
		return false, fmt.Errorf("auth: a stored password is damaged: set it anew")
	}
	done, err := h.take(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	got := argon2.IDKey(normal(password), salt, time, memory, lanes, uint32(len(sum)))
	return subtle.ConstantTimeCompare(got, sum) == 1 && known, nil
}

func phc(salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// normal makes č one letter, whichever way a keyboard sends it (RFC 8265, 4.2.2).
func normal(password string) []byte {
	return norm.NFC.Bytes([]byte(password[:min(len(password), 4*maxPassword)]))
}

// checkPassword refuses passwords that are not fit for user.
func checkPassword(user, password string) error {
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return fault(invalid, "the password is no text of at most %d bytes", maxPassword)
	case utf8.RuneCountInString(norm.NFC.String(password)) < minPassword:
		return fault(invalid, "the password has %d characters: at least %d are expected", utf8.RuneCountInString(password), minPassword)
	case strings.EqualFold(strings.TrimSpace(password), user):
		return fault(invalid, "the password is the user name: another one is expected")
	}
	return nil
}

// firstPassword is random, of about 79 bits, and can be read aloud: no l, 1, 0, o and i.
func firstPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	var b strings.Builder
	for n := 0; n < 16; {
		var r [1]byte
		_, _ = rand.Read(r[:])
		if int(r[0]) >= 256/len(letters)*len(letters) {
			continue // so that all letters are equally likely
		}
		if n > 0 && n%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[int(r[0])%len(letters)])
		n++
	}
	return b.String()
}
