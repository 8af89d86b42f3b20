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
	"time"
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

func world(t *testing.T, from ...string) (*builder, *bytes.Buffer) {
	said := &bytes.Buffer{}
	t.Setenv("PATH", t.TempDir())
	return &builder{cache: filepath.Join(t.TempDir(), "cache"), from: from, progress: said, every: time.Hour, env: os.Environ()}, said
}

func module(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "tools", "influxd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "tools", "influxd", "go.mod"), []byte("module x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// tool puts a shell script onto the builder's PATH.
func tool(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestBinarySaysWhatToDo(t *testing.T) {
	t.Run("no source", func(t *testing.T) {
		b, _ := world(t, t.TempDir())
		_, err := b.binary(t.Context())
		expect(t, err, "--influx", "PATH", "tools/influxd")
	})
	t.Run("no Go", func(t *testing.T) {
		b, _ := world(t, module(t))
		_, err := b.binary(t.Context())
		expect(t, err, "needs Go", "--influx")
	})
	t.Run("no network", func(t *testing.T) {
		b, said := world(t, module(t))
		tool(t, "go", "echo 'dial tcp: lookup proxy: no such host' >&2; exit 1\n")
		_, err := b.binary(t.Context())
		expect(t, err, "no such host", "GOPROXY", "--influx", "go build -C")
		if !strings.Contains(said.String(), "building InfluxDB") {
			t.Errorf("progress was %q", said)
		}
		left, _ := filepath.Glob(filepath.Join(b.cache, "*.tmp"))
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("another version on PATH is not used", func(t *testing.T) {
		b, _ := world(t, t.TempDir())
		tool(t, "influxd", "echo 'InfluxDB v2.7.1 (git: x) build_date: y'\n")
		_, err := b.binary(t.Context())
		expect(t, err, "no influxd")
	})
	t.Run("1.8 on PATH is used", func(t *testing.T) {
		b, _ := world(t, t.TempDir())
		tool(t, "influxd", "echo 'InfluxDB v1.8.10 (git: x y)'\n")
		if got, err := b.binary(t.Context()); err != nil || filepath.Base(got) != "influxd" {
			t.Fatal(got, err)
		}
	})
}

func TestBuildIsKeptAndWhole(t *testing.T) {
	b, said := world(t, filepath.Join(module(t), "cmd", "deep"))
	// The arguments end in: -o <file> <package>. Shell built-ins alone: PATH is empty.
	tool(t, "go", `while [ "$1" != -o ]; do shift; done
echo "#!/bin/sh
echo 'InfluxDB v1.8.10 (git: x y)'" > "$2"
/bin/chmod 700 "$2"
[ "$GOFLAGS" = "" ] && [ "$GOWORK" = off ]
`)
	b.env = append(b.env, "GOFLAGS=-mod=vendor", "GOWORK=/nowhere")
	first, err := b.binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said.Reset()
	again, err := b.binary(t.Context())
	if err != nil || again != first || said.Len() > 0 {
		t.Fatalf("second time %s, %v, said %q", again, err, said)
	}
}

func TestBuildCanBeStopped(t *testing.T) {
	b, _ := world(t, module(t))
	b.every = time.Millisecond
	tool(t, "go", "/bin/sleep 1000\n")
	ctx, cancel := context.WithCancel(t.Context())
	b.progress = writerFunc(func(p []byte) {
		if bytes.Contains(p, []byte("still building")) {
			cancel()
		}
	})
	_, err := b.binary(ctx)
	expect(t, err, "stopped")
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func expect(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}
