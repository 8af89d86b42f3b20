package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beginSim starts `sim` with a keyboard of its own, in a folder for temporary files that has nothing else in it.
func beginSim(t *testing.T, more ...string) (*running, io.WriteCloser) {
	t.Helper()
	in, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = in
	t.Cleanup(func() {
		os.Stdin = before
		keyboard.Close()
	})
	r := begin(t, append([]string{"--log-level", "ERROR", "sim"}, more...)...)
	r.must("bench/gw-bench on virtual wires") // it has taken its keyboard
	return r, keyboard
}

// temporary makes temporary files go to an empty folder of their own.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// badge holds a card up until it opens: a reader that has just started counts none.
func (r *running) badge(keyboard io.Writer, command string) {
	r.Helper()
	for range 30 {
		fmt.Fprintln(keyboard, command)
		if r.hear(time.Second, "access.granted", "door=line", "badge=T-wiegand-26-1001") != "" {
			return
		}
	}
	r.Fatal("the card does not open")
}

// good is the command of the first card that opens.
func (r *running) good() string {
	r.Helper()
	command, _, _ := strings.Cut(r.must("wiegand wiegand", "that opens"), "#")
	return strings.TrimSpace(command)
}

func TestSimRunsAGatewayFromTheKeyboard(t *testing.T) {
	dir := temporary(t)
	r, keyboard := beginSim(t)
	r.badge(keyboard, r.good())
	r.must("door.unlocked", "door=line")
	fmt.Fprintln(keyboard, "outputs")
	r.must(`"line-lock":`)
	fmt.Fprintln(keyboard, "quit")
	r.must("gateway.stopped")
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	expectEmpty(t, dir)
}

func TestTwoSimsAtOnce(t *testing.T) {
	dir := temporary(t)
	a, keysA := beginSim(t)
	b, keysB := beginSim(t)
	a.badge(keysA, a.good())
	b.badge(keysB, b.good())
	fmt.Fprintln(keysA, "quit")
	if err := <-a.ended; err != nil {
		t.Error(err)
	}
	fmt.Fprintln(keysB, "outputs")
	b.must(`"line-lock":`)
	b.end()
	expectEmpty(t, dir)
}

func TestSimSaysThatItsFolderIsTooLong(t *testing.T) {
	long := filepath.Join(temporary(t), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	_, err := output(t, "sim")
	if err == nil || !strings.Contains(err.Error(), "107") || !strings.Contains(err.Error(), "shorter folder") {
		t.Errorf("found %v", err)
	}
	expectEmpty(t, long)
}

func TestSimKeepsAFolderThatIsNamed(t *testing.T) {
	dir := temporary(t)
	r, keyboard := beginSim(t, "--data", filepath.Join(dir, "d"))
	fmt.Fprintln(keyboard, "quit")
	for range r.lines {
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "d", "data", "audit")); err != nil {
		t.Error(err)
	}
}
