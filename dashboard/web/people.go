package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kapija/dashboard/directory"
)

const (
	peoplePerPage = 50
	storeWait     = 5 * time.Second
)

// peopleList is one page of the register.
type peopleList struct {
	query  string
	people []directory.Person
	total  int
	number int // of this page, from 1
	levels map[string]directory.Level
}

func (l peopleList) pages() int { return max(1, (l.total+peoplePerPage-1)/peoplePerPage) }

// personForm is what was typed and what is wrong with it.
type personForm struct {
	person directory.Person
	levels []directory.Level
	code   string // error.<code>; empty: nothing is wrong
}

// typedCard is a badge as it is being typed.
type typedCard struct {
	format, facility, number, from, until string
	code                                  string
}

// personView is one person with what is being done to it.
type personView struct {
	directory.Person
	levels map[string]directory.Level
	card   typedCard
	revoke string // badge to be confirmed; empty: none
	done   string // done.<what>; empty: nothing was done
}

func (s *server) people(c *fiber.Ctx, p *page) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	list := peopleList{query: strings.TrimSpace(strings.Clone(c.Query("q"))), number: max(1, c.QueryInt("page", 1))}
	list.number = min(list.number, 1_000_000)
	var err error
	list.people, list.total, err = s.People.People(ctx, list.query, peoplePerPage, (list.number-1)*peoplePerPage)
	if err != nil {
		return err
	}
	levels, err := s.People.Levels(ctx)
	if err != nil {
		return err
	}
	list.levels = byID(levels)
	p.title, p.forms = p.T("nav.people"), true
	if p.htmx {
		return s.show(c, p, fiber.StatusOK, peopleTable(p, list))
	}
	return s.show(c, p, fiber.StatusOK, peoplePage(p, list))
}

func (s *server) newPerson(c *fiber.Ctx, p *page) error {
	return s.personForm(c, p, fiber.StatusOK, personForm{})
}

func (s *server) personForm(c *fiber.Ctx, p *page, status int, f personForm) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	var err error
	if f.levels, err = s.People.Levels(ctx); err != nil {
		return err
	}
	p.title, p.forms = p.T("people.add"), true
	return s.show(c, p, status, newPersonPage(p, f))
}

func (s *server) addPerson(c *fiber.Ctx, p *page) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	f := personForm{person: directory.Person{
		Name: field(c, "name"), Company: field(c, "company"), Levels: fields(c, "level"), Extended: field(c, "extended") != "",
	}}
	if f.person.Name == "" {
		f.code = "name_needed"
		return s.personForm(c, p, fiber.StatusUnprocessableEntity, f)
	}
	made, err := s.People.AddPerson(ctx, p.user.Name, f.person)
	if code, status := judge(err); err != nil && code != "internal" {
		f.code = code
		return s.personForm(c, p, status, f)
	} else if err != nil {
		return err
	}
	return s.away(c, p, "/people/"+made.ID)
}

func (s *server) person(c *fiber.Ctx, p *page) error {
	return s.showPerson(c, p, fiber.StatusOK, personView{done: doneWord(c.Query("done"))})
}

// showPerson reads the person anew and shows it, whole or, for htmx, its part of the page.
func (s *server) showPerson(c *fiber.Ctx, p *page, status int, v personView) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	var err error
	if v.Person, err = s.People.Person(ctx, strings.Clone(c.Params("id"))); err != nil {
		return err
	}
	levels, err := s.People.Levels(ctx)
	if err != nil {
		return err
	}
	v.levels = byID(levels)
	p.title, p.forms = v.Name, true
	if p.htmx {
		return s.show(c, p, status, personPart(p, v))
	}
	return s.show(c, p, status, personPage(p, v))
}

