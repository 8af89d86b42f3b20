package topic

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestThereAndBack(t *testing.T) {
	id := rapid.StringMatching(`[a-z0-9-]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		g := Gateway{id.Draw(t, "building"), id.Draw(t, "gateway")}
		leaf := rapid.SampledFrom([]Leaf{Audit, Telemetry, State, Ack, Command, Reply}).Draw(t, "leaf")
		shard := rapid.SampledFrom([]string{"00", "7f", "ff", "rules"}).Draw(t, "shard")
		for topic, want := range map[string]Parsed{
			For(g, leaf):          {Gateway: g, Leaf: leaf},
			ForPolicy(g, shard):   {Gateway: g, Leaf: Policy, Shard: shard},
			Occupancy(g.Building): {Gateway: Gateway{Building: g.Building}, Leaf: "occupancy"},
		} {
			if got, err := Parse(topic); err != nil || got != want {
				t.Fatalf("%s: %+v, %v; want %+v", topic, got, err, want)
			}
		}
	})
}

func TestForeignTopicsAreRefused(t *testing.T) {
	for _, bad := range []string{
		"", "kapija", "kapija/1", "kapija/2/b/g/audit", "kapija/1/b", "kapija/1/b/g", "kapija/1/b/g/other", "kapija/1/b/g/policy",
		"kapija/1/b/g/audit/x", "kapija/1/b/g/policy/00/x", "/kapija/1/b/g/audit", "kapija/1/b/occupancy/x",
	} {
		if p, err := Parse(bad); err == nil || !strings.Contains(err.Error(), "is not of the form") {
			t.Errorf("%q: %+v, %v", bad, p, err)
		}
	}
}

// A filter matches what the builders make, level by level.
func TestFiltersMatch(t *testing.T) {
	g := Gateway{"b", "g"}
	for filter, topic := range map[string]string{All(Audit): For(g, Audit), AllPolicy(g): ForPolicy(g, "00"), AllOccupancy(): Occupancy("b")} {
		f, l := strings.Split(filter, "/"), strings.Split(topic, "/")
		if len(f) != len(l) {
			t.Errorf("%s and %s have different depths", filter, topic)
			continue
		}
		for i := range f {
			if f[i] != "+" && f[i] != l[i] {
				t.Errorf("%s does not match %s", filter, topic)
			}
		}
	}
}
