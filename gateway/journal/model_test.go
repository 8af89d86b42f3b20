package journal

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"kapija/internal/event"

	"pgregory.net/rapid"
)

// TestModel drives a journal with everything that may happen to it, against a map of what was told to be durable.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		var mu sync.Mutex
		gone := map[uint64]bool{} // named as lost
		name := func(from, to uint64, _ error) {
			mu.Lock()
			defer mu.Unlock()
			for n := from; n <= to; n++ {
				gone[n] = true
			}
		}
		var (
			j        *Journal
			kept     = map[uint64][]byte{} // told durable
			highest  uint64                // ever told durable
			appended = map[uint64][]byte{} // told nothing yet
			acked    uint64
		)
		reopen := func() {
			var r Report
			var err error
			j, r, err = open(m, Options{segment: 500, OnDropped: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range r.Lost {
				name(l.From, l.To, nil)
			}
			if j.Last() < highest {
				t.Fatalf("goes on from %d, and %d was used", j.Last(), highest)
			}
			if j.Acked() > acked && j.Acked() > highest {
				t.Fatalf("acknowledged up to %d, never beyond %d", j.Acked(), acked)
			}
			acked = j.Acked()
			// What was never told durable may have survived, and then counts.
			for from := uint64(1); ; {
				ps, first, err := j.Read(from, 100)
				if err != nil {
					t.Fatal(err)
				}
				if len(ps) == 0 {
					break
				}
				for i, p := range ps {
					kept[first+uint64(i)] = p
				}
				from = first + uint64(len(ps))
			}
			highest = max(highest, j.Last())
			clear(appended)
		}
		wait := func() {
			if len(appended) == 0 {
				return
			}
			last := j.Last()
			if err := j.Wait(context.Background(), last); err != nil {
				t.Fatal(err)
			}
			for n, p := range appended {
				kept[n] = p
			}
			clear(appended)
			highest = max(highest, last)
		}
		reopen()
		defer func() { j.Close() }()
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 12).Draw(t, "n") {
					var p []byte
					seq, err := j.Append(func(seq uint64, prev string) (_ []byte, err error) {
						if before := kept[seq-1]; before != nil && prev != event.Hash(before) {
							t.Fatalf("record %d is chained to %q", seq, prev)
						}
						p, err = auditEvent(seq, prev)
						return p, err
					})
					if err != nil {
						t.Fatal(err)
					}
					if kept[seq] != nil {
						t.Fatalf("number %d was given twice", seq)
					}
					appended[seq] = p
				}
			},
			"wait": func(*rapid.T) { wait() },
			"ack": func(t *rapid.T) {
				n := rapid.Uint64Range(0, j.Durable()).Draw(t, "ack")
				if err := j.Ack(n); err != nil {
					t.Fatal(err)
				}
				acked, highest = n, max(highest, n)
			},
			"close": func(t *rapid.T) {
				wait()
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				want := acked
				reopen()
				if j.Acked() != want {
					t.Fatalf("acknowledged up to %d, expected %d", j.Acked(), want)
				}
			},
			"crash": func(*rapid.T) {
				old, dead := j, m
				m = m.clone()
				old.Close()
				dead.crash()
				reopen()
			},
			"power cut": func(*rapid.T) {
				old := j
				dead := m
				m = &memory{names: map[string]*blob{}, synced: map[string]*blob{}, boot: dead.boot}
				dead.mu.Lock()
				for n, b := range dead.synced {
					nb := &blob{slices.Clone(b.data), slices.Clone(b.synced), b.touched}
					m.names[n], m.synced[n] = nb, nb
				}
				dead.mu.Unlock()
				m.cut(r)
				old.Close()
				reopen()
			},
			"disk fails for a while": func(t *rapid.T) {
				m.failing(writesFail(syscall.EIO, rapid.SampledFrom([]string{"write", "sync", "create", "rename"}).Draw(t, "op")))
				for range rapid.IntRange(1, 5).Draw(t, "n") {
					if seq, err := j.Append(small); err != nil || kept[seq] != nil {
						t.Fatal(seq, err)
					} else {
						appended[seq] = nil
					}
				}
				m.failing(nil)
				var err error
				if last := j.Last(); true {
					err = j.Wait(context.Background(), last)
				}
				if err != nil && !errors.Is(err, ErrDropped) {
					t.Fatal(err)
				}
				for n, p := range appended {
					if p == nil {
						ps, first, err := j.Read(n, 1)
						if err != nil || len(ps) != 1 || first != n {
							t.Fatalf("record %d cannot be read after the trouble: %v", n, err)
						}
						appended[n] = ps[0]
					}
				}
				wait()
			},
			"": func(t *rapid.T) {
				from := rapid.Uint64Range(0, highest+2).Draw(t, "from")
				n := rapid.IntRange(1, 30).Draw(t, "max")
				ps, first, err := j.Read(from, n)
				if err != nil || len(ps) > n || len(ps) > 0 && first < from {
					t.Fatalf("Read(%d, %d): %d records from %d, %v", from, n, len(ps), first, err)
				}
				for i, p := range ps {
					seq := first + uint64(i)
					if want := kept[seq]; want != nil && !bytes.Equal(p, want) {
						t.Fatalf("record %d is %q, expected %q", seq, p, want)
					}
				}
				for seq := from; len(ps) > 0 && seq < first; seq++ {
					if kept[seq] != nil && !gone[seq] {
						t.Fatalf("record %d was durable and is gone", seq)
					}
				}
				if len(ps) == 0 {
					for seq := range kept {
						if seq >= max(from, 1) && seq <= j.Durable() {
							t.Fatalf("record %d was durable; Read(%d) finds nothing", seq, from)
						}
					}
				}
			},
		})
	})
}
