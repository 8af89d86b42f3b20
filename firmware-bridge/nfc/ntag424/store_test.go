package ntag424

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func open(t testing.TB, path string, limit int) *Store {
	t.Helper()
	s, err := OpenStore(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func advance(t testing.TB, s *Store, tag byte, counter uint32) {
	t.Helper()
	if err := s.Advance(ID{tag}, counter); err != nil {
		t.Fatal(err)
	}
}

func TestReplayAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	s := open(t, path, 0)
	advance(t, s, 1, 5)
	advance(t, s, 2, 7)
	advance(t, s, 1, 6)
	// No Close: the process is killed, or the power fails.
	s = open(t, path, 0)
	for tag, last := range map[byte]uint32{1: 6, 2: 7} {
		for counter := range last + 1 {
			if err := s.Advance(ID{tag}, counter); !errors.Is(err, ErrReplay) {
				t.Errorf("tag %d, counter %d: %v", tag, counter, err)
			}
		}
		advance(t, s, tag, last+1)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The file is cut at each length, as a power cut may leave it: what was accepted before its last record is still there.
func TestPowerCutAtEachByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	s := open(t, path, 0)
	for tag := range byte(3) {
		advance(t, s, tag, uint32(tag)+1)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(mark); n <= len(whole); n++ {
		for _, filled := range []bool{false, true} {
			after := append([]byte(nil), whole[:n]...)
			if torn := (n - len(mark)) % recordSize; filled && torn > 0 {
				after = append(after, make([]byte, recordSize-torn)...) // the file's size was written, its data were not
			}
			if err := os.WriteFile(path, after, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, path, 0)
			kept := (n - len(mark)) / recordSize
			if s.Len() != kept {
				t.Fatalf("%d bytes, filled %v: %d tags, expected %d", n, filled, s.Len(), kept)
			}
			for tag := range byte(3) {
				if err := s.Advance(ID{tag}, uint32(tag)+1); errors.Is(err, ErrReplay) != (int(tag) < kept) {
					t.Fatalf("%d bytes: tag %d: %v", n, tag, err)
				}
			}
		}
	}
}

func TestDamageIsNoFreshStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	s := open(t, path, 0)
	advance(t, s, 1, 5)
	advance(t, s, 2, 5)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(whole) - recordSize {
		bad := append([]byte(nil), whole...)
		bad[at] ^= 0x10
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenStore(path, 0); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != string(bad) {
			t.Fatalf("byte %d: the damaged file was changed (%v)", at, err)
		}
	}
	for what, content := range map[string]string{"empty": "", "half a mark": mark[:4], "too long": mark + strings.Repeat("x", 100_000)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenStore(path, 10); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheGreatestCounterOfAFileCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	content := []byte(mark)
	for _, counter := range []uint32{4, 6, 5} {
		content = appendRecord(content, ID{1}, counter)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, 0)
	if err := s.Advance(ID{1}, 6); !errors.Is(err, ErrReplay) {
		t.Error(err)
	}
	advance(t, s, 1, 7)
}

func TestFullStoreForgetsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	for what, s := range map[string]*Store{"memory": NewStore(3), "file": open(t, path, 3)} {
		for tag := range byte(3) {
			advance(t, s, tag, 1)
		}
		for range 2 {
			if err := s.Advance(ID{9}, 1); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "3 tags are known; raise the limit") {
				t.Errorf("%s: %v", what, err)
			}
		}
		for tag := range byte(3) {
			if err := s.Advance(ID{tag}, 1); !errors.Is(err, ErrReplay) {
				t.Errorf("%s: tag %d: %v", what, tag, err)
			}
			advance(t, s, tag, 2)
		}
	}
	advance(t, open(t, path, 4), 9, 1)
}

func TestFileStaysBounded(t *testing.T) {
	const limit, jump, full = 2, 20, 25
	path := filepath.Join(t.TempDir(), "counters")
	s := open(t, path, limit)
	for n := range 40 {
		if n == jump { // it was open for long, and has room for five more
			s.records = 2*limit + slack - (full - jump)
		}
		advance(t, s, byte(n%limit), uint32(n)+1)
		records := n + 1
		if n >= full {
			records = limit + n - full
		}
		if info, err := os.Stat(path); err != nil || info.Size() != int64(len(mark)+records*recordSize) {
			t.Fatalf("after %d: %d bytes, expected %d records (%v)", n+1, info.Size(), records, err)
		}
	}
	s = open(t, path, limit)
	if err := s.Advance(ID{1}, 40); !errors.Is(err, ErrReplay) {
		t.Error(err)
	}
	advance(t, s, 1, 41)
}

// A disk that fails refuses the tag, and the counter that was not kept is free again once the disk is well.
func TestAFailingDiskRefuses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(folder, "counters")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, 0)
	advance(t, s, 1, 5)
	s.file.Close()
	away := folder + ".away"
	if err := os.Rename(folder, away); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Advance(ID{1}, 6); err == nil || errors.Is(err, ErrReplay) {
			t.Errorf("a tag passed whose counter could not be kept: %v", err)
		}
		if err := s.Advance(ID{2}, 1); err == nil || s.Len() != 1 {
			t.Errorf("a new tag passed whose counter could not be kept: %v, %d tags", err, s.Len())
		}
	}
	if err := os.Rename(away, folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(ID{1}, 5); !errors.Is(err, ErrReplay) {
		t.Error(err)
	}
	advance(t, s, 1, 6)
	if err := open(t, path, 0).Advance(ID{1}, 6); !errors.Is(err, ErrReplay) {
		t.Error(err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "counters"), 0)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Advance(ID{1}, 1); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}

// Whatever the order of counters and restarts, a Store accepts exactly those that are greater than all before.
func TestStoreIsAModelOfItself(t *testing.T) {
	folder, runs := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		path := filepath.Join(folder, fmt.Sprint(runs))
		s := open(t, path, 4)
		model := make(map[ID]uint32)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				s.Close()
				s = open(t, path, 4)
			}
			tag := ID{rapid.ByteRange(0, 5).Draw(rt, "tag")}
			counter := rapid.Uint32Range(0, 8).Draw(rt, "counter")
			last, known := model[tag]
			var want error
			switch {
			case known && counter <= last:
				want = ErrReplay
			case !known && len(model) == 4:
				want = ErrFull
			default:
				model[tag] = counter
			}
			if err := s.Advance(tag, counter); !errors.Is(err, want) || (err == nil) != (want == nil) {
				rt.Fatalf("tag %x, counter %d: %v, expected %v", tag[0], counter, err, want)
			}
		}
	})
}

func BenchmarkStoreInMemory(b *testing.B) {
	s, n := NewStore(0), uint32(0)
	for b.Loop() {
		n++
		if err := s.Advance(ID{byte(n)}, n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStoreInFile(b *testing.B) {
	s, n := open(b, filepath.Join(b.TempDir(), "counters"), 0), uint32(0)
	for b.Loop() {
		n++
		if err := s.Advance(ID{byte(n)}, n); err != nil {
			b.Fatal(err)
		}
	}
}
