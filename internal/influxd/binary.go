package influxd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Version is the InfluxDB that tools/influxd pins.
const Version = "1.8.10"

const (
	pkg  = "github.com/influxdata/influxdb/cmd/influxd"
	help = "or point --influx at a running InfluxDB (http://host:8086)"
)

// builder holds what Binary looks at, so that a test can give it another world.
type builder struct {
	cache    string        // folder that keeps the built binary
	from     []string      // folders from which tools/influxd is looked for, upwards
	beside   string        // a binary next to the executable; may not exist
	progress io.Writer     // never nil
	every    time.Duration // between two lines of progress
	env      []string
}

// Binary returns the path of an influxd 1.8: one beside the running executable, one built earlier (kept in the user's cache
// folder), one on PATH, or one that it builds now from tools/influxd, found upwards from the working directory or the
// executable. Building takes about a minute and needs Go and, the first time, the module proxy; a line goes to progress
// every few seconds. Two processes that build at once wait for each other. progress may be nil.
func Binary(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	b := builder{progress: progress, every: 3 * time.Second, env: os.Environ()}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("influxd: no folder to keep the built influxd in (set XDG_CACHE_HOME or HOME, %s): %w", help, err)
	}
	b.cache = filepath.Join(cache, "kapija")
	if wd, err := os.Getwd(); err == nil {
		b.from = append(b.from, wd)
	}
	if exe, err := os.Executable(); err == nil {
		b.beside = filepath.Join(filepath.Dir(exe), "influxd")
		b.from = append(b.from, filepath.Dir(exe))
	}
	return b.binary(ctx)
}

func (b *builder) binary(ctx context.Context) (string, error) {
	kept := filepath.Join(b.cache, "influxd-"+Version)
	for _, path := range []string{b.beside, kept} {
		if path != "" && is18(ctx, path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath("influxd"); err == nil && is18(ctx, path) {
		return filepath.Abs(path)
	}
	dir, err := b.source()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return "", fmt.Errorf("influxd: cannot keep the built influxd (set XDG_CACHE_HOME to a writable folder, %s): %w", help, err)
	}
	lock, err := acquire(ctx, kept+".lock", func() {
		_, _ = fmt.Fprintln(b.progress, "influxd: another process is building it: waiting")
	})
	if err != nil {
		return "", fmt.Errorf("influxd: waiting for another build: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if is18(ctx, kept) {
		return kept, nil
	}
	return kept, b.build(ctx, dir, kept)
}

// source finds the folder tools/influxd of the repository.
func (b *builder) source() (string, error) {
	for _, from := range b.from {
		for dir := from; ; dir = filepath.Dir(dir) {
			at := filepath.Join(dir, "tools", "influxd")
			if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
				return at, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("influxd: no influxd %s beside the program, in %s or on PATH, and no tools/influxd above %s to build it from: run in the repository, put an influxd 1.8 on PATH, %s",
		Version, b.cache, strings.Join(b.from, " or "), help)
}

// build compiles into a temporary file and renames it, so that a build that is cut short leaves nothing that looks whole.
func (b *builder) build(ctx context.Context, dir, out string) (err error) {
	tmp := fmt.Sprintf("%s.%d.tmp", out, os.Getpid())
	defer func() { _ = os.Remove(tmp) }()
	args := []string{"build", "-C", dir, "-trimpath", "-ldflags", "-s -w -X main.version=" + Version, "-o", tmp, pkg}
	repeat := "go " + strings.Join(quoted(args[:len(args)-2]), " ") + " influxd " + pkg
	fail := func(cause error, said string) error {
		return fmt.Errorf("influxd: building InfluxDB %s failed: %w%s\nit needs Go and, once, the module proxy: check the network and GOPROXY (go env GOPROXY) and try\n  GOWORK=off GOFLAGS= %s\n%s",
			Version, cause, said, repeat, help)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return fail(err, "")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	// The surroundings of the caller (vendoring, workspaces, a cross build) must not leak into this build.
	cmd.Env = append(append([]string{}, b.env...), "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said

	start := time.Now()
	_, _ = fmt.Fprintf(b.progress, "influxd: building InfluxDB %s from %s (once, about a minute)\n", Version, dir)
	if err := cmd.Start(); err != nil {
		return fail(err, "")
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case err = <-done:
			waiting = false
		case <-tick.C:
			_, _ = fmt.Fprintf(b.progress, "influxd: still building, %.0f s\n", time.Since(start).Seconds())
		}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("influxd: building was stopped: %w", context.Cause(ctx))
	case err != nil:
		return fail(err, tail(said.String(), 12))
	}
	if err := os.Rename(tmp, out); err != nil {
		return fmt.Errorf("influxd: keeping the built influxd: %w", err)
	}
	if !is18(ctx, out) {
		return fail(errors.New("the built binary does not answer `influxd version` with "+Version), "")
	}
	_, _ = fmt.Fprintf(b.progress, "influxd: built in %.0f s\n", time.Since(start).Seconds())
	return nil
}

// is18 asks a binary for its version.
func is18(ctx context.Context, path string) bool {
	st, err := os.Stat(path)
	if err != nil || st.IsDir() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	return err == nil && strings.HasPrefix(string(out), "InfluxDB v1.8")
}

func quoted(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if strings.ContainsAny(a, " $'") {
			a = "'" + a + "'"
		}
		out[i] = a
	}
	return out
}

// tail is the last n lines of s, each on a line of its own.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return "\n  " + strings.Join(lines, "\n  ")
}
