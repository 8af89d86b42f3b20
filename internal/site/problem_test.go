package site

import (
	"errors"
	"strings"
	"testing"
)

// broken is one edit of a good file, and the problems that it makes: nil when it stays good.
type broken struct {
	name, old, new string
	want           []string
}

// golden compares the whole text of the errors.
func (c broken) golden(t *testing.T, text string, parse func(src []byte) error) {
	t.Run(c.name, func(t *testing.T) {
		err := parse([]byte(edit(t, text, c.old, c.new)))
		var found Problems
		if !errors.As(err, &found) && (err != nil || c.want != nil) {
			t.Fatalf("got %v, expected Problems", err)
		}
		got := make([]string, len(found))
		for i, p := range found {
			got[i] = p.String()
		}
		if g, w := strings.Join(got, "\n"), strings.Join(c.want, "\n"); g != w {
			t.Errorf("got\n%s\nexpected\n%s", g, w)
		}
	})
}

func TestDistrictProblems(t *testing.T) {
	for _, c := range districtProblems {
		c.golden(t, small, func(src []byte) error {
			_, err := parseDistrict("d.yaml", src)
			return err
		})
	}
}

func TestWiringProblems(t *testing.T) {
	d := district(t)
	for _, c := range wiringProblems {
		c.golden(t, smallWiring, func(src []byte) error {
			_, err := parseWiring("w.yaml", src, d)
			return err
		})
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	text := edit(t, small, "to: hall", "to: hal")
	text = edit(t, text, "chip: bme280", "chip: bme208")
	text = edit(t, text, "width: 20", "width: wide")
	_, err := parseDistrict("d.yaml", []byte(text))
	const want = `site: 3 problems
  d.yaml:8:63: found "wide", expected a number
  d.yaml:27:13: door "main": to is the unknown zone "hal" (did you mean "hall"?); zones of building house are hall, office, outside
  d.yaml:64:50: sensor "hall-climate": chip is "bme208" (did you mean "bme280"?); allowed are bme280, bme680, ds18b20, ld2410, leak, pir, scd4x, sht4x`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nexpected\n%s", err, want)
	}
}

func TestNotADistrict(t *testing.T) {
	for src, want := range map[string]string{ // without a text: any error
		"":                "site: d.yaml: the file is empty",
		"# nothing\n":     "site: d.yaml: the file is empty",
		"17":              `site: d.yaml:1:1: found "17", expected a block of keys`,
		"[1, 2]":          "site: d.yaml:1:1: found a list, expected a block of keys",
		"name: {sr: a":    "site: d.yaml:1:7: not YAML: could not find flow mapping end token '}'",
		"buildings: []":   "site: 2 problems\n  d.yaml:1:1: the district: found the name \"\" in Serbian and \"\" in English, expected both: {sr: …, en: …}\n  d.yaml:1:12: there are no buildings, expected at least one",
		"a: &x 1\nb: *x":  "",
		"--- {}\n--- {}":  "",
		"buildings: [1]":  "",
		"buildings: [~]":  "",
		"? [a]\n: b":      "",
		"name: !!str x":   "",
		"<<: {name: ''}":  "",
		"\x00":            "",
		"name: |\n  text": "",
	} {
		_, err := parseDistrict("d.yaml", []byte(src))
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%q: got %v, expected %s", src, err, want)
		}
	}
}

func FuzzDistrict(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(strings.Replace(small, "name: {sr: Дистрикт, en: District}\n", ownFormats, 1)))
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := parseDistrict("d.yaml", src)
		if err != nil {
			return
		}
		for _, b := range d.Buildings {
			if b.Location == nil || b.People() < len(b.Zones) {
				t.Errorf("building %s is taken without a time zone or room for people", b.ID)
			}
			for _, z := range b.Zones {
				_, _ = z.Shape.Path(), z.Shape.Centre()
			}
		}
	})
}

func FuzzWiring(f *testing.F) {
	f.Add([]byte(smallWiring))
	f.Add([]byte(everyWiring))
	small, every := district(f), everyDistrict(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, d := range []*District{small, every} {
			w, err := parseWiring("w.yaml", src, d)
			if err != nil {
				continue
			}
			g := d.Building(w.Building).Gateway(w.Gateway)
			if len(w.Inputs) != len(g.Inputs) || len(w.Readers) != len(g.Readers) || len(w.Sensors) != len(g.Sensors) {
				t.Error("a wiring file is taken that does not wire everything")
			}
			for _, s := range g.Sensors {
				if w.Place(s.ID) == "" {
					t.Errorf("sensor %s is taken without a place", s.ID)
				}
			}
		}
	})
}
