package snapshot

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/topic"
)

var (
	here  = topic.Gateway{Building: "lozionica", Gateway: "gw-1"}
	there = topic.Gateway{Building: "lozionica", Gateway: "gw-2"}
	key   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	other = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	pub   = key.Public().(ed25519.PublicKey)
)

func rules(version uint64) []byte {
	b, err := policy.EncodeRules(policy.Rules{Version: version, TimeZone: "Europe/Belgrade", Levels: []policy.Level{
		{Number: 1, ID: "staff", Grants: []policy.Grant{{Doors: []string{"main"}, Schedule: "always"}}},
	}})
	if err != nil {
		panic(err)
	}
	return b
}

func card(shard uint8) policy.Key { return policy.Key{shard, 1, 2, 3} }

func shard(index uint8, version uint64, status policy.Status) []byte {
	b, err := policy.EncodeShard(index, version, []policy.Entry{{Key: card(index), Badge: "b-1", Status: status, Levels: []uint16{1}}})
	if err != nil {
		panic(err)
	}
	return b
}

// message is a sealed body on its topic.
func message(gw topic.Gateway, name string, body []byte) (string, []byte) {
	t := topic.ForPolicy(gw, name)
	return t, policy.Seal(key, t, body)
}

func mustOpen(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, pub, here)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustAccept(t *testing.T, s *Store, name string, body []byte) Change {
	t.Helper()
	c, err := s.Accept(message(here, name, body))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// loaded is a store with rules 1 and shard 2a in version 5, active.
func loaded(t *testing.T, dir string) *Store {
	t.Helper()
	s := mustOpen(t, dir)
	mustAccept(t, s, "rules", rules(1))
	mustAccept(t, s, "2a", shard(0x2a, 5, policy.Active))
	return s
}

func decide(s *Store, shard uint8) event.Reason {
	return s.Current().Decide(policy.Request{
		Door: "main", Key: card(shard), Clock: event.ClockIsSynced, At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}).Reason
}

func wantReason(t *testing.T, s *Store, shard uint8, want event.Reason) {
	t.Helper()
	if got := decide(s, shard); got != want {
		t.Errorf("card of shard %02x: %s, want %s", shard, got, want)
	}
}

func TestPolicySurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policy")
	s := mustOpen(t, dir)
	if s.Current() != nil {
		t.Error("a snapshot is there before any policy")
	}
	wantReason(t, s, 0x2a, event.PolicyNotLoaded)
	if c := mustAccept(t, s, "2a", shard(0x2a, 5, policy.Active)); c != (Change{"2a", 5, true, true}) {
		t.Errorf("change %+v", c)
	}
	wantReason(t, s, 0x2a, event.PolicyNotLoaded)
	if c := mustAccept(t, s, "rules", rules(3)); c != (Change{"rules", 3, true, true}) {
		t.Errorf("change %+v", c)
	}
	wantReason(t, s, 0x2a, event.Granted)

	s = mustOpen(t, dir)
	if d := s.Damaged(); d != nil {
		t.Errorf("damaged: %v", d)
	}
	wantReason(t, s, 0x2a, event.Granted)
	wantReason(t, s, 0x2b, event.PolicyNotLoaded)
	if v := s.Current().Version(); v != 3 {
		t.Errorf("rules have version %d after the restart, want 3", v)
	}
}

func TestNewerVersionReplacesAndOlderIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := loaded(t, dir)
	mustAccept(t, s, "2a", shard(0x2a, 6, policy.Revoked))
	for range 2 {
		for version, status := range map[uint64]policy.Status{5: policy.Active, 6: policy.Active} {
			c, err := s.Accept(message(here, "2a", shard(0x2a, version, status)))
			if !errors.Is(err, ErrStale) || c.Applied {
				t.Errorf("replay of version %d: %+v, %v", version, c, err)
			}
		}
		wantReason(t, s, 0x2a, event.Revoked)
		s = mustOpen(t, dir) // and again after a restart
	}
}

func TestSameMessageTwiceIsNoChange(t *testing.T) {
	dir := t.TempDir()
	s := loaded(t, dir)
	before := s.Current()
	for range 2 {
		if c := mustAccept(t, s, "2a", shard(0x2a, 5, policy.Active)); c != (Change{"2a", 5, false, true}) {
			t.Errorf("change %+v", c)
		}
		if s.Current() != before {
			t.Error("the snapshot was swapped for nothing")
		}
		s = mustOpen(t, dir)
		before = s.Current()
	}
}

