package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/cardformat"
	"kapija/internal/policy"
)

func names(people []Person) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Name)
	}
	return list
}

func TestPeopleAreFoundInBothScripts(t *testing.T) {
	d := fresh(t)
	check0(t, d.Import(ctx, "test", func(tx *Tx) error {
		for _, name := range []string{"Ђорђе Петровић", "Đorđe Ilić", "Djordje Simić", "Žarko Шућур", "Љиљана Џаковић", "Zoë Müller", "C\u030cedomir Rašić"} {
			if _, err := tx.AddPerson(Person{Name: name, Company: "Врачар софтвер"}); err != nil {
				return err
			}
		}
		return nil
	}))
	for query, want := range map[string][]string{
		"Ђорђе":          {"Djordje Simić", "Đorđe Ilić", "Ђорђе Петровић"},
		"Đorđe":          {"Djordje Simić", "Đorđe Ilić", "Ђорђе Петровић"},
		"djordje":        {"Djordje Simić", "Đorđe Ilić", "Ђорђе Петровић"},
		"DORDE  petr":    {"Ђорђе Петровић"},
		"sucur":          {"Žarko Шућур"},
		"šućur":          {"Žarko Шућур"},
		"ljiljana":       {"Љиљана Џаковић"},
		"dzakovic":       {"Љиљана Џаковић"},
		"muller vracar":  {"Zoë Müller"},
		"čedomir":        {"C\u030cedomir Rašić"},
		"nobody":         nil,
		"%":              nil,
		"' OR 1=1 --":    nil,
		"\x00\xff":       nil,
		"djordje nobody": nil,
	} {
		people, total, err := d.People(ctx, query, 10, 0)
		if err != nil || total != len(want) || !slices.Equal(names(people), want) {
			t.Errorf("%q: found %d: %q, error %v, want %q", query, total, names(people), err, want)
		}
	}
}

