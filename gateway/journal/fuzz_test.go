package journal

import (
	"bytes"
	"testing"
)

// FuzzSegment reads anything as a segment: it never panics, numbers rise, and what it finds lies within.
func FuzzSegment(f *testing.F) {
	var whole []byte
	prev := ""
	for seq := range uint64(5) {
		p, err := auditEvent(seq+1, prev)
		if err != nil {
			f.Fatal(err)
		}
		whole, _ = appendRecord(whole, record{seq + 1, p}, nil)
	}
	f.Add(whole, uint16(0))
	f.Add(whole[:len(whole)-3], uint16(40))
	f.Add(append(bytes.Repeat([]byte{0}, 100), whole...), uint16(7))
	f.Add(append(append([]byte(nil), whole...), whole...), uint16(1))
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, from uint16) {
		sc := newScanner(bytes.NewReader(b), min(int64(from), int64(len(b))), int64(len(b)), 0, 1<<40, make([]byte, 0, windowSize))
		last := uint64(0)
		for r, ok := sc.next(); ok; r, ok = sc.next() {
			if r.seq <= last || r.at < int64(from) || r.at+headSize+int64(len(r.stored)) > int64(len(b)) {
				t.Fatalf("found %d at %d after %d in %d bytes", r.seq, r.at, last, len(b))
			}
			last = r.seq
			if p, err := r.payload(); err == nil && (len(p) == 0 || len(p) > MaxRecord) {
				t.Fatalf("a payload of %d bytes", len(p))
			}
		}
		// Whatever the checksum lets through, unpacking survives it.
		_, _ = found{stored: b, packed: 1}.payload()
	})
}

// FuzzRecord packs and unpacks anything.
func FuzzRecord(f *testing.F) {
	p, err := auditEvent(7, "abc")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p, uint64(7))
	f.Add([]byte(words1), uint64(1))
	f.Add(bytes.Repeat([]byte("ab"), 1000), uint64(1<<40))
	f.Fuzz(func(t *testing.T, p []byte, seq uint64) {
		if len(p) == 0 || len(p) > MaxRecord || seq == 0 {
			return
		}
		b, _ := appendRecord(nil, record{seq, p}, nil)
		if len(b) > headSize+len(p) {
			t.Fatalf("%d bytes for a payload of %d", len(b), len(p))
		}
		sc := newScanner(bytes.NewReader(b), 0, int64(len(b)), seq-1, seq, make([]byte, 0, windowSize))
		r, ok := sc.next()
		if !ok || r.seq != seq {
			t.Fatal("not found")
		}
		if got, err := r.payload(); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%q, %v; expected %q", got, err, p)
		}
	})
}

// FuzzCursor reads anything as a cursor slot.
func FuzzCursor(f *testing.F) {
	f.Add(cursor{generation: 3, acked: 5, reserved: 9}.encode())
	f.Add(make([]byte, cursorSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := decodeCursor(b); ok && !bytes.Equal(c.encode(), b[:cursorSize]) {
			t.Fatalf("%+v came from %x", c, b)
		}
	})
}
