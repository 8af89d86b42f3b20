package wire

import (
	"bytes"
	"time"
)

// Gap is the longest pause inside a frame. Serial adapters hold bytes back for as long, so that a longer pause alone does
// not end a frame: what comes after it may complete the frame, or be a whole one of its own.
const Gap = 20 * time.Millisecond

// A pause of stale ends a frame in any case.
const stale = 5 * Gap

// Scanner finds the frames in what a line gives: marks, noise, false starts, own echo and all. It keeps at most
// MaxFrame bytes between two calls of Push. The zero value is ready; it is not safe for concurrent use.
type Scanner struct {
	buf  []byte
	gap  int // buf[gap:] came after a pause of Gap; 0: no pause
	last time.Duration
}

// Push takes the next bytes, up to MaxFrame of them, and the time at which the last of them came. Call Next after each
// Push until it has no more.
func (s *Scanner) Push(at time.Duration, b []byte) {
	if len(b) == 0 {
		return
	}
	switch pause := at - s.last; {
	case pause > stale || pause < 0:
		s.Reset()
	case pause > Gap:
		s.gap = len(s.buf)
	}
	s.last = at
	s.buf = append(s.buf, b[:min(len(b), MaxFrame)]...)
}

// Next is the next whole frame. Bytes before it that are none are dropped.
func (s *Scanner) Next() (Frame, bool) {
	for s.seek() {
		f, n, err := Decode(s.buf)
		switch err {
		case nil:
			s.drop(n)
			return f, true
		case ErrShort:
			return s.afterGap()
		}
		s.drop(1) // a false start
	}
	return Frame{}, false
}

// afterGap looks for a whole frame that begins after the pause, behind one that does not end. Nowhere else is one looked
// for inside another: data could be made to look like a frame.
func (s *Scanner) afterGap() (Frame, bool) {
	if s.gap == 0 || s.gap > len(s.buf) {
		return Frame{}, false
	}
	rest := bytes.TrimLeft(s.buf[s.gap:], string([]byte{Mark}))
	f, n, err := Decode(rest)
	if err != nil {
		return Frame{}, false
	}
	s.drop(len(s.buf) - len(rest) + n)
	return f, true
}

// Pending tells whether bytes are held that may become a frame.
func (s *Scanner) Pending() bool { return s.seek() }

// Reset drops what is held.
func (s *Scanner) Reset() { s.buf, s.gap = s.buf[:0], 0 }

// seek drops what comes before the next start.
func (s *Scanner) seek() bool {
	i := bytes.IndexByte(s.buf, Start)
	if i < 0 {
		s.Reset()
		return false
	}
	s.drop(i)
	return true
}

func (s *Scanner) drop(n int) {
	s.buf = append(s.buf[:0], s.buf[n:]...)
	s.gap = max(s.gap-n, 0)
}
