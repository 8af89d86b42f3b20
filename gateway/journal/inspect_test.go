package journal

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// evidence is what a folder holds, and since when.
func evidence(m *memory) map[string]string {
	out := map[string]string{}
	for n, b := range m.names {
		out[n] = fmt.Sprintf("%x %v", b.data, b.touched)
	}
	return out
}

// crashed is a journal of 60 records whose process died, with one segment that it did not come to seal.
func crashed(t *testing.T) (m *memory, names []string) {
	t.Helper()
	w := newMemory()
	j, _ := mustOpen(t, w, Options{segment: 300})
	for range 12 {
		fill(t, j, 5)
	}
	m = w.clone() // of the moment: nothing is in flight
	for n := range m.names {
		if strings.HasSuffix(n, extension) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	first, _ := extent(t, names, 2)
	unsealed := (&segment{first: first}).name()
	m.names[unsealed] = m.names[names[2]]
	delete(m.names, names[2])
	names[2] = unsealed
	return m, names
}

// damages are what may happen to the files of a crashed journal.
var damages = map[string]func(m *memory, names []string){
	"intact":          func(*memory, []string) {},
	"bit in the last": func(m *memory, names []string) { b := m.names[names[len(names)-1]]; b.data[len(b.data)-3] ^= 4 },
	"zeros at the end": func(m *memory, names []string) {
		b := m.names[names[len(names)-1]]
		b.data = append(b.data, make([]byte, 500)...)
	},
	"cut short":        func(m *memory, names []string) { b := m.names[names[len(names)-1]]; b.data = b.data[:len(b.data)-3] },
	"newest empty":     func(m *memory, names []string) { m.names[names[len(names)-1]].data = nil },
	"newest garbage":   func(m *memory, names []string) { clear(m.names[names[len(names)-1]].data) },
	"newest gone":      func(m *memory, names []string) { delete(m.names, names[len(names)-1]) },
	"another gone":     func(m *memory, names []string) { delete(m.names, names[1]) },
	"unsealed garbage": func(m *memory, names []string) { clear(m.names[names[2]].data) },
	"cursor gone":      func(m *memory, _ []string) { delete(m.names, cursorName) },
	"cursor garbage":   func(m *memory, _ []string) { m.names[cursorName].data = []byte("garbage") },
	"everything gone":  func(m *memory, names []string) { clear(m.names) },
	"all but the frame": func(m *memory, names []string) {
		maps.DeleteFunc(m.names, func(n string, _ *blob) bool { return n != cursorName })
	},
}

// TestReadOnlyChangesNothing looks at damaged journals on a disk that refuses all but reading.
func TestReadOnlyChangesNothing(t *testing.T) {
	for how, damage := range damages {
		t.Run(how, func(t *testing.T) {
			m, names := crashed(t)
			damage(m, names)
			m.boot = "another machine"
			before := evidence(m)
			m.failing(func(op, name string) error {
				if op != "read" && op != "open" {
					return syscall.EROFS
				}
				return nil
			})
			look := func() (read []uint64, lost []Range, r Report) {
				j, r, err := open(m, Options{ReadOnly: true, Retain: time.Nanosecond, MaxBytes: 1, OnDropped: func(from, to uint64, cause error) {
					lost = append(lost, Range{from, to, cause.Error()})
				}})
				if err != nil {
					t.Fatal(err)
				}
				read, _ = readAll(t, j, 1)
				if _, err := j.Append(small); !errors.Is(err, ErrReadOnly) {
					t.Errorf("Append: %v", err)
				}
				if err := j.Ack(1); !errors.Is(err, ErrReadOnly) {
					t.Errorf("Ack: %v", err)
				}
				if len(read) > 0 && (j.Last() != read[len(read)-1] || j.Wait(t.Context(), j.Last()) != nil) {
					t.Errorf("the last is %d, read up to %d", j.Last(), read[len(read)-1])
				}
				if err := j.Close(); err != nil {
					t.Error(err)
				}
				return read, append(r.Lost, lost...), r
			}
			read, lost, r := look()
			again, lostAgain, rAgain := look()
			if !slices.Equal(read, again) || !slices.Equal(lost, lostAgain) || !reflect.DeepEqual(r, rAgain) {
				t.Errorf("the second look differs: %v, then %v", lost, lostAgain)
			}
			if after := evidence(m); !maps.Equal(before, after) {
				t.Errorf("the folder was changed:\n%v\n%v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
			var want []uint64
			for n := range uint64(60) {
				missing := !slices.Contains(read, n+1)
				if named := slices.ContainsFunc(lost, func(l Range) bool { return l.From <= n+1 && n+1 <= l.To }); named && !missing {
					t.Errorf("%d was read and is called lost: %v", n+1, lost)
				} else if missing && !named {
					want = append(want, n+1)
				}
			}
			switch how {
			case "everything gone": // nothing says that there ever was anything
				want = nil
			case "cut short": // as a killed process leaves it: nobody was told
				want = slices.DeleteFunc(want, func(n uint64) bool { return n == 60 })
			case "newest empty": // so does this look, just after a segment was begun
				first, last := extent(t, names, len(names)-1)
				want = slices.DeleteFunc(want, func(n uint64) bool { return n >= first && n <= last })
			}
			if len(want) > 0 {
				t.Errorf("%v are missing and were not named: %v", want, lost)
			}
			switch how {
			case "intact", "cursor gone", "cursor garbage", "cut short":
				if len(lost) > 0 {
					t.Errorf("called lost: %v", lost)
				}
			}
			if (r.Cursor) != strings.HasPrefix(how, "cursor") {
				t.Errorf("cursor lost %v", r.Cursor)
			}
		})
	}
}

// TestReadOnlyFolderIsEnough looks at a copy, at a journal in use, and at nothing.
func TestReadOnlyFolderIsEnough(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	j, _, err := Open(dir, Options{segment: 500})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, j, 60)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == lockName {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, f.Name()), raw, 0o400)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, errLocked) {
		t.Errorf("a journal in use: %v", err)
	}
	j.Close()

	for _, d := range []string{dir, copied} {
		one, r, err := Open(d, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		two, _, err := Open(d, Options{ReadOnly: true})
		if err != nil {
			t.Fatalf("two that look: %v", err)
		}
		if got, _ := readAll(t, two, 1); !slices.Equal(got, numbers(1, 60)) || len(r.Lost) > 0 || r.Cursor || r.Torn > 0 {
			t.Errorf("%d records, report %+v", len(got), r)
		}
		if d == dir {
			if _, _, err := Open(d, Options{}); !errors.Is(err, errLocked) {
				t.Errorf("to write while others look: %v", err)
			}
		}
		one.Close()
		two.Close()
	}
	if left, err := os.ReadDir(copied); err != nil || len(left) != len(files)-1 {
		t.Errorf("the copy has %d files, expected %d: %v", len(left), len(files)-1, err)
	}
	none := filepath.Join(dir, "none")
	if _, _, err := Open(none, Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), none) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("looking made the folder")
	}
}

