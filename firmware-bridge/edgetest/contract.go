package edgetest

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
)

// Maker opens the two kinds of source that bridge.Wires has, each with the hand on its lines. The suite closes them.
type Maker struct {
	// Wiegand opens two lines, both high, for falling edges. Pulse drives one low and high again.
	Wiegand func(t *testing.T) (src bridge.EdgeSource, pulse func(line int))
	// Input opens one line, high, for both edges. Set drives it.
	Input func(t *testing.T) (src bridge.EdgeSource, set func(high bool))
}

// patience bounds every wait: a test that would hang fails instead. It is no measure of speed.
const patience = 10 * time.Second

// Contract checks what bridge.EdgeSource promises. An edge may follow its cause a little later.
func Contract(t *testing.T, m Maker) {
	for name, check := range map[string]func(*subject, func(int)){
		"edges come in order, numbered, in the kernel's time": order,
		"idle lines are high": idle,
	} {
		t.Run("wiegand: "+name, func(t *testing.T) {
			src, pulse := m.Wiegand(t)
			t.Cleanup(func() { src.Close() })
			check(&subject{t, src}, pulse)
		})
	}
	for name, check := range map[string]func(*subject, func(bool)){
		"both edges are told apart":                              bothEdges,
		"levels are those of the line":                           levels,
		"a short slice loses nothing":                            shortSlice,
		"a deadline ends a read that waits":                      deadlineEnds,
		"a deadline set during a read ends it":                   deadlineSet,
		"an edge that is there is read in spite of the deadline": deadlinePast,
		"closing ends a read that waits":                         closeEnds,
		"after closing everything fails":                         closed,
		"L20 a full buffer shows as a gap":                       overflow,
	} {
		t.Run("input: "+name, func(t *testing.T) {
			src, set := m.Input(t)
			t.Cleanup(func() { src.Close() })
			check(&subject{t, src}, set)
		})
	}
}

type subject struct {
	*testing.T
	src bridge.EdgeSource
}

// next reads the next edges, at least one.
func (s *subject) next(max int) []bridge.Edge {
	s.Helper()
	dst := make([]bridge.Edge, max)
	if err := s.src.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.Fatalf("setting a deadline: %v", err)
	}
	n, err := s.src.ReadEdges(dst)
	if err != nil || n < 1 || n > max {
		s.Fatalf("read %d edges and the error %v, expected 1 to %d edges", n, err, max)
	}
	return dst[:n]
}

func order(s *subject, pulse func(int)) {
	before := s.src.Now()
	var seq uint32
	var lineSeq [2]uint32
	for i, line := range []int{0, 1, 1, 0, 0, 0, 1, 0, 1, 1} {
		pulse(line)
		e := s.next(8)
		after := s.src.Now()
		if len(e) != 1 {
			s.Fatalf("pulse %d: found %d edges, expected 1: %v", i, len(e), e)
		}
		seq++
		lineSeq[line]++
		if e[0].Line != line || e[0].Rising || e[0].Seq != seq || e[0].LineSeq != lineSeq[line] {
			s.Fatalf("pulse %d: found %+v, expected a falling edge of line %d, number %d, %d on its line", i, e[0], line, seq, lineSeq[line])
		}
		if e[0].At < before || e[0].At > after {
			s.Fatalf("pulse %d: stamped %v, expected %v … %v", i, e[0].At, before, after)
		}
		before = e[0].At
	}
}

func idle(s *subject, _ func(int)) {
	if l, err := s.src.Levels(); err != nil || len(l) != 2 || !l[0] || !l[1] {
		s.Fatalf("found the levels %v and the error %v, expected two that are high", l, err)
	}
}

func bothEdges(s *subject, set func(bool)) {
	for i := range 10 {
		high := i%2 == 1
		set(high)
		if e := s.next(8); len(e) != 1 || e[0].Line != 0 || e[0].Rising != high || e[0].Seq != uint32(i+1) {
			s.Fatalf("change %d: found %+v, expected one edge, rising %v, number %d", i, e, high, i+1)
		}
	}
}

func levels(s *subject, set func(bool)) {
	for _, want := range []bool{true, false, false, true, false, true} {
		set(want)
		if l, err := s.src.Levels(); err != nil || len(l) != 1 || l[0] != want {
			s.Fatalf("found the levels %v and the error %v, expected one, %v", l, err, want)
		}
	}
}

