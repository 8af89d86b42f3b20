package journal

import (
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFullDiskGivesUpAcknowledged(t *testing.T) {
	m := newMemory()
	j, _ := mustOpen(t, m, Options{segment: 300})
	for range 12 {
		fill(t, j, 5)
	}
	if err := j.Ack(30); err != nil {
		t.Fatal(err)
	}
	before := len(m.names)
	m.failing(func(op, name string) error { // full until two files are gone; called under the disk's lock
		if (op == "write" || op == "create") && name != cursorName && len(m.names) > before-2 {
			return syscall.ENOSPC
		}
		return nil
	})
	fill(t, j, 5)
	got, _ := readAll(t, j, 1)
	if got[0] < 2 || got[0] > 31 || !slices.Equal(got, numbers(got[0], 65)) {
		t.Fatal(got)
	}
}

func TestFullDiskTakesWhatFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.room = 60_000
		j, _ := mustOpen(t, m, Options{segment: 10_000})
		for range 3000 {
			if _, err := j.Append(small); err != nil {
				t.Fatal(err)
			}
		}
		for j.Durable() < j.Last() { // the server takes what there is, and so makes room
			before := j.Durable()
			time.Sleep(time.Minute)
			if j.Durable() == before {
				t.Fatalf("stands at %d of %d", before, j.Last())
			}
			if err := j.Ack(j.Durable()); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := readAll(t, j, 1)
		if len(got) == 0 || got[len(got)-1] != 3000 || !slices.Equal(got, numbers(got[0], 3000)) {
			t.Fatal(got)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := newMemory(), &seen{}
		o := s.options()
		o.segment = 300
		open := func() *Journal { j, _ := mustOpen(t, m, o); return j }
		j := open()
		for range 12 {
			fill(t, j, 5)
		}
		oldest := func() uint64 { time.Sleep(3 * sweepEvery); synctest.Wait(); _, first, _ := j.Read(1, 1); return first }
		time.Sleep(1000 * time.Hour)
		if oldest() != 1 {
			t.Fatal("a record that nobody acknowledged is gone")
		}
		if err := j.Ack(35); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Hour)
		j.Close() // the age survives a restart
		j = open()
		time.Sleep(58 * time.Hour)
		if _, first, _ := j.Read(1, 1); first != 1 {
			t.Fatal("acknowledged records are gone before 120 h")
		}
		if o := oldest(); o < 20 || o > 36 {
			t.Fatalf("after 120 h the oldest is %d, expected the segment that holds 36", o)
		}
		if err := j.Ack(0); err != nil { // the server lost everything: what is left stays
			t.Fatal(err)
		}
		before := oldest()
		time.Sleep(1000 * time.Hour)
		if oldest() != before || len(s.dropped) > 0 {
			t.Fatal(before, s.dropped)
		}
	})
}

func TestSizeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := newMemory(), &seen{}
		o := s.options()
		o.segment, o.MaxBytes = 300, 1500
		j, _ := mustOpen(t, m, o)
		for range 3 {
			fill(t, j, 5)
		}
		if err := j.Ack(j.Last()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			fill(t, j, 5)
		}
		if len(s.dropped) > 0 {
			t.Fatal("acknowledged records were called lost:", s.dropped)
		}
		for range 10 {
			fill(t, j, 5)
		}
		synctest.Wait()
		got, _ := readAll(t, j, 1)
		var total int64
		for _, seg := range j.segs {
			total += seg.size
		}
		if total > 1500+600 {
			t.Fatalf("%d bytes are kept", total)
		}
		gone := numbers(16, got[0]-1)
		var named []uint64
		for _, d := range s.dropped {
			named = append(named, numbers(d.From, d.To)...)
		}
		if len(gone) == 0 || !slices.Equal(named, gone) {
			t.Fatalf("named %v, gone %v", named, gone)
		}
	})
}
