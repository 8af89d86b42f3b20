package server

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"kapija/internal/broker"
	"kapija/internal/site"
	"kapija/internal/topic"
)

// serverUser is the name of the server's own user at the embedded broker.
const serverUser = "server"

// BrokerUsers reads who may use the embedded broker: lines of NAME PASSWORD. A gateway's name is BUILDING/GATEWAY; it may
// publish its own topics and hear its own commands, and nothing else. Users that are missing are added with generated
// passwords, and the file is made when there is none (0600). It returns the server's own name and password too.
func BrokerUsers(path string, d *site.District) (users []broker.User, name, password string, err error) {
	passwords, err := readPasswords(path)
	if err != nil {
		return nil, "", "", err
	}
	added := ""
	ensure := func(name string) string {
		if passwords[name] == "" {
			passwords[name] = rand.Text()
			added += name + " " + passwords[name] + "\n"
		}
		return passwords[name]
	}
	everything := []string{topic.Prefix + "/#"}
	users = append(users, broker.User{Name: serverUser, Password: ensure(serverUser), Publish: everything, Subscribe: everything})
	for _, b := range d.Buildings {
		for _, g := range b.Gateways {
			at := topic.Gateway{Building: b.ID, Gateway: g.ID}
			u := broker.User{Name: at.String(), Password: ensure(at.String())}
			for _, l := range []topic.Leaf{topic.Audit, topic.Telemetry, topic.State, topic.Reply} {
				u.Publish = append(u.Publish, topic.For(at, l))
			}
			u.Subscribe = []string{topic.For(at, topic.Ack), topic.For(at, topic.Command), topic.AllPolicy(at)}
			users = append(users, u)
		}
	}
	if added != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(added)
			err = errors.Join(err, f.Sync(), f.Close())
		}
		if err != nil {
			return nil, "", "", fmt.Errorf("server: broker users: %w", err)
		}
	}
	return users, serverUser, passwords[serverUser], nil
}

func readPasswords(path string) (map[string]string, error) {
	passwords := map[string]string{}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return passwords, nil
	}
	if err != nil {
		return nil, fmt.Errorf("server: broker users: %w", err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for line := 1; s.Scan(); line++ {
		part := strings.Fields(s.Text())
		switch {
		case len(part) == 0 || strings.HasPrefix(part[0], "#"):
		case len(part) != 2:
			return nil, fmt.Errorf("server: %s:%d: found %d words, expected NAME PASSWORD", path, line, len(part))
		default:
			passwords[part[0]] = part[1]
		}
	}
	return passwords, s.Err()
}
