package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"kapija/configs"
	"kapija/firmware-bridge/sim"
	"kapija/firmware-bridge/technician"
)

// patience is how long something that must come may take on a slow machine.
const patience = 30 * time.Second

// newTechnician is a bench with the technician's district, its wiring and keys for its cards.
func newTechnician(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	wiring, err := configs.Gateways.ReadFile("gateways/bench-gw-bench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"bench.yaml": string(configs.Bench), "wiring.yaml": string(wiring),
		"keys/cards.yaml": "desfire: {aid: f532f0, key: 8f2d71c05be39a4417d6f0827c13b95e}\n" +
			"ntag424: {key: c5097de64fa1382b9c70e4d51f86b32a, meta_read: 0b9ee7135d24f8c6a1907b3c42d86fe5}\n",
	} {
		if err := os.WriteFile(b.path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// hand is a command of a technician at the bench.
func (b *bench) hand(command string, more ...string) []string {
	return append([]string{command, "--site", b.path("bench.yaml"), "--wiring", b.path("wiring.yaml"), "--building", "bench", "--gateway", "gw-bench",
		"--sim", b.path("wires"), "--data", b.path("data"), "--keys", b.path("keys")}, more...)
}

func TestCheckOfABench(t *testing.T) {
	b := newTechnician(t)
	text, err := output(t, b.hand("check")...)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	faults, column := 0, -1
	for _, line := range lines[:len(lines)-1] {
		mark, rest, _ := strings.Cut(line, " ")
		switch kind := strings.Fields(rest); {
		case mark == "FAULT" && kind[0] == "clock": // that of the machine under test
			faults++
		case mark == "FAULT":
			t.Errorf("found the fault %s", line)
		case mark == "ok" || mark == "" && kind[0] == "try:":
		default:
			t.Errorf("found the line %q", line)
		}
		for _, known := range []string{"both data lines are high", "off, and reads back off", "CO2 Level 600 ppm"} {
			if at := strings.Index(line, known); at >= 0 {
				if column >= 0 && at != column {
					t.Errorf("not aligned: %s", line)
				}
				column = at
			}
		}
	}
	if (err != nil) != (faults > 0) {
		t.Errorf("%d faults, and the error %v", faults, err)
	}
	if want := map[int]string{0: "27 well, 0 not", 1: "26 well, 1 not"}[faults]; lines[len(lines)-1] != want {
		t.Errorf("found %q, expected %q", lines[len(lines)-1], want)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("found control characters in %q", text)
	}
}

func TestCheckNamesFaultsInTextAndJSON(t *testing.T) {
	b := newTechnician(t)
	faults := []string{"--for", "500ms", "--do", "fail line-contact", "--do", "stick wiegand d0", "--do", "fail line-lock"}
	text, err := output(t, b.hand("check", faults...)...)
	if err == nil || !strings.HasSuffix(err.Error(), "are not well") {
		t.Errorf("found the error %v", err)
	}
	for _, want := range []string{"FAULT  reader   wiegand ", "D0 is low, expected high at rest\n", "try: D0: look for a broken wire", "FAULT  input    line-contact", "FAULT  output   line-lock", "reads back on"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	text, err = output(t, b.hand("check", append(faults, "--json")...)...)
	if err == nil {
		t.Error("no error")
	}
	found := map[string]technician.Finding{}
	for lines := json.NewDecoder(strings.NewReader(text)); ; {
		var f technician.Finding
		if err := lines.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		found[f.ID] = f
	}
	if len(found) != 27 {
		t.Errorf("found %d objects, expected 27", len(found))
	}
	if f := found["wiegand"]; f.Kind != "reader" || f.Place != "D0 GPIO5 (pin 29), D1 GPIO6 (pin 31)" || f.OK || f.Found != "D0 is low, expected high at rest" || f.Try == "" {
		t.Errorf("found %+v", f)
	}
	if f := found["keys"]; !f.OK || f.Place != b.path("keys") {
		t.Errorf("found %+v", f)
	}
}

func TestTableStaysInItsLines(t *testing.T) {
	var out bytes.Buffer
	err := printTable(&out, []technician.Finding{
		{Kind: "reader", ID: "a", Place: "bus b", Found: "two\nlines\x1b[2J\tand a tab", Try: "this\r\nthat"}, {Kind: "input", ID: "a-long-name", OK: true, Found: "°"},
	})
	const want = `FAULT  reader  a            bus b  two lines [2J and a tab
                                   try: this that
ok     input   a-long-name         °
1 well, 1 not
`
	if err != nil || out.String() != want {
		t.Errorf("%v, found:\n%s", err, out.String())
	}
}

func TestTechniciansErrorsSayWhatToDo(t *testing.T) {
	b, other := newTechnician(t), newTechnician(t)
	wrong, err := configs.Gateways.ReadFile("gateways/lozionica-gw-hall.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.path("wiring.yaml"), wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	open := newTechnician(t)
	if err := os.Chmod(open.path("keys/cards.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"nothing to look at":    {[]string{"check", "--building", "b", "--gateway", "g"}, []string{"--wiring", "--sim"}},
		"unknown command":       {b.hand("check", "--do", "break everything"), []string{"break everything", "commands: "}},
		"unknown device":        {b.hand("watch", "--do", "fail nobody"), []string{"fail nobody", "wiegand"}},
		"no time":               {b.hand("check", "--for", "soon"), []string{"--for", "soon"}},
		"another wiring":        {append(b.hand("check"), "--wiring", other.path("wiring.yaml")), []string{"wiring.yaml"}},
		"no wiring":             {append(b.hand("watch"), "--wiring", b.path("none.yaml")), []string{"none.yaml"}},
		"no district":           {append(b.hand("check"), "--site", b.path("none.yaml")), []string{"none.yaml"}},
		"no such gateway":       {append(b.hand("check"), "--gateway", "gw-x"), []string{`"gw-x"`, "gw-bench"}},
		"no such door":          {b.hand("pulse", "front"), []string{`"front"`, "expander, line"}},
		"no door":               {b.hand("pulse"), []string{"<door>"}},
		"pulse without end":     {b.hand("pulse", "line", "--for", "61s"), []string{"--for is 1m1s", "1m0s"}},
		"pulse without time":    {b.hand("pulse", "line", "--for", "0s"), []string{"--for is 0s"}},
		"a lock that is stuck":  {b.hand("pulse", "line", "--do", "fail line-lock"), []string{"door line", "reads back", "try: "}},
		"keys for everybody":    {open.hand("check"), []string{"cards.yaml", "chmod 600"}},
		"sim: wiring alone":     {[]string{"sim", "--wiring", b.path("wiring.yaml")}, []string{"--wiring without --site"}},
		"sim: no such building": {[]string{"sim", "--building", "nowhere"}, []string{`"nowhere"`, "bench"}},
		"sim: another wiring":   {[]string{"sim", "--site", b.path("district.yaml"), "--building", b.building.ID, "--gateway", b.gateway.ID, "--wiring", b.path("wiring.yaml")}, []string{"wiring.yaml"}},
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

func TestRootLeavesNoFilesWithAnotherUser(t *testing.T) {
	dir := t.TempDir()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := owned(dir, os.Geteuid()); err != nil {
		t.Errorf("a folder of one's own: %v", err)
	}
	if err := owned(filepath.Join(dir, "none"), 0); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 12345, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := owned(dir, 0); err == nil || !strings.Contains(err.Error(), "sudo -u ") {
		t.Errorf("root in the folder of %v: found %v", info, err)
	}
	if err := owned(dir, 12345); err != nil {
		t.Errorf("its owner: %v", err)
	}
}

// running is a command that runs in this process, and the lines that it prints.
type running struct {
	*testing.T
	lines <-chan string
	stop  context.CancelFunc
	ended chan error
}

func begin(t *testing.T, args ...string) *running {
	t.Helper()
	screen, out := io.Pipe()
	lines := make(chan string, 10_000)
	go func() {
		defer close(lines)
		for all := bufio.NewScanner(screen); all.Scan(); {
			lines <- all.Text()
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t, lines, cancel, make(chan error, 1)}
	go func() {
		r.ended <- run(ctx, args, out, t.Output())
		out.Close()
	}()
	t.Cleanup(func() {
		cancel()
		for range lines {
		}
	})
	return r
}

// hear waits for a line with all these parts; nothing when it does not come in time.
func (r *running) hear(limit time.Duration, parts ...string) string {
	r.Helper()
	deadline := time.After(limit)
next:
	for {
		select {
		case line, ok := <-r.lines:
			if !ok {
				r.Fatalf("it ended before %q was heard: %v", parts, <-r.ended)
			}
			for _, p := range parts {
				if !strings.Contains(line, p) {
					continue next
				}
			}
			return line
		case <-deadline:
			return ""
		}
	}
}

func (r *running) must(parts ...string) string {
	r.Helper()
	line := r.hear(patience, parts...)
	if line == "" {
		r.Fatalf("%q was not heard", parts)
	}
	return line
}

func (r *running) end() {
	r.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Error(err)
	}
}

func TestWatchShowsCards(t *testing.T) {
	b := newTechnician(t)
	r := begin(t, b.hand("watch")...)
	r.must("  wiegand ", "online")
	wires := sim.Dial(b.path("wires"))
	defer wires.Close()
	for line, tries := "", 0; line == ""; tries++ { // a reader that has just started counts no card
		if tries == 30 {
			t.Fatal("the card was not heard")
		}
		if err := wires.Wiegand(t.Context(), "wiegand", "10111011000000110010000110"); err != nil {
			t.Fatal(err)
		}
		line = r.hear(time.Second, "  wiegand ", "card: wiegand-26, facility 118, number 1603, bits 10111011000000110010000110")
	}
	r.end()
}

func TestWatchAsJSON(t *testing.T) {
	b := newTechnician(t)
	r := begin(t, b.hand("watch", "--json", "--edges", "--do", "level line-contact 1")...)
	line := r.must(`"device":"line-contact"`, `"what":"level"`)
	var s technician.Seen
	if err := json.Unmarshal([]byte(line), &s); err != nil || s.On == nil || !*s.On || s.Text != "active" || s.At.IsZero() {
		t.Errorf("%v: %s", err, line)
	}
	r.end()
}

// `watch | head -1`: whoever has seen enough ends it.
func TestWatchEndsWithItsPipe(t *testing.T) {
	for _, more := range [][]string{nil, {"--json"}} {
		b := newTechnician(t)
		screen, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		ended := make(chan error, 1)
		go func() { ended <- run(t.Context(), b.hand("watch", more...), out, t.Output()) }()
		if _, err := bufio.NewReader(screen).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		screen.Close()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("it did not end")
		}
	}
}

func TestPulseOfADoor(t *testing.T) {
	b := newTechnician(t)
	text, err := output(t, b.hand("pulse", "line", "--for", "50ms")...)
	if err != nil || !strings.HasPrefix(text, "line is released for 50ms: line-lock is on\n") || !strings.HasSuffix(text, "line is locked again\n") {
		t.Errorf("%v, found:\n%s", err, text)
	}
}
