package journal

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkDurable appends in groups as a burst of doors does, and waits for each group: events per second that are
// on this disk.
func BenchmarkDurable(b *testing.B) {
	j := benchJournal(b, b.TempDir())
	const group = 1000
	events := make([][]byte, group)
	for i := range events {
		events[i], _ = auditEvent(uint64(i+1), "q2w3e4r5t6z7u8i9o0p1a2s3d4f5g6h7")
	}
	for b.Loop() {
		var seq uint64
		for i := range group {
			seq, _ = j.Append(func(uint64, string) ([]byte, error) { return events[i], nil })
		}
		if err := j.Wait(context.Background(), seq); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(j.Durable())/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFirstDurable is how long a lone event takes until it is durable.
func BenchmarkFirstDurable(b *testing.B) {
	j := benchJournal(b, b.TempDir())
	var worst time.Duration
	for b.Loop() {
		start := time.Now()
		seq, err := j.Append(auditEvent)
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Wait(context.Background(), seq); err != nil {
			b.Fatal(err)
		}
		worst = max(worst, time.Since(start))
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
}

// BenchmarkBulk is 200,000 events appended one by one, JSON included, and one wait at the end.
func BenchmarkBulk(b *testing.B) {
	for b.Loop() {
		j := benchJournal(b, b.TempDir())
		writeEvents(b, j, 200_000)
		j.Close()
	}
}

// BenchmarkMillion opens and reads a journal of 1,000,000 events.
func BenchmarkMillion(b *testing.B) {
	dir := b.TempDir()
	const n = 1_000_000
	j := benchJournal(b, dir)
	writeEvents(b, j, n)
	j.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil {
		b.Fatal(err)
	}
	var size int64
	for _, f := range files {
		fi, err := os.Stat(f)
		if err != nil {
			b.Fatal(err)
		}
		size += fi.Size()
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			j := benchJournal(b, dir)
			j.Close()
		}
		b.ReportMetric(float64(size)/n, "bytes/record")
	})
	b.Run("read", func(b *testing.B) {
		j := benchJournal(b, dir)
		defer j.Close()
		next := uint64(1)
		for b.Loop() {
			records, first, err := j.Read(next, 500)
			if err != nil {
				b.Fatal(err)
			}
			if next = first + uint64(len(records)); next > n {
				next = 1
			}
		}
		b.ReportMetric(float64(b.N)*500/b.Elapsed().Seconds(), "records/s")
	})
	b.Run("read at random", func(b *testing.B) {
		j := benchJournal(b, dir)
		defer j.Close()
		for i := uint64(1); b.Loop(); i++ {
			if _, _, err := j.Read(1+i*7919%n, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchJournal(b *testing.B, dir string) *Journal {
	j, r, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if len(r.Lost) > 0 {
		b.Fatal(r.Lost)
	}
	b.Cleanup(func() { j.Close() })
	return j
}

func writeEvents(b *testing.B, j *Journal, n int) {
	var seq uint64
	for range n {
		var err error
		if seq, err = j.Append(auditEvent); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Wait(context.Background(), seq); err != nil {
		b.Fatal(err)
	}
}
