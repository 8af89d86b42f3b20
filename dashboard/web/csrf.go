package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// formCookie holds a random secret to which a form is bound before there is a session.
const formCookie = "kapija_form"

// token is what a form carries: proof that whoever rendered it knew the secret of the cookie. It is masked anew each
// time, so that its bytes cannot be guessed from the size of compressed pages.
func token(secret string) string {
	var pad [sha256.Size]byte
	_, _ = rand.Read(pad[:]) // crypto/rand never fails
	sum := tokenSum(secret)
	masked := make([]byte, 2*sha256.Size)
	copy(masked, pad[:])
	subtle.XORBytes(masked[sha256.Size:], sum[:], pad[:])
	return base64.RawURLEncoding.EncodeToString(masked)
}

// tokenFits says whether token was made for secret.
func tokenFits(token, secret string) bool {
	masked, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(masked) != 2*sha256.Size || secret == "" {
		return false
	}
	var sum [sha256.Size]byte
	subtle.XORBytes(sum[:], masked[:sha256.Size], masked[sha256.Size:])
	want := tokenSum(secret)
	return subtle.ConstantTimeCompare(sum[:], want[:]) == 1
}

func tokenSum(secret string) [sha256.Size]byte {
	return sha256.Sum256([]byte("kapija form token\x00" + secret))
}

// checkForm refuses a form that another site sent or that is not bound to secret.
func checkForm(c *fiber.Ctx, secret string) error {
	switch c.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return errForeign
	}
	if !tokenFits(field(c, "csrf"), secret) {
		return errStale
	}
	return nil
}

// formSecret is the secret of the form cookie, set anew when the browser has none.
func (s *server) formSecret(c *fiber.Ctx) string {
	if v := c.Cookies(formCookie); len(v) >= 32 {
		return strings.Clone(v)
	}
	secret := rand.Text() + rand.Text()
	s.setCookie(c, formCookie, secret)
	return secret
}

func (s *server) setCookie(c *fiber.Ctx, name, value string) {
	c.Cookie(&fiber.Cookie{
		Name: name, Value: value, Path: "/", HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: s.TLS || c.Secure(),
	})
}

// field is one value of a posted form, trimmed and copied.
func field(c *fiber.Ctx, name string) string {
	return strings.TrimSpace(string(c.Request().PostArgs().Peek(name)))
}

// fields are all values of a posted form under one name, copied.
func fields(c *fiber.Ctx, name string) []string {
	var all []string
	for _, v := range c.Request().PostArgs().PeekMulti(name) {
		all = append(all, string(v))
	}
	return all
}
