package relay

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/internal/broker"
)

// mosquitto starts Mosquitto with the sample configuration, moved to a free port and a temporary folder. Where it is not
// installed, the embedded broker takes its place, so that the test still says something.
func mosquitto(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("mosquitto")
	if err != nil {
		bin = "/usr/sbin/mosquitto"
	}
	if _, err := os.Stat(bin); err != nil {
		b, err := broker.Start(broker.Config{Addr: "127.0.0.1:0", Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b.URL()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr)
	sample, err := os.ReadFile("../configs/mosquitto/mosquitto.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var conf strings.Builder
	for line := range strings.Lines(string(sample)) {
		switch key, _, _ := strings.Cut(strings.TrimSpace(line), " "); key {
		case "listener":
			line = "listener " + port + " 127.0.0.1\n"
		case "persistence_location":
			line = "persistence_location " + dir + "/\n"
		case "log_dest":
			line = "log_dest stderr\n"
		case "allow_anonymous":
			line = "allow_anonymous true\n"
		case "cafile", "certfile", "keyfile", "password_file", "acl_file", "user", "pid_file", "tls_version":
			continue
		}
		conf.WriteString(line)
	}
	path := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(path, []byte(conf.String()+"\nuser root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-c", path)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); ; <-time.After(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "tcp://" + addr
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
