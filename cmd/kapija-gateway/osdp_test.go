package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/gateway/trial"
	"kapija/internal/site"
)

// rs485 is a bus of simulated readers behind a serial port of this machine, and what a technician's commands need to
// work at it.
type rs485 struct {
	*testing.T
	dir  string
	args []string
}

func busOf(t *testing.T) *rs485 {
	t.Helper()
	dir, err := os.MkdirTemp("", "k") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	district, err := site.Load("../../configs/bench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wiring, err := site.LoadWiring("../../configs/gateways/bench-gw-bench.yaml", district)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- trial.Run(ctx, trial.Config{District: district, Building: district.Building("bench"), Gateway: district.Building("bench").Gateway("gw-bench"),
			Wiring: wiring, Dir: filepath.Join(dir, "sim"), Unboxed: true, WiresOnly: true, Out: &bytes.Buffer{}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	tty := filepath.Join(dir, "sim", "wires.rs485.tty")
	late := time.After(patience)
	for _, err := os.Stat(tty); err != nil; _, err = os.Stat(tty) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			t.Fatal("the serial port did not appear")
		}
	}
	return &rs485{t, dir, []string{"--site", "../../configs/bench.yaml", "--building", "bench", "--gateway", "gw-bench",
		"--wiring", "../../configs/gateways/bench-gw-bench.yaml", "--data", filepath.Join(dir, "data"), "--keys", filepath.Join(dir, "keys"), "--port", tty}}
}

func (b *rs485) osdp(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(b.Context(), append(append([]string{"osdp"}, args...), b.args...), &out, &bytes.Buffer{})
	return out.String(), err
}

func (b *rs485) expect(want string, args ...string) {
	b.Helper()
	out, err := b.osdp(args...)
	if err != nil || !strings.Contains(out, want) {
		b.Fatalf("osdp %v: found %q and the error %v, expected %q", args, out, err, want)
	}
}

// A reader comes out of its box, is paired, updated, and known afterwards; what was done is in the journal.
func TestReaderIsPairedAndUpdated(t *testing.T) {
	b := busOf(t)
	b.expect("in clear: it has not been paired", "info", "osdp")
	b.expect("osdp has a key of its own", "pair", "osdp")
	b.expect("over Secure Channel with its own key", "info", "osdp")
	firmware := filepath.Join(b.dir, "firmware")
	if err := os.WriteFile(firmware, bytes.Repeat([]byte("kapija"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	b.expect("600 of 600 bytes, 100 %", "update", "osdp", firmware)
	b.expect("osdp has a key of its own", "pair", "osdp") // once more, with its own key

	var journal bytes.Buffer
	if err := run(t.Context(), []string{"journal", "tail", "--data", filepath.Join(b.dir, "data")}, &journal, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(journal.String(), `"kind":"reader.paired"`); n != 2 || !strings.Contains(journal.String(), `"cause":"osdp: by `) {
		t.Errorf("found %d pairings, expected 2 with who did it:\n%s", n, journal.String())
	}
	key, err := os.Stat(filepath.Join(b.dir, "data", "readers", "osdp.json"))
	if err != nil || key.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", key, err)
	}
}

// A pairing that finds nobody leaves nothing but its record.
func TestPairingThatFails(t *testing.T) {
	b := busOf(t)
	b.expect("has a key of its own", "pair", "osdp")
	if err := os.Remove(filepath.Join(b.dir, "data", "readers", "osdp.json")); err != nil {
		t.Fatal(err)
	}
	// The reader holds a key that nobody knows any more, and is not in install mode.
	out, err := b.osdp("pair", "osdp", "--within", "3s")
	if err == nil || !strings.Contains(err.Error(), "put it into install mode") {
		t.Errorf("found %q and the error %v, expected one that says what to do", out, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "data", "readers", "osdp.json")); !os.IsNotExist(err) {
		t.Errorf("a key is kept that no reader has: %v", err)
	}
	var journal bytes.Buffer
	if err := run(t.Context(), []string{"journal", "tail", "--data", filepath.Join(b.dir, "data")}, &journal, &bytes.Buffer{}); err != nil ||
		!strings.Contains(journal.String(), "pairing_failed: by ") {
		t.Errorf("error %v, journal:\n%s", err, journal.String())
	}
}

// A reader that had a key and does not prove it may have been exchanged: it takes a technician who says that it was not.
func TestExchangedReaderIsNotPairedByAccident(t *testing.T) {
	b := busOf(t)
	b.expect("has a key of its own", "pair", "osdp")
	other := busOf(t) // with a reader out of its box
	other.args[9] = b.args[9]
	out, err := other.osdp("pair", "osdp")
	if err == nil || !strings.Contains(err.Error(), "set back or exchanged") {
		t.Fatalf("found %q and the error %v, expected a refusal", out, err)
	}
	b.expect("over Secure Channel with its own key", "info", "osdp") // its key is still kept
	other.expect("has a key of its own", "pair", "osdp", "--release")
	other.expect("over Secure Channel with its own key", "info", "osdp")
}

func TestOSDPRefuses(t *testing.T) {
	b := busOf(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"those are osdp", []string{"info", "wiegand"}},
		{"--within is 1h0m0s", []string{"pair", "osdp", "--within", "1h"}},
		{"has 0 bytes", []string{"update", "osdp", "/dev/null"}},
	} {
		if out, err := b.osdp(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("osdp %v: found %q and the error %v, expected %q", c.args, out, err, c.want)
		}
	}
}
