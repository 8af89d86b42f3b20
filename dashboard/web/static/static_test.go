package static

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

var row = regexp.MustCompile(`(?m)^\| (\S+\.\S+) \| \S+ \| (\d\S*) \| \S+ \| (\S+) \| ([0-9a-f]{64}) \|$`)

func TestVendoredFilesAreAsRecorded(t *testing.T) {
	doc, err := os.ReadFile("vendor/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		recorded[m[1]] = m[4]
	}
	err = fs.WalkDir(os.DirFS("vendor"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "VENDOR.md" {
			return err
		}
		b, err := os.ReadFile(path.Join("vendor", name))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); recorded[name] != got {
			t.Errorf("%s: VENDOR.md says %q, the file is %s", name, recorded[name], got)
		}
		delete(recorded, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range recorded {
		t.Errorf("VENDOR.md names %s, which is not there", name)
	}
}

func get(t *testing.T, path, encodings string) (status int, header map[string][]string, body []byte) {
	t.Helper()
	app := fiber.New()
	app.Get("/static/:file", Serve)
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", encodings)
	resp, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

func TestFilesMayBeKeptForEver(t *testing.T) {
	for name := range names {
		for _, enc := range []string{"br", "gzip", ""} {
			status, header, body := get(t, URL(name), enc)
			if status != 200 || len(body) == 0 {
				t.Fatalf("%s: status %d, %d bytes", name, status, len(body))
			}
			if got := header["Cache-Control"]; len(got) != 1 || !strings.Contains(got[0], "immutable") {
				t.Errorf("%s: Cache-Control is %v", name, got)
			}
			if got := strings.Join(header["Content-Encoding"], ""); got != enc {
				t.Errorf("%s: asked for %q, got %q", name, enc, got)
			}
		}
	}
}

func TestOnlyHashedNamesAreServed(t *testing.T) {
	for _, p := range []string{"/static/app.css", "/static/app.000000000000.css", "/static/..%2fstatic.go", "/static/vendor"} {
		if status, _, _ := get(t, p, ""); status != 404 {
			t.Errorf("%s: status %d, want 404", p, status)
		}
	}
}

func TestUnknownNamePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("URL of an unknown file must panic")
		}
	}()
	URL("nothing.js")
}
