package auth

import (
	"context"
	"errors"
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
