package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kapija/demo"
)

// page is a real Chromium, logged in or not.
type page struct {
	t   testing.TB
	ctx context.Context
	m   demo.Manifest
}

// openBrowser starts Chromium without a window and without talking to anybody but the dashboard.
func openBrowser(t testing.TB, m demo.Manifest) *page {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	if path := os.Getenv("CHROMIUM"); path != "" {
		opts = append(opts, chromedp.ExecPath(path))
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	// The first action starts the browser, which lives as long as its context: so it has no deadline.
	if _, err := chromedp.Run(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("browser: %v", err)
	}
	return &page{t, ctx, m}
}

// do runs one action, or fails with what was tried.
func do[T any](p *page, what string, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.screenshot("failed")
		p.t.Fatalf("browser: %s: %v", what, err)
	}
	return v
}

func (p *page) logIn() {
	p.t.Helper()
	do(p, "open the log-in page", chromedp.Navigate(p.m.HTTP+"/login"))
	do(p, "type the user", chromedp.SendKeys(`input[name=user]`, p.m.User))
	do(p, "type the password", chromedp.SendKeys(`input[name=password]`, p.m.Password+"\r"))
	do(p, "see the overview", chromedp.WaitVisible(countOf("lozionica")))
}

// countOf selects the large number of a building on the overview.
func countOf(building string) string {
	return fmt.Sprintf(`article[data-building=%q] .num[data-f="count"]`, building)
}

// count is the number as a person reads it.
func (p *page) count(building string) string {
	p.t.Helper()
	return strings.TrimSpace(do(p, "read the count", chromedp.Text(countOf(building))))
}

// screenshot keeps a picture in build/screenshots.
func (p *page) screenshot(name string) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("screenshot: %v", err)
		return
	}
	dir := filepath.Join("..", "build", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
