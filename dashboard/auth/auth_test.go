package auth

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var ctx = context.Background()

const good = "лозинка за пробу"

func open(t testing.TB, path string) *Auth {
	t.Helper()
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func fresh(t testing.TB) *Auth {
	t.Helper()
	a := open(t, filepath.Join(t.TempDir(), "users.db"))
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	var coded interface{ Code() string }
	if !errors.As(err, &coded) || coded.Code() != code || !strings.HasPrefix(err.Error(), "auth: ") {
		t.Errorf("%s: error %v: code %s is expected", what, err, code)
	}
}

func TestL50TheFirstPasswordIsGeneratedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.db")
	a, b := open(t, path), open(t, path)
	defer a.Close()
	defer b.Close()
	var mu sync.Mutex
	var passwords []string
	var wg sync.WaitGroup
	for _, x := range []*Auth{a, b, a, b} {
		wg.Go(func() {
			user, password, created, err := x.Bootstrap(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || created != (password != "") || created && user != "admin" {
				t.Errorf("%q, created %v, error %v", user, created, err)
			}
			if created {
				passwords = append(passwords, password)
			}
		})
	}
	wg.Wait()
	if len(passwords) != 1 || len(passwords[0]) != 19 {
		t.Fatalf("%d first passwords", len(passwords))
	}
	session := must(a.Login(ctx, " Admin", passwords[0], "10.0.0.1"))(t)
	if u, ok := b.Session(ctx, session); !ok || u != (User{Name: "admin", Role: Manager, MustChange: true}) {
		t.Errorf("%+v, %v", u, ok)
	}
	ok(t, a.ChangePassword(KeepSession(ctx, session), "admin", passwords[0], good))
	if u, ok := a.Session(ctx, session); !ok || u.MustChange {
		t.Errorf("after the change: %+v, %v", u, ok)
	}
	if one, two := firstPassword(), firstPassword(); one == two {
		t.Error("two generated passwords are the same")
	}
}

func TestPasswordsAndRolesThatAreRefused(t *testing.T) {
	a := fresh(t)
	ok(t, a.CreateUser(ctx, "milica.petrovic", Guard, good, false))
	create := func(name string, role Role, password string) error {
		return a.CreateUser(ctx, name, role, password, false)
	}
	token := func(name string, role Role) error { _, err := a.CreateToken(ctx, name, role); return err }
	must(a.CreateToken(ctx, "grafana", Viewer))(t)
	_, errRole := ParseRole("root")
	for name, c := range map[string]struct {
		err        error
		code, says string
	}{
		"role":                 {create("x", "root", good), invalid, "manager, guard, technician, tenant-admin, viewer"},
		"parsed role":          {errRole, invalid, "manager, guard"},
		"token's role":         {token("x", ""), invalid, "viewer"},
		"token's name":         {token("../x", Viewer), invalid, "letter or digit"},
		"token that exists":    {token("grafana", Viewer), conflict, "grafana"},
		"no such token":        {a.RevokeToken(ctx, "x"), notFound, "x"},
		"name":                 {create("Ђорђе", Guard, good), invalid, "a-z"},
		"name like a token's":  {create("token:x", Guard, good), invalid, "a-z"},
		"name that is taken":   {create("MILICA.petrovic", Guard, good), conflict, "milica.petrovic"},
		"short password":       {create("x", Guard, "лозинка12"), invalid, "9 characters"},
		"long password":        {create("x", Guard, strings.Repeat("x", 300)), invalid, "256"},
		"the user name":        {create("milica.jovanovic", Guard, "Milica.Jovanovic"), invalid, "user name"},
		"set: no such user":    {a.SetPassword(ctx, "x", good, true), notFound, "x"},
		"language":             {a.SetLanguage(ctx, "milica.petrovic", "de"), invalid, "sr-Latn"},
		"language of nobody":   {a.SetLanguage(ctx, "x", "en"), notFound, "x"},
		"change: wrong old":    {a.ChangePassword(ctx, "milica.petrovic", "wrong", "another password"), unauthorized, "fit"},
		"change: the old":      {a.ChangePassword(ctx, "milica.petrovic", good, good), invalid, "old one"},
		"change: short":        {a.ChangePassword(ctx, "milica.petrovic", good, "short"), invalid, "at least 10"},
		"log-in: unknown user": {logIn(a, "nobody", good), unauthorized, "fit"},
		"log-in: no user":      {logIn(a, "", ""), unauthorized, "fit"},
		"log-in: hostile":      {logIn(a, "' OR 1=1 --\x00\xff", good), unauthorized, "fit"},
	} {
		wantCode(t, name, c.err, c.code)
		if c.err != nil && !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v: does not say %q", name, c.err, c.says)
		}
	}
	ok(t, a.SetLanguage(ctx, "milica.petrovic", "sr-Cyrl"))
	if users := must(a.Users(ctx))(t); len(users) != 1 || users[0] != (User{Name: "milica.petrovic", Role: Guard, Language: "sr-Cyrl"}) {
		t.Errorf("%+v", users)
	}
	// č typed as one letter and as c with a mark is one password.
	ok(t, a.CreateUser(ctx, "cira", Guard, "ko\u010dijaš 12345", false))
	ok(t, logIn(a, "cira", "koc\u030cijaš 12345"))
}

