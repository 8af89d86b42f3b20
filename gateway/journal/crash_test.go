package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kapija/internal/event"
)

const crashChild = "KAPIJA_CRASH_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child writes for ever, and prints the number and hash of each record that it was told is durable.
func child(dir string) error {
	j, r, err := Open(dir, Options{segment: 20_000})
	if err != nil {
		return err
	}
	if len(r.Lost) > 0 || r.Cursor {
		return fmt.Errorf("after a crash the journal reports %+v", r)
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		var sums []string
		var seq uint64
		for range 1 + rand.IntN(50) {
			seq, err = j.Append(func(seq uint64, prev string) ([]byte, error) {
				p, err := auditEvent(seq, prev)
				sums = append(sums, fmt.Sprintf("%d %s\n", seq, event.Hash(p)))
				return p, err
			})
			if err != nil {
				return err
			}
		}
		if err := j.Wait(context.Background(), seq); err != nil {
			return err
		}
		for _, s := range sums {
			out.WriteString(s)
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if err := j.Ack(seq - min(seq, rand.Uint64N(200))); err != nil {
			return err
		}
	}
}

// TestL40SurvivesKill kills a process that writes, at random, again and again over one journal: every record that it was
// told is durable is there, the sequence has no gap and the chain no break. KAPIJA_CRASH_ROUNDS sets the number of rounds.
func TestL40SurvivesKill(t *testing.T) {
	rounds := 20
	if s := os.Getenv("KAPIJA_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatalf("KAPIJA_CRASH_ROUNDS is %q, expected a number", s)
		}
	}
	dir := t.TempDir()
	told := map[uint64]string{}
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashChild+"="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		// It dies between the second line that it prints and some milliseconds later, so that each round writes.
		var deadline *time.Timer
		for n := 0; lines.Scan(); n++ {
			if n == 1 {
				deadline = time.AfterFunc(rand.N(40*time.Millisecond), func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
			}
			seq, sum, ok := strings.Cut(lines.Text(), " ")
			if s, err := strconv.ParseUint(seq, 10, 64); ok && err == nil && len(sum) == 32 { // the last line may be cut
				told[s] = sum
			}
		}
		_ = cmd.Wait()
		if deadline == nil {
			t.Fatalf("the child wrote nothing: %s", stderr.String())
		}
		deadline.Stop()
		if stderr.Len() > 0 {
			t.Fatal(stderr.String())
		}
	}

	j, r, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if len(r.Lost) > 0 || r.Cursor {
		t.Fatalf("report %+v", r)
	}
	next, prev := uint64(1), ""
	for {
		records, first, err := j.Read(next, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		if first != next {
			t.Fatalf("records %d to %d are missing", next, first-1)
		}
		for _, p := range records {
			var e event.Event
			if err := json.Unmarshal(p, &e); err != nil || e.Seq != next || e.Prev != prev {
				t.Fatalf("record %d is %s", next, p)
			}
			prev = event.Hash(p)
			if sum, ok := told[next]; ok && sum != prev {
				t.Fatalf("record %d is not the one that was told durable", next)
			}
			delete(told, next)
			next++
		}
	}
	if len(told) > 0 {
		t.Fatalf("%d records were told durable and are gone", len(told))
	}
	t.Logf("%d rounds, %d records", rounds, next-1)
}
