package snapshot

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/topic"
)

func TestPowerCutBetweenWriteAndRename(t *testing.T) {
	_, next := message(here, "2a", shard(0x2a, 6, policy.Revoked))
	for _, left := range [][]byte{nil, next[:len(next)/2], next} {
		dir := t.TempDir()
		loaded(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "2a.sealed.tmp"), left, 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, dir)
		if d := s.Damaged(); d != nil {
			t.Errorf("damaged: %v", d)
		}
		wantReason(t, s, 0x2a, event.Granted)
		if got := names(t, dir); !slices.Equal(got, []string{"2a.sealed", "rules.sealed"}) {
			t.Errorf("files %v", got)
		}
		mustAccept(t, s, "2a", shard(0x2a, 6, policy.Revoked))
		wantReason(t, mustOpen(t, dir), 0x2a, event.Revoked)
	}
}

func TestDamagedFileIsSetAsideAndTheRestIsLoaded(t *testing.T) {
	sealedFor := func(gw topic.Gateway, name string) []byte {
		_, payload := message(gw, name, shard(0x2a, 5, policy.Active))
		return payload
	}
	flipped := sealedFor(here, "2a")
	flipped[80] ^= 0x10
	for name, contents := range map[string][]byte{
		"empty": {}, "torn": sealedFor(here, "2a")[:70], "one bit flipped": flipped, "garbage": bytes.Repeat([]byte{1}, 300),
		"of another gateway": sealedFor(there, "2a"), "of another shard": sealedFor(here, "2b"), "too long": make([]byte, MaxPayload+10),
		"with another key": policy.Seal(other, topic.ForPolicy(here, "2a"), shard(0x2a, 5, policy.Active)),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := loaded(t, dir)
			mustAccept(t, s, "2b", shard(0x2b, 1, policy.Active))
			path := filepath.Join(dir, "2a.sealed")
			if err := os.WriteFile(path, contents, 0o600); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, dir)
			d := s.Damaged()
			if len(d) != 1 || d[0].Shard != "2a" || d[0].File != path+".damaged" || d[0].Cause == nil {
				t.Fatalf("damaged: %+v", d)
			}
			if kept, err := os.ReadFile(d[0].File); err != nil || !bytes.Equal(kept, contents) {
				t.Errorf("what was set aside is not there: %v", err)
			}
			wantReason(t, s, 0x2a, event.PolicyNotLoaded)
			wantReason(t, s, 0x2b, event.Granted)

			mustAccept(t, s, "2a", shard(0x2a, 5, policy.Active))
			wantReason(t, s, 0x2a, event.Granted)
			if d := mustOpen(t, dir).Damaged(); d != nil {
				t.Errorf("still damaged: %v", d)
			}
		})
	}
}

func TestDamagedRulesRefuseEverybody(t *testing.T) {
	dir := t.TempDir()
	loaded(t, dir)
	if err := os.Truncate(filepath.Join(dir, "rules.sealed"), 100); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if d := s.Damaged(); len(d) != 1 || d[0].Shard != "rules" {
		t.Errorf("damaged: %v", d)
	}
	wantReason(t, s, 0x2a, event.PolicyNotLoaded)
}

// The temporary file is a link to /dev/full, which answers every write as a full disk does.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := loaded(t, dir)
	temp := filepath.Join(dir, "2a.sealed.tmp")
	fill := func() {
		t.Helper()
		if err := os.Symlink("/dev/full", temp); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	c, err := s.Accept(message(here, "2a", shard(0x2a, 6, policy.Revoked)))
	if !errors.Is(err, syscall.ENOSPC) || c != (Change{"2a", 6, true, false}) {
		t.Fatalf("%+v, error %v, want applied, not stored, and no space left", c, err)
	}
	wantReason(t, s, 0x2a, event.Revoked)
	if _, err := s.Accept(message(here, "2a", shard(0x2a, 5, policy.Active))); !errors.Is(err, ErrStale) {
		t.Errorf("the older version: %v", err)
	}
	wantReason(t, mustOpen(t, dir), 0x2a, event.Granted) // what a restart would bring back, as documented

	fill()
	if err := s.Flush(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("flush on a full disk: %v", err)
	}
	fill()
	if c, err := s.Accept(message(here, "2a", shard(0x2a, 6, policy.Revoked))); !errors.Is(err, syscall.ENOSPC) || c.Applied || c.Stored {
		t.Errorf("the same again on a full disk: %+v, %v", c, err)
	}
	if err := s.Flush(); err != nil {
		t.Errorf("flush when there is space: %v", err)
	}
	if c := mustAccept(t, s, "2a", shard(0x2a, 6, policy.Revoked)); c != (Change{"2a", 6, false, true}) {
		t.Errorf("the same again: %+v", c)
	}
	wantReason(t, mustOpen(t, dir), 0x2a, event.Revoked)
}

func TestFolderIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policy")
	s := loaded(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c, err := s.Accept(message(here, "2a", shard(0x2a, 6, policy.Revoked)))
	if err == nil || !c.Applied || c.Stored {
		t.Errorf("%+v, %v", c, err)
	}
	wantReason(t, s, 0x2a, event.Revoked)
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, pub, here); err == nil {
		t.Error("a file was taken as the folder")
	}
	if _, err := Open(t.TempDir(), pub[:31], here); err == nil {
		t.Error("a short key was taken")
	}
}
