package sim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
)

// edges reads n edges.
func edges(t *testing.T, src bridge.EdgeSource, n int) []bridge.Edge {
	t.Helper()
	var all []bridge.Edge
	for buf := make([]bridge.Edge, 7); len(all) < n; {
		k, err := src.ReadEdges(buf[:min(len(buf), n-len(all))])
		if err != nil {
			t.Fatalf("after %d of %d edges: %v", len(all), n, err)
		}
		all = append(all, buf[:k]...)
	}
	return all
}

func TestWiegandPulses(t *testing.T) {
	const bits = "01100011100001111100000001"
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Wiegand("r1"))(t)
		begin, start := src.Now(), time.Now()
		var sent sync.WaitGroup
		sent.Go(func() {
			if got := do(t, w, "wiegand r1 "+bits); got != "ok" {
				t.Errorf("answer %q", got)
			}
			if took := time.Since(start); took != 26*time.Millisecond {
				t.Errorf("answered after %v", took)
			}
		})
		perLine := []uint32{0, 0}
		defer sent.Wait()
		for i, bit := range bits {
			e := edges(t, src, 1)[0]
			line := int(bit - '0')
			perLine[line]++
			want := bridge.Edge{At: begin + time.Duration(i)*time.Millisecond, Line: line, Seq: uint32(i + 1), LineSeq: perLine[line]}
			if e != want {
				t.Fatalf("edge %d is %+v, expected %+v", i, e, want)
			}
			levels := must(src.Levels())(t)
			if levels[line] || !levels[1-line] {
				t.Fatalf("edge %d: levels %v during the pulse of line %d", i, levels, line)
			}
		}
		sent.Wait()
		if levels := must(src.Levels())(t); !levels[0] || !levels[1] {
			t.Fatalf("levels %v after the pulse", levels)
		}
	})
}

func TestEdgesAreStampedWhenTheyHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Wiegand("r1"))(t)
		begin := src.Now()
		do(t, w, "wiegand r1 10101010")
		time.Sleep(time.Hour)
		for i, e := range edges(t, src, 8) {
			if want := begin + time.Duration(i)*time.Millisecond; e.At != want {
				t.Errorf("edge %d, read an hour late, is stamped %v, expected %v", i, e.At, want)
			}
		}
	})
}

func TestFramesAtOneReaderFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		sources := map[string]bridge.EdgeSource{"r1": must(w.Wiegand("r1"))(t), "r2": must(w.Wiegand("r2"))(t)}
		start := time.Now()
		var sent sync.WaitGroup
		defer sent.Wait()
		for _, reader := range []string{"r1", "r1", "r2"} {
			sent.Go(func() { do(t, w, "wiegand "+reader+" "+strings.Repeat("1", 26)) })
		}
		one := edges(t, sources["r1"], 52)
		if took := time.Since(start); took != (26+40+25)*time.Millisecond {
			t.Errorf("two frames took %v", took)
		}
		if gap := one[26].At - one[25].At; gap != 41*time.Millisecond {
			t.Errorf("%v between the frames", gap)
		}
		two := edges(t, sources["r2"], 26)
		if two[0].At != one[0].At {
			t.Errorf("the other reader began at %v, expected %v", two[0].At, one[0].At)
		}
	})
}

func TestFloodAtOneReaderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 1000 {
			_, err := w.Do(gone, "wiegand r1 "+strings.Repeat("1", 256))
			if err != nil && !errors.Is(err, context.Canceled) {
				if !strings.Contains(err.Error(), "at most 10s") {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatal("frames wait without limit")
	})
}

