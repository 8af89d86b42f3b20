package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/configs"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// bench is a folder with what a gateway needs.
type bench struct {
	dir      string
	building *site.Building
	gateway  *site.Gateway
}

func newBench(t *testing.T) *bench {
	t.Helper()
	// A socket's path has 107 bytes at most, which t.TempDir may use up.
	dir, err := os.MkdirTemp("", "kgw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"district.yaml":   configs.District,
		"keys/policy.pub": []byte(base64.StdEncoding.EncodeToString(pub)),
		"keys/site.key":   []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := site.Load(filepath.Join(dir, "district.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := d.Buildings[0]
	return &bench{dir, b, b.Gateways[0]}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// args are those of a run, with some of them replaced.
func (b *bench) args(replace ...string) []string {
	flags := []string{
		"--site", b.path("district.yaml"), "--building", b.building.ID, "--gateway", b.gateway.ID, "--sim", b.path("wires"),
		"--data", b.path("data"), "--keys", b.path("keys"), "--mqtt", "tcp://127.0.0.1:1",
	}
	for i := 0; i < len(replace); i += 2 {
		for j := 0; j < len(flags); j += 2 {
			if flags[j] == replace[i] {
				flags[j+1] = replace[i+1]
			}
		}
	}
	return append([]string{"run"}, flags...)
}

// session is a gateway that runs in this process, watched as systemd would.
type session struct {
	says chan string
	stop context.CancelFunc
	done chan error
}

func (b *bench) start(t *testing.T, more ...string) *session {
	t.Helper()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: b.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notify.Close(); os.Remove(b.path("notify")) })
	t.Setenv("NOTIFY_SOCKET", b.path("notify"))
	ctx, stop := context.WithCancel(t.Context())
	s := &session{says: make(chan string, 100), stop: stop, done: make(chan error, 1)}
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := notify.Read(buf)
			if err != nil {
				return
			}
			select {
			case s.says <- string(buf[:n]):
			default:
			}
		}
	}()
	go func() { s.done <- run(ctx, append(b.args(), more...), &bytes.Buffer{}, t.Output()) }()
	s.hears(t, "READY=1")
	return s
}

func (s *session) hears(t *testing.T, want string) {
	t.Helper()
	for {
		select {
		case got := <-s.says:
			if got == want {
				return
			}
		case err := <-s.done:
			t.Fatalf("the gateway ended: %v", err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was not heard", want)
		}
	}
}

func (s *session) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// output runs a command to its end.
func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), args, &out, &bytes.Buffer{})
	return out.String(), err
}

func TestRunOnVirtualWires(t *testing.T) {
	b := newBench(t)
	s := b.start(t)
	s.hears(t, "WATCHDOG=1")
	wires := sim.Dial(b.path("wires"))
	defer wires.Close()
	outputs, err := wires.Outputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range b.building.DoorsOf(b.gateway.ID) {
		locked, unlockedMode := outputs[d.Lock] == (d.Fail == site.FailSafe), d.Mode == site.Unlocked
		if locked == unlockedMode {
			t.Errorf("door %s, fail %s, mode %q: its lock is energised %v", d.ID, d.Fail, d.Mode, outputs[d.Lock])
		}
	}
	reader := b.building.DoorsOf(b.gateway.ID)[0].Entry
	if err := wires.Wiegand(t.Context(), reader, "00000000000000000000000000"); err != nil {
		t.Fatal(err)
	}
	s.hears(t, "WATCHDOG=1")
	if text, err := output(t, "journal", "count", "--data", b.path("data")); err == nil {
		t.Errorf("the journal of a running gateway was read: %s", text)
	}
	s.end(t)

	text, err := output(t, "journal", "tail", "--data", b.path("data"), "-n", "1000")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind":"gateway.started"`, `"kind":"access.denied"`, `"kind":"gateway.stopped"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the journal:\n%s", want, text)
		}
	}
	lines := strings.Count(text, "\n")
	text, err = output(t, "journal", "verify", "--data", b.path("data"), "--json")
	var audit summary
	if err != nil || json.Unmarshal([]byte(strings.SplitN(text, "\n", 2)[0]), &audit) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if audit.Journal != "audit" || audit.Count != uint64(lines) || audit.First != 1 || audit.Last != audit.Count {
		t.Errorf("%d lines, %+v", lines, audit)
	}
	spoil(t, b.path("data/audit"))
	if text, err := output(t, "journal", "verify", "--data", b.path("data")); err == nil || !strings.Contains(text, "audit: 1 to 1 are lost") {
		t.Errorf("%v\n%s", err, text)
	}
}

// spoil flips a bit in the first record of a journal.
func spoil(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() == "lock" || f.Name() == "cursor" || len(raw) < 100 {
			continue
		}
		raw[20] ^= 1
		if err := os.WriteFile(filepath.Join(dir, f.Name()), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the journal has no segment")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	b := newBench(t)
	busy := newBench(t)
	l, err := net.Listen("unix", busy.path("wires"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(b.path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no such building": {b.args("--building", "nowhere"), []string{`"nowhere"`, "known are", b.building.ID}},
		"no such gateway":  {b.args("--gateway", "gw-x"), []string{`"gw-x"`, "known are", b.gateway.ID}},
		"no site":          {b.args("--site", b.path("none.yaml")), []string{"none.yaml"}},
		"no keys":          {b.args("--keys", b.path("none")), []string{"policy.pub", "missing", "32 bytes"}},
		"bad broker":       {b.args("--mqtt", "localhost"), []string{"--mqtt", "tcp://host:port"}},
		"user in the URL":  {b.args("--mqtt", "tcp://u:p@host:1"), []string{"KAPIJA_MQTT_USER"}},
		"long socket":      {b.args("--sim", b.path(strings.Repeat("x", 120))), []string{"107", "shorter"}},
		"socket in use":    {b.args("--sim", busy.path("wires")), []string{"socket", "wires"}},
		"data is a file":   {b.args("--data", b.path("file")), []string{"file"}},
		"no journal":       {[]string{"journal", "count", "--data", b.path("none")}, []string{"missing", "--data"}},
		"no wires at all":  {[]string{"run", "--building", "b", "--gateway", "g"}, []string{"--wiring", "--sim"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := output(t, c.args...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	if text, err := output(t, "version"); err != nil || !strings.HasPrefix(text, "kapija-gateway ") {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := output(t, "run", "--help"); err != nil || !strings.Contains(text, "--wiring") {
		t.Errorf("%q, %v", text, err)
	}
}

// TestDependencies holds that a Pi carries no server.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"gofiber", "nats-server", "influxdb", "kapija/dashboard", "kapija/relay", "modernc.org"} {
		if bytes.Contains(out, []byte(forbidden)) {
			t.Errorf("the gateway depends on %s", forbidden)
		}
	}
}
