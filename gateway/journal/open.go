package journal

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"kapija/internal/event"
)

// reserveBlock is how many numbers are reserved beyond the last one written.
const reserveBlock = 1024

// Open opens or begins the journal in a folder, which belongs to one process at a time. Damage is no error: it is
// reported and passed over. Only the newest segment is read; damage within older ones is found, and given to OnDropped,
// when Read comes to it.
func Open(dir string, o Options) (*Journal, Report, error) {
	j, r, err := open(folder(dir), o)
	if err != nil {
		return nil, r, fmt.Errorf("journal: folder %s: %w", dir, err)
	}
	return j, r, nil
}

func open(d disk, o Options) (_ *Journal, r Report, err error) {
	if o.Retain == 0 {
		o.Retain = 120 * time.Hour
	}
	if o.segment == 0 {
		o.segment = 4 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	lock, err := d.Lock()
	if err == errLocked {
		return nil, r, err
	}
	if err != nil {
		return nil, r, fmt.Errorf("cannot be written: %w; mount it read-write and give it to the gateway's user", err)
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	j := &Journal{
		o: o, log: o.Log, d: d, lock: lock,
		room: make(chan struct{}), changed: make(chan struct{}),
		kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		window: make([]byte, 0, windowSize),
	}
	j.w.most = mostRecords
	if err := j.load(&r); err != nil {
		return nil, r, err
	}
	go j.run()
	return j, r, nil
}

// load finds out what the folder holds.
func (j *Journal) load(r *Report) error {
	entries, err := j.d.List()
	if err != nil {
		return err
	}
	cur, have, damaged, err := loadCursor(j.d)
	if err != nil {
		return fmt.Errorf("read the cursor: %w", err)
	}
	for _, e := range entries {
		if s, ok := parseSegment(e); ok {
			j.segs = append(j.segs, s)
		} else if e.name != lockName && e.name != cursorName {
			r.Ignored = append(r.Ignored, e.name)
		}
	}
	j.sortSegments(r)
	r.Cursor = !have && (len(j.segs) > 0 || damaged)
	j.acked = cur.acked

	upto := cur.reserved
	if !have || damaged {
		upto = 0 // each segment bounds itself
	}
	if err := j.examine(upto, r); err != nil {
		return err
	}
	j.last = max(j.last, j.acked)
	for _, s := range j.segs {
		j.last = max(j.last, s.last, s.first-1)
	}

	boot := bootMark(j.d.Boot())
	reserved, why := max(cur.reserved, cur.floor), ""
	switch newest := len(j.segs) - 1; {
	case r.Cursor, damaged:
		reserved, why = max(reserved, j.last)+reserveBlock, "the cursor file was damaged"
	case !have:
	case cur.floor > j.last:
		why = "the end of the journal is missing"
	case newest < 0 || j.segs[newest].first < cur.segment:
		why = "the newest segment is missing"
	case r.Torn > 0 && !j.w.short:
		why = "the end of the journal was damaged"
	case boot == [16]byte{} || boot != cur.boot:
		why = "the power was cut"
	}
	if why != "" && reserved > j.last {
		j.lose(r, j.last+1, reserved, why+"; these numbers were reserved and may have been used")
		j.last = reserved
	}
	j.durable = j.last
	cur.boot, cur.reserved, cur.floor = boot, j.last, j.last
	j.w.cursor = cur
	return nil
}

func (j *Journal) lose(r *Report, from, to uint64, cause string) {
	if from = max(from, j.acked+1); from > to {
		return
	}
	r.Lost = append(r.Lost, Range{from, to, cause})
	j.known = append(j.known, Range{from, to, cause})
}

// sortSegments puts the segments in order and sees to it that they do not overlap.
func (j *Journal) sortSegments(r *Report) {
	slices.SortFunc(j.segs, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last))
	})
	j.segs = slices.CompactFunc(j.segs, func(a, b *segment) bool {
		if a.first == b.first {
			r.Ignored = append(r.Ignored, b.name())
			return true
		}
		return false
	})
}

// examine reads the newest segment, and those that a crash left unsealed, and names what is missing between segments.
func (j *Journal) examine(upto uint64, r *Report) error {
	end := j.acked
	var keep []*segment
	for i, s := range j.segs {
		newest := i == len(j.segs)-1
		limit := s.first + 1<<24
		if upto >= s.first {
			limit = min(limit, upto)
		}
		if !newest {
			limit = min(limit, j.segs[i+1].first-1)
		}
		if s.first > end+1 {
			j.lose(r, end+1, s.first-1, "no segment holds them")
		}
		if newest || !s.sealed {
			if err := j.scan(s, limit, newest, r); err != nil {
				return err
			}
		}
		end = max(end, s.last)
		if !newest && !s.sealed {
			if s.empty() {
				_ = j.d.Remove(s.name())
				continue
			}
			from := s.name()
			s.sealed = true
			if err := j.d.Rename(from, s.name()); err != nil {
				return fmt.Errorf("seal segment %s: %w", from, err)
			}
		}
		keep = append(keep, s)
	}
	j.segs = keep
	for i := len(keep) - 2; i >= 0 && j.prev == ""; i-- { // the newest holds no record yet
		if err := j.scan(keep[i], keep[i].last, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// scan reads one segment to its end: the last record's hash, what is damaged, and, when it is the newest and unsealed,
// where to go on writing. With r nil it only looks for the hash.
func (j *Journal) scan(s *segment, limit uint64, newest bool, r *Report) error {
	flag := os.O_RDONLY
	if newest && !s.sealed {
		flag = os.O_RDWR
	}
	f, err := j.d.Open(s.name(), flag)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	if s.sealed {
		limit = s.last
	}
	sc := newScanner(f, 0, s.size, s.first-1, limit, j.window)
	var end found
	for expect := s.first; ; expect = end.seq + 1 {
		rec, ok := sc.next()
		if !ok {
			break
		}
		if rec.seq > expect && r != nil {
			j.lose(r, expect, rec.seq-1, "damaged on disk")
		}
		s.mark(rec)
		rec.stored = append(end.stored[:0], rec.stored...)
		end = rec
	}
	if end.seq > 0 {
		if p, err := end.payload(); err == nil {
			j.prev = event.Hash(p)
		}
		j.last = max(j.last, end.seq)
	}
	if s.sealed {
		if r != nil && end.seq < s.last {
			j.lose(r, max(s.first, end.seq+1), s.last, "damaged on disk")
		}
		return f.Close()
	}
	s.last = max(s.last, end.seq)
	torn := s.size - sc.end
	s.size = sc.end
	if !newest {
		return f.Close()
	}
	r.Torn = torn
	j.w.short = cutShort(f, sc)
	if torn > 0 && f.Truncate(sc.end) != nil {
		return f.Close() // what follows goes into a new segment
	}
	j.w.out = f
	return nil
}

// cutShort reports whether behind the last intact record there is only the first part of the next one, as a process
// leaves it that is killed while it writes. Nobody was told that such a record is durable.
func cutShort(f file, sc *scanner) bool {
	head := make([]byte, headSize)
	left := sc.size - sc.end
	if left < headSize {
		return true
	}
	if _, err := f.ReadAt(head, sc.end); err != nil {
		return false
	}
	n, flag, seq := parseHead(head)
	return seq == sc.last+1 && flag <= packed && n > 0 && n <= MaxRecord && left < int64(headSize+n)
}