func shortSlice(s *subject, set func(bool)) {
	for i := range 40 {
		set(i%2 == 1)
	}
	for i := range 40 {
		if e := s.next(1); e[0].Seq != uint32(i+1) {
			s.Fatalf("edge %d: found %+v, expected number %d", i, e[0], i+1)
		}
	}
}

func deadlineEnds(s *subject, set func(bool)) {
	for _, in := range []time.Duration{20 * time.Millisecond, 0, -time.Hour} {
		if err := s.src.SetReadDeadline(time.Now().Add(in)); err != nil {
			s.Fatal(err)
		}
		if n, err := s.src.ReadEdges(make([]bridge.Edge, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			s.Fatalf("deadline in %v: read %d edges and the error %v, expected %v", in, n, err, os.ErrDeadlineExceeded)
		}
	}
	set(false)
	s.next(1)
}

func deadlineSet(s *subject, _ func(bool)) {
	if err := s.src.SetReadDeadline(time.Time{}); err != nil {
		s.Fatal(err)
	}
	done := s.read()
	if err := s.src.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		s.Fatal(err)
	}
	s.expect(done, os.ErrDeadlineExceeded)
}

func deadlinePast(s *subject, set func(bool)) {
	if err := s.src.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		s.Fatal(err)
	}
	for i := range 6 {
		set(i%2 == 1)
		if e := s.poll(); e.Seq != uint32(i+1) {
			s.Fatalf("found number %d, expected %d", e.Seq, i+1)
		}
	}
}

func closeEnds(s *subject, _ func(bool)) {
	done := s.read()
	if err := s.src.Close(); err != nil {
		s.Fatalf("closing: %v", err)
	}
	s.expect(done, os.ErrClosed)
}

func closed(s *subject, set func(bool)) {
	set(false)
	if err := s.src.Close(); err != nil {
		s.Fatalf("closing: %v", err)
	}
	if n, err := s.src.ReadEdges(make([]bridge.Edge, 1)); n != 0 || !errors.Is(err, os.ErrClosed) {
		s.Errorf("read %d edges and the error %v, expected %v", n, err, os.ErrClosed)
	}
	if _, err := s.src.Levels(); !errors.Is(err, os.ErrClosed) {
		s.Errorf("reading the levels gave %v, expected %v", err, os.ErrClosed)
	}
	if err := s.src.Close(); !errors.Is(err, os.ErrClosed) {
		s.Errorf("closing again gave %v, expected %v", err, os.ErrClosed)
	}
}

// overflow expects what the kernel does: the newest edges are kept, the oldest are lost.
func overflow(s *subject, set func(bool)) {
	const edges = 2000
	for i := range edges {
		set(i%2 == 1)
	}
	var last uint32
	read := 0
	for last < edges {
		for _, e := range s.next(64) {
			if e.Seq <= last {
				s.Fatalf("found number %d after %d", e.Seq, last)
			}
			last = e.Seq
			read++
		}
	}
	if last != edges || read < Buffer {
		s.Fatalf("after %d edges found %d, up to number %d; expected the last %d at least", edges, read, last, Buffer)
	}
	if read == edges {
		s.Fatalf("all of %d edges were kept: a buffer is bounded", edges)
	}
	set(false)
	if e := s.next(8); len(e) != 1 || e[0].Seq != edges+1 {
		s.Fatalf("found %+v, expected number %d", e, edges+1)
	}
}

// poll reads one edge under a deadline that has passed. The edge may need a moment from the interrupt to the buffer, so
// the read is repeated; a source that never looks once its deadline has passed fails.
func (s *subject) poll() bridge.Edge {
	s.Helper()
	var e [1]bridge.Edge
	for start := time.Now(); ; runtime.Gosched() {
		n, err := s.src.ReadEdges(e[:])
		if n == 1 && err == nil {
			return e[0]
		}
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > patience {
			s.Fatalf("read %d edges and the error %v, expected the edge that waits", n, err)
		}
	}
}

// read starts a read that waits and returns where its error will appear.
func (s *subject) read() <-chan error {
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		close(started)
		_, err := s.src.ReadEdges(make([]bridge.Edge, 1))
		done <- err
	}()
	<-started
	return done
}

func (s *subject) expect(done <-chan error, want error) {
	s.Helper()
	select {
	case err := <-done:
		if !errors.Is(err, want) {
			s.Fatalf("the read ended with %v, expected %v", err, want)
		}
	case <-time.After(patience):
		s.Fatalf("the read did not end, expected %v", want)
	}
}
