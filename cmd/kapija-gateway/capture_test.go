package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCaptureIsWritten(t *testing.T) {
	c := &captures{dir: t.TempDir()}
	w := c.of("rs485")
	for i := range 1000 {
		fmt.Fprintf(w, "line %d\n", i)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(w, "too late")
	path := filepath.Join(c.dir, "rs485.log")
	got, err := os.ReadFile(path)
	if err != nil || strings.Count(string(got), "\n") != 1000 || !strings.HasSuffix(string(got), "line 999\n") {
		t.Errorf("found %d bytes and the error %v, expected 1000 lines", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, error %v: others may read it", info.Mode(), err)
	}
}

func TestNothingIsCapturedUnlessAsked(t *testing.T) {
	c := &captures{}
	if w := c.of("rs485"); w != nil {
		t.Errorf("found %T", w)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A disk that hangs delays no reader, and what is left out is said.
func TestSlowDiskLosesLinesAndSaysSo(t *testing.T) {
	disk := &slowDisk{hangs: make(chan struct{})}
	q := &queue{to: disk, lines: make(chan []byte, 2), done: make(chan error, 1)}
	go q.run()
	for i := range 100 {
		if n, err := fmt.Fprintf(q, "line %d\n", i); err != nil || n == 0 {
			t.Fatal(n, err)
		}
	}
	close(disk.hangs)
	if err := (&captures{queues: []*queue{q}}).Close(); err != nil {
		t.Fatal(err)
	}
	written, lost := 0, 0
	for line := range strings.Lines(disk.String()) {
		n := 0
		if _, err := fmt.Sscanf(line, "%d lines are missing here", &n); err == nil {
			lost += n
		} else {
			written++
		}
	}
	if written+lost != 100 || lost < 90 {
		t.Errorf("%d lines were written, %d are said to be missing, expected 100 in all:\n%s", written, lost, disk.String())
	}
}

func TestFullDiskEndsTheCapture(t *testing.T) {
	full := errors.New("no space left on device")
	q := &queue{to: &slowDisk{err: full}, lines: make(chan []byte, 2), done: make(chan error, 1)}
	go q.run()
	fmt.Fprintln(q, "line")
	c := &captures{queues: []*queue{q}}
	if err := c.Close(); !errors.Is(err, full) {
		t.Errorf("found %v", err)
	}
}

// slowDisk is a disk that hangs until hangs is closed, and cannot be closed without err.
type slowDisk struct {
	bytes.Buffer
	hangs chan struct{}
	err   error
}

func (d *slowDisk) Write(b []byte) (int, error) {
	if d.hangs != nil {
		<-d.hangs
	}
	return d.Buffer.Write(b)
}

func (d *slowDisk) Close() error { return d.err }
