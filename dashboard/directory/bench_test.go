package directory

import (
	"fmt"
	"testing"
	"time"

	"kapija/internal/policy"
)

// load adds people, each with one badge.
func load(tb testing.TB, d *Directory, people int) {
	tb.Helper()
	check0(tb, d.Import(ctx, "bench", func(tx *Tx) error {
		for n := range people {
			p, err := tx.AddPerson(Person{Name: fmt.Sprintf("Ђорђе Петровић %d", n), Company: "Врачар софтвер", Levels: []string{"loz", "kg"}[n%2 : n%2+1]})
			if err != nil {
				return err
			}
			if _, err := tx.AddBadge(p.ID, Card{"wiegand-37", 7, uint64(n)}, time.Time{}, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkCompile is 10,000 people: everything, as at the start, and the one shard of a revocation.
func BenchmarkCompile(b *testing.B) {
	d := fresh(b)
	withLevels(b, d)
	load(b, d, 10_000)
	compile := func(b *testing.B, shards int) {
		b.ReportAllocs()
		for b.Loop() {
			for _, building := range d.site.Buildings {
				for i := range shards {
					u := unit{building: building, shard: uint8(i)}
					body := must1(must1(d.compile(ctx, u, time.Now()))(b).encode(u, 1))(b)
					_ = policy.Seal(signing, "topic", body)
				}
			}
		}
	}
	b.Run("everything", func(b *testing.B) { compile(b, 256) })
	b.Run("one shard", func(b *testing.B) { compile(b, 1) })
}

// BenchmarkImport is 500 people with a badge each, in one transaction.
func BenchmarkImport(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := fresh(b)
		withLevels(b, d)
		b.StartTimer()
		load(b, d, 500)
	}
}

// BenchmarkSearch looks for one name among 10,000 people.
func BenchmarkSearch(b *testing.B) {
	d := fresh(b)
	withLevels(b, d)
	load(b, d, 10_000)
	for b.Loop() {
		if _, total, err := d.People(ctx, "djordje 4711", 50, 0); total != 1 || err != nil {
			b.Fatal(total, err)
		}
	}
}