func TestRefused(t *testing.T) {
	flipped := func(t string, payload []byte) (string, []byte) {
		payload[len(payload)-1] ^= 1
		return t, payload
	}
	for _, c := range []struct {
		name string
		make func() (string, []byte)
		says string
	}{
		{"L52: meant for another gateway", func() (string, []byte) {
			_, payload := message(there, "2a", shard(0x2a, 9, policy.Active))
			return topic.ForPolicy(here, "2a"), payload
		}, "signature does not match"},
		{"L52: meant for another shard", func() (string, []byte) {
			_, payload := message(here, "2b", shard(0x2a, 9, policy.Active))
			return topic.ForPolicy(here, "2a"), payload
		}, "signature does not match"},
		{"another gateway's topic", func() (string, []byte) { return message(there, "2a", shard(0x2a, 9, policy.Active)) }, "another gateway"},
		{"topic and contents differ", func() (string, []byte) { return message(here, "2b", shard(0x2a, 9, policy.Active)) }, "must name the same"},
		{"rules on a shard's topic", func() (string, []byte) { return message(here, "2a", rules(9)) }, "not begin as a shard"},
		{"shard on the topic of the rules", func() (string, []byte) { return message(here, "rules", shard(0x2a, 9, policy.Active)) }, "JSON"},
		{"capital letters", func() (string, []byte) { return message(here, "2A", shard(0x2a, 9, policy.Active)) }, "must name the same"},
		{"wrong key", func() (string, []byte) {
			name := topic.ForPolicy(here, "2a")
			return name, policy.Seal(other, name, shard(0x2a, 9, policy.Active))
		}, "signature does not match"},
		{"one bit flipped", func() (string, []byte) { return flipped(message(here, "2a", shard(0x2a, 9, policy.Active))) }, "signature does not match"},
		{"empty: a cleared retained message", func() (string, []byte) { return topic.ForPolicy(here, "2a"), nil }, "too short"},
		{"garbage", func() (string, []byte) { return topic.ForPolicy(here, "2a"), bytes.Repeat([]byte{0xff}, 500) }, "version 255"},
		{"too long", func() (string, []byte) { return topic.ForPolicy(here, "2a"), make([]byte, MaxPayload+1) }, "at most"},
		{"no policy topic", func() (string, []byte) { return topic.For(here, topic.Command), nil }, "no policy topic"},
		{"no topic", func() (string, []byte) { return "../../etc", nil }, "not of the form"},
		{"signed rules with a bad zone", func() (string, []byte) {
			return message(here, "rules", []byte(`{"version":9,"time_zone":"Europe/Beograd"}`))
		}, "Europe/Beograd"},
		{"signed rules with an unknown field", func() (string, []byte) {
			return message(here, "rules", []byte(`{"version":9,"time_zone":"Europe/Belgrade","lockdown":true}`))
		}, "lockdown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := loaded(t, dir)
			before := s.Current()
			change, err := s.Accept(c.make())
			if err == nil || !strings.Contains(err.Error(), c.says) || change.Applied {
				t.Errorf("%+v, error %v, want one that says %q", change, err, c.says)
			}
			if s.Current() != before {
				t.Error("the snapshot changed")
			}
			if got := names(t, dir); !slices.Equal(got, []string{"2a.sealed", "rules.sealed"}) {
				t.Errorf("files %v", got)
			}
		})
	}
}

func TestTwoAcceptsAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustAccept(t, s, "rules", rules(1))
	const newest = 20
	var wg sync.WaitGroup
	for version := uint64(1); version <= newest; version++ {
		for _, index := range []uint8{0x2a, 0x2b} {
			wg.Go(func() {
				status := policy.Active
				if version == newest {
					status = policy.Revoked
				}
				_, err := s.Accept(message(here, policy.ShardName(index), shard(index, version, status)))
				if err != nil && !errors.Is(err, ErrStale) {
					t.Error(err)
				}
				decide(s, index)
			})
		}
	}
	wg.Wait()
	for range 2 {
		wantReason(t, s, 0x2a, event.Revoked)
		wantReason(t, s, 0x2b, event.Revoked)
		s = mustOpen(t, dir)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}

func ExampleStore_Accept() {
	dir, _ := os.MkdirTemp("", "policy")
	defer os.RemoveAll(dir)
	s, _ := Open(dir, pub, here)
	c, err := s.Accept(message(here, "rules", rules(41)))
	fmt.Println(c.Shard, c.Version, c.Applied, c.Stored, err)
	// Output: rules 41 true true <nil>
}
