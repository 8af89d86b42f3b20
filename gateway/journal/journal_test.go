package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kapija/internal/event"
)

// auditEvent builds events as a door makes them.
func auditEvent(seq uint64, prev string) ([]byte, error) {
	e := event.Event{
		Seq: seq, At: time.Unix(1764000000, 123456789).Add(time.Duration(seq) * 1234567891).UTC(), Clock: event.ClockIsSynced,
		Boot: "q3Wb9xK2", Kind: event.AccessGranted, Door: "ground-north", Side: event.In, Badge: fmt.Sprintf("k7Rw%08d", seq%997),
		Reason: event.Granted, DecidedUs: int64(150 + seq%90), Cause: "badge", Prev: prev,
	}
	switch seq % 4 {
	case 1:
		e.Kind, e.Badge, e.Reason, e.DecidedUs, e.Side, e.Cause = event.DoorOpened, "", "", 0, "", "badge"
	case 2:
		e.Kind, e.Reason, e.DecidedUs = event.AccessEntered, "", 0
	case 3:
		e.Kind, e.Badge, e.Reason, e.DecidedUs, e.Side, e.Cause = event.DoorClosed, "", "", 0, "", "closed"
	}
	return json.Marshal(e)
}

func small(seq uint64, prev string) ([]byte, error) {
	return fmt.Appendf(nil, `{"seq":%d,"prev":%q}`, seq, prev), nil
}

func mustOpen(t testing.TB, d disk, o Options) (*Journal, Report) {
	t.Helper()
	j, r, err := open(d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, r
}

// fill appends n records and waits for the last.
func fill(t testing.TB, j *Journal, n int) {
	t.Helper()
	var seq uint64
	for range n {
		var err error
		if seq, err = j.Append(small); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Wait(context.Background(), seq); err != nil {
		t.Fatal(err)
	}
}

// readAll returns the records from a number on, by their own numbers, in order.
func readAll(t testing.TB, j *Journal, from uint64) (seqs []uint64, payloads [][]byte) {
	t.Helper()
	for {
		records, first, err := j.Read(from, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return seqs, payloads
		}
		if first < from {
			t.Fatalf("Read(%d) began at %d", from, first)
		}
		for i, p := range records {
			var e event.Event
			if err := json.Unmarshal(p, &e); err != nil || e.Seq != first+uint64(i) {
				t.Fatalf("record %d is %q", first+uint64(i), p)
			}
			seqs, payloads = append(seqs, e.Seq), append(payloads, p)
		}
		from = first + uint64(len(records))
	}
}

func numbers(from, to uint64) (out []uint64) {
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

func TestAppendReadReopen(t *testing.T) {
	dir := t.TempDir()
	var want [][]byte
	for round := range 3 {
		j, r, err := Open(dir, Options{segment: 4000})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Lost)+len(r.Ignored) > 0 || r.Torn > 0 || r.Cursor {
			t.Fatalf("round %d reports %+v", round, r)
		}
		for range 50 {
			seq, err := j.Append(func(seq uint64, prev string) ([]byte, error) {
				if len(want) > 0 && prev != event.Hash(want[len(want)-1]) || len(want) == 0 && prev != "" {
					t.Errorf("record %d is chained to %q", seq, prev)
				}
				p, err := auditEvent(seq, prev)
				want = append(want, p)
				return p, err
			})
			if err != nil || seq != uint64(len(want)) {
				t.Fatal(seq, err)
			}
			if seq%20 == 0 {
				if err := j.Wait(t.Context(), seq); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := j.Wait(t.Context(), j.Last()); err != nil {
			t.Fatal(err)
		}
		_, got := readAll(t, j, 1)
		if len(got) != len(want) {
			t.Fatalf("%d records, expected %d", len(got), len(want))
		}
		for i := range got {
			if string(got[i]) != string(want[i]) {
				t.Fatalf("record %d came back as %q", i+1, got[i])
			}
		}
		if err := j.Ack(uint64(10 * (round + 1))); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if j.Acked() != 30 || j.Durable() != 150 || j.Last() != 150 {
		t.Fatal(j.Acked(), j.Durable(), j.Last())
	}
	if p, first, err := j.Read(151, 10); len(p) != 0 || first != 151 || err != nil {
		t.Fatal(p, first, err)
	}
	if err := j.Ack(151); err == nil {
		t.Fatal("an acknowledgement of what is not there was taken")
	}
	if err := j.Wait(t.Context(), 151); err == nil {
		t.Fatal("waited for what is not there")
	}
}

func TestBuildFails(t *testing.T) {
	j, _ := mustOpen(t, newMemory(), Options{})
	boom := errors.New("boom")
	if _, err := j.Append(func(uint64, string) ([]byte, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	for _, n := range []int{0, MaxRecord + 1} {
		if _, err := j.Append(func(uint64, string) ([]byte, error) { return make([]byte, n), nil }); err == nil {
			t.Fatalf("a record of %d bytes was taken", n)
		}
	}
	seq, err := j.Append(func(uint64, string) ([]byte, error) { return make([]byte, MaxRecord), nil })
	if err != nil || seq != 1 {
		t.Fatal(seq, err)
	}
	if err := j.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := j.Read(1, 10); len(got) != 1 || len(got[0]) != MaxRecord {
		t.Fatal("the largest record was not read back")
	}
	j.Close()
	if _, err := j.Append(small); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := j.Ack(1); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	j, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "another process") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("the second one got %v", err)
	}
	j.Close()
	j, _, err = Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
}

func TestReadOnlyFolder(t *testing.T) {
	m := newMemory()
	m.failing(func(op, name string) error {
		if op == "lock" {
			return syscall.EROFS
		}
		return nil
	})
	if _, _, err := open(m, Options{}); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-write") {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := folderFile(file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatal(err)
	}
}

func TestMany(t *testing.T) {
	// Many goroutines append, one reads behind them, one acknowledges.
	j, _, err := Open(t.TempDir(), Options{segment: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	const each, writers = 2000, 4
	errs := make(chan error, writers)
	for range writers {
		go func() {
			var seq uint64
			var err error
			for range each {
				if seq, err = j.Append(small); err != nil {
					break
				}
			}
			if err == nil {
				err = j.Wait(context.Background(), seq)
			}
			errs <- err
		}()
	}
	next, prev := uint64(1), ""
	for next <= each*writers {
		changed := j.Changed()
		records, first, err := j.Read(next, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			<-changed
			continue
		}
		if first != next {
			t.Fatalf("read %d, expected %d", first, next)
		}
		for _, p := range records {
			var e event.Event
			if err := json.Unmarshal(p, &e); err != nil || e.Seq != next || e.Prev != prev {
				t.Fatalf("record %d is %s, expected to follow %s", next, p, prev)
			}
			prev = event.Hash(p)
			next++
		}
		if err := j.Ack(next - 1); err != nil {
			t.Fatal(err)
		}
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}
