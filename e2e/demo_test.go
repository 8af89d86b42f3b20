package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kapija/dashboard/live"
	"kapija/internal/event"
)

// The demo as a newcomer meets it: two weeks of history, two buildings that live, a first page that says so.
func TestDemoLives(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--speed", "20", "--at", "09:30")
	for _, line := range strings.Split(s.out.String(), "\n") {
		if strings.Contains(line, "history") || strings.Contains(line, "events") || strings.Contains(line, "ready") {
			t.Log(strings.TrimSpace(line))
		}
	}
	m := s.manifest()
	page := openBrowser(t, m)
	page.logIn()
	html := do(page, "the first page's HTML", chromedp.Evaluate[string](`fetch('/').then(r => r.text())`, chromedp.EvalAwaitPromise))
	if n := page.count("lozionica"); n == "—" || n == "0" || !strings.Contains(html, `data-f="count"`) {
		t.Errorf("the first page says %q, want a number in its HTML", n)
	}
	size := do(page, "the first page's size", chromedp.Evaluate[float64](
		`performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource').filter(e => !e.name.includes('/api/'))).reduce((n, e) => n + e.transferSize, 0)`))
	t.Logf("first page with everything it loads: %.1f kB over the wire", size/1000)
	if size > 60_000 {
		t.Errorf("first page: %.0f bytes, at most 60 kB are promised", size)
	}
	// Both buildings move: people come in, and some go.
	before := s.buildings()
	eventually(t, 3*time.Minute, "people come and go in both buildings", func() (bool, string) {
		moved := 0
		var seen []string
		for i, b := range s.buildings() {
			if b.Entered > before[i].Entered && b.Entered+b.Left > before[i].Entered+before[i].Left+2 {
				moved++
			}
			seen = append(seen, fmt.Sprintf("%s: in %d → %d, out %d → %d", b.ID, before[i].Entered, b.Entered, before[i].Left, b.Left))
		}
		return moved == 2, strings.Join(seen, "; ")
	})
	for _, b := range s.buildings() {
		if b.Usual == nil {
			t.Errorf("%s: with two weeks of history there is something usual", b.ID)
		}
	}
	for _, r := range []event.Reason{event.Granted, event.Revoked, event.UnknownBadge} {
		sample := sampleOf(t, m, "kragujevac", r)
		began := time.Now()
		if a := wire(t, sample.Socket, "wiegand "+sample.Reader+" "+sample.Bits); a != "ok" {
			t.Fatalf("wiegand: %s", a)
		}
		s.seen("kragujevac", began.Add(-time.Second), 5*time.Second, func(e live.Event) bool { return e.Reason == r && e.Door == sample.Door })
	}
	page.screenshot("overview")
	do(page, "a building", chromedp.Navigate(m.HTTP+"/buildings/lozionica"))
	do(page, "its plan", chromedp.WaitVisible(`svg [data-zone="turntable-hall"]`))
	page.screenshot("building")

	if took := s.stop(); took > 5*time.Second {
		t.Errorf("Ctrl-C took %s, at most 5 s is promised", took)
	}
	began := time.Now()
	s.start()
	t.Logf("started again after %s", time.Since(began).Round(100*time.Millisecond))
	for i, b := range s.buildings() {
		if b.Entered < before[i].Entered {
			t.Errorf("%s: %d people came in today before the restart, %d after it", b.ID, before[i].Entered, b.Entered)
		}
	}
}

func (s *system) buildings() []live.Building {
	s.t.Helper()
	var bs []live.Building
	if err := s.get("/api/v1/buildings", &bs); err != nil {
		s.t.Fatal(err)
	}
	return bs
}

// Every way in which a start can go wrong says what was found, what was expected and what to do.
func TestStartsThatCannotWork(t *testing.T) {
	s := startDemo(t, t.TempDir(), "--no-people")
	taken := s.args[4]
	noDir := t.TempDir() + "/file"
	if err := os.WriteFile(noDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir() + "/district.yaml"
	if err := os.WriteFile(broken, []byte("name: {sr: А, en: A}\nbuildings:\n  - id: X y\n    flors: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"port taken", []string{"demo", "--no-people", "--data", t.TempDir(), "--http", taken, "--mqtt", freeAddr(t), "--influx", freeAddr(t)}, []string{taken, "--http"}},
		{"folder is a file", []string{"demo", "--data", noDir + "/x"}, []string{noDir, "--data"}},
		{"two demos in one folder", []string{"demo", "--data", s.dir}, []string{s.dir, "another demo runs"}},
		{"no such hour", []string{"demo", "--data", t.TempDir(), "--http", freeAddr(t), "--mqtt", freeAddr(t), "--influx", freeAddr(t), "--at", "25:00"}, []string{"25:00", "08:15"}},
		{"broken configuration", []string{"serve", "--site", broken, "--data", t.TempDir(), "--http", freeAddr(t), "--mqtt", freeAddr(t)}, []string{"district.yaml:3:", "X y", "flors", "did you mean"}},
		{"no configuration", []string{"serve", "--site", broken + "x"}, []string{broken + "x"}},
		{"server's port taken", []string{"serve", "--site", "configs/district.yaml", "--data", t.TempDir(), "--http", taken, "--mqtt", freeAddr(t)}, []string{taken, "--http"}},
		{"beyond loopback without users", []string{"serve", "--site", "configs/district.yaml", "--data", t.TempDir(), "--http", freeAddr(t), "--mqtt", "0.0.0.0:0"}, []string{"0.0.0.0:0", "configure users"}},
		{"unknown role", []string{"token", "create", "--data", t.TempDir(), "--name", "x", "--role", "king"}, []string{"king", "viewer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := runToEnd(t, "kapija", c.args...)
			if err == nil {
				t.Fatalf("it worked:\n%s", out)
			}
			for _, want := range c.says {
				if !strings.Contains(out, want) {
					t.Errorf("the error does not say %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic") {
				t.Errorf("it panicked:\n%s", out)
			}
		})
	}
	t.Run("influxd cannot be built", func(t *testing.T) {
		dir, err := os.MkdirTemp("", "k") // short: sockets live below it
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		out, err := runToEnd(t, "env", "-i", "HOME="+dir, "PATH=/nonexistent", bin(t, "kapija"), "demo", "--no-people",
			"--data", dir+"/d", "--http", freeAddr(t), "--mqtt", freeAddr(t), "--influx", freeAddr(t))
		if err == nil || !strings.Contains(out, "influxd") || !strings.Contains(out, "needs Go") {
			t.Errorf("error %v:\n%s", err, out)
		}
	})
}