// TestL46DamageStaysOnRecord opens a damaged journal again and again, with a crash, a close or a new record between: no
// number that was used comes back, and what is missing is named each time, until the server has gone past it.
func TestL46DamageStaysOnRecord(t *testing.T) {
	for how, damage := range damages {
		if how == "everything gone" || how == "cut short" {
			continue // nothing tells the first from a new journal, the second from a killed process
		}
		for _, end := range []string{"crash", "close", "append and crash", "append and close", "power cut"} {
			t.Run("L46 "+how+", "+end, func(t *testing.T) {
				m, names := crashed(t)
				damage(m, names)
				if how == "newest empty" {
					m.boot = "second" // or it looks as if it had just begun
				}
				used, wrote := uint64(60), []uint64{}
				for round := range 4 {
					lost := []Range{}
					j, r := mustOpen(t, m, Options{OnDropped: func(from, to uint64, _ error) { lost = append(lost, Range{From: from, To: to}) }})
					lost = append(lost, r.Lost...)
					read, _ := readAll(t, j, 1)
					for n := uint64(1); n <= used; n++ {
						if !slices.Contains(read, n) && !covers(lost, n, n) {
							t.Fatalf("round %d: %d is missing and was not named: %v", round, n, lost)
						}
						if slices.Contains(wrote, n) && !slices.Contains(read, n) {
							t.Fatalf("round %d: %d was written since and is gone", round, n)
						}
					}
					if j.Last() < used {
						t.Fatalf("round %d: goes on from %d, and %d was used", round, j.Last(), used)
					}
					if strings.HasPrefix(end, "append") {
						fill(t, j, 1)
						used, wrote = j.Last(), append(wrote, j.Last())
					}
					if strings.HasSuffix(end, "close") {
						if err := j.Close(); err != nil {
							t.Fatal(err)
						}
					}
					m = m.clone()
					if end == "power cut" {
						m.boot += "'"
					}
				}
				j, _ := mustOpen(t, m, Options{})
				if err := j.Ack(j.Last()); err != nil {
					t.Fatal(err)
				}
				j.Close()
				if _, r := mustOpen(t, m, Options{}); len(r.Lost) > 0 {
					t.Fatalf("still named after the server went past: %v", r.Lost)
				}
			})
		}
	}
}

// TestReservedBeforeCut holds the order at the opening: first the numbers are safe, then the end is cut.
func TestReservedBeforeCut(t *testing.T) {
	for _, fails := range []bool{false, true} {
		m, names := crashed(t)
		damages["cut short"](m, names)
		m.boot = "second"
		last := names[len(names)-1]
		size := len(m.names[last].data)
		var done []string
		m.failing(func(op, name string) error {
			if op == "truncate" || op == "sync" {
				done = append(done, op+" "+name)
			}
			if fails && op == "write" {
				return syscall.EIO
			}
			return nil
		})
		j, r := mustOpen(t, m, Options{})
		m.failing(nil)
		want := []string{"sync " + cursorName, "truncate " + last}
		if fails {
			want = nil
		}
		if !slices.Equal(done, want) || fails && len(m.names[last].data) != size || len(r.Lost) != 1 {
			t.Errorf("cursor fails %v: %v, expected %v; %+v", fails, done, want, r)
		}
		if fill(t, j, 1); j.Last() <= r.Lost[0].To {
			t.Errorf("%d was given out, up to %d may have been used", j.Last(), r.Lost[0].To)
		}
	}
}
