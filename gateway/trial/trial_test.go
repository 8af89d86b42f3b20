package trial_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kapija/gateway/trial"
	"kapija/internal/site"
)

// patience is how long something that must come may take on a slow machine.
const patience = 30 * time.Second

// session is a trial of the bench that is shipped, in a folder that is short enough for a socket.
type session struct {
	*testing.T
	trial.Config
	tag      sync.Mutex // of whoever holds an NTAG 424 DNA: there is one of each
	keyboard *io.PipeWriter
	lines    <-chan string
	ended    chan error
}

func start(t *testing.T, change func(*trial.Config)) *session {
	t.Helper()
	dir, remove, err := trial.Folder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	district, err := site.Load("../../configs/bench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wiring, err := site.LoadWiring("../../configs/gateways/bench-gw-bench.yaml", district)
	if err != nil {
		t.Fatal(err)
	}
	in, keyboard := io.Pipe()
	screen, out := io.Pipe()
	building := district.Buildings[0]
	s := &session{T: t, keyboard: keyboard, lines: scan(screen), ended: make(chan error, 1), Config: trial.Config{
		District: district, Building: building, Gateway: building.Gateways[0], Wiring: wiring, Dir: dir, In: in, Out: out, Version: "test",
	}}
	if change != nil {
		change(&s.Config)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		s.ended <- trial.Run(ctx, s.Config)
		out.Close()
	}()
	t.Cleanup(func() { // of a test that failed half-way
		cancel()
		keyboard.Close()
		for range s.lines {
		}
	})
	return s
}

func scan(r io.Reader) <-chan string {
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for all := bufio.NewScanner(r); all.Scan(); {
			lines <- all.Text()
		}
	}()
	return lines
}

// hear waits for a line with all these parts.
func (s *session) hear(parts ...string) string {
	s.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.Fatalf("the trial ended before %q was heard: %v", parts, <-s.ended)
			}
			if contains(line, parts) {
				return line
			}
		case <-deadline:
			s.Fatalf("%q was not heard", parts)
		}
	}
}