func TestPeopleAreInTheOrderOfTheLatinAlphabet(t *testing.T) {
	d := fresh(t)
	want := []string{"Ana", "Бранко", "Cveta", "Чеда", "Čvorak", "Ћира", "Dušan", "Џејна", "Džoni", "Ђурђа", "Đuro", "Hana", "Лука", "Ljubica", "Мирко", "Nada", "Његош", "Srđan", "Шабан", "Vuk", "Zoran", "Žika", "Живко"}
	check0(t, d.Import(ctx, "test", func(tx *Tx) error {
		for i := range want {
			if _, err := tx.AddPerson(Person{Name: want[(i*7+3)%len(want)]}); err != nil {
				return err
			}
		}
		return nil
	}))
	var got []string
	for offset := 0; offset < len(want); offset += 4 {
		page, total, err := d.People(ctx, "", 4, offset)
		if err != nil || total != len(want) {
			t.Fatalf("total %d, error %v", total, err)
		}
		got = append(got, names(page)...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if page, _, err := d.People(ctx, "", -1, -5); err != nil || len(page) != 0 {
		t.Errorf("limit -1: %d people, error %v", len(page), err)
	}
}

func TestAPersonIsReadBack(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	made := must1(d.AddPerson(ctx, "test", Person{Name: "  Ана Илић ", Company: "Лаб", Levels: []string{"loz", "kg", "loz"}, Extended: true}))(t)
	from, until := time.Date(2026, 1, 2, 3, 4, 5, 1, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 999, time.UTC)
	b := must1(d.AddBadge(ctx, "test", made.ID, card(10042), from, until))(t)
	got := must1(d.Person(ctx, made.ID))(t)
	if got.Name != "Ана Илић" || got.Company != "Лаб" || !slices.Equal(got.Levels, []string{"kg", "loz"}) || !got.Extended || got.Suspended {
		t.Errorf("%+v", got)
	}
	if len(got.Badges) != 1 || got.Badges[0] != b || b.Hint != "…42" || b.Format != "wiegand-26" ||
		!b.NotBefore.Equal(from.Truncate(time.Second).Add(time.Second)) || !b.NotAfter.Equal(until.Truncate(time.Second)) {
		t.Errorf("%+v, %+v", got.Badges, b)
	}
	if len(b.ID) != 12 || !strings.HasPrefix(b.ID, "b_") {
		t.Errorf("pseudonym %q", b.ID)
	}
	holder, ok, err := d.Holder(ctx, b.ID)
	if err != nil || !ok || holder.Name != "Ана Илић" {
		t.Errorf("holder %+v, %v, %v", holder, ok, err)
	}
	if _, ok, err := d.Holder(ctx, "b_nobody"); ok || err != nil {
		t.Errorf("holder of no badge: %v, %v", ok, err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	p, badge := addHolder(t, d, card(1), "loz")
	nobody, forever := time.Time{}, time.Time{}
	person := func(x Person) error { _, err := d.AddPerson(ctx, "test", x); return err }
	level := func(l Level) error { _, err := d.AddLevel(ctx, "test", l); return err }
	schedule := func(s Schedule) error { _, err := d.AddSchedule(ctx, "test", s); return err }
	addCard := func(id string, c Card, from, to time.Time) error {
		_, err := d.AddBadge(ctx, "test", id, c, from, to)
		return err
	}
	before := must1(d.Changes(ctx, 1000))(t)
	for _, c := range []struct {
		name string
		err  error
		code string
		says string
	}{
		{"no name", person(Person{Name: "  "}), invalid, "0 characters"},
		{"long name", person(Person{Name: strings.Repeat("ђ", 201)}), invalid, "201"},
		{"a name with a line break", person(Person{Name: "Ана\nИлић"}), invalid, "control character"},
		{"a name that is not UTF-8", person(Person{Name: "A\xff"}), invalid, "UTF-8"},
		{"unknown level", person(Person{Name: "Ана", Levels: []string{"vault"}}), invalid, "kg, loz"},
		{"no such person", addCard("p_x", card(2), nobody, forever), notFound, "p_x"},
		{"the same card", addCard(p.ID, card(1), nobody, forever), conflict, "given out already"},
		{"unknown format", addCard(p.ID, Card{"rfid", 1, 1}, nobody, forever), invalid, "wiegand-26"},
		{"facility out of range", addCard(p.ID, Card{"wiegand-26", 256, 1}, nobody, forever), invalid, "255"},
		{"ends before it begins", addCard(p.ID, card(3), time.Unix(2000, 0), time.Unix(1000, 0)), invalid, "after the beginning"},
		{"a time that no policy can say", addCard(p.ID, card(3), nobody, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)), invalid, "2106"},
		{"no such badge", d.RevokeBadge(ctx, "test", "b_x"), notFound, "b_x"},
		{"nobody to suspend", d.Suspend(ctx, "test", "p_x", true), notFound, "p_x"},
		{"nobody does it", d.Suspend(ctx, "", p.ID, true), invalid, "who makes the change"},
		{"unknown building", level(Level{Building: "zemun", Name: "x"}), invalid, "kragujevac, lozionica"},
		{"door of another building", level(Level{Building: "lozionica", Name: "x", Grants: []policy.Grant{{Doors: []string{"lobby"}, Schedule: always}}}), invalid, "annex, main, side"},
		{"unknown schedule", level(Level{Building: "lozionica", Name: "x", Grants: []policy.Grant{{Doors: []string{"main"}, Schedule: "night"}}}), invalid, "always"},
		{"level that exists", level(Level{ID: "loz", Building: "lozionica", Name: "x"}), conflict, "loz"},
		{"bad level ID", level(Level{ID: "Ж", Building: "lozionica", Name: "x"}), invalid, "a-z"},
		{"a level moves", d.SetLevel(ctx, "test", Level{ID: "loz", Building: "kragujevac", Name: "x"}), invalid, "stays in its building"},
		{"no such level", d.SetLevel(ctx, "test", Level{ID: "vault", Name: "x"}), notFound, "kg, loz"},
		{"bad interval", schedule(Schedule{Name: "x", Intervals: []policy.Interval{{Days: 1, From: 5, To: 5}}}), invalid, "whole day"},
		{"schedule always", schedule(Schedule{ID: always, Name: "x"}), invalid, "always"},
		{"bad date", d.AddHoliday(ctx, "test", policy.Holiday{Date: "31.12.", Name: "x"}), invalid, "2026-02-15"},
	} {
		wantCode(t, c.err, c.code)
		if c.err != nil && (!strings.Contains(c.err.Error(), c.says) || !strings.HasPrefix(c.err.Error(), "directory: ")) {
			t.Errorf("%s: %v: does not say %q", c.name, c.err, c.says)
		}
	}
	if after := must1(d.Changes(ctx, 1000))(t); len(after) != len(before) {
		t.Errorf("%d changes were recorded of what was refused", len(after)-len(before))
	}
	check0(t, d.RevokeBadge(ctx, "test", badge.ID))
	again := must1(d.AddBadge(ctx, "test", p.ID, card(1), nobody, forever))(t)
	if again.ID == badge.ID {
		t.Error("a card that was given out again has its old pseudonym")
	}
}

func TestImportIsAllOrNothing(t *testing.T) {
	d := fresh(t)
	boom := errors.New("boom")
	for name, last := range map[string]func(*Tx) error{
		"the caller gives up": func(*Tx) error { return boom },
		"a bad entry":         func(tx *Tx) error { _, err := tx.AddPerson(Person{}); return err },
		"a failed statement that is overlooked": func(tx *Tx) error {
			_, _ = tx.exec("INSERT INTO person_level VALUES ('p_x', 99)")
			return nil
		},
	} {
		err := d.Import(ctx, "test", func(tx *Tx) error {
			for range 10 {
				if _, err := tx.AddPerson(Person{Name: "Ана"}); err != nil {
					return err
				}
			}
			return last(tx)
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, total, err := d.People(ctx, "", 0, 0); total != 0 || err != nil {
			t.Errorf("%s: %d people, error %v", name, total, err)
		}
	}
}

func TestEveryChangeIsRecorded(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	p, b := addHolder(t, d, card(12345), "loz")
	check0(t, d.Suspend(ctx, "милица", p.ID, true))
	check0(t, d.Suspend(ctx, "милица", p.ID, true)) // no change
	check0(t, d.Suspend(ctx, "милица", p.ID, false))
	check0(t, d.RevokeBadge(ctx, "милица", b.ID))
	must1(d.AddSchedule(ctx, "милица", Schedule{ID: "day", Name: "Дан"}))(t)
	check0(t, d.SetLevel(ctx, "милица", Level{ID: "loz", Name: "Ново"}))
	check0(t, d.AddHoliday(ctx, "милица", policy.Holiday{Date: "2026-06-01", Name: "Дан"}))
	var got []string
	for _, c := range must1(d.Changes(ctx, 100))(t) {
		got = append(got, c.Action)
		if c.At.IsZero() || c.By == "" || c.Object == "" || len(c.After) == 0 {
			t.Errorf("%+v", c)
		}
		if c.Action == "person.suspend" && (!strings.Contains(string(c.Before), `"suspended":false`) || !strings.Contains(string(c.After), `"suspended":true`) || c.By != "милица") {
			t.Errorf("%s: %s, %s", c.By, c.Before, c.After)
		}
	}
	want := []string{"holiday.add", "level.set", "schedule.add", "badge.revoke", "person.resume", "person.suspend", "badge.add", "person.add", "level.add", "level.add"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestLevelNumbersAreNeverReused(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	if _, err := d.file.Write.Exec("DELETE FROM level WHERE id = 'kg'"); err != nil {
		t.Fatal(err)
	}
	l := must1(d.AddLevel(ctx, "test", Level{Building: "lozionica", Name: "ново"}))(t)
	if l.Number != 3 || l.ID == "" {
		t.Errorf("%+v: number 3 is expected, as 2 was given out", l)
	}
}

// An event names a badge; whoever reads it finds the person by that name.
func TestSearchByID(t *testing.T) {
	d := fresh(t)
	withLevels(t, d)
	addHolder(t, d, card(8))
	p, b := addHolder(t, d, card(7))
	for _, query := range []string{p.ID, b.ID, " " + strings.ToUpper(b.ID)} {
		found, total, err := d.People(t.Context(), query, 10, 0)
		if err != nil || total != 1 || found[0].ID != p.ID {
			t.Errorf("%q finds %d: %v, %v", query, total, found, err)
		}
	}
}

// A card of a format that only this site has, and one that a reader chip gives.
func TestBadgesOfOtherFormats(t *testing.T) {
	d := fresh(t)
	formats, problems := cardformat.NewSet([]cardformat.Format{{
		Name: "wiegand-own-27", Bits: 27, Facility: cardformat.Field{Offset: 0, Width: 7}, Number: cardformat.Field{Offset: 7, Width: 20},
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := must1(d.AddPerson(ctx, "test", Person{Name: "Ана"}))(t)
	own := Card{"wiegand-own-27", 3, 4711}
	_, err := d.AddBadge(ctx, "test", p.ID, own, time.Time{}, time.Time{})
	wantCode(t, err, invalid)
	d.site.Formats = formats
	for _, c := range []Card{own, {"desfire", 0, 0x04a1b2c3d4e5f6}, {"uid-80", 1, 2}} {
		b := must1(d.AddBadge(ctx, "test", p.ID, c, time.Time{}, time.Time{}))(t)
		if b.Format != c.Format {
			t.Errorf("the badge has the format %s, want %s", b.Format, c.Format)
		}
	}
	_, err = d.AddBadge(ctx, "test", p.ID, Card{"wiegand-own-27", 128, 1}, time.Time{}, time.Time{})
	if wantCode(t, err, invalid); err != nil && !strings.Contains(err.Error(), "0 … 127") {
		t.Errorf("error %v, want what fits", err)
	}
}
