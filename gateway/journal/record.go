package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/s2"
)

// A record on disk, little endian:
//
//	0   CRC-32C of everything that follows
//	4   length of what is stored, 24 bits; then 8 bits: 0 stored as it is, n packed with dictionary n
//	8   sequence number, 64 bits
//	16  what is stored
//
// The sequence number lets a reader that meets damage find the next record and name exactly what is missing. Packed
// means: an S2 block against a dictionary (dictionary.go), for the SD card's sake.
const headSize = 16

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errUnreadable = errors.New("journal: a record that passed its checksum cannot be unpacked")

// appendRecord adds one record to b, which may grow. spare is scratch space, returned for the next call.
func appendRecord(b []byte, r record, spare []byte) (_, _ []byte) {
	stored, packed := r.payload, uint32(0)
	if len(r.payload) >= 32 {
		spare = dictionaries[newestDictionary].Encode(spare[:cap(spare)], r.payload)
		if len(spare) < len(stored) {
			stored, packed = spare, newestDictionary
		}
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(stored))|packed<<24)
	b = binary.LittleEndian.AppendUint64(b, r.seq)
	b = append(b, stored...)
	binary.LittleEndian.PutUint32(b[at:], crc32.Checksum(b[at+4:], castagnoli))
	return b, spare
}

func parseHead(head []byte) (n int, packed uint8, seq uint64) {
	length := binary.LittleEndian.Uint32(head[4:])
	return int(length & 0xffffff), uint8(length >> 24), binary.LittleEndian.Uint64(head[8:])
}

// found is one intact record of a segment.
type found struct {
	seq    uint64
	at     int64  // offset in the segment
	stored []byte // valid until the next call
	packed uint8  // 0, or the number of the dictionary
}

// payload returns the record's bytes in memory of its own.
func (f found) payload() ([]byte, error) {
	if f.packed == 0 {
		return append([]byte(nil), f.stored...), nil
	}
	dictionary := dictionaries[f.packed]
	if dictionary == nil {
		return nil, fmt.Errorf("journal: packed with dictionary %d, which this program does not know; read it with a newer one", f.packed)
	}
	if n, err := s2.DecodedLen(f.stored); err != nil || n == 0 || n > MaxRecord {
		return nil, errUnreadable
	}
	p, err := dictionary.Decode(nil, f.stored)
	if err != nil {
		return nil, errUnreadable
	}
	return p, nil
}

// scanner walks the intact records of a segment in order. Damage is passed over byte by byte until a record fits
// again; bytes that cannot be read count as damage.
type scanner struct {
	f    io.ReaderAt
	size int64  // bytes of the segment that count
	last uint64 // the number before the first one expected; then of the record found last
	upto uint64 // the highest number that can be there
	buf  []byte
	base int64 // offset of buf[0]
	lo   int   // buf[lo:] is not consumed
	end  int64 // offset behind the last intact record
}

// windowSize holds any record and reads ahead by some hundred usual ones.
const windowSize = 2 * (MaxRecord + headSize)

func newScanner(f io.ReaderAt, from, size int64, last, upto uint64, window []byte) *scanner {
	return &scanner{f: f, size: size, last: last, upto: upto, buf: window[:0], base: from, end: from}
}

func (s *scanner) next() (found, bool) {
	for {
		head := s.peek(headSize)
		if len(head) < headSize {
			return found{}, false
		}
		n, packed, seq := parseHead(head)
		if seq > s.last && seq <= s.upto && n > 0 && n <= MaxRecord {
			if b := s.peek(headSize + n); len(b) == headSize+n && crc32.Checksum(b[4:], castagnoli) == binary.LittleEndian.Uint32(b) {
				f := found{seq: seq, at: s.base + int64(s.lo), stored: b[headSize:], packed: packed}
				s.lo += headSize + n
				s.last, s.end = seq, s.base+int64(s.lo)
				return f, true
			}
		}
		s.lo++
	}
}

// peek returns the next n bytes, or fewer at the end of the segment.
func (s *scanner) peek(n int) []byte {
	if len(s.buf)-s.lo < n {
		rest := copy(s.buf[:cap(s.buf)], s.buf[s.lo:])
		s.base += int64(s.lo)
		s.lo = 0
		want := min(int64(cap(s.buf)-rest), s.size-s.base-int64(rest))
		s.buf = s.buf[:rest+max(0, int(want))]
		got := s.fill(s.buf[rest:], s.base+int64(rest))
		s.buf = s.buf[:rest+got]
	}
	return s.buf[s.lo:min(len(s.buf), s.lo+n)]
}

// fill reads p at off. What the disk refuses is taken, page by page, as zeros, which are no record.
func (s *scanner) fill(p []byte, off int64) int {
	got, err := s.f.ReadAt(p, off)
	if err == nil || err == io.EOF {
		return got
	}
	for got = 0; got < len(p); {
		page := p[got:min(len(p), got+4096-int((off+int64(got))%4096))]
		n, err := s.f.ReadAt(page, off+int64(got))
		if err == io.EOF {
			return got + n
		}
		if err != nil {
			clear(page)
		}
		got += len(page)
	}
	return got
}
