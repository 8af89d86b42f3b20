package auth

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fresh(t)
		ok(t, a.CreateUser(ctx, "ana", Guard, good, false))
		log := func() string { return must(a.Login(ctx, "ana", good, "10.0.0.1"))(t) }
		lives := func(session string) bool { _, ok := a.Session(ctx, session); return ok }

		idle := log()
		time.Sleep(sessionIdle - time.Minute)
		if !lives(idle) {
			t.Error("ended before it was idle for 12 hours")
		}
		time.Sleep(sessionIdle)
		if lives(idle) {
			t.Error("lives after 12 idle hours")
		}
		busy := log()
		for range 14 {
			time.Sleep(sessionIdle - time.Minute)
			if !lives(busy) {
				t.Fatal("ended within 7 days, in use")
			}
		}
		time.Sleep(15 * time.Minute)
		if lives(busy) {
			t.Error("lives after 7 days")
		}
		out := log()
		a.Logout(ctx, out)
		if lives(out) || lives("") || lives("x") || lives(strings.Repeat("x", 10_000)) {
			t.Error("lives after logging out")
		}
		mine, other := log(), log()
		ok(t, a.ChangePassword(KeepSession(ctx, mine), "ana", good, "another password"))
		if !lives(mine) || lives(other) {
			t.Error("after a change of password the own session lives and the other is over")
		}
		ok(t, a.SetPassword(ctx, "ana", good, true))
		if lives(mine) {
			t.Error("lives after the password was set by somebody else")
		}
		var kept int
		ok(t, a.file.Read.QueryRow("SELECT count(*) FROM session").Scan(&kept))
		if kept != 0 {
			t.Errorf("%d sessions that are over are kept", kept)
		}
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fresh(t)
		token := must(a.CreateToken(ctx, "grafana", Viewer))(t)
		if !strings.HasPrefix(token, "kpj_") || len(token) != 56 {
			t.Errorf("token of %d characters", len(token))
		}
		if u, ok := a.Bearer(ctx, token); !ok || u != (User{Name: "token:grafana", Role: Viewer}) {
			t.Errorf("%+v, %v", u, ok)
		}
		first := must(a.Tokens(ctx))(t)[0].Used
		time.Sleep(stampEvery / 2)
		a.Bearer(ctx, token)
		if again := must(a.Tokens(ctx))(t)[0].Used; first.IsZero() || again != first {
			t.Errorf("used %s, then %s: one stamp a minute is expected", first, again)
		}
		time.Sleep(stampEvery / 2)
		a.Bearer(ctx, token)
		if again := must(a.Tokens(ctx))(t)[0].Used; !again.Equal(first.Add(stampEvery)) {
			t.Errorf("used %s, then %s", first, again)
		}
		for _, wrong := range []string{"", "kpj_", token[:55], token + "x", strings.ToUpper(token), strings.Repeat("x", 10_000)} {
			if _, ok := a.Bearer(ctx, wrong); ok {
				t.Errorf("%.60q is taken", wrong)
			}
		}
		ok(t, a.RevokeToken(ctx, "grafana"))
		if _, ok := a.Bearer(ctx, token); ok {
			t.Error("a revoked token is taken")
		}
	})
}

const childVariable = "KAPIJA_TEST_USERS"

// TestMain is also the second process, which makes or revokes a token.
func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		a, err := Open(path)
		var token string
		if err == nil && os.Getenv(childVariable+"_REVOKE") != "" {
			err = a.RevokeToken(ctx, "cli")
		} else if err == nil {
			token, err = a.CreateToken(ctx, "cli", Technician)
		}
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(token)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestATokenOfAnotherProcessCountsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.db")
	a := open(t, path)
	defer a.Close()
	ok(t, a.CreateUser(ctx, "ana", Guard, good, false))
	session := must(a.Login(ctx, "ana", good, "10.0.0.1"))(t)
	child := func(more ...string) string {
		c := exec.Command(os.Args[0])
		c.Env = append(append(os.Environ(), childVariable+"="+path), more...)
		return string(must(c.Output())(t))
	}
	token := child()
	if u, ok := a.Bearer(ctx, token); !ok || u.Role != Technician {
		t.Errorf("%+v, %v", u, ok)
	}
	child(childVariable + "_REVOKE=1")
	if _, ok := a.Bearer(ctx, token); ok {
		t.Error("a token that another process revoked is taken")
	}
	if _, ok := a.Session(ctx, session); !ok {
		t.Error("the session is lost")
	}
}

// A secret is in the file only as its hash, and a password that is known to be wrong takes as long as one of nobody.
func TestNoSecretIsInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.db")
	a := open(t, path)
	_, first, _, err := a.Bootstrap(ctx)
	ok(t, err)
	ok(t, a.CreateUser(ctx, "ana", Guard, good, false))
	secrets := []string{first, good, must(a.Login(ctx, "ana", good, "10.0.0.1"))(t), must(a.CreateToken(ctx, "x", Viewer))(t)}
	content := must(os.ReadFile(path))(t)
	content = append(content, must(os.ReadFile(path+"-wal"))(t)...)
	for _, s := range secrets {
		if bytes.Contains(content, []byte(s)) || bytes.Contains(content, []byte(s[4:])) {
			t.Errorf("a secret of %d characters is in the file", len(s))
		}
	}
	if !bytes.Contains(content, []byte("$argon2id$v=19$m=19456,t=2,p=1$")) {
		t.Error("no PHC string is in the file")
	}
	if info := must(os.Stat(path))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	if _, err := a.file.Write.Exec("UPDATE user SET hash = '$argon2id$v=19$m=4000000000,t=2,p=1$AA$AA'"); err != nil {
		t.Fatal(err)
	}
	if err := logIn(a, "ana", good); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged hash: %v", err)
	}
	ok(t, a.Close())
}

func BenchmarkSession(b *testing.B) {
	a := fresh(b)
	ok(b, a.CreateUser(ctx, "ana", Guard, good, false))
	session := must(a.Login(ctx, "ana", good, "10.0.0.1"))(b)
	token := must(a.CreateToken(ctx, "x", Viewer))(b)
	b.Run("session", func(b *testing.B) {
		for b.Loop() {
			if _, ok := a.Session(ctx, session); !ok {
				b.Fatal("no session")
			}
		}
	})
	b.Run("bearer", func(b *testing.B) {
		for b.Loop() {
			if _, ok := a.Bearer(ctx, token); !ok {
				b.Fatal("no token")
			}
		}
	})
}

// BenchmarkLogin shows that an unknown user costs what a known one does.
func BenchmarkLogin(b *testing.B) {
	a := fresh(b)
	ok(b, a.CreateUser(ctx, "ana", Guard, good, false))
	for _, user := range []string{"ana", "nobody"} {
		b.Run(user, func(b *testing.B) {
			for b.Loop() {
				a.limit = newLimiter()
				_, _ = a.Login(ctx, user, "a wrong password", "10.0.0.1")
			}
		})
	}
}
