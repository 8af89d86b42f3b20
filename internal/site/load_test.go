package site

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	b := district(t).Building("house")
	main, inner := b.Door("main"), b.Door("inner")
	if main.Release != 5*time.Second || main.Extended != 15*time.Second || main.HeldAfter != 30*time.Second {
		t.Errorf("main: release %v, extended %v, held after %v; expected 5s, 15s, 30s", main.Release, main.Extended, main.HeldAfter)
	}
	if inner.Release != 20*time.Second || inner.Extended != 20*time.Second {
		t.Errorf("inner: release %v, extended %v; expected the extended release not to be shorter than 20s", inner.Release, inner.Extended)
	}
	g := b.Gateway("gw-one")
	if i := g.Inputs[0]; i.Active != "high" || i.Debounce != 20*time.Millisecond {
		t.Errorf("main-contact: %q, %v; expected high, 20ms", i.Active, i.Debounce)
	}
	if i := g.Inputs[3]; i.Active != "low" || i.Debounce != 5*time.Millisecond {
		t.Errorf("beam-inner: %q, %v; expected low, 5ms", i.Active, i.Debounce)
	}
	if g.Sensors[0].Every != time.Minute || g.Sensors[1].Every != 30*time.Second {
		t.Errorf("every: %v and %v, expected 1m and 30s", g.Sensors[0].Every, g.Sensors[1].Every)
	}
	w, err := parseWiring("w.yaml", []byte(smallWiring), district(t))
	if err != nil {
		t.Fatal(err)
	}
	if p := w.Readers["main-entry"].Pull; p != "none" {
		t.Errorf("pull of main-entry is %q, expected none", p)
	}
}

func TestLookup(t *testing.T) {
	d := district(t)
	b := d.Building("house")
	if d.Building("hous") != nil || b.Gateway("x") != nil || b.Door("") != nil || b.Zone(Outside) != nil || b.Floor("x") != nil {
		t.Error("found what is not there, expected nil")
	}
	if b.Zone("hall").Name.En != "Hall" || b.Floor("ground").Width != 20 {
		t.Error("found another zone or floor than the one that was asked for")
	}
	if doors := b.DoorsOf("gw-two"); len(doors) != 1 || doors[0].ID != "inner" {
		t.Errorf("doors of gw-two: %v, expected inner alone", doors)
	}
	for _, c := range []struct {
		reader, door string
		in, ok       bool
	}{
		{"main-entry", "main", true, true}, {"inner-entry", "inner", true, true}, {"inner-exit", "inner", false, true},
		{"nothing", "", false, false}, {"", "", false, false},
	} {
		door, in, ok := b.ReaderDoor(c.reader)
		if ok != c.ok || in != c.in || ok && door.ID != c.door {
			t.Errorf("ReaderDoor(%q) = %v, %v, %v; expected %v", c.reader, door, in, ok, c)
		}
	}
}

func TestCapacity(t *testing.T) {
	b := district(t).Building("house")
	if hall, office := b.Zone("hall").People(), b.Zone("office").People(); hall != 40 || office != 3 {
		t.Errorf("hall %d, office %d; expected 40 as stated and 3 = floor(39.9 / 10)", hall, office)
	}
	if n := b.People(); n != 43 {
		t.Errorf("the house is for %d people, expected 43", n)
	}
}

// TestL10 holds that a missing or wrong time zone is an error at start, never UTC, on a machine without zone files too.
func TestL10(t *testing.T) {
	for _, zone := range []string{`Europe/Beograd`, `""`, `Local`, `../zoneinfo`} {
		_, err := parseDistrict("d.yaml", []byte(edit(t, small, "time_zone: Europe/Belgrade", "time_zone: "+zone)))
		if err == nil || !strings.Contains(err.Error(), "d.yaml:6:16: time_zone") {
			t.Errorf("time zone %s: got %v, expected an error at 6:16", zone, err)
		}
	}
	_, err := parseDistrict("d.yaml", []byte(edit(t, small, "    time_zone: Europe/Belgrade\n", "")))
	if err == nil || !strings.Contains(err.Error(), "d.yaml:3:5: time_zone") {
		t.Errorf("no time zone: got %v, expected an error at its building", err)
	}
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, district(t).Building("house").Location)
	if utc := noon.UTC().Hour(); utc != 10 {
		t.Errorf("noon of a July day in Belgrade is %d h UTC, expected 10", utc)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "load.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	embedded := false
	for _, i := range f.Imports {
		embedded = embedded || i.Path.Value == `"time/tzdata"`
	}
	if !embedded {
		t.Error("load.go does not import time/tzdata, which brings the time zones along")
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v, expected fs.ErrNotExist", err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadWiring(big, district(t)); err == nil || !strings.Contains(err.Error(), "is it the right file?") {
		t.Errorf("a file that is too large: %v", err)
	}
}
