// Package e2e drives the built programs as people and faults do: real processes, a real broker, a real InfluxDB, a real
// browser. Run it with make e2e, which builds them.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kapija/demo"
)

// bin is a built program.
func bin(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "bin", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%s is not built: run make build (%v)", name, err)
	}
	return path
}

// freeAddr is an address on which nothing listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// system is a running demo.
type system struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
	out  *bytes.Buffer
	done chan error
}

// startDemo starts a demo and waits until it says where to look.
func startDemo(t testing.TB, dir string, more ...string) *system {
	t.Helper()
	s := &system{t: t, dir: dir, args: append([]string{
		"demo", "--data", dir, "--http", freeAddr(t), "--mqtt", freeAddr(t), "--influx", freeAddr(t),
	}, more...)}
	s.start()
	t.Cleanup(func() {
		if s.cmd != nil {
			s.stop()
		}
		if t.Failed() {
			s.tellLogs()
		}
	})
	return s
}

func (s *system) start() {
	s.t.Helper()
	s.cmd = exec.Command(bin(s.t, "kapija"), s.args...)
	s.cmd.Dir = ".." // where the tools are
	pipe, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.out = &bytes.Buffer{}
	s.cmd.Stderr = s.cmd.Stdout
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	s.done = done
	cmd := s.cmd
	go func() {
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			fmt.Fprintln(s.out, lines.Text())
			if strings.HasPrefix(lines.Text(), "Ctrl-C") {
				close(ready)
			}
		}
		done <- cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-done:
		s.cmd = nil
		s.t.Fatalf("the demo ended: %v\n%s", err, s.out)
	case <-time.After(5 * time.Minute):
		s.stop()
		s.t.Fatalf("the demo is not ready after 5 minutes:\n%s", s.out)
	}
}

// stop presses Ctrl-C and returns how long the end took.
func (s *system) stop() time.Duration {
	s.t.Helper()
	began := time.Now()
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("the demo ended with %v:\n%s", err, s.out)
		}
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("the demo did not stop:\n%s", s.out)
	}
	s.cmd = nil
	return time.Since(began)
}

func (s *system) tellLogs() {
	s.t.Logf("output:\n%s", s.out)
	logs, _ := filepath.Glob(filepath.Join(s.dir, "log", "*.log"))
	for _, l := range logs {
		b, _ := os.ReadFile(l)
		s.t.Logf("%s:\n%s", filepath.Base(l), b[max(0, len(b)-3000):])
	}
}

func (s *system) manifest() demo.Manifest {
	s.t.Helper()
	var m demo.Manifest
	b, err := os.ReadFile(filepath.Join(s.dir, "demo.json"))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// kill sends SIGKILL to a process of the demo.
func (s *system) kill(name string) {
	s.t.Helper()
	pid := s.manifest().Processes[name]
	if pid == 0 {
		s.t.Fatalf("there is no process %q: %v", name, s.manifest().Processes)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatalf("kill %s: %v", name, err)
	}
}

// get asks the API.
func (s *system) get(path string, into any) error {
	m := s.manifest()
	req, err := http.NewRequest(http.MethodGet, m.HTTP+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.Token)
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, b)
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	return err
}

// eventually tries until ok, or fails with what was seen last.
func eventually(t testing.TB, within time.Duration, what string, try func() (ok bool, seen string)) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		ok, seen := try()
		if ok {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("%s: not within %s; last seen: %s", what, within, seen)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// wire says one command to virtual wires, as `echo … | nc -U` does, and returns the answer.
func wire(t testing.TB, socket, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintln(conn, command); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(answer)
}

// runToEnd runs a program, ours or the system's, and returns all that it says.
func runToEnd(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if strings.HasPrefix(name, "kapija") {
		name = bin(t, name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func outputs(t testing.TB, socket string) map[string]bool {
	t.Helper()
	var o map[string]bool
	if answer := wire(t, socket, "outputs"); json.Unmarshal([]byte(answer), &o) != nil {
		t.Fatalf("outputs: %s", answer)
	}
	return o
}
