package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func folderFile(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }

// tenRecords is a closed journal of one segment and the offsets at which its records begin, and the end.
func tenRecords(t *testing.T) (m *memory, name string, starts []int64) {
	m = newMemory()
	j, _ := mustOpen(t, m, Options{})
	fill(t, j, 10)
	name = j.active().name()
	sc := newScanner(&handle{m, m.names[name], name}, 0, j.active().size, 0, 10, make([]byte, 0, windowSize))
	for f, ok := sc.next(); ok; f, ok = sc.next() {
		starts = append(starts, f.at)
	}
	starts = append(starts, sc.end)
	j.Close()
	return m, name, starts
}

// inspect opens a damaged journal, reads everything, appends one, and returns what was read, what was named as lost, and
// the number that the new record got.
func inspect(t *testing.T, m *memory) (read []uint64, lost map[uint64]bool, next uint64, r Report) {
	t.Helper()
	lost = map[uint64]bool{}
	name := func(from, to uint64) {
		for _, n := range numbers(from, min(to, from+100)) {
			lost[n] = true
		}
	}
	j, r, err := open(m, Options{OnDropped: func(from, to uint64, _ error) { name(from, to) }})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, l := range r.Lost {
		name(l.From, l.To)
	}
	read, _ = readAll(t, j, 1)
	next, err = j.Append(small)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if got, _ := readAll(t, j, next); !slices.Equal(got, []uint64{next}) {
		t.Fatalf("the new record %d was read as %v", next, got)
	}
	return read, lost, next, r
}

func TestL41EveryBitFlip(t *testing.T) {
	base, name, starts := tenRecords(t)
	for _, sealed := range []bool{false, true} {
		for bit := range starts[10] * 8 {
			m := base.clone()
			b := m.names[name]
			b.data[bit/8] ^= 1 << (bit % 8)
			if sealed { // and followed by another segment, so that only Read looks at it
				delete(m.names, name)
				m.names[(&segment{first: 1, last: 10, sealed: true}).name()] = b
				next, _ := appendRecord(nil, record{11, []byte(`{"seq":11}`)}, nil)
				m.names[(&segment{first: 11}).name()] = &blob{data: next}
			}
			hit := uint64(0)
			for i := range 10 {
				if bit/8 >= starts[i] && bit/8 < starts[i+1] {
					hit = uint64(i + 1)
				}
			}
			want := slices.DeleteFunc(numbers(1, 10), func(n uint64) bool { return n == hit })
			if sealed {
				want = append(want, 11)
			}
			read, lost, next, _ := inspect(t, m)
			if !slices.Equal(read, want) || !lost[hit] || next <= 10 {
				t.Fatalf("bit %d (record %d, sealed %v): read %v, named %v, next %d", bit, hit, sealed, read, lost, next)
			}
			if sealed && len(lost) != 1 {
				t.Fatalf("bit %d: named %v, expected only %d", bit, lost, hit)
			}
		}
	}
}

func TestL41EveryTruncation(t *testing.T) {
	base, name, starts := tenRecords(t)
	for size := range starts[10] {
		m := base.clone()
		m.names[name].data = m.names[name].data[:size]
		whole := uint64(0)
		for i := range 10 {
			if starts[i+1] <= size {
				whole = uint64(i + 1)
			}
		}
		read, lost, next, r := inspect(t, m)
		if !slices.Equal(read, numbers(1, whole)) || next <= 10 {
			t.Fatalf("cut at %d: read %v, next %d", size, read, next)
		}
		for n := whole + 1; n <= 10; n++ {
			if !lost[n] {
				t.Fatalf("cut at %d: %d is missing and was not named: %+v", size, n, r)
			}
		}
		if r.Torn != size-starts[whole] {
			t.Fatalf("cut at %d: torn %d", size, r.Torn)
		}
	}
}

// segmented is a closed journal of 60 records in several segments.
func segmented(t *testing.T) (m *memory, names []string) {
	m = newMemory()
	j, _ := mustOpen(t, m, Options{segment: 300})
	for range 12 {
		fill(t, j, 5)
	}
	j.Close()
	for n := range m.names {
		if strings.HasSuffix(n, extension) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	if len(names) < 4 {
		t.Fatal(names)
	}
	return m, names
}

func extent(t *testing.T, names []string, i int) (first, last uint64) {
	t.Helper()
	s, ok := parseSegment(entry{name: names[i]})
	if !ok {
		t.Fatal(names[i])
	}
	if s.sealed {
		return s.first, s.last
	}
	return s.first, 60
}

func TestL41MissingOrTruncatedSegment(t *testing.T) {
	base, names := segmented(t)
	for i, name := range names {
		first, last := extent(t, names, i)
		outside := slices.DeleteFunc(numbers(1, 60), func(n uint64) bool { return n >= first && n <= last })
		for _, how := range []string{"missing", "empty", "garbage", "unreadable"} {
			t.Run(fmt.Sprintf("L41 %d %s", i, how), func(t *testing.T) {
				m := base.clone()
				switch how {
				case "missing":
					delete(m.names, name)
				case "empty":
					m.names[name].data = nil
				case "garbage":
					for k := range m.names[name].data {
						m.names[name].data[k] = byte(rand.Uint32())
					}
				case "unreadable":
					m.failing(func(op, n string) error {
						if op == "read" && n == name {
							return syscall.EIO
						}
						return nil
					})
				}
				var read []uint64
				lost := map[uint64]bool{}
				j, r, err := open(m, Options{OnDropped: func(from, to uint64, _ error) {
					for _, n := range numbers(from, to) {
						lost[n] = true
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				for _, l := range r.Lost {
					for _, n := range numbers(l.From, l.To) {
						lost[n] = true
					}
				}
				read, _ = readAll(t, j, 1)
				if !slices.Equal(read, outside) {
					t.Fatalf("read %v, expected all but %d to %d", read, first, last)
				}
				if got := slices.Sorted(maps.Keys(lost)); !slices.Equal(got, numbers(first, last)) {
					t.Fatalf("named %v, expected %d to %d", got, first, last)
				}
				if how == "missing" && len(r.Lost) != 1 {
					t.Fatalf("the report names %+v", r.Lost)
				}
				if next, _ := j.Append(small); next <= 60 {
					t.Fatalf("number %d was used again", next)
				}
			})
		}
	}
}

func TestStrangeFiles(t *testing.T) {
	m, _ := segmented(t)
	for _, n := range []string{"x.kj2", "00000000000000000000.kj2", "1.kj2", "00000000000000000009-00000000000000000003.kj2", "note.txt", "00000000000000000001.kj2"} {
		m.names[n] = &blob{data: []byte("hello")}
	}
	read, _, next, r := inspect(t, m)
	if len(r.Ignored) != 6 || !slices.Equal(read, numbers(1, 60)) || next != 61 {
		t.Fatalf("ignored %v, read %v, next %d", r.Ignored, read, next)
	}
}
