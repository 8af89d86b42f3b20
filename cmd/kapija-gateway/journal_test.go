package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kapija/gateway"
	"kapija/gateway/journal"
	"kapija/internal/event"
)

func TestChain(t *testing.T) {
	const first = `{"seq":1,"kind":"a"}`
	second := fmt.Sprintf(`{"seq":2,"prev":%q}`, event.Hash([]byte(first)))
	for name, c := range map[string]struct {
		telemetry bool
		records   map[uint64]string
		broken    []uint64
	}{
		"whole":                      {false, map[uint64]string{1: first, 2: second}, nil},
		"another hash":               {false, map[uint64]string{1: first, 2: `{"seq":2,"prev":"not the hash"}`}, []uint64{2}},
		"no prev":                    {false, map[uint64]string{1: first, 2: `{"seq":2}`}, []uint64{2}},
		"empty prev":                 {false, map[uint64]string{1: first, 2: `{"seq":2,"prev":""}`}, []uint64{2}},
		"null prev":                  {false, map[uint64]string{1: first, 2: `{"seq":2,"prev":null}`}, []uint64{2}},
		"begins later":               {false, map[uint64]string{2: second}, nil},
		"begins later, without prev": {false, map[uint64]string{2: `{"seq":2}`}, []uint64{2}},
		"prev of nothing":            {false, map[uint64]string{1: second[:7] + `1,"prev":"x"}`}, []uint64{1}},
		"after a gap":                {false, map[uint64]string{1: first, 9: `{"seq":9,"prev":"nobody can say"}`}, nil},
		"after a gap, without prev":  {false, map[uint64]string{1: first, 9: `{"seq":9}`}, []uint64{9}},
		"another number":             {false, map[uint64]string{1: first, 2: `{"seq":3,"prev":"x"}`}, []uint64{2}},
		"garbage":                    {false, map[uint64]string{1: first, 2: `garbage`}, []uint64{2}},
		"readings":                   {true, map[uint64]string{1: `{"seq":1}`, 2: `{"seq":2}`, 3: `{"seq":4}`}, []uint64{3}},
	} {
		t.Run(name, func(t *testing.T) {
			k := chain{telemetry: c.telemetry}
			for seq := uint64(1); seq < 10; seq++ {
				if raw, ok := c.records[seq]; ok {
					k.see(seq, []byte(raw))
				}
			}
			if fmt.Sprint(k.broken) != fmt.Sprint(c.broken) {
				t.Errorf("broken %v, expected %v", k.broken, c.broken)
			}
		})
	}
}

// written is a data folder as a gateway leaves it that was killed: 40 events, 40 readings.
func written(t *testing.T) string {
	t.Helper()
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{gateway.AuditDir, gateway.TelemetryDir} {
		j, _, err := journal.Open(filepath.Join(from, name), journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var last uint64
		for range 40 {
			last, err = j.Append(func(seq uint64, prev string) ([]byte, error) {
				if name == gateway.TelemetryDir {
					prev = ""
				}
				return json.Marshal(event.Event{Seq: seq, Kind: event.DoorOpened, Prev: prev})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Wait(context.Background(), last); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(from, name))); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// files is what a folder holds.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		fi, _ := d.Info()
		out[path] = fmt.Sprintf("%x %v", raw, fi.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLookingChangesNothing runs the journal commands twice over whole and damaged journals.
func TestLookingChangesNothing(t *testing.T) {
	segment := func(dir string) string { return filepath.Join(dir, gateway.AuditDir, "00000000000000000001.kj2") }
	change := func(dir string, how func([]byte) []byte) {
		raw, err := os.ReadFile(segment(dir))
		if err == nil {
			err = os.WriteFile(segment(dir), how(raw), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		damage func(dir string)
		says   string // by verify
		whole  bool
	}{
		"killed":      {func(string) {}, "audit: 40 records, 1 to 40, acknowledged up to 0\n", true},
		"cut short":   {func(dir string) { change(dir, func(b []byte) []byte { return b[:len(b)-3] }) }, "an unfinished record", true},
		"damaged end": {func(dir string) { change(dir, func(b []byte) []byte { b[len(b)-3] ^= 1; return b }) }, "are lost: the end of the journal was damaged", false},
		"no cursor":   {func(dir string) { os.Remove(filepath.Join(dir, gateway.AuditDir, "cursor")) }, "cursor file is missing or damaged", false},
		"no lock":     {func(dir string) { os.Remove(filepath.Join(dir, gateway.AuditDir, "lock")) }, "audit: 40 records, 1 to 40", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t)
			c.damage(dir)
			before := files(t, dir)
			said := map[string]string{}
			for range 2 {
				for _, command := range []string{"verify", "count", "tail"} {
					text, err := output(t, "journal", command, "--data", dir)
					if wrong := err != nil; wrong != (command == "verify" && !c.whole) {
						t.Errorf("%s: %v\n%s", command, err, text)
					}
					if command != "tail" && !strings.Contains(text, c.says) {
						t.Errorf("%s does not say %q:\n%s", command, c.says, text)
					}
					if said[command] != "" && said[command] != text {
						t.Errorf("%s said\n%s\nand then\n%s", command, said[command], text)
					}
					said[command] = text
				}
			}
			if !maps.Equal(before, files(t, dir)) {
				t.Error("the folder was changed")
			}
			if n := strings.Count(said["tail"], "\n"); n < 19 || n > 20 {
				t.Errorf("tail printed %d lines", n)
			}
		})
	}
}
