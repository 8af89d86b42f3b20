// Package arch holds the map of docs/architecture.md as a test: which room may import which, and that every package
// says what it is for.
package arch

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rooms says for each room which other rooms of this module it may import. A room is a path and everything below it; the
// longest match counts. What is not listed here is a mistake: a new room is a decision.
var rooms = map[string][]string{
	"internal/cardformat": {},
	"internal/site":       {"internal/cardformat"},
	"internal/event":      {"internal/site"},
	"internal/policy":     {"internal/site", "internal/event", "internal/translit"},
	"internal/translit":   {},
	"internal/topic":      {},
	"internal/command":    {"internal/topic", "internal/event"},
	"internal/mqtt":       {},
	"internal/broker":     {"internal/topic"},
	"internal/influxd":    {},
	"internal/arch":       {},
	"internal/brick":      {},

	"firmware-bridge": {"internal/site", "internal/cardformat", "internal/brick"},
	"gateway":         {"firmware-bridge", "internal/site", "internal/event", "internal/policy", "internal/topic", "internal/mqtt", "internal/command", "internal/translit", "internal/cardformat"},
	"relay":           {"internal/site", "internal/event", "internal/topic", "internal/mqtt"},
	"dashboard":       {"internal/site", "internal/event", "internal/policy", "internal/topic", "internal/mqtt", "internal/cardformat", "internal/brick", "internal/translit"},

	"server":             {"dashboard", "relay", "internal"},
	"demo":               {"server", "dashboard", "gateway/door", "gateway/journal", "firmware-bridge/sim", "configs", "internal"},
	"configs":            {},
	"hil":                {},
	"e2e":                {"demo", "server", "dashboard", "gateway", "relay", "firmware-bridge", "configs", "internal"},
	"cmd/kapija":         {"demo", "server", "relay", "dashboard/auth", "internal"},
	"cmd/kapija-gateway": {"gateway", "firmware-bridge", "configs", "internal/site", "internal/event", "internal/topic", "internal/policy", "internal/cardformat"},
}

// testsMay says what the tests of a room may import besides: real parts to run against.
var testsMay = []string{"internal/broker", "internal/influxd", "internal/mqtt", "configs", "firmware-bridge/edgetest"}

type pkg struct {
	ImportPath                         string
	Dir, Doc                           string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func roomOf(path string) string {
	best := ""
	for r := range rooms {
		if (path == r || strings.HasPrefix(path, r+"/")) && len(r) > len(best) {
			best = r
		}
	}
	return best
}

func inside(path string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return path == r || strings.HasPrefix(path, r+"/") })
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, p := range list(t, "./...") {
		path := strings.TrimPrefix(p.ImportPath, "kapija/")
		room := roomOf(path)
		if room == "" {
			t.Errorf("%s is in no room of the map", path)
			continue
		}
		may := append([]string{room}, rooms[room]...)
		check := func(imports, more []string) {
			for _, i := range imports {
				if i, own := strings.CutPrefix(i, "kapija/"); own && !inside(i, may) && !inside(i, more) {
					t.Errorf("%s imports %s; %s may import %v", path, i, room, rooms[room])
				}
			}
		}
		check(p.Imports, nil)
		check(p.TestImports, testsMay)
		check(p.XTestImports, testsMay)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t, "./...") {
		if p.Doc != "" {
			continue
		}
		if len(p.GoFiles) == 0 { // tests only: go list shows no doc comment
			for _, f := range append(p.TestGoFiles, p.XTestGoFiles...) {
				if file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly); err == nil && file.Doc != nil {
					p.Doc = file.Doc.Text()
				}
			}
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// A gateway must not carry a server: its program stays small, and a fault there cannot be a fault here.
func TestGatewayBinaryCarriesNoServer(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/kapija-gateway")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is built: the race detector of tests needs cgo
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, never := range []string{"gofiber", "nats-server", "influxdb", "runtime/cgo"} {
			if strings.Contains(dep, never) {
				t.Errorf("cmd/kapija-gateway depends on %s", dep)
			}
		}
	}
}

// docs/adding-a-driver.md promises that a driver is a small thing: its example is, with the playback of its wire.
func TestTheExampleOfADriverIsSmall(t *testing.T) {
	lines := 0
	for _, name := range []string{"sht4x.go", "playback_test.go"} {
		b, err := os.ReadFile(filepath.Join("../../firmware-bridge/sht4x", name))
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(b), "\n")
	}
	if lines >= 150 {
		t.Errorf("the example has %d lines, expected fewer than 150", lines)
	}
}

// Library code does not log by the package-wide logger, end the process or read the environment: commands do.
func TestLibrariesTouchNoGlobals(t *testing.T) {
	for _, p := range list(t, "./...") {
		if strings.HasPrefix(p.ImportPath, "kapija/cmd/") || strings.HasPrefix(p.ImportPath, "kapija/hil") {
			continue
		}
		for _, i := range p.Imports {
			if i == "log" || i == "expvar" || i == "flag" {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}
