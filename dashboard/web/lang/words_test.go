package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var place = regexp.MustCompile(`\{\w+\}`)

// units may stand in Serbian texts in Latin letters.
var units = []string{"CO", "s", "min", "h"}

func TestEveryTextHasBothLanguages(t *testing.T) {
	tables := len(frame) + len(present) + len(things) + len(register) + len(protocol)
	if len(words) != tables {
		t.Errorf("%d keys in the tables, %d in words: a key is there twice", tables, len(words))
	}
	for key, w := range words {
		if strings.TrimSpace(w.sr) == "" || strings.TrimSpace(w.en) == "" {
			t.Errorf("%s: a language is missing: %q, %q", key, w.sr, w.en)
		}
		if key == "lang.name" || key == "lang.short" { // a language's own name
			continue
		}
		for _, latin := range regexp.MustCompile(`\p{Latin}+`).FindAllString(place.ReplaceAllString(w.sr, ""), -1) {
			if !slices.Contains(units, latin) {
				t.Errorf("%s: Serbian is written in Cyrillic, found %q in %q", key, latin, w.sr)
			}
		}
		if i := strings.IndexFunc(w.en, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }); i >= 0 {
			t.Errorf("%s: Cyrillic in English: %q", key, w.en)
		}
		checkForms(t, key, w)
	}
}

func checkForms(t *testing.T, key string, w word) {
	t.Helper()
	sr, en := strings.Split(w.sr, "|"), strings.Split(w.en, "|")
	if !(len(sr) == 1 && len(en) == 1) && !(len(sr) == 3 && len(en) == 2) {
		t.Errorf("%s: %d Serbian and %d English forms; a plural has 3 and 2", key, len(sr), len(en))
	}
	for _, form := range append(sr, en...) {
		if got, want := places(form), places(sr[0]); !slices.Equal(got, want) {
			t.Errorf("%s: %q has the places %v, others %v", key, form, got, want)
		}
	}
}

func places(s string) []string {
	found := place.FindAllString(s, -1)
	slices.Sort(found)
	return found
}

var (
	quoted = regexp.MustCompile("[\"`]([a-z]+\\.[a-z_A-Z.0-9]*)[\"`]")
	// families are keys that are put together: the rest comes from a value.
	families = []string{"band.", "kind.", "reason.", "side.", "cause.", "mode.", "clock.", "door.", "alarm.", "role.", "done.", "error.", "help."}
)

// sources are the files that use words.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../*.templ", "../*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_templ.go") || strings.HasSuffix(f, "_test.go") || f == "words.go" || f == "protocol.go" {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all[f] = string(b)
		}
	}
	if len(all) < 10 {
		t.Fatalf("found only %d source files", len(all))
	}
	return all
}

func TestEveryTextIsUsedAndEveryUsedTextExists(t *testing.T) {
	used := map[string]bool{}
	for file, text := range sources(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			key := m[1]
			used[key] = true
			first, _, _ := strings.Cut(key, ".")
			known := slices.ContainsFunc(slices.Collect(maps.Keys(words)), func(k string) bool { return strings.HasPrefix(k, first+".") })
			if _, ok := words[key]; known && !ok && !slices.Contains(families, key) && !strings.HasSuffix(key, ".css") && !strings.HasSuffix(key, ".js") {
				t.Errorf("%s: %q has no text", file, key)
			}
		}
	}
	for key := range words {
		whole := slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) && used[f] })
		if !used[key] && !whole {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// Every name of the protocol has its words, and there are no words for names that are not in it.
func TestEveryNameOfTheProtocolHasWords(t *testing.T) {
	names := map[string][]string{
		"kind.": constants(t, "Kind"), "reason.": constants(t, "Reason"), "clock.": constants(t, "Clock"), "side.": constants(t, "Side"),
	}
	if len(names["kind."]) < 30 || len(names["reason."]) < 20 {
		t.Fatalf("found too few names: %v", names)
	}
	for family, list := range names {
		for _, name := range list {
			if !Has(family+name) && family+name != "reason.granted" {
				t.Errorf("%s%s has no words", family, name)
			}
		}
		for key := range words {
			if name, ok := strings.CutPrefix(key, family); ok && !slices.Contains(list, name) && name != "access.entered_assumed" {
				t.Errorf("%s is not a name of the protocol", key)
			}
		}
	}
}

// constants are the values of the constants of one type in package event.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../internal/event/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typeName {
			return true
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					found = append(found, s)
				}
			}
		}
		return true
	})
	return found
}
