package journal

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"
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
	lock, err := d.Lock(o.ReadOnly)
	switch {
	case err == errLocked:
		return nil, r, err
	case err != nil && o.ReadOnly:
		return nil, r, fmt.Errorf("cannot be read: %w", err)
	case err != nil:
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
	if o.ReadOnly {
		go j.hold()
	} else {
		go j.run()
	}
	return j, r, nil
}

// hold is run for a journal that is only looked at.
func (j *Journal) hold() {
	defer close(j.done)
	<-j.stop
	j.w.closeErr = j.lock.Close()
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
	tail, err := j.examine(upto, r)
	if err != nil {
		return err
	}
	j.last = max(j.last, j.acked)
	for _, s := range j.segs {
		j.last = max(j.last, s.last, s.first-1)
	}

	boot := bootMark(j.d.Boot())
	reserved, why := max(cur.reserved, cur.floor), ""
	switch newest := len(j.segs) - 1; {
	case (r.Cursor || damaged) && !j.o.ReadOnly:
		reserved, why = max(reserved, j.last)+reserveBlock, "the cursor file was damaged"
	case !have:
	case newest < 0 && cur.segment > 0 || newest >= 0 && j.segs[newest].first < cur.segment:
		why = "the newest segment is missing"
	case tail == damagedEnd:
		why = "the end of the journal was damaged"
	case cur.floor > j.last:
		why = "the end of the journal is missing, or was named at an earlier start"
	case (boot == [16]byte{} || boot != cur.boot) && !j.o.ReadOnly:
		why = "the power was cut"
	}
	skips := why != "" && reserved > j.last
	if skips {
		j.lose(r, j.last+1, reserved, why+"; these numbers were reserved and may have been used")
	}
	if j.o.ReadOnly {
		j.durable = j.last
		return nil
	}
	if skips {
		j.last = reserved
	}
	j.durable = j.last
	j.w.cursor, j.w.cursor.boot = cur, boot
	if skips {
		if err := j.remember(j.last, j.last); err != nil {
			j.log.Warn("the journal's cursor cannot be saved; its end is left as it is", "error", err)
			j.w.cursor.reserved, j.w.cursor.floor = j.last, j.last
			return nil
		}
	}
	j.w.cursor.reserved, j.w.cursor.floor = j.last, j.last
	if n := len(j.segs) - 1; n >= 0 && !j.segs[n].sealed && tail != damagedEnd {
		j.goOn(j.segs[n], tail)
	}
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

// examine reads the newest segment, and those that a crash left unsealed, and names what is missing between segments. It
// returns how the newest one ends.
func (j *Journal) examine(upto uint64, r *Report) (end ending, err error) {
	held := j.acked
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
		if s.first > held+1 {
			j.lose(r, held+1, s.first-1, "no segment holds them")
		}
		if newest || !s.sealed {
			if end, err = j.scan(s, limit, r); err != nil {
				return end, err
			}
		}
		held = max(held, s.last)
		if !newest && !s.sealed && !j.o.ReadOnly {
			if s.empty() {
				_ = j.d.Remove(s.name())
				continue
			}
			from := s.name()
			s.sealed = true
			if err := j.d.Rename(from, s.name()); err != nil {
				return end, fmt.Errorf("seal segment %s: %w", from, err)
			}
		}
		keep = append(keep, s)
	}
	j.segs = keep
	for i := len(keep) - 2; i >= 0 && j.prev == ""; i-- { // the newest holds no record yet
		if _, err := j.scan(keep[i], keep[i].last, nil); err != nil {
			return end, err
		}
	}
	return end, nil
}