func TestL20OverflowIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Input("contact"))(t)
		for i := range 300 {
			do(t, w, fmt.Sprintf("level contact %d", (i+1)%2))
		}
		got := edges(t, src, 256)
		if first, last := got[0], got[255]; first.Seq != 45 || first.LineSeq != 45 || last.Seq != 300 {
			t.Errorf("edges %d to %d, expected 45 to 300", first.Seq, last.Seq)
		}
		do(t, w, "level contact 1")
		if next := edges(t, src, 1)[0]; next.Seq != 301 || !next.Rising {
			t.Errorf("next edge %+v", next)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Input("contact"))(t)
		buf := make([]bridge.Edge, 1)
		expire := func(what string, want time.Duration) {
			t.Helper()
			start := time.Now()
			n, err := src.ReadEdges(buf)
			if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != want {
				t.Errorf("%s: %d edges, %v after %v, expected the deadline after %v", what, n, err, time.Since(start), want)
			}
		}
		set := func(at time.Time) {
			t.Helper()
			if err := src.SetReadDeadline(at); err != nil {
				t.Error(err)
			}
		}
		set(time.Now().Add(30 * time.Millisecond))
		expire("ahead", 30*time.Millisecond)
		expire("still set", 0)

		do(t, w, "level contact 1")
		if n, err := src.ReadEdges(buf); n != 1 || err != nil {
			t.Errorf("an edge that is there: %d, %v", n, err)
		}
		set(time.Time{})
		go func() {
			time.Sleep(time.Minute)
			set(time.Now())
		}()
		expire("set while blocked", time.Minute)

		set(time.Time{})
		go func() {
			time.Sleep(time.Hour)
			_ = src.Close()
		}()
		if _, err := src.ReadEdges(buf); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed while blocked: %v", err)
		}
		if err := src.SetReadDeadline(time.Time{}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("deadline after Close: %v", err)
		}
	})
}

func TestAnEdgeOnlyWhenTheLevelChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		do(t, w, "level contact 1") // nobody has it open: lost
		src := must(w.Input("contact"))(t)
		do(t, w, "level contact 1")
		do(t, w, "level contact 0")
		if got := edges(t, src, 1)[0]; got.Rising || got.Seq != 1 {
			t.Errorf("found %+v", got)
		}
	})
}

func TestLinesAreOpenOnce(t *testing.T) {
	w := open(t)
	src := must(w.Input("contact"))(t)
	if _, err := w.Input("contact"); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("second open: %v", err)
	}
	_ = src.Close()
	again := must(w.Input("contact"))(t)
	do(t, w, "level contact 1")
	if got := edges(t, again, 1)[0]; got.Seq != 1 {
		t.Errorf("numbers of a new request begin with %d", got.Seq)
	}
	if _, err := src.Levels(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("levels of the closed request: %v", err)
	}
	must(w.Output("strike"))(t)
	if _, err := w.Output("strike"); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("second output: %v", err)
	}
}

func TestFailedLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Input("contact"))(t)
		go func() {
			time.Sleep(time.Second)
			do(t, w, "fail contact")
		}()
		buf := make([]bridge.Edge, 4)
		if _, err := src.ReadEdges(buf); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("blocked read: %v", err)
		}
		if _, err := src.Levels(); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("levels: %v", err)
		}
		do(t, w, "level contact 1")
		do(t, w, "fail r1")
		if _, err := w.Wiegand("r1"); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("open of a failed reader: %v", err)
		}
		do(t, w, "heal contact")
		do(t, w, "level contact 0")
		if got := edges(t, src, 1)[0]; got.Seq != 2 {
			t.Errorf("number %d after an edge was lost, expected 2", got.Seq)
		}
	})
}

func TestStuckLineIsLowAndCarriesNoBit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		src := must(w.Wiegand("r1"))(t)
		for _, c := range []struct {
			which  string
			d0, d1 bool // high
			edges  int  // of 0011, and of the line that falls
		}{{"d0", false, true, 1 + 2}, {"d1", true, false, 1 + 2}, {"both", false, false, 1}, {"none", true, true, 4}} {
			do(t, w, "stick r1 "+c.which)
			if levels := must(src.Levels())(t); levels[0] != c.d0 || levels[1] != c.d1 {
				t.Errorf("stick %s: levels %v", c.which, levels)
			}
			do(t, w, "wiegand r1 0011")
			edges(t, src, c.edges)
			if err := src.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if n, err := src.ReadEdges(make([]bridge.Edge, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("stick %s: %d more edges, %v", c.which, n, err)
			}
			if err := src.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