func logIn(a *Auth, user, password string) error {
	_, err := a.Login(ctx, user, password, "10.0.0.9")
	return err
}

func TestL51FailedLogInsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fresh(t)
		ok(t, a.CreateUser(ctx, "ana", Guard, good, false))
		ok(t, a.CreateUser(ctx, "vuk", Guard, good, false))
		try := func(user, password, remote string) error { _, err := a.Login(ctx, user, password, remote); return err }
		wait := firstWait
		for range freeOfUser {
			wantCode(t, "within the limit", try("ana", "wrong", "10.0.0.1"), unauthorized)
		}
		for range 8 {
			err := try("ana", good, "10.0.0.2")
			wantCode(t, "beyond the limit", err, rateLimited)
			if err != nil && !strings.Contains(err.Error(), wait.String()) {
				t.Errorf("%v: does not say %s", err, wait)
			}
			time.Sleep(wait - time.Second)
			wantCode(t, "a second early", try("ana", good, "10.0.0.2"), rateLimited)
			time.Sleep(time.Second)
			wantCode(t, "in time, but wrong", try("ana", "wrong", "10.0.0.2"), unauthorized)
			wait = min(2*wait, longestWait)
		}
		ok(t, try("vuk", good, "10.0.0.2")) // others are not held up
		time.Sleep(wait)
		ok(t, try("ana", good, "10.0.0.1"))
		for range freeOfUser - 1 {
			wantCode(t, "after a success", try("ana", "wrong", "10.0.0.3"), unauthorized)
		}
		ok(t, try("ana", good, "10.0.0.3"))

		for i := range freeOfRemote {
			wantCode(t, "one address, many users", try(strings.Repeat("x", i+1), "wrong", "10.6.6.6"), unauthorized)
		}
		wantCode(t, "one address, many users", try("vuk", good, "10.6.6.6"), rateLimited)
		ok(t, try("vuk", good, "10.0.0.4"))

		for range freeOfUser {
			wantCode(t, "changing", a.ChangePassword(ctx, "vuk", "wrong", "another password"), unauthorized)
		}
		wantCode(t, "changing", a.ChangePassword(ctx, "vuk", good, "another password"), rateLimited)
	})
}

// Many guesses at once must not slip through together.
func TestL51ManyAtOnce(t *testing.T) {
	a := fresh(t)
	ok(t, a.CreateUser(ctx, "ana", Guard, good, false))
	var mu sync.Mutex
	judged := 0
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := a.Login(ctx, "ana", "wrong", "10.0.0.1")
			var coded interface{ Code() string }
			if errors.As(err, &coded) && coded.Code() == unauthorized {
				mu.Lock()
				judged++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if judged != freeOfUser {
		t.Errorf("%d of 40 guesses were judged: %d are expected", judged, freeOfUser)
	}
}

func TestTheTableOfFailuresIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		for range freeOfUser {
			ok(t, l.try(ofUser("ana")))
		}
		for i := range 3 * maxCounted {
			_ = l.try(ofRemote(time.Duration(i).String()))
		}
		if len(l.counts) > maxCounted {
			t.Errorf("%d are counted", len(l.counts))
		}
		wantCode(t, "ana, after a flood", l.try(ofUser("ana")), rateLimited)
		time.Sleep(forgotten + time.Second)
		ok(t, l.try(ofUser("ana")))
	})
}

func TestHashingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		var wg sync.WaitGroup
		var holding []func()
		for range atOnce {
			holding = append(holding, must(h.take(ctx))(t))
		}
		for range maxWaiting {
			wg.Go(func() { must(h.take(ctx))(t)() })
		}
		synctest.Wait()
		_, err := h.take(ctx)
		wantCode(t, "one more", err, rateLimited)
		for _, done := range holding {
			done()
		}
		wg.Wait()
		cancelled, cancel := context.WithCancel(ctx)
		for range atOnce {
			must(h.take(ctx))(t)
		}
		cancel()
		if _, err := h.take(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

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