// changed shows a person after a change: htmx gets its part at once, a plain form is sent on so that a reload repeats
// nothing.
func (s *server) changed(c *fiber.Ctx, p *page, done string) error {
	if p.htmx {
		return s.showPerson(c, p, fiber.StatusOK, personView{done: done})
	}
	return s.away(c, p, "/people/"+strings.Clone(c.Params("id"))+"?done="+done)
}

func (s *server) addBadge(c *fiber.Ctx, p *page) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	typed := typedCard{
		format: field(c, "format"), facility: field(c, "facility"), number: field(c, "number"), from: field(c, "from"), until: field(c, "until"),
	}
	parsed, code := parseCard(typed, formatsOf(s.Site))
	status := fiber.StatusUnprocessableEntity
	from, until, wrong := parseDays(typed, local(s.Site))
	if code = cmp.Or(code, wrong); code == "" {
		_, err := s.People.AddBadge(ctx, p.user.Name, strings.Clone(c.Params("id")), parsed, from, until)
		if err == nil {
			return s.changed(c, p, "added")
		}
		code, status = judge(err)
		switch code {
		case "internal", "not_found":
			return err
		case "conflict":
			code = "card_taken"
		case "invalid":
			code = "card_wrong"
		}
	}
	typed.code = code
	return s.showPerson(c, p, status, personView{card: typed})
}

// parseCard reads what was typed; code is the error's, empty when all is well.
func parseCard(t typedCard, formats []string) (k directory.Card, code string) {
	if !slices.Contains(formats, t.format) {
		return k, "format_needed"
	}
	k.Format = t.format
	var err error
	if k.Facility, err = strconv.ParseUint(t.facility, 10, 64); err != nil && t.facility != "" {
		return k, "facility_wrong"
	}
	if k.Number, err = strconv.ParseUint(t.number, 10, 64); err != nil {
		return k, "number_wrong"
	}
	return k, ""
}

// parseDays reads the days of a badge: from the first moment of one through the end of the other, both optional.
func parseDays(t typedCard, loc *time.Location) (from, until time.Time, code string) {
	var err error
	if t.from != "" {
		if from, err = time.ParseInLocation(time.DateOnly, t.from, loc); err != nil {
			return from, until, "date_wrong"
		}
	}
	if t.until != "" {
		day, err := time.ParseInLocation(time.DateOnly, t.until, loc)
		if err != nil || day.Before(from) {
			return from, until, "date_wrong"
		}
		until = day.AddDate(0, 0, 1)
	}
	return from, until, ""
}

func (s *server) confirmRevoke(c *fiber.Ctx, p *page) error {
	return s.showPerson(c, p, fiber.StatusOK, personView{revoke: strings.Clone(c.Params("badge"))})
}

func (s *server) revoke(c *fiber.Ctx, p *page) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	badge := strings.Clone(c.Params("badge"))
	holder, err := s.People.Person(ctx, strings.Clone(c.Params("id")))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(holder.Badges, func(b directory.Badge) bool { return b.ID == badge }) {
		return errNotFound
	}
	if err := s.People.RevokeBadge(ctx, p.user.Name, badge); err != nil {
		return err
	}
	return s.changed(c, p, "revoked")
}

func (s *server) suspend(c *fiber.Ctx, p *page) error {
	ctx, cancel := within(c, storeWait)
	defer cancel()
	suspended := field(c, "suspended") == "true"
	if err := s.People.Suspend(ctx, p.user.Name, strings.Clone(c.Params("id")), suspended); err != nil {
		return err
	}
	if suspended {
		return s.changed(c, p, "suspended")
	}
	return s.changed(c, p, "resumed")
}

// doneWord keeps what stands in an address to what there are words for.
func doneWord(s string) string {
	if slices.Contains([]string{"added", "revoked", "suspended", "resumed"}, s) {
		return strings.Clone(s)
	}
	return ""
}

func byID(levels []directory.Level) map[string]directory.Level {
	m := make(map[string]directory.Level, len(levels))
	for _, l := range levels {
		m[l.ID] = l
	}
	return m
}
