package influxd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
