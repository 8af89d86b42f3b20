package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/snapshot"
	"kapija/internal/policy"
	"kapija/internal/site"
	"kapija/internal/topic"
)

var address = topic.Gateway{Building: "b", Gateway: "g"}

// building has a strike with everything, a magnet, and devices of no door.
func building() *site.Building {
	g := &site.Gateway{
		ID: "g",
		Readers: []*site.Reader{
			{ID: "entry", LED: "led", Buzzer: "buzzer"}, {ID: "exit"}, {ID: "magnet-entry"},
		},
		Inputs:   []*site.Input{{ID: "contact"}, {ID: "rex"}, {ID: "leak"}, {ID: "outer"}, {ID: "inner"}},
		Outputs:  []*site.Output{{ID: "strike"}, {ID: "magnet"}, {ID: "led"}, {ID: "buzzer"}},
		Counters: []*site.Counter{{ID: "counter", Outer: "outer", Inner: "inner"}},
		Sensors:  []*site.Sensor{{ID: "air"}},
	}
	return &site.Building{ID: "b", Gateways: []*site.Gateway{g}, Doors: []*site.Door{
		{
			ID: "main", Gateway: "g", Lock: "strike", Fail: site.FailSecure, Contact: "contact", REX: "rex", Entry: "entry",
			Exit: "exit", Counter: "counter", Release: 5 * time.Second, Extended: 30 * time.Second, HeldAfter: 20 * time.Second,
		},
		{ID: "vault", Gateway: "g", Lock: "magnet", Fail: site.FailSafe, Entry: "magnet-entry", Release: 5 * time.Second},
	}}
}

// bench is a gateway on a workbench: its folder, its keys, and the directory's side of the policy.
type bench struct {
	t    *testing.T
	dir  string
	keys string
	sign ed25519.PrivateKey
	site policy.SiteKey

	alter func(*site.Building) // nil: the building is as it is
	rules policy.Rules         // without a version: the usual ones
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), keys: t.TempDir(), site: policy.SiteKey{7}}
	pub, sign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.sign = sign
	for name, key := range map[string][]byte{"policy.pub": pub, "site.key": b.site[:]} {
		text := base64.StdEncoding.EncodeToString(key) + "\n"
		if err := os.WriteFile(filepath.Join(b.keys, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

const format = "wiegand-26"

func card(n byte) bridge.Read { return bridge.Read{Format: format, Bits: []byte{n, 0, 0, 0}, Len: 26} }

func (b *bench) entry(n byte, badge string) policy.Entry {
	c := card(n)
	return policy.Entry{Key: b.site.Card(c.Format, c.Bits, c.Len), Badge: badge, Levels: []uint16{1}}
}

func rules(version uint64) policy.Rules {
	return policy.Rules{
		Version: version, TimeZone: "Europe/Belgrade",
		Schedules: []policy.Schedule{{ID: "night", Intervals: []policy.Interval{{Days: 0xff, From: 120, To: 121}}}},
		Levels: []policy.Level{
			{Number: 1, ID: "all", Grants: []policy.Grant{{Doors: []string{"main", "vault"}, Schedule: "always"}}},
			{Number: 2, ID: "night", Grants: []policy.Grant{{Doors: []string{"main"}, Schedule: "night"}}},
			{Number: 3, ID: "vault", Grants: []policy.Grant{{Doors: []string{"vault"}, Schedule: "always"}}},
		},
	}
}

// messages are the policy as the broker delivers it.
func (b *bench) messages(version uint64, entries ...policy.Entry) map[string][]byte {
	b.t.Helper()
	shards := map[uint8][]policy.Entry{}
	for _, e := range entries {
		shards[e.Key.Shard()] = append(shards[e.Key.Shard()], e)
	}
	out := map[string][]byte{}
	seal := func(name string, body []byte, err error) {
		if err != nil {
			b.t.Fatal(err)
		}
		at := topic.ForPolicy(address, name)
		out[at] = policy.Seal(b.sign, at, body)
	}
	for i := range 256 {
		body, err := policy.EncodeShard(uint8(i), version, shards[uint8(i)])
		seal(policy.ShardName(uint8(i)), body, err)
	}
	r := b.rules
	if r.Version == 0 {
		r = rules(version)
	}
	body, err := policy.EncodeRules(r)
	seal(policy.RulesName, body, err)
	return out
}

// stores puts the policy into the gateway's folder, as an earlier run did.
func (b *bench) stores(entries ...policy.Entry) {
	b.t.Helper()
	s, err := snapshot.Open(filepath.Join(b.dir, PolicyDir), b.sign.Public().(ed25519.PublicKey), address)
	if err != nil {
		b.t.Fatal(err)
	}
	for at, payload := range b.messages(1, entries...) {
		if _, err := s.Accept(at, payload); err != nil {
			b.t.Fatal(err)
		}
	}
}
