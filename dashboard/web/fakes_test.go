package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kapija/dashboard/auth"
	"kapija/dashboard/directory"
	"kapija/dashboard/live"
	"kapija/internal/site"
)

// refused is an error with a code, as directory and auth return them.
type refused string

func (r refused) Error() string { return "fake: " + string(r) }
func (r refused) Code() string  { return string(r) }

func district(t testing.TB) *site.District {
	d, err := site.Load("../../configs/district.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fakeLive is a state that never changes by itself.
type fakeLive struct {
	mu sync.Mutex
	s  live.Snapshot
}

func (f *fakeLive) Snapshot() live.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.s
}

// fakePeople is a small register in memory.
type fakePeople struct {
	mu     sync.Mutex
	all    []directory.Person
	levels []directory.Level
	calls  []string
	fail   error
	bad    error // of the next change
}

func newFakePeople(d *site.District, now time.Time) *fakePeople {
	f := &fakePeople{}
	for _, b := range d.Buildings {
		f.levels = append(f.levels, directory.Level{ID: b.ID + "-staff", Building: b.ID, Name: "Zaposleni"}, directory.Level{ID: b.ID + "-labs", Building: b.ID, Name: "Laboratorije"})
	}
	names := []string{"Љубица Њежић", "Đorđe Džamić", "Ana Petrović", "Милош Стојановић", "Jelena Ilić", "Стефан Ђурић", "Maja Kovač", "Никола Живковић"}
	firms := []string{"Сајбер дистрикт д.о.о.", "Open Data Hub", "Kancelarija za IT i eUpravu", ""}
	for i := range 124 {
		p := directory.Person{ID: fmt.Sprintf("p%03d", i), Name: names[i%len(names)], Company: firms[i%len(firms)], Levels: []string{f.levels[i%len(f.levels)].ID}, Suspended: i%9 == 4, Extended: i%11 == 3}
		p.Badges = append(p.Badges, directory.Badge{ID: fmt.Sprintf("b%04d", i), Format: "wiegand-26", Hint: fmt.Sprintf("…%02d", (i*37)%100), NotBefore: now.AddDate(0, -3, 0)})
		if i%4 == 0 {
			p.Badges = append(p.Badges, directory.Badge{ID: fmt.Sprintf("c%04d", i), Format: "wiegand-37", Hint: "…07", NotBefore: now.AddDate(-1, 0, 0), Revoked: now.AddDate(0, -1, 0)},
				directory.Badge{ID: fmt.Sprintf("d%04d", i), Format: "wiegand-37", Hint: "…61", NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, 12)})
		}
		f.all = append(f.all, p)
	}
	return f
}

func (f *fakePeople) People(_ context.Context, query string, limit, offset int) ([]directory.Person, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, 0, f.fail
	}
	var found []directory.Person
	for _, p := range f.all {
		if strings.Contains(strings.ToLower(p.Name+" "+p.Company+" "+p.ID), strings.ToLower(query)) {
			found = append(found, p)
		}
	}
	from := min(offset, len(found))
	return slices.Clone(found[from:min(from+limit, len(found))]), len(found), nil
}

func (f *fakePeople) at(id string) int {
	return slices.IndexFunc(f.all, func(p directory.Person) bool { return p.ID == id })
}

func (f *fakePeople) Holder(_ context.Context, badge string) (directory.Person, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.all {
		if slices.ContainsFunc(p.Badges, func(b directory.Badge) bool { return b.ID == badge }) {
			return p, true, nil
		}
	}
	return directory.Person{}, false, nil
}

func (f *fakePeople) Person(_ context.Context, id string) (directory.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.at(id); i >= 0 {
		p := f.all[i]
		p.Badges = slices.Clone(p.Badges)
		return p, nil
	}
	return directory.Person{}, fmt.Errorf("directory: person %q: %w", id, refused("not_found"))
}

func (f *fakePeople) change(call string) error {
	f.calls = append(f.calls, call)
	err := f.bad
	f.bad = nil
	return err
}

func (f *fakePeople) AddPerson(_ context.Context, by string, p directory.Person) (directory.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(by + " adds " + p.Name + " " + strings.Join(p.Levels, "+")); err != nil {
		return p, err
	}
	p.ID = fmt.Sprintf("p%03d", len(f.all))
	f.all = append(f.all, p)
	return p, nil
}

func (f *fakePeople) AddBadge(_ context.Context, by, person string, c directory.Card, notBefore, notAfter time.Time) (directory.Badge, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := "-"
	if !notBefore.IsZero() {
		until = notBefore.UTC().Format(time.RFC3339) + " …"
	}
	if !notAfter.IsZero() {
		until = notAfter.UTC().Format(time.RFC3339)
	}
	if err := f.change(fmt.Sprintf("%s gives %s %s/%d/%d until %s", by, person, c.Format, c.Facility, c.Number, until)); err != nil {
		return directory.Badge{}, err
	}
	b := directory.Badge{ID: "new01", Format: c.Format, Hint: fmt.Sprintf("…%02d", c.Number%100), NotBefore: notBefore, NotAfter: notAfter}
	i := f.at(person)
	f.all[i].Badges = append(f.all[i].Badges, b)
	return b, nil
}

func (f *fakePeople) RevokeBadge(_ context.Context, by, badge string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(by + " revokes " + badge); err != nil {
		return err
	}
	for i := range f.all {
		for j := range f.all[i].Badges {
			if f.all[i].Badges[j].ID == badge {
				f.all[i].Badges[j].Revoked = time.Now()
			}
		}
	}
	return nil
}

func (f *fakePeople) Suspend(_ context.Context, by, person string, suspended bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.change(fmt.Sprintf("%s suspends %s %v", by, person, suspended)); err != nil {
		return err
	}
	f.all[f.at(person)].Suspended = suspended
	return nil
}

func (f *fakePeople) Levels(context.Context) ([]directory.Level, error) { return f.levels, nil }

// fakeAuth knows one user per role, named after it, with the password "correct horse"; "fresh" must change hers.
type fakeAuth struct {
	mu       sync.Mutex
	sessions map[string]auth.User
	attempts int
	changed  bool
}

func newFakeAuth() *fakeAuth {
	f := &fakeAuth{sessions: map[string]auth.User{}}
	for _, r := range []auth.Role{auth.Manager, auth.Guard, auth.Technician, auth.Tenant, auth.Viewer} {
		f.sessions["session-of-"+string(r)] = auth.User{Name: string(r), Role: r}
	}
	f.sessions["session-of-fresh"] = auth.User{Name: "fresh", Role: auth.Manager, MustChange: true}
	return f
}

func (f *fakeAuth) Login(_ context.Context, user, password, _ string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.attempts++; f.attempts > 5 {
		return "", refused("rate_limited")
	}
	session := "session-of-" + user
	if _, ok := f.sessions[session]; !ok || password != "correct horse" {
		return "", refused("unauthorized")
	}
	f.attempts = 0
	return session, nil
}

func (f *fakeAuth) Session(_ context.Context, session string) (auth.User, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.sessions[session]
	return u, ok
}

func (f *fakeAuth) Logout(_ context.Context, session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, session)
}

func (f *fakeAuth) ChangePassword(_ context.Context, user, old, fresh string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case old != "correct horse":
		return refused("unauthorized")
	case len(fresh) < 10:
		return refused("invalid")
	}
	f.changed = true
	u := f.sessions["session-of-"+user]
	u.MustChange = false
	f.sessions["session-of-"+user] = u
	return nil
}

var errDown = errors.New("history: connection refused")
