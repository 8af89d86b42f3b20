package wire

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func ack(address byte) Frame {
	return Frame{Address: address, Reply: true, Sequence: 1, Code: ReplyAck}
}

// chunk is bytes and the time after the ones before.
type chunk struct {
	after time.Duration
	bytes []byte
}

func scan(s *Scanner, chunks ...chunk) []Frame {
	var all []Frame
	at := time.Second
	for _, c := range chunks {
		at += c.after
		s.Push(at, c.bytes)
		for f, ok := s.Next(); ok; f, ok = s.Next() {
			all = append(all, f)
		}
	}
	return all
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestScanner(t *testing.T) {
	a, b := ack(1).Bytes(), ack(2).Bytes()
	mark := []byte{Mark}
	// Data full of starts, one of which announces a long frame.
	starts := Frame{Address: 3, Reply: true, Code: ReplyRaw, Data: []byte{0x53, 0x53, 0x80, 0x00, 0x04, 0x04, 0x53}}
	inner := Frame{Address: 3, Reply: true, Code: ReplyRaw, Data: join([]byte{0, 0, 64, 0}, b)}
	for name, c := range map[string]struct {
		chunks []chunk
		want   []Frame
	}{
		"mark":                  {[]chunk{{0, join(mark, a)}}, []Frame{ack(1)}},
		"no mark":               {[]chunk{{0, a}}, []Frame{ack(1)}},
		"repeated mark":         {[]chunk{{0, join(mark, mark, mark, a)}}, []Frame{ack(1)}},
		"trailing mark":         {[]chunk{{0, join(a, mark, mark)}, {ms, b}}, []Frame{ack(1), ack(2)}},
		"two at once":           {[]chunk{{0, join(a, b)}}, []Frame{ack(1), ack(2)}},
		"starts inside of data": {[]chunk{{0, starts.Bytes()}}, []Frame{starts}},
		"false start":           {[]chunk{{0, join([]byte{0x53, 0x53, 0x80, 0x53}, a)}}, []Frame{ack(1)}},
		"noise":                 {[]chunk{{0, join([]byte{0, 0x12, 0xFF, 0x80}, a)}}, []Frame{ack(1)}},
		"a frame that lost a byte, then a whole one": {
			[]chunk{{0, a[:6]}, {ms, a[7:]}, {ms, b}}, []Frame{ack(2)}},
		"a damaged frame, then a whole one": {
			[]chunk{{0, join(a[:6], []byte{0x99}, a[7:], b)}}, []Frame{ack(2)}},
		"20 ms inside are tolerated":         {[]chunk{{0, a[:5]}, {Gap, a[5:]}}, []Frame{ack(1)}},
		"a late adapter is tolerated":        {[]chunk{{0, a[:5]}, {3 * Gap, a[5:]}}, []Frame{ack(1)}},
		"100 ms inside end it":               {[]chunk{{0, a[:5]}, {stale + 1, a[5:]}, {ms, b}}, []Frame{ack(2)}},
		"an unfinished one, then a whole":    {[]chunk{{0, []byte{0x53, 0x80, 0x80, 0x00, 0x04}}, {Gap + 1, join(mark, b)}}, []Frame{ack(2)}},
		"a frame inside of data is data":     {[]chunk{{0, inner.Bytes()[:18]}, {ms, inner.Bytes()[18:]}}, []Frame{inner}},
		"own echo and answer":                {[]chunk{{0, Frame{Address: 1, Sequence: 1, Code: CmdPoll}.Bytes()}, {ms, a}}, []Frame{{Address: 1, Sequence: 1, Code: CmdPoll}, ack(1)}},
		"a clock that steps back starts new": {[]chunk{{0, a[:5]}, {-ms, b}}, []Frame{ack(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			have := scan(&Scanner{}, c.chunks...)
			if len(have) != len(c.want) {
				t.Fatalf("found %v, expected %v", have, c.want)
			}
			for i := range have {
				if !same(have[i], c.want[i]) {
					t.Errorf("found %v, expected %v", have[i], c.want[i])
				}
			}
		})
	}
}

func TestOwnEchoIsRecognisable(t *testing.T) {
	have := scan(&Scanner{}, chunk{0, join(Frame{Address: 1, Code: CmdPoll}.Bytes(), ack(1).Bytes())})
	if len(have) != 2 || have[0].Reply || !have[1].Reply {
		t.Errorf("found %v, expected a command and a reply", have)
	}
}

func TestScannerIsBounded(t *testing.T) {
	s := &Scanner{}
	long := join([]byte{Start, 0x80, 0xA0, 0x05, 0x04}, make([]byte, 3*MaxFrame))
	scan(s, chunk{0, long[:MaxFrame-1]})
	if !s.Pending() {
		t.Error("a frame of 1440 bytes is not waited for")
	}
	for i := 0; i < len(long); i += 100 {
		scan(s, chunk{0, long[i:min(i+100, len(long))]})
		if len(s.buf) >= MaxFrame {
			t.Fatalf("%d bytes held", len(s.buf))
		}
	}
	scan(s, chunk{0, long})
	if cap(s.buf) > 4*MaxFrame {
		t.Errorf("room for %d bytes", cap(s.buf))
	}
}

// However the line cuts its bytes, and whatever marks are between, each frame comes out once and in order.
func TestFramesAreFoundInAnyChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Frame
		var line []byte
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			f := drawFrame(t)
			want = append(want, f)
			line = append(line, bytes.Repeat([]byte{Mark}, rapid.IntRange(0, 3).Draw(t, "marks"))...)
			line = append(line, f.Bytes()...)
		}
		var chunks []chunk
		for len(line) > 0 {
			n := rapid.IntRange(1, len(line)).Draw(t, "chunk")
			chunks = append(chunks, chunk{time.Duration(rapid.Int64Range(0, int64(Gap)).Draw(t, "pause")), line[:n]})
			line = line[n:]
		}
		have := scan(&Scanner{}, chunks...)
		if len(have) != len(want) {
			t.Fatalf("found %d frames, expected %d", len(have), len(want))
		}
		for i := range have {
			if !same(have[i], want[i]) {
				t.Fatalf("frame %d: found %v, expected %v", i, have[i], want[i])
			}
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add(join([]byte{0x53, 0xFF}, ack(1).Bytes(), []byte{0xFF}), uint8(3), uint8(30))
	f.Add(join([]byte{0x53, 0x80, 0x80, 0x00, 0x04}, ack(2).Bytes()), uint8(5), uint8(21))
	f.Add(bytes.Repeat([]byte{0x53}, 100), uint8(1), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, size, pause uint8) {
		s := &Scanner{}
		var at time.Duration
		total, found := len(b), 0
		for len(b) > 0 {
			n := min(int(size)+1, len(b))
			at += time.Duration(pause) * ms
			s.Push(at, b[:n])
			b = b[n:]
			for frame, ok := s.Next(); ok; frame, ok = s.Next() {
				found += frame.Size()
			}
			if len(s.buf) >= MaxFrame {
				t.Fatalf("%d bytes held", len(s.buf))
			}
		}
		if found > total {
			t.Fatalf("found %d bytes of frames in %d", found, total)
		}
	})
}
