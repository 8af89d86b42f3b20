package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"kapija/dashboard/auth"
)

// each command with what it needs to be parsed.
var commands = map[string][]string{
	"serve": {"serve"}, "relay": {"relay", "--mqtt", "tcp://x:1"}, "token list": {"token", "list"},
	"user add": {"user", "add", "--name", "x", "--role", "viewer"},
}

// L55: every setting that can come from the environment does, and is in the documentation.
func TestL55EnvironmentIsBound(t *testing.T) {
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	bound := 0
	for name, args := range commands {
		var model cli
		k, err := kong.New(&model)
		if err != nil {
			t.Fatal(err)
		}
		ctx, err := k.Parse(args)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range ctx.Flags() {
			for _, env := range f.Envs {
				bound++
				value := "from-the-environment"
				switch f.Target.Kind().String() {
				case "bool":
					value = "true"
				case "int64":
					value = "7h0m0s"
				case "int":
					value = "ERROR"
				}
				if !bytes.Contains(docs, []byte("`"+env+"`")) {
					t.Errorf("%s: %s is not in docs/operations.md", name, env)
				}
				t.Run(name+" "+env, func(t *testing.T) {
					t.Setenv(env, value)
					var model cli
					k, err := kong.New(&model)
					if err != nil {
						t.Fatal(err)
					}
					args := args
					if f.Required { // given on the command line above: here the environment gives it
						args = args[:1]
					}
					ctx, err := k.Parse(args)
					if err != nil {
						t.Fatal(err)
					}
					for _, g := range ctx.Flags() {
						if g.Name == f.Name && fmt.Sprint(g.Target.Interface()) != value {
							t.Errorf("--%s is %v, want %s", g.Name, g.Target.Interface(), value)
						}
					}
				})
			}
		}
	}
	if bound < 10 {
		t.Errorf("only %d settings found", bound)
	}
}

func call(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), err
}

func TestTokensAndUsers(t *testing.T) {
	dir := t.TempDir()
	token, err := call(t, "", "token", "create", "--data", dir, "--name", "grafana", "--role", "viewer")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, "", "token", "create", "--data", dir, "--name", "grafana", "--role", "viewer"); err == nil {
		t.Error("the same name twice was taken")
	}
	if list, err := call(t, "", "token", "list", "--data", dir); err != nil || !strings.Contains(list, "grafana  viewer") || strings.Contains(list, strings.TrimSpace(token)) {
		t.Errorf("list: %q, %v", list, err)
	}
	if _, err := call(t, "correct horse battery\n", "user", "add", "--data", dir, "--name", "ana", "--role", "guard"); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, "", "user", "password", "--data", dir, "--name", "ana"); err == nil || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("no password: %v", err)
	}
	a, err := (usersFile{dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if u, ok := a.Bearer(t.Context(), strings.TrimSpace(token)); !ok || u.Role != auth.Viewer {
		t.Errorf("the printed token is worth %+v, %v", u, ok)
	}
	if _, err := a.Login(t.Context(), "ana", "correct horse battery", "test"); err != nil {
		t.Error(err)
	}
	if _, err := call(t, "", "token", "revoke", "--data", dir, "--name", "grafana"); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Bearer(t.Context(), strings.TrimSpace(token)); ok {
		t.Error("a revoked token is taken")
	}
}

func TestHelpAndVersion(t *testing.T) {
	if out, err := call(t, "", "--help"); err != nil || !strings.Contains(out, "Usage: kapija <command>") {
		t.Errorf("help: %q, %v", out, err)
	}
	if out, err := call(t, "", "version"); err != nil || out != "kapija dev\n" {
		t.Errorf("version: %q, %v", out, err)
	}
}
