package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"kapija/dashboard/auth"
	"kapija/server"
)

// usersFile is where the users are.
type usersFile struct {
	Data string `help:"The server's data folder." default:"kapija-data" env:"KAPIJA_DATA"`
}

func (f usersFile) open() (*auth.Auth, error) {
	return auth.Open(filepath.Join(f.Data, server.UsersFile))
}

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a user; the password is read from standard input."`
	Password userPasswordCmd `cmd:"" help:"Set a user's password, read from standard input."`
}

type userAddCmd struct {
	usersFile
	Name string    `required:"" help:"Name to log in with."`
	Role auth.Role `required:"" help:"manager, guard, technician, tenant-admin or viewer."`
}

func (c userAddCmd) Run(ctx context.Context, s streams) error {
	password, err := readPassword(s)
	if err != nil {
		return err
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	defer a.Close()
	return a.CreateUser(ctx, c.Name, c.Role, password, true)
}

type userPasswordCmd struct {
	usersFile
	Name string `required:"" help:"Whose password."`
}

func (c userPasswordCmd) Run(ctx context.Context, s streams) error {
	password, err := readPassword(s)
	if err != nil {
		return err
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	defer a.Close()
	return a.SetPassword(ctx, c.Name, password, true)
}

// readPassword takes one line, so that no password stands on a command line or in an environment.
func readPassword(s streams) (string, error) {
	fmt.Fprint(s.err, "Password: ")
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(errors.New("no password was given on standard input"), err)
	}
	return line, nil
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it, once."`
	List   tokenListCmd   `cmd:"" help:"List tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token."`
}

type tokenCreateCmd struct {
	usersFile
	Name string    `required:"" help:"What the token is for."`
	Role auth.Role `required:"" help:"manager, guard, technician, tenant-admin or viewer."`
}

func (c tokenCreateCmd) Run(ctx context.Context, s streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	defer a.Close()
	token, err := a.CreateToken(ctx, c.Name, c.Role)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, token)
	return err
}

type tokenListCmd struct{ usersFile }

func (c tokenListCmd) Run(ctx context.Context, s streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	defer a.Close()
	tokens, err := a.Tokens(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE")
	for _, t := range tokens {
		fmt.Fprintf(w, "%s\t%s\n", t.Name, t.Role)
	}
	return w.Flush()
}

type tokenRevokeCmd struct {
	usersFile
	Name string `required:"" help:"Which token."`
}

func (c tokenRevokeCmd) Run(ctx context.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	defer a.Close()
	return a.RevokeToken(ctx, c.Name)
}
