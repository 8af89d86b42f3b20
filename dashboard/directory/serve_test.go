package directory

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/topic"
)

var (
	hall  = topic.Gateway{Building: "lozionica", Gateway: "gw-hall"}
	annex = topic.Gateway{Building: "lozionica", Gateway: "gw-annex"}
	lobby = topic.Gateway{Building: "kragujevac", Gateway: "gw-lobby"}
)

const everyTopic = 3 * 257

func shardTopic(gw topic.Gateway, k policy.Key) string {
	return topic.ForPolicy(gw, policy.ShardName(k.Shard()))
}

func sorted(list ...string) []string { slices.Sort(list); return list }

func TestEverythingIsPublishedAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		b := newBroker(t)
		serving(t, d, b, func(connected chan struct{}) {
			if n := len(b.taken()); n != everyTopic {
				t.Errorf("%d messages: %d are expected", n, everyTopic)
			}
			for _, gw := range []topic.Gateway{hall, annex, lobby} {
				if shards, badges := b.snapshot(gw).Loaded(); shards != 256 || badges != 0 {
					t.Errorf("%s has %d shards with %d badges", gw, shards, badges)
				}
			}
			if got := b.snapshot(hall).Decide(ask("main", policy.Key{7})).Reason; got != event.UnknownBadge {
				t.Errorf("a card that nobody knows is refused with %s", got)
			}
		})
	})
}

func ask(door string, k policy.Key) policy.Request {
	return policy.Request{Door: door, Key: k, At: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), Clock: event.ClockIsSynced}
}

func TestARevocationMovesOneShardPerGatewayOfTheBuilding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		withLevels(t, d)
		b := newBroker(t)
		serving(t, d, b, func(chan struct{}) {
			_, badge := addHolder(t, d, card(4711), "loz")
			synctest.Wait()
			b.taken()
			key := keyOf(t, card(4711))
			if got := b.snapshot(annex).Decide(ask("annex", key)); !got.Granted || got.Badge != badge.ID {
				t.Errorf("before: %+v", got)
			}
			start := time.Now()
			check0(t, d.RevokeBadge(ctx, "test", badge.ID))
			synctest.Wait()
			if late := time.Since(start); late != 0 {
				t.Errorf("published %s later", late)
			}
			if got, want := sorted(b.taken()...), sorted(shardTopic(hall, key), shardTopic(annex, key)); !slices.Equal(got, want) {
				t.Errorf("published %v, want %v", got, want)
			}
			if got := b.snapshot(hall).Decide(ask("main", key)); got.Reason != event.Revoked || got.Badge != badge.ID {
				t.Errorf("after: %+v", got)
			}
			check0(t, d.RevokeBadge(ctx, "test", badge.ID))
			synctest.Wait()
			if got := b.taken(); got != nil {
				t.Errorf("revoked twice: published %v", got)
			}
		})
	})
}

func TestOnlyWhatDiffersIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		withLevels(t, d)
		b := newBroker(t)
		serving(t, d, b, func(chan struct{}) {
			key := keyOf(t, card(1))
			for _, c := range []struct {
				name   string
				change func()
				want   []string
			}{
				{"a person without a badge", func() { must1(d.AddPerson(ctx, "test", Person{Name: "Ана"}))(t) }, nil},
				{"a badge of a person without levels goes everywhere", func() { addHolder(t, d, card(1)) },
					sorted(shardTopic(hall, key), shardTopic(annex, key), shardTopic(lobby, key))},
				{"a badge of the other building", func() { addHolder(t, d, card(2), "kg") }, []string{shardTopic(lobby, keyOf(t, card(2)))}},
				{"a schedule that nobody uses", func() { must1(d.AddSchedule(ctx, "test", Schedule{ID: "day", Name: "Дан"}))(t) }, nil},
				{"a level", func() {
					check0(t, d.SetLevel(ctx, "test", Level{ID: "loz", Name: "Ложионица", Grants: []policy.Grant{{Doors: []string{"main"}, Schedule: "day"}, {Doors: []string{"annex"}, Schedule: always}}}))
				}, []string{topic.ForPolicy(hall, policy.RulesName)}},
				{"a holiday", func() {
					check0(t, d.AddHoliday(ctx, "test", policy.Holiday{Date: "2026-06-01", Name: "Дан зграде"}))
				},
					sorted(topic.ForPolicy(hall, policy.RulesName), topic.ForPolicy(annex, policy.RulesName), topic.ForPolicy(lobby, policy.RulesName))},
			} {
				synctest.Wait()
				b.taken()
				c.change()
				synctest.Wait()
				if got := sorted(b.taken()...); !slices.Equal(got, c.want) {
					t.Errorf("%s: published %v, want %v", c.name, got, c.want)
				}
			}
		})
	})
}

func TestARestartRepeatsTheSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "directory.db")
		b := newBroker(t)
		var before map[string][]byte
		for run := range 3 {
			d := open(t, path)
			serving(t, d, b, func(connected chan struct{}) {
				if run == 0 {
					withLevels(t, d)
					addHolder(t, d, card(1), "loz")
					synctest.Wait()
					before = maps.Clone(b.retained)
				}
				if run == 2 {
					b.wipe()
					connected <- struct{}{}
					synctest.Wait()
					if n := len(b.taken()); n != everyTopic {
						t.Errorf("after the broker was wiped: %d messages: %d are expected", n, everyTopic)
					}
				}
				for name, payload := range b.retained {
					if !bytes.Equal(payload, before[name]) {
						t.Errorf("run %d: %s has other bytes", run, name)
					}
				}
			})
			check0(t, d.Close())
		}
	})
}

func TestABrokerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		withLevels(t, d)
		b := newBroker(t)
		serving(t, d, b, func(connected chan struct{}) {
			_, badge := addHolder(t, d, card(1), "loz")
			synctest.Wait()
			b.mu.Lock()
			b.down = true
			b.mu.Unlock()
			p, _ := addHolder(t, d, card(2), "loz")
			check0(t, d.Suspend(ctx, "test", p.ID, true))
			check0(t, d.RevokeBadge(ctx, "test", badge.ID))
			time.Sleep(time.Minute)
			synctest.Wait()
			b.taken()
			b.mu.Lock()
			b.down = false
			b.mu.Unlock()
			time.Sleep(lastBackOff)
			synctest.Wait()
			want := sorted(shardTopic(hall, keyOf(t, card(1))), shardTopic(annex, keyOf(t, card(1))), shardTopic(hall, keyOf(t, card(2))), shardTopic(annex, keyOf(t, card(2))))
			if got := sorted(b.taken()...); !slices.Equal(got, want) {
				t.Errorf("published %v, want %v", got, want)
			}
			s := b.snapshot(hall)
			if got := s.Decide(ask("main", keyOf(t, card(1)))).Reason; got != event.Revoked {
				t.Errorf("revoked while the broker was away: %s", got)
			}
			if got := s.Decide(ask("main", keyOf(t, card(2)))).Reason; got != event.Suspended {
				t.Errorf("suspended while the broker was away: %s", got)
			}
		})
	})
}

// A broker that takes the connection and never answers: what it did not acknowledge is sent again.
func TestABrokerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		b := newBroker(t)
		b.hangs = true
		serving(t, d, b, func(connected chan struct{}) {
			time.Sleep(2 * publishWait)
			b.mu.Lock()
			b.hangs = false
			b.mu.Unlock()
			time.Sleep(publishWait + lastBackOff)
			synctest.Wait()
			if n := len(b.taken()); n != everyTopic {
				t.Errorf("%d messages: %d are expected", n, everyTopic)
			}
		})
	})
}

func TestAnotherProcessChangesTheRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "directory.db")
		d, other := open(t, path), open(t, path)
		withLevels(t, d)
		b := newBroker(t)
		serving(t, d, b, func(chan struct{}) {
			addHolder(t, other, card(5), "kg")
			synctest.Wait()
			b.taken()
			time.Sleep(lookEvery)
			synctest.Wait()
			if got, want := b.taken(), []string{shardTopic(lobby, keyOf(t, card(5)))}; !slices.Equal(got, want) {
				t.Errorf("published %v, want %v", got, want)
			}
		})
		check0(t, errors.Join(other.Close(), d.Close()))
	})
}

func TestANewYearBringsItsHolidays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		b := newBroker(t)
		time.Sleep(time.Until(time.Date(time.Now().Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)) - 90*time.Minute)
		serving(t, d, b, func(chan struct{}) {
			b.taken()
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			if got := b.taken(); len(got) != 3 || !strings.HasSuffix(got[0], policy.RulesName) {
				t.Errorf("published %v: the rules of three gateways are expected", got)
			}
		})
	})
}

// The register comes from an older backup, while the gateways know newer versions. The broker of this test fails when a
// version goes back or stays with other contents.
func TestAnOlderBackupIsRestored(t *testing.T) {
	for _, withMark := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "directory.db")
			b := newBroker(t)
			d := open(t, path)
			withLevels(t, d)
			var badge Badge
			serving(t, d, b, func(chan struct{}) { _, badge = addHolder(t, d, card(1), "loz"); synctest.Wait() })
			check0(t, d.Close())
			copyFile(t, path, path+".backup")

			d = open(t, path)
			serving(t, d, b, func(chan struct{}) {
				check0(t, d.RevokeBadge(ctx, "test", badge.ID))
				addHolder(t, d, card(2), "loz")
				synctest.Wait()
			})
			check0(t, d.Close())

			copyFile(t, path+".backup", path)
			if !withMark {
				check0(t, os.Remove(path+MarkSuffix))
			}
			b.wipe()
			d = open(t, path)
			serving(t, d, b, func(chan struct{}) {
				s := b.snapshot(hall)
				if got := s.Decide(ask("main", keyOf(t, card(1)))); !got.Granted {
					t.Errorf("the badge that is good in the backup: %+v", got)
				}
				if got := s.Decide(ask("main", keyOf(t, card(2)))); got.Reason != event.UnknownBadge {
					t.Errorf("the badge that the backup does not know: %+v", got)
				}
			})
			check0(t, d.Close())
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in := must1(os.Open(from))(t)
	defer in.Close()
	out := must1(os.Create(to))(t)
	_, err := io.Copy(out, in)
	check0(t, errors.Join(err, out.Close()))
}

// L52: what is signed for one topic is refused on every other.
func TestL52SealedForOneTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fresh(t)
		b := newBroker(t)
		serving(t, d, b, func(chan struct{}) {})
		pub := signing.Public().(ed25519.PublicKey)
		for name, payload := range b.retained {
			other := strings.Replace(name, "gw-hall", "gw-annex", 1)
			if other == name {
				continue
			}
			if _, err := policy.Unseal(pub, other, payload); !errors.Is(err, policy.ErrSeal) {
				t.Fatalf("%s on %s: %v", name, other, err)
			}
		}
	})
}
