package broker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/crypto/bcrypt"
)

const shortest = 12 // characters of a password in the clear

// User may connect, and may publish and subscribe to what is listed and to nothing else.
type User struct {
	Name      string
	Password  string   // a bcrypt hash ($2a$…), or the password itself, at least 12 characters
	Publish   []string // MQTT topic filters
	Subscribe []string // MQTT topic filters
}

func permissions(users []User) ([]*server.User, error) {
	var out []*server.User
	var problems []error
	seen := map[string]bool{}
	for _, u := range users {
		n, err := u.server()
		switch {
		case err != nil:
			problems = append(problems, err)
		case seen[u.Name]:
			problems = append(problems, fmt.Errorf("broker: user %q is there twice", u.Name))
		}
		seen[u.Name] = true
		out = append(out, n)
	}
	return out, errors.Join(problems...)
}

func (u User) server() (*server.User, error) {
	if u.Name == "" {
		return nil, errors.New("broker: a user has no name")
	}
	pass := u.Password
	if _, err := bcrypt.Cost([]byte(pass)); err != nil {
		if len(pass) < shortest {
			return nil, fmt.Errorf("broker: the password of user %q has %d characters: at least %d are needed", u.Name, len(pass), shortest)
		}
		// The server compares bcrypt hashes as they should be compared. The cheapest cost: the secret itself is in memory.
		h, err := bcrypt.GenerateFromPassword([]byte(pass), bcrypt.MinCost)
		if err != nil {
			return nil, fmt.Errorf("broker: the password of user %q: %w", u.Name, err)
		}
		pass = string(h)
	}
	pub, err := subjects(u.Publish)
	if err != nil {
		return nil, fmt.Errorf("broker: user %q may publish: %w", u.Name, err)
	}
	sub, err := subjects(u.Subscribe)
	if err != nil {
		return nil, fmt.Errorf("broker: user %q may subscribe: %w", u.Name, err)
	}
	if len(sub.Allow) > 0 {
		// QoS 1 is delivered on subjects of this form, one secret name per subscription.
		sub.Allow = append(sub.Allow, "$MQTT.sub.>")
	}
	return &server.User{Username: u.Name, Password: pass, Permissions: &server.Permissions{Publish: pub, Subscribe: sub}}, nil
}

// subjects turns topic filters into the server's subjects. An empty list allows nothing.
func subjects(filters []string) (*server.SubjectPermission, error) {
	if len(filters) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}, nil
	}
	p := &server.SubjectPermission{}
	for _, f := range filters {
		s, err := subject(f)
		if err != nil {
			return nil, err
		}
		p.Allow = append(p.Allow, s)
		if up, ok := strings.CutSuffix(s, ".>"); ok { // a/# covers a as well (MQTT 3.1.1, 4.7.1.2)
			p.Allow = append(p.Allow, up)
		}
	}
	return p, nil
}

// subject converts one filter. Topics that the server would have to escape (dots, spaces, empty levels) are refused: no
// topic of ours holds them.
func subject(filter string) (string, error) {
	levels := strings.Split(filter, "/")
	for i, l := range levels {
		switch {
		case l == "+":
			levels[i] = "*"
		case l == "#" && i == len(levels)-1:
			levels[i] = ">"
		case l == "" || strings.ContainsAny(l, "+#*>. \t\r\n\f\x00\x7f") || strings.HasPrefix(l, "$"):
			return "", fmt.Errorf("topic filter %q: level %q is not allowed: use names without dots, spaces and wildcards, + for one level, # at the end", filter, l)
		}
	}
	return strings.Join(levels, "."), nil
}
