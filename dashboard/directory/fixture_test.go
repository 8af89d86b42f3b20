package directory

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kapija/internal/cardformat"
	"kapija/internal/mqtt"
	"kapija/internal/policy"
	"kapija/internal/site"
	"kapija/internal/topic"
)

var (
	siteKey = policy.SiteKey{1, 2, 3}
	signing = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	ctx     = context.Background()
)

// twoBuildings is one building with two gateways, and one with one.
func twoBuildings() *site.District {
	belgrade, err := time.LoadLocation("Europe/Belgrade")
	if err != nil {
		panic(err)
	}
	return &site.District{Buildings: []*site.Building{
		{
			ID: "lozionica", TimeZone: "Europe/Belgrade", Location: belgrade,
			Gateways: []*site.Gateway{{ID: "gw-hall"}, {ID: "gw-annex"}},
			Doors:    []*site.Door{{ID: "main", Gateway: "gw-hall"}, {ID: "side", Gateway: "gw-hall"}, {ID: "annex", Gateway: "gw-annex"}},
		},
		{
			ID: "kragujevac", TimeZone: "Europe/Belgrade", Location: belgrade,
			Gateways: []*site.Gateway{{ID: "gw-lobby"}},
			Doors:    []*site.Door{{ID: "lobby", Gateway: "gw-lobby"}},
		},
	}}
}

func open(t testing.TB, path string) *Directory {
	t.Helper()
	d, err := Open(path, siteKey, twoBuildings())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fresh(t testing.TB) *Directory {
	t.Helper()
	d := open(t, filepath.Join(t.TempDir(), "directory.db"))
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func check0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var coded interface{ Code() string }
	if !errors.As(err, &coded) || coded.Code() != code {
		t.Errorf("error %v: code %s is expected", err, code)
	}
}

func card(number uint64) Card { return Card{"wiegand-26", 21, number} }

func keyOf(t testing.TB, c Card) policy.Key {
	t.Helper()
	bits, n, err := cardformat.Encode(c.Format, c.Facility, c.Number)
	check0(t, err)
	return siteKey.Card(c.Format, bits, n)
}

// withLevels adds a level of each building: all of it, always.
func withLevels(t testing.TB, d *Directory) {
	t.Helper()
	check0(t, d.Import(ctx, "test", func(tx *Tx) error {
		_, err := tx.AddLevel(Level{ID: "loz", Building: "lozionica", Name: "Ложионица", Grants: []policy.Grant{{Doors: []string{"main", "annex"}, Schedule: always}}})
		if err != nil {
			return err
		}
		_, err = tx.AddLevel(Level{ID: "kg", Building: "kragujevac", Name: "Крагујевац", Grants: []policy.Grant{{Doors: []string{"lobby"}, Schedule: always}}})
		return err
	}))
}

// addHolder adds a person with one badge.
func addHolder(t testing.TB, d *Directory, c Card, levels ...string) (Person, Badge) {
	t.Helper()
	p := must1(d.AddPerson(ctx, "test", Person{Name: fmt.Sprint("Особа ", time.Now().UnixNano()), Levels: levels}))(t)
	return p, must1(d.AddBadge(ctx, "test", p.ID, c, time.Time{}, time.Time{}))(t)
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		return must(t, v, err)
	}
}

// broker keeps what was published, as a broker and a gateway would together.
type broker struct {
	t        testing.TB
	mu       sync.Mutex
	down     bool
	hangs    bool
	retained map[string][]byte
	versions map[string]uint64
	log      []string // topics, in order
}

func newBroker(t testing.TB) *broker {
	return &broker{t: t, retained: map[string][]byte{}, versions: map[string]uint64{}}
}

func (b *broker) Publish(ctx context.Context, m mqtt.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hangs {
		b.mu.Unlock()
		<-ctx.Done()
		b.mu.Lock()
		return ctx.Err()
	}
	if b.down {
		return mqtt.ErrNotConnected
	}
	body, err := policy.Unseal(signing.Public().(ed25519.PublicKey), m.Topic, m.Payload)
	version := uint64(0)
	if err == nil {
		version, err = versionOf(m.Topic, body)
	}
	if err != nil || !m.Retained {
		b.t.Errorf("%s, retained %v: %v", m.Topic, m.Retained, err)
		return nil
	}
	if old := b.versions[m.Topic]; version < old || version == old && string(b.retained[m.Topic]) != string(m.Payload) && b.retained[m.Topic] != nil {
		b.t.Errorf("%s: version %d after %d: a gateway would refuse it", m.Topic, version, old)
	}
	b.retained[m.Topic], b.versions[m.Topic] = m.Payload, version
	b.log = append(b.log, m.Topic)
	return nil
}

func versionOf(t string, body []byte) (uint64, error) {
	p, err := topic.Parse(t)
	if err != nil {
		return 0, err
	}
	if p.Shard == policy.RulesName {
		r, err := policy.DecodeRules(body)
		return r.Version, err
	}
	s, err := policy.DecodeShard(body)
	if err == nil && policy.ShardName(s.Index) != p.Shard {
		err = errors.New("the shard is not that of its topic")
	}
	return s.Version, err
}

// taken is what was published since it was last asked.
func (b *broker) taken() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := b.log
	b.log = nil
	return log
}

// wipe forgets what is retained; the gateways do not.
func (b *broker) wipe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.retained)
	b.log = nil
}

// snapshot is what a gateway decides from.
func (b *broker) snapshot(gw topic.Gateway) *policy.Snapshot {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var s *policy.Snapshot
	for name, payload := range b.retained {
		p, err := topic.Parse(name)
		check0(b.t, err)
		if p.Gateway != gw {
			continue
		}
		body, err := policy.Unseal(signing.Public().(ed25519.PublicKey), name, payload)
		check0(b.t, err)
		if p.Shard == policy.RulesName {
			s = must1(s.WithRules(must1(policy.DecodeRules(body))(b.t)))(b.t)
		} else {
			s = s.WithShard(must1(policy.DecodeShard(body))(b.t))
		}
	}
	return s
}

// serving runs fn while Serve publishes to b, in a bubble of synctest.
func serving(t *testing.T, d *Directory, b Publisher, fn func(connected chan struct{})) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	connected := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, signing, b, connected) }()
	synctest.Wait()
	fn(connected)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