func contains(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

func (s *session) enter(line string) {
	s.Helper()
	if _, err := io.WriteString(s.keyboard, line+"\n"); err != nil {
		s.Fatal(err)
	}
}

func (s *session) quit() {
	s.Helper()
	s.enter("quit")
	if err := <-s.ended; err != nil {
		s.Error(err)
	}
}

// sample is a line of the welcome.
type sample struct{ command, reader, format, what string }

// samples reads the welcome up to the first event.
func (s *session) samples() (all []sample) {
	s.Helper()
	for {
		line := s.hear()
		if strings.Contains(line, "gateway.started") {
			return all
		}
		command, what, ok := strings.Cut(strings.TrimSpace(line), " # ")
		if !ok || strings.HasPrefix(command, "keys ") {
			continue
		}
		command = strings.TrimSpace(command)
		var got sample
		got.command, got.reader = command, strings.Fields(command)[1]
		got.format, got.what, ok = strings.Cut(strings.TrimPrefix(what, "a card of format "), " that ")
		if !ok {
			s.Fatalf("found the line %q", line)
		}
		all = append(all, got)
	}
}

// Each sample does what is said of it, at every reader of the bench, and a tag does it twice: its counter moves on.
func TestSamplesAreTrue(t *testing.T) {
	s := start(t, nil)
	byReader := map[string][]sample{}
	for _, c := range s.samples() {
		byReader[c.reader] = append(byReader[c.reader], c)
		if c.format == "ntag424" {
			byReader[c.reader] = append(byReader[c.reader], c)
		}
	}
	where := map[string][]string{
		"wiegand": {"door=line", "side=in"}, "osdp": {"door=line", "side=out"},
		"mfrc522": {"door=expander", "side=in"}, "pn532": {"door=expander", "side=out"},
	}
	heard := map[string]chan string{}
	for reader := range where {
		heard[reader] = make(chan string, 1000)
	}
	go func() {
		for line := range s.lines {
			for reader, parts := range where {
				if decided := strings.Contains(line, "access.granted") || strings.Contains(line, "access.denied"); decided && contains(line, parts) {
					heard[reader] <- line
				}
			}
		}
		for _, c := range heard {
			close(c)
		}
	}()
	var all sync.WaitGroup
	for reader := range where {
		all.Go(func() { s.try(reader, byReader[reader], heard[reader]) })
	}
	all.Wait()
	s.quit()
}

// try gives a reader its samples, one after the other.
func (s *session) try(reader string, samples []sample, heard <-chan string) {
	if n := map[string]int{"wiegand": 6, "osdp": 6, "mfrc522": 15, "pn532": 15}[reader]; len(samples) != n {
		s.Errorf("%s has %d samples, expected %d", reader, len(samples), n)
		return
	}
	socket := filepath.Join(s.Dir, "wires.sock")
	want := map[string][]string{"opens": {"access.granted", "-1001"}, "was revoked": {"access.denied", "-1002", "reason=revoked"},
		"is not known": {"access.denied", "reason=unknown_badge"}}
	for i, c := range samples {
		if c.format == "ntag424" {
			s.tag.Lock()
		}
		for tries := 0; ; tries++ {
			if answer, err := command(socket, c.command); err != nil || answer != "ok" {
				s.Errorf("%s: %q, %v", c.command, answer, err)
				break
			}
			line, ok := within(heard, time.Second)
			if !ok && i == 0 && tries < int(patience/time.Second) { // a reader that has just started sees no card yet
				continue
			}
			parts := want[c.what]
			if !ok || parts == nil || !contains(line, parts) || c.what != "is not known" && !strings.Contains(line, "badge=T-"+c.format) {
				s.Errorf("%s, which %s: found %q", c.command, c.what, line)
			}
			break
		}
		if c.format == "ntag424" {
			s.tag.Unlock()
		}
	}
}

func within(heard <-chan string, limit time.Duration) (string, bool) {
	select {
	case line, ok := <-heard:
		return line, ok
	case <-time.After(limit):
		return "", false
	}
}

// command sends one command over the socket, as nc does.
func command(socket, line string) (string, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func TestCommandsAreObeyedAndAnswered(t *testing.T) {
	s := start(t, nil)
	s.hear("bench/gw-bench", s.Dir)
	s.hear("gateway.started")
	s.enter("outputs")
	s.hear(`"line-lock":false`)
	s.enter("")
	s.enter("wiegand nobody 1")
	s.hear("error: ", `no reader "nobody"`)
	s.enter("  help ")
	s.hear("wiegand <reader> <bits>")
	s.enter("  quit ")
	s.hear("gateway.stopped")
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

func TestLineThatIsTooLongIsSaid(t *testing.T) {
	s := start(t, nil)
	s.hear("gateway.started")
	go func() { _, _ = io.WriteString(s.keyboard, strings.Repeat("x", 1<<17)) }()
	s.hear("error: no more commands are read", "too long")
}

func TestEndOfCommandsIsNoEnd(t *testing.T) {
	s := start(t, nil)
	s.keyboard.Close()
	s.hear("door.locked", "door=expander")
	if answer, err := command(filepath.Join(s.Dir, "wires.sock"), "outputs"); err != nil || !strings.HasPrefix(answer, "{") {
		t.Errorf("%q, %v", answer, err)
	}
}

// The wires alone have no rules: no card is promised to do anything, and the bus is there for another process.
func TestWiresOnly(t *testing.T) {
	s := start(t, func(c *trial.Config) { c.WiresOnly = true })
	port := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s.hear("--port ")), "--port"))
	if _, err := os.Stat(port); err != nil || filepath.Base(port) != "wires.rs485.tty" {
		t.Errorf("%s: %v", port, err)
	}
	s.enter("outputs")
	s.hear("line-lock")
	s.quit()
	for line := range s.lines {
		if strings.Contains(line, " # ") || strings.Contains(line, "gateway.") {
			t.Errorf("found %q", line)
		}
	}
}

// What is secret is its owner's alone, and another trial in the same folder makes new keys.
func TestFolder(t *testing.T) {
	s := start(t, nil)
	s.hear("gateway.started")
	s.quit()
	for _, name := range []string{"keys/site.key", "keys/cards.yaml", "readers/osdp.json"} {
		info, err := os.Stat(filepath.Join(s.Dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "wires.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	before, err := os.ReadFile(filepath.Join(s.Dir, "keys", "cards.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := s.Dir
	again := start(t, func(c *trial.Config) { c.Dir = dir })
	again.hear("gateway.started")
	if after, err := os.ReadFile(filepath.Join(dir, "keys", "cards.yaml")); err != nil || string(after) == string(before) {
		t.Errorf("the keys are the old ones, %v", err)
	}
	// A second one beside it is refused by the socket, and harms the first one not.
	err = trial.Run(t.Context(), again.Config)
	if err == nil || !strings.Contains(err.Error(), "served by a running process") {
		t.Errorf("found %v", err)
	}
	again.enter("outputs")
	again.hear("line-lock")
	again.quit()
}

func TestFolderThatIsTooLongForASocketIsSaid(t *testing.T) {
	s := start(t, func(c *trial.Config) { c.Dir = filepath.Join(c.Dir, strings.Repeat("x", 120)) })
	err := <-s.ended
	if err == nil || !strings.Contains(err.Error(), "107") || !strings.Contains(err.Error(), "shorter folder") {
		t.Errorf("found %v", err)
	}
}
