package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"kapija/dashboard/directory"
	"kapija/internal/event"
	"kapija/internal/site"
)

// element is one start tag with its attributes and the text inside of it.
type element struct {
	name   string
	attr   map[string]string
	text   string
	parent int // index; -1 at the top
}

var void = strings.Fields("area base br col embed hr img input link meta source track wbr")

// parse reads strictly: every element that is not void is closed, in order, and no attribute is there twice.
func parse(t *testing.T, page, body string) []element {
	t.Helper()
	var all []element
	var open []int
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			for _, i := range open {
				t.Errorf("%s: <%s> is not closed", page, all[i].name)
			}
			return all
		case html.TextToken:
			text := string(z.Text())
			for _, i := range open {
				all[i].text += html.UnescapeString(text)
			}
		case html.StartTagToken:
			e := start(t, page, z.Token())
			e.parent = -1
			if len(open) > 0 {
				e.parent = open[len(open)-1]
			}
			all = append(all, e)
			if !slices.Contains(void, e.name) {
				open = append(open, len(all)-1)
			}
		case html.SelfClosingTagToken:
			e := start(t, page, z.Token())
			if !slices.Contains(void, e.name) {
				t.Errorf("%s: <%s/> closes itself", page, e.name)
			}
			all = append(all, e)
		case html.EndTagToken:
			name := z.Token().Data
			if len(open) == 0 || all[open[len(open)-1]].name != name {
				t.Fatalf("%s: </%s> closes nothing", page, name)
			}
			open = open[:len(open)-1]
		}
	}
}

func start(t *testing.T, page string, token html.Token) element {
	t.Helper()
	e := element{name: token.Data, attr: map[string]string{}, parent: -1}
	for _, a := range token.Attr {
		if _, twice := e.attr[a.Key]; twice {
			t.Errorf("%s: <%s> has %s twice", page, e.name, a.Key)
		}
		e.attr[a.Key] = a.Val
	}
	return e
}

// everyPage calls check for all pages in all languages.
func everyPage(t *testing.T, b *bench, check func(page string, all []element)) {
	for _, l := range []string{"sr-Latn", "sr-Cyrl", "en"} {
		for _, path := range allPages {
			check(l+" "+path, parse(t, l+" "+path, b.get(path, "manager", "Cookie", "kapija_lang="+l).body))
		}
		check(l+" /login", parse(t, l+" /login", b.get("/login", "", "Cookie", "kapija_lang="+l).body))
	}
}

// hostile is what a name may hold. After it a page must have the elements that it had before.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>' onmouseover='x' {{x}} %s%n {name} javascript:alert(1) &amp; <b>`

func TestPagesKeepThePolicy(t *testing.T) {
	everyPage(t, newBench(t), func(page string, all []element) { checkPolicy(t, page, all) })
}

// checkPolicy finds what the content security policy would refuse, or should.
func checkPolicy(t *testing.T, page string, all []element) {
	t.Helper()
	for _, e := range all {
		if e.name == "script" && (!strings.HasPrefix(e.attr["src"], "/static/") || strings.TrimSpace(e.text) != "") {
			t.Errorf("%s: inline script %q", page, e.text)
		}
		if slices.Contains([]string{"style", "iframe", "object", "embed", "base", "b", "img"}, e.name) {
			t.Errorf("%s: <%s>", page, e.name)
		}
		for k, v := range e.attr {
			if k == "style" || strings.HasPrefix(k, "on") {
				t.Errorf("%s: <%s %s=%q>", page, e.name, k, v)
			}
			local := strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "//") || strings.HasPrefix(v, "#")
			if slices.Contains([]string{"href", "src", "action", "hx-get", "hx-post", "formaction"}, k) && !local {
				t.Errorf("%s: <%s %s=%q> leaves this server", page, e.name, k, v)
			}
		}
	}
}

