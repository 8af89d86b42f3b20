package cardformat

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// A wrong entry in the table would be found here, before any card: each is sound as a site's own would have to be.
func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range builtIn {
		if seen[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		seen[f.Name] = true
		if strings.HasPrefix(f.Name, ownPrefix) == f.Contactless {
			t.Errorf("%s: contactless is %v", f.Name, f.Contactless)
		}
		f.Contactless = false
		c := &check{Format: f}
		c.layout()
		for _, p := range c.problems {
			t.Errorf("%s: %+v", f.Name, p)
		}
	}
}

func TestSetWithoutOwn(t *testing.T) {
	made, problems := NewSet(nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, s := range []*Set{nil, {}, made} {
		if len(s.Names()) != len(builtIn) || s.Names()[0] != "wiegand-26" {
			t.Errorf("names %v", s.Names())
		}
		if f, ok := s.Lookup("wiegand-37"); !ok || f.Bits != 37 {
			t.Errorf("found %+v %v", f, ok)
		}
	}
}

func TestSetWithOwn(t *testing.T) {
	s, formats := everything(t)
	if names := s.Names(); len(names) != len(builtIn)+4 || names[len(builtIn)] != "wiegand-own-27" {
		t.Errorf("names %v", names)
	}
	if slices.Contains(site.Names(), "wiegand-own-27") {
		t.Error("a site's own format is known to another")
	}
	bits, n, err := s.Encode("wiegand-own-39", 0, 5)
	if err != nil || String(bits, n) != "010"+strings.Repeat("0", 32)+"101"+"0" {
		t.Errorf("%s, error %v", String(bits, n), err)
	}
	if name, m := Classify(formats, bits, n); name != "wiegand-own-39" || m != Fits {
		t.Errorf("classified as %s %v", name, m)
	}
	if _, err := s.Select([]string{"wiegand-26", "x", "wiegand-own-27", "y"}); err == nil || !strings.Contains(err.Error(), `"x", "y": one of`) || !strings.Contains(err.Error(), "wiegand-own-27") {
		t.Errorf("error %v, want both unknown names and what is known", err)
	}
}

func TestOwnProblems(t *testing.T) {
	good := Format{
		Name: "wiegand-own", Bits: 20, Facility: Field{1, 8}, Number: Field{9, 10},
		Parity: drawn("Exxxxxxxxx..........", "..........xxxxxxxxxO"),
	}
	for _, c := range []struct {
		name  string
		wreck func(f *Format)
		field string
		says  string
	}{
		{"good", func(*Format) {}, "", ""},
		{"no name", func(f *Format) { f.Name = "" }, "name", `name is "", expected one that begins with wiegand-`},
		{"only the prefix", func(f *Format) { f.Name = "wiegand-" }, "name", "begins with wiegand-"},
		{"would pass for a proof", func(f *Format) { f.Name = "desfire-own" }, "name", "begins with wiegand-"},
		{"capitals", func(f *Format) { f.Name = "wiegand-Own" }, "name", "only a-z"},
		{"long name", func(f *Format) { f.Name = "wiegand-" + strings.Repeat("x", 33) }, "name", "at most 40"},
		{"one that everybody has", func(f *Format) { f.Name = "wiegand-26" }, "name", "another format already"},
		{"no card reader sends it", func(f *Format) { f.Contactless = true }, "name", "is contactless"},
		{"no longer than a key", func(f *Format) { f.Bits = 8 }, "bits", "bits is 8, expected 9 to 128"},
		{"too long", func(f *Format) { f.Bits = 129 }, "bits", "bits is 129"},
		{"no number", func(f *Format) { f.Number = Field{} }, "number", "offset 0 and the width 0, expected 1 to 64 bits within the 20"},
		{"outside", func(f *Format) { f.Number.Offset = 11 }, "number", "offset 11"},
		{"far outside", func(f *Format) { f.Number.Offset = math.MaxInt }, "number", "offset"},
		{"before the frame", func(f *Format) { f.Facility.Offset = -1 }, "facility", "offset -1"},
		{"negative width", func(f *Format) { f.Facility.Width = -1 }, "facility", "width -1"},
		{"too wide", func(f *Format) { f.Bits, f.Parity, f.Facility, f.Number = 65, nil, Field{}, Field{0, 65} }, "number", "width 65"},
		{"fields overlap", func(f *Format) { f.Number.Offset = 8 }, "number", "bit 8, which is part of facility already"},
		{"a parity in a field", func(f *Format) { f.Parity = drawn("Exxxxxxxxx..........", "..........xxxxxxxxO.") }, "parity", "place 19 is part of number"},
		{"the same parity bit twice", func(f *Format) { f.Parity[1] = f.Parity[0] }, "parity", "place 1 is part of parity 1"},
		{"a parity of another length", func(f *Format) { f.Parity[1] = drawn("O")[0] }, "parity", "parity has 1 places, expected one for each of the 20 bits"},
		{"the wrong order", func(f *Format) { f.Parity = drawn("Exxxxxxxxxxxxxxxxxxx", "..........xxxxxxxxxO") }, "parity", "covers place 20, which is parity 2"},
		{"a bit that nothing says", func(f *Format) { f.Number.Width = 9 }, "bits", "bit 18 belongs to no field and no parity"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := good
			f.Name, f.Parity = "wiegand-own-2", slices.Clone(f.Parity)
			c.wreck(&f)
			s, problems := NewSet([]Format{good, f, good})
			if c.field == "" {
				if len(problems) != 1 || problems[0].Format != 2 || problems[0].Field != "name" || len(s.own) != 2 {
					t.Errorf("found %+v and %d formats, want the repeated name", problems, len(s.own))
				}
				return
			}
			if len(problems) != 2 || problems[0].Format != 1 || problems[0].Field != c.field || !strings.Contains(problems[0].Text, c.says) {
				t.Errorf("found %+v, want one about %s that says %q, and the repeated name", problems, c.field, c.says)
			}
			if len(s.own) != 1 {
				t.Errorf("%d formats were taken, want the good one alone", len(s.own))
			}
		})
	}
}

func TestParseParity(t *testing.T) {
	for text, says := range map[string]string{
		"": "no E or O", "xx..": "no E or O", "ExO": "second E or O at place 3", "Ex-": `'-' at place 3`, "Ex\u00e9": "at place 3",
		"E" + strings.Repeat("x", MaxBits): "129 places",
	} {
		if _, err := ParseParity(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.9q: error %v, want one that says %q", text, err, says)
		}
	}
	for _, text := range []string{"E", "O", "Exx.", "..xO", "x" + strings.Repeat(".", 126) + "E"} {
		if p, err := ParseParity(text); err != nil || p.String() != text {
			t.Errorf("%s came back as %s, error %v", text, p, err)
		}
	}
}

func FuzzParseParity(f *testing.F) {
	for _, s := range []string{"Exxxxxxxxxxxx.............", "O", "..E", "xxO\x00", "EE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParseParity(s); err == nil && p.String() != s {
			t.Errorf("%q came back as %q", s, p)
		}
	})
}
