package influxd

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func binary(t *testing.T) string {
	t.Helper()
	path, err := Binary(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, c Config) *Server {
	t.Helper()
	c.Binary = binary(t)
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func write(t *testing.T, s *Server, line string) {
	t.Helper()
	resp, err := http.Post(s.URL+"/write?db=kapija", "text/plain", strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("write: %s", resp.Status)
	}
}

func flux(t *testing.T, s *Server, q string) string {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v2/query", strings.NewReader(q))
	req.Header.Set("Content-Type", "application/vnd.flux")
	req.Header.Set("Accept", "application/csv")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, _ := io.ReadAll(resp.Body)
	return string(out)
}

const everything = `from(bucket:"kapija/autogen") |> range(start: 1970-01-01T00:00:00Z)`

func TestStartWriteQueryStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "has space")
	s := run(t, Config{Dir: dir})
	write(t, s, "m,a=b v=42i 1000")
	if got := flux(t, s, everything); !strings.Contains(got, ",42,") {
		t.Fatalf("flux answered %q", got)
	}
	if st, err := os.Stat(filepath.Join(dir, "influxd.conf")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("configuration: %v %v", st, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error("second close:", err)
	}
	if syscall.Kill(s.PID(), 0) == nil {
		t.Error("the child is still there after Close")
	}
}

func TestKilledChildComesBackWithItsData(t *testing.T) {
	dir := t.TempDir()
	s := run(t, Config{Dir: dir})
	write(t, s, "m v=7i 1000")
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	again := run(t, Config{Dir: dir, Addr: strings.TrimPrefix(s.URL, "http://")})
	if again.URL != s.URL {
		t.Errorf("address moved from %s to %s", s.URL, again.URL)
	}
	if got := flux(t, again, everything); !strings.Contains(got, ",7,") {
		t.Fatalf("after kill -9 flux answered %q", got)
	}
}

func TestOnlyHTTPOnLoopbackListens(t *testing.T) {
	s := run(t, Config{Dir: t.TempDir()})
	u, _ := url.Parse(s.URL)
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		t.Errorf("listens on %s", u.Host)
	}
	for _, addr := range []string{"0.0.0.0:0", ":8086", "192.0.2.1:8086", "nonsense"} {
		if _, err := Start(t.Context(), Config{Dir: t.TempDir(), Addr: addr, Binary: "/bin/false"}); err == nil {
			t.Errorf("%q was accepted", addr)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = Start(t.Context(), Config{Dir: t.TempDir(), Addr: l.Addr().String(), Binary: "/bin/false"})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()+" is taken") {
		t.Fatalf("error is %v", err)
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: filepath.Join(file, "sub"), Binary: "/bin/false"})
	if err == nil || !strings.Contains(err.Error(), "choose one that is writable") {
		t.Fatalf("error is %v", err)
	}
}

func TestTwoOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	run(t, Config{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Config{Dir: dir, Binary: "/bin/false"}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error is %v", err)
	}
}

func TestLastWordsAreInTheError(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "influxd")
	script := "#!/bin/sh\necho 'run: open server: no such engine' >&2\nexit 3\n"
	if err := os.WriteFile(fake, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: t.TempDir(), Binary: fake})
	if err == nil || !strings.Contains(err.Error(), "no such engine") {
		t.Fatalf("error is %v", err)
	}
}

// The helper process starts influxd and is then killed without a chance to clean up.
func TestChildDiesWithUs(t *testing.T) {
	if dir := os.Getenv("INFLUXD_TEST_DIR"); dir != "" {
		s, err := Start(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("READY " + s.URL + "\n")
		select {}
	}
	binary(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildDiesWithUs$")
	cmd.Env = append(os.Environ(), "INFLUXD_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	n, _ := out.Read(buf)
	if !bytes.Contains(buf[:n], []byte("READY")) {
		t.Fatalf("helper said %q", buf[:n])
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// The folder's lock is the child's too: a second start gets it only when the child is gone.
	s := run(t, Config{Dir: dir})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBoundedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 3 * logLimit / len(line) {
		if n, err := l.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	for _, p := range []string{path, path + ".1"} {
		if st, err := os.Stat(p); err != nil || st.Size() > logLimit {
			t.Errorf("%s: %v, %v", p, st, err)
		}
	}
	if got := strings.Count(l.lines(), "\n"); got != lastKept {
		t.Errorf("keeps %d lines", got)
	}
}