func TestHostileNamesStayText(t *testing.T) {
	b := newBench(t)
	for _, x := range b.site.Buildings {
		x.Name, x.City = site.Text{Sr: hostile, En: hostile}, site.Text{Sr: hostile, En: hostile}
		x.Sources = append(x.Sources, hostile)
		for _, z := range x.Zones {
			z.Name = site.Text{Sr: hostile, En: hostile}
		}
		for _, d := range x.Doors {
			d.Name = site.Text{Sr: hostile, En: hostile}
		}
		for _, f := range x.Floors {
			f.Name = site.Text{Sr: hostile, En: hostile}
		}
		for _, g := range x.Gateways {
			g.Name, g.Model = site.Text{Sr: hostile, En: hostile}, hostile
		}
	}
	for i := range b.live.s.Events {
		e := &b.live.s.Events[i]
		e.Badge, e.Cause, e.Kind, e.Reason, e.Side = hostile, hostile, event.Kind(hostile), event.Reason(hostile), event.Side(hostile)
	}
	for i := range b.live.s.Buildings {
		x := &b.live.s.Buildings[i]
		for j := range x.Gateways {
			x.Gateways[j].Version, x.Gateways[j].Clock = hostile, event.Clock(hostile)
			for k := range x.Gateways[j].Devices {
				x.Gateways[j].Devices[k] = event.Device{ID: hostile, Cause: hostile}
			}
		}
		for j := range x.Doors {
			x.Doors[j].Mode, x.Doors[j].Kind = hostile, event.Kind(hostile)
		}
	}
	p := &b.people.all[4]
	p.Name, p.Company, p.Levels = hostile, hostile, []string{hostile}
	p.Badges = append(p.Badges, directory.Badge{ID: hostile, Format: hostile, Hint: hostile})
	b.people.levels[0].Name = hostile
	everyPage(t, b, func(page string, all []element) { checkPolicy(t, page, all) })
	person := b.get("/people/p004", "manager")
	person.must(t, 200, "&lt;script&gt;", "/badges/%22%3E%3Cscript%3E")
	for _, path := range []string{"/people?q=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/login?next=%22%3E%3Cscript%3Ealert(1)", "/%22%3E%3Cscript%3E"} {
		checkPolicy(t, path, parse(t, path, b.get(path, "manager").body))
	}
}

func TestPagesAreAccessible(t *testing.T) {
	everyPage(t, newBench(t), func(page string, all []element) {
		ids, labelled := map[string]bool{}, map[string]bool{}
		for _, e := range all {
			if id := e.attr["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: id %q is there twice", page, id)
				}
				ids[id] = true
			}
			if e.name == "label" {
				labelled[e.attr["for"]] = true
			}
		}
		checkHeadings(t, page, all)
		for _, e := range all {
			checkElement(t, page, all, e, ids, labelled)
		}
	})
}

func checkHeadings(t *testing.T, page string, all []element) {
	t.Helper()
	level, first, mains, lang := 0, 0, 0, ""
	for _, e := range all {
		switch {
		case e.name == "html":
			lang = e.attr["lang"]
		case e.name == "main":
			mains++
		case len(e.name) == 2 && e.name[0] == 'h' && e.name[1] >= '1' && e.name[1] <= '6':
			n, _ := strconv.Atoi(e.name[1:])
			if n == 1 {
				first++
			}
			if n > level+1 {
				t.Errorf("%s: <%s> %q follows level %d", page, e.name, strings.TrimSpace(e.text), level)
			}
			if level = n; strings.TrimSpace(e.text) == "" {
				t.Errorf("%s: an empty <%s>", page, e.name)
			}
		}
	}
	if first != 1 || mains != 1 || lang == "" {
		t.Errorf("%s: %d h1, %d main, lang %q", page, first, mains, lang)
	}
}

func checkElement(t *testing.T, page string, all []element, e element, ids, labelled map[string]bool) {
	t.Helper()
	what := fmt.Sprintf("%s: <%s %v>", page, e.name, e.attr)
	for _, ref := range []string{"aria-labelledby", "aria-describedby", "for"} {
		if v, ok := e.attr[ref]; ok && !ids[v] {
			t.Errorf("%s: %s points nowhere", what, ref)
		}
	}
	if v, ok := e.attr["tabindex"]; ok && v != "0" && v != "-1" {
		t.Errorf("%s: order of focus is changed", what)
	}
	switch e.name {
	case "input", "select":
		inLabel := e.parent >= 0 && all[e.parent].name == "label"
		if e.attr["type"] != "hidden" && !labelled[e.attr["id"]] && !inLabel && e.attr["aria-label"] == "" {
			t.Errorf("%s has no label", what)
		}
	case "button", "a", "label", "legend", "summary":
		if strings.TrimSpace(e.text) == "" {
			t.Errorf("%s has no words", what)
		}
	case "th":
		if e.attr["scope"] == "" {
			t.Errorf("%s has no scope", what)
		}
	case "nav", "article", "section":
		if e.attr["aria-label"] == "" && e.attr["aria-labelledby"] == "" {
			t.Errorf("%s has no name", what)
		}
	case "svg":
		if e.attr["aria-hidden"] != "true" && (e.attr["role"] != "img" || e.attr["aria-label"] == "") {
			t.Errorf("%s is neither hidden nor named", what)
		}
	}
	// Numbers are not live regions.
	if _, isLive := e.attr["aria-live"]; isLive || e.attr["data-f"] != "" && e.attr["role"] != "" {
		t.Errorf("%s is a live region", what)
	}
}
