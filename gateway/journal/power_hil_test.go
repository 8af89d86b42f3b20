//go:build hil

package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kapija/internal/event"
)

// TestL40PowerCut is the machine's side of hil/powercut. It opens the journal on the disk /dev/vda, checks it against the
// file "told", which holds what the console has shown before, and writes until the power is cut; with a file "finish" it
// only checks.
func TestL40PowerCut(t *testing.T) {
	told, err := readTold()
	if err != nil {
		t.Fatalf("%v; this test is run by hil/powercut", err)
	}
	at := filepath.Join(os.TempDir(), "disk")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("/dev/vda", at, "ext4", 0, ""); err != nil {
		t.Fatalf("mount the disk: %v", err)
	}
	dir := filepath.Join(at, "audit")

	// What is only looked at first is found the same when it is opened to be written.
	seen := map[uint64]bool{}
	if len(told) > 0 {
		look, _, err := Open(dir, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		seqs, _ := readAll(t, look, 1)
		for _, n := range seqs {
			seen[n] = true
		}
		look.Close()
	}
	var lost []Range
	j, r, err := Open(dir, Options{segment: 100_000, OnDropped: func(from, to uint64, cause error) {
		lost = append(lost, Range{from, to, cause.Error()})
	}})
	if err != nil {
		t.Fatal(err)
	}
	lost = append(lost, r.Lost...)
	checkPower(t, j, told, seen, lost)
	if _, err := os.Stat("finish"); err == nil || t.Failed() {
		return
	}
	writeForEver(t, j)
}

// readTold returns the hash of each record that was told durable.
func readTold() (map[uint64]string, error) {
	f, err := os.Open("told")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	told := map[uint64]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var seq uint64
		var hash string
		if _, err := fmt.Sscanf(lines.Text(), "DURABLE %d %s", &seq, &hash); err != nil {
			return nil, fmt.Errorf("told: %q: %w", lines.Text(), err)
		}
		if before := told[seq]; before != "" && before != hash {
			return nil, fmt.Errorf("number %d was given twice", seq)
		}
		told[seq] = hash
	}
	return told, lines.Err()
}

func checkPower(t *testing.T, j *Journal, told map[uint64]string, seen map[uint64]bool, lost []Range) {
	t.Helper()
	seqs, payloads := readAll(t, j, 1)
	hashes := map[uint64]string{}
	for i, p := range payloads {
		var e event.Event
		if err := json.Unmarshal(p, &e); err != nil {
			t.Fatal(err)
		}
		if before := hashes[e.Seq-1]; before != "" && e.Prev != before {
			t.Errorf("record %d does not follow the one before", e.Seq)
		}
		hashes[seqs[i]] = event.Hash(p)
		if !seen[e.Seq] && len(seen) > 0 {
			t.Errorf("record %d was not there when it was only looked at", e.Seq)
		}
	}
	highest := uint64(0)
	for seq, hash := range told {
		if highest = max(highest, seq); hashes[seq] != hash {
			t.Errorf("record %d was told durable and is %q, expected %q", seq, hashes[seq], hash)
		}
	}
	missing := 0
	for n := j.Acked() + 1; n <= j.Last(); n++ {
		if named := covers(lost, n, n); hashes[n] == "" && !named {
			t.Errorf("%d is missing and was not named: %v", n, lost)
		} else if hashes[n] == "" {
			missing++
		} else if named {
			t.Errorf("%d is there and was called lost: %v", n, lost)
		}
	}
	if j.Last() < highest {
		t.Errorf("goes on from %d, and %d was used", j.Last(), highest)
	}
	fmt.Printf("HELD %d MISSING %d NAMED %d\n", len(seqs), missing, len(lost))
}

func writeForEver(t *testing.T, j *Journal) {
	t.Helper()
	for {
		var lines strings.Builder
		var last uint64
		for range 1 + rand.IntN(20) {
			var err error
			last, err = j.Append(func(seq uint64, prev string) ([]byte, error) {
				p, err := auditEvent(seq, prev)
				fmt.Fprintf(&lines, "DURABLE %d %s\n", seq, event.Hash(p))
				return p, err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Wait(context.Background(), last); err != nil {
			t.Fatal(err)
		}
		fmt.Print(lines.String())
		if err := j.Ack(last - min(last, rand.Uint64N(5000))); err != nil {
			t.Fatal(err)
		}
	}
}
