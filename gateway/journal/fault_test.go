package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// seen collects what a journal tells.
type seen struct {
	mu      sync.Mutex
	dropped []Range
	trouble []error
}

func (s *seen) options() Options {
	return Options{
		OnDropped: func(from, to uint64, cause error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.dropped = append(s.dropped, Range{from, to, cause.Error()})
		},
		OnTrouble: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.trouble = append(s.trouble, err)
		},
	}
}

// writesFail fails what a full or dying disk fails.
func writesFail(err error, ops ...string) func(op, name string) error {
	return func(op, name string) error {
		if slices.Contains(ops, op) && name != cursorName {
			return err
		}
		return nil
	}
}

func TestDiskFails(t *testing.T) {
	for name, fail := range map[string]func(op, name string) error{
		"full":                  writesFail(syscall.ENOSPC, "write", "create"),
		"fsync fails":           writesFail(syscall.EIO, "sync"),
		"read-only by now":      writesFail(syscall.EROFS, "write", "create", "rename", "truncate", "remove"),
		"cannot be truncated":   writesFail(syscall.EIO, "write", "truncate"),
		"cursor only":           func(op, name string) error { return map[bool]error{true: syscall.EIO}[name == cursorName] },
		"everything, reads too": func(string, string) error { return syscall.EIO },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, s := newMemory(), &seen{}
				j, _ := mustOpen(t, m, s.options())
				fill(t, j, 10)
				m.failing(fail)
				for range reserveBlock + 500 { // beyond the reservation, so that the cursor matters too
					if _, err := j.Append(small); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Millisecond)
				}
				if d := j.Durable(); d >= j.Last() || len(s.trouble) != 1 || s.trouble[0] == nil {
					t.Fatalf("durable %d of %d, trouble %v", d, j.Last(), s.trouble)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := j.Wait(ctx, j.Last()); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal("told durable while the disk fails:", err)
				}
				m.failing(nil)
				if err := j.Wait(t.Context(), j.Last()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(s.trouble) != 2 || s.trouble[1] != nil || len(s.dropped) > 0 {
					t.Fatalf("trouble %v, dropped %v", s.trouble, s.dropped)
				}
				want := numbers(1, reserveBlock+510)
				if got, _ := readAll(t, j, 1); !slices.Equal(got, want) {
					t.Fatalf("%d records, expected %d", len(got), len(want))
				}
				j.Close()
				k, r := mustOpen(t, m, Options{})
				if got, _ := readAll(t, k, 1); !slices.Equal(got, want) || len(r.Lost) > 0 {
					t.Fatalf("%d records after reopening, lost %v", len(got), r.Lost)
				}
			})
		})
	}
}

func TestQueueOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := newMemory(), &seen{}
		j, _ := mustOpen(t, m, s.options())
		fill(t, j, 10)
		m.failing(writesFail(syscall.ENOSPC, "write", "create"))
		for range queueRecords + 500 {
			if _, err := j.Append(small); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Wait(t.Context(), 100); !errors.Is(err, ErrDropped) {
			t.Fatal(err)
		}
		if len(s.dropped) > 0 {
			t.Fatal("told before the range was known:", s.dropped)
		}
		m.failing(nil)
		if err := j.Wait(t.Context(), j.Last()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var gone []uint64
		for _, d := range s.dropped {
			if !strings.Contains(d.Cause, "no space left") {
				t.Errorf("cause %q", d.Cause)
			}
			gone = append(gone, numbers(d.From, d.To)...)
		}
		if len(gone) != 500 || len(s.dropped) > 3 {
			t.Fatalf("dropped %v", s.dropped)
		}
		want := slices.DeleteFunc(numbers(1, queueRecords+510), func(n uint64) bool { return slices.Contains(gone, n) })
		if got, _ := readAll(t, j, 1); !slices.Equal(got, want) {
			t.Fatalf("%d records, expected %d", len(got), len(want))
		}
		synctest.Wait()
		told := len(s.dropped)
		j.Close()
		k, r := mustOpen(t, m, s.options())
		var named []uint64
		for _, l := range r.Lost {
			named = append(named, numbers(l.From, l.To)...)
		}
		if got, _ := readAll(t, k, 1); !slices.Equal(got, want) || !slices.Equal(named, gone) || told != len(s.dropped) {
			t.Fatalf("%d records after reopening, named %v, told %v", len(got), r.Lost, s.dropped[told:])
		}
	})
}

func TestDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := newMemory(), &seen{}
		h := &hanging{memory: m}
		j, _ := mustOpen(t, h, s.options())
		fill(t, j, 10)
		release := h.hang()
		start := time.Now()
		for range queueRecords + 500 {
			if _, err := j.Append(small); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d > 2*patience {
			t.Fatalf("a hanging disk held the doors up for %v", d)
		}
		close(release)
		if err := j.Wait(t.Context(), j.Last()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n := 0
		for _, d := range s.dropped {
			n += len(numbers(d.From, d.To))
		}
		got, _ := readAll(t, j, 1)
		if n != 500 || len(got)+n != queueRecords+510 {
			t.Fatalf("dropped %v, read %d", s.dropped, len(got))
		}
	})
}

// hanging is a disk whose writes can be held up.
type hanging struct {
	*memory
	gate sync.Mutex
	wait chan struct{}
}

func (h *hanging) hang() chan struct{} {
	h.gate.Lock()
	defer h.gate.Unlock()
	h.wait = make(chan struct{})
	return h.wait
}

func (h *hanging) Open(name string, flag int) (file, error) {
	f, err := h.memory.Open(name, flag)
	return hangingFile{f, h}, err
}

type hangingFile struct {
	file
	h *hanging
}

func (f hangingFile) WriteAt(p []byte, off int64) (int, error) {
	f.h.gate.Lock()
	wait := f.h.wait
	f.h.gate.Unlock()
	if wait != nil {
		<-wait
	}
	return f.file.WriteAt(p, off)
}

func TestCloseWhileFull(t *testing.T) {
	m, s := newMemory(), &seen{}
	j, _ := mustOpen(t, m, s.options())
	fill(t, j, 10)
	m.failing(writesFail(syscall.ENOSPC, "write", "create"))
	for range 5 {
		if _, err := j.Append(small); err != nil {
			t.Fatal(err)
		}
	}
	err := j.Close()
	if err == nil || !strings.Contains(err.Error(), "11 to 15") || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	m.failing(nil)
	k, r := mustOpen(t, m, Options{})
	if len(r.Lost) != 1 || r.Lost[0].From != 11 || r.Lost[0].To != 15 || k.Last() != 15 {
		t.Fatalf("report %+v, last %d", r, k.Last())
	}
}

func TestGatherAndIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		writes := map[string]int{}
		m.failing(func(op, name string) error {
			if op == "sync" {
				writes[name]++
			}
			return nil
		})
		j, _ := mustOpen(t, m, Options{Gather: 5 * time.Second})
		name := fmt.Sprintf("%020d%s", 1, extension)
		for range 40 {
			if _, err := j.Append(small); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		m.failing(nil)
		if n := writes[name]; n < 6 || n > 9 || j.Durable() != 40 {
			t.Fatalf("%d writes for 40 records in 40 s", n)
		}
		start := time.Now()
		fill(t, j, 1) // Wait does not wait for more
		if time.Since(start) > 0 {
			t.Fatal(time.Since(start))
		}
		// Acknowledgements alone are saved rarely.
		m.failing(func(op, name string) error {
			if op == "sync" {
				writes[name]++
			}
			return nil
		})
		writes[cursorName] = 0
		for n := range uint64(40) {
			if err := j.Ack(n); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		m.failing(nil)
		if n := writes[cursorName]; n == 0 || n > 4 {
			t.Fatalf("the cursor was written %d times in 40 s", n)
		}
	})
}
