package sim_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kapija/firmware-bridge/sim"
)

// folder is short enough for sockets, whatever the test is called.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "wires")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func serve(t *testing.T) (*sim.Wires, string) {
	t.Helper()
	path := filepath.Join(folder(t), "s")
	w, err := sim.Open(gateway, &sim.Opts{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, path
}

func dial(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// say writes to the socket and gives everything that comes until the server closes.
func say(t *testing.T, path, text string, half bool) string {
	t.Helper()
	c := dial(t, path)
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if half {
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestSocket(t *testing.T) {
	_, path := serve(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v", info.Mode(), err)
	}
	const off = `{"led":false,"strike":false}` + "\n"
	for what, c := range map[string]struct {
		text string
		half bool
		want string
	}{
		"silence after the answer": {"outputs\n", false, off},
		"half closed":              {"outputs\nlevel rex 0\n", true, off + "ok\n"},
		"no newline, half closed":  {"outputs", true, off},
		"no newline, silence":      {"help\noutputs", false, ""},
		"bad then good":            {"nope\noutputs\n", true, ""},
		"carriage return":          {"outputs\r\n", true, off},
		"longer than 4 kB":         {strings.Repeat("x", 100_000), false, "error: the line is longer than 4096 bytes\n"},
		"nothing":                  {"", true, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			got := say(t, path, c.text, c.half)
			switch what {
			case "no newline, silence":
				if !strings.HasSuffix(got, "error: the line has no end; end it with a newline\n") {
					t.Errorf("answer %q", got)
				}
			case "bad then good":
				if !strings.HasPrefix(got, "error: unknown command") || !strings.HasSuffix(got, off) {
					t.Errorf("answer %q", got)
				}
			default:
				if got != c.want {
					t.Errorf("answer %q, expected %q", got, c.want)
				}
			}
		})
	}
}

func TestSocketIsBounded(t *testing.T) {
	_, path := serve(t)
	var open []*net.UnixConn
	for i := range 32 {
		c := dial(t, path)
		open = append(open, c)
		if _, err := io.WriteString(c, "level rex 1\n"); err != nil {
			t.Fatal(i, err)
		}
		if got, err := bufio.NewReader(c).ReadString('\n'); got != "ok\n" {
			t.Fatal(i, got, err)
		}
		// An answered connection that is asked on stays open.
		go func() {
			for {
				if _, err := io.WriteString(c, "help\n"); err != nil {
					return
				}
				if _, err := c.Read(make([]byte, 1024)); err != nil {
					return
				}
			}
		}()
	}
	if got := say(t, path, "", false); got != "error: 32 connections are open, which is the limit; close one\n" {
		t.Errorf("connection 33: %q", got)
	}
	for _, c := range open {
		_ = c.Close()
	}
	for { // until the server has noticed
		if got := say(t, path, "level rex 1\n", true); got == "ok\n" {
			break
		}
	}
}

func TestSocketPaths(t *testing.T) {
	dir := folder(t)
	long := filepath.Join(dir, strings.Repeat("x", 108))
	if _, err := sim.Open(gateway, &sim.Opts{Socket: long}); err == nil || !strings.Contains(err.Error(), "at most 107") {
		t.Errorf("long path: %v", err)
	}
	if _, err := sim.Open(gateway, &sim.Opts{Socket: filepath.Join(dir, "none", "s")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Open(gateway, &sim.Opts{Socket: file}); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("a file: %v", err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "precious" {
		t.Errorf("the file was touched: %q, %v", got, err)
	}

	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	w, err := sim.Open(gateway, &sim.Opts{Socket: stale})
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	if _, err := sim.Open(gateway, &sim.Opts{Socket: stale}); err == nil || !strings.Contains(err.Error(), stale+" is served by a running process") {
		t.Errorf("live socket: %v", err)
	}
	if got := say(t, stale, "level rex 1\n", true); got != "ok\n" {
		t.Errorf("after the refusal: %q", got)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket file after Close: %v", err)
	}
}

func TestClient(t *testing.T) {
	w, path := serve(t)
	ctx := t.Context()
	c := sim.Dial(path)
	defer c.Close()
	for what, err := range map[string]error{
		"wiegand": c.Wiegand(ctx, "r1", "10101"),
		"level":   c.Level(ctx, "contact", true),
		"value":   c.Value(ctx, "air", "temperature", -12.25),
		"fail":    c.Fail(ctx, "co2"),
		"heal":    c.Heal(ctx, "co2"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := c.Outputs(ctx); err != nil || len(got) != 2 || got["strike"] {
		t.Errorf("outputs %v, %v", got, err)
	}
	if err := c.Level(ctx, "no", true); err == nil || !strings.Contains(err.Error(), "it has contact, rex") {
		t.Errorf("unknown input: %v", err)
	}
	if err := c.Fail(ctx, "co2\nfail air"); err == nil {
		t.Error("two commands in one argument are sent")
	}
	if got := must(must(w.Input("contact"))(t).Levels())(t); !got[0] {
		t.Errorf("level %v", got)
	}

	// The process behind the socket ends and another takes its place.
	_ = w.Close()
	if err := c.Level(ctx, "contact", true); err == nil {
		t.Error("obeyed by a closed socket")
	}
	again, err := sim.Open(gateway, &sim.Opts{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := c.Level(ctx, "contact", true); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	_ = again.Close()
	third, err := sim.Open(gateway, &sim.Opts{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if err := c.Level(ctx, "contact", true); err != nil {
		t.Errorf("after a restart that the client did not notice: %v", err)
	}
}

func TestTwoClientsAtOnce(t *testing.T) {
	w, path := serve(t)
	src := must(w.Wiegand("r1"))(t)
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			c := sim.Dial(path)
			defer c.Close()
			for range 3 {
				if err := c.Wiegand(t.Context(), "r1", strings.Repeat(fmt.Sprint(i), 30)); err != nil {
					t.Error(err)
				}
				if _, err := c.Outputs(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := edges(t, src, 180)
	for frame := range 6 {
		for _, e := range got[frame*30 : frame*30+30] {
			if e.Line != got[frame*30].Line {
				t.Fatalf("frame %d is mixed with another", frame)
			}
		}
	}
}
