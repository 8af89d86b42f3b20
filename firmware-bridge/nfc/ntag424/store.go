package ntag424

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// DefaultLimit is how many tags a Store holds when nothing else is said.
const DefaultLimit = 20_000

// ErrFull means that a Store holds as many tags as it may, and this is a further one.
var ErrFull = errors.New("ntag424: the counters are full")

// ErrDamaged means that the file of a Store cannot be trusted.
var ErrDamaged = errors.New("ntag424: the file of the counters is damaged")

// Store is Counters in memory, and in a file when it was opened from one. It holds the last counter of up to limit tags.
// When it is full, tags that are known go on and others are refused with ErrFull: it forgets none, because a forgotten
// tag could be replayed.
//
// In the file each counter is a record at its end, on the disk before Advance returns. When there are more than twice as
// many records as tags, and at least a thousand, a file with the last ones replaces it. After a power cut at any moment
// each counter that Advance accepted is there; a last record that is torn is one that was not accepted. A file that went
// back in time, as from a backup, or that was removed, lets old messages pass: nothing here can know.
type Store struct {
	limit int
	path  string // empty: in memory only

	mu      sync.Mutex
	last    map[ID]uint32
	file    *os.File
	records int
	broken  bool // what is in the file is not known, it has to be written anew
	closed  bool
}

var _ Counters = (*Store)(nil)

// NewStore makes a Store that forgets all when the process ends. A limit of 0 is DefaultLimit.
func NewStore(limit int) *Store {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Store{limit: limit, last: make(map[ID]uint32)}
}

// OpenStore opens the file of a Store, or makes it. One process may have it open. The error wraps ErrDamaged when a
// record before the last one is wrong: somebody must decide then, because with the file removed old messages pass.
func OpenStore(path string, limit int) (*Store, error) {
	s := NewStore(limit)
	s.path = path
	// A power cut before the rename leaves a temporary file that nothing depends on.
	if err := os.Remove(path + tempSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ntag424: counters: %w", err)
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.rewrite(); err != nil {
		return nil, fmt.Errorf("ntag424: counters: %w", err)
	}
	return s, nil
}

// Advance is that of Counters. Beside ErrReplay its error wraps ErrFull, or what the file system said.
func (s *Store) Advance(tag ID, counter uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.last[tag]
	switch {
	case s.closed:
		return fmt.Errorf("ntag424: the counters: %w", os.ErrClosed)
	case known && counter <= last:
		return ErrReplay
	case !known && len(s.last) >= s.limit:
		return fmt.Errorf("%w: %d tags are known; raise the limit, or start anew with new keys", ErrFull, len(s.last))
	}
	s.last[tag] = counter
	if err := s.keep(tag, counter); err != nil {
		s.broken = true
		if s.last[tag] = last; !known {
			delete(s.last, tag)
		}
		return fmt.Errorf("ntag424: the counter could not be kept: %w", err)
	}
	return nil
}

// Len is how many tags are known.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.last)
}

// Close closes the file. Advance fails from then on.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.file == nil {
		s.closed = true
		return nil
	}
	s.closed = true
	return s.file.Close()
}

// The file is its mark and records: ID, counter, CRC-32 of both, big-endian.
const (
	mark       = "SUNctr01"
	recordSize = len(ID{}) + 4 + 4
	slack      = 1000 // records beyond twice the tags
	tempSuffix = ".tmp"
)

func appendRecord(to []byte, tag ID, counter uint32) []byte {
	at := len(to)
	to = binary.BigEndian.AppendUint32(append(to, tag[:]...), counter)
	return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to[at:]))
}

func (s *Store) load() error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ntag424: counters: %w", err)
	}
	defer f.Close()
	most := len(mark) + (2*s.limit+slack+1)*recordSize
	raw, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	switch {
	case err != nil:
		return fmt.Errorf("ntag424: counters: %w", err)
	case len(raw) > most:
		return fmt.Errorf("%w: %s has more than the %d bytes of %d tags: raise the limit", ErrDamaged, s.path, most, s.limit)
	case len(raw) < len(mark) || string(raw[:len(mark)]) != mark:
		return fmt.Errorf("%w: %s does not begin with %q: is it another file?", ErrDamaged, s.path, mark)
	}
	for raw = raw[len(mark):]; len(raw) >= recordSize; raw = raw[recordSize:] {
		tag := ID(raw)
		counter := binary.BigEndian.Uint32(raw[len(tag):])
		if crc32.ChecksumIEEE(raw[:recordSize-4]) == binary.BigEndian.Uint32(raw[recordSize-4:recordSize]) {
			s.last[tag] = max(s.last[tag], counter)
		} else if len(raw) > recordSize {
			return fmt.Errorf("%w: a record before the last one of %s is wrong: check the disk; a removed file lets old messages of all tags pass once",
				ErrDamaged, s.path)
		}
	}
	return nil
}

// keep brings a counter, which is in s.last already, onto the disk.
func (s *Store) keep(tag ID, counter uint32) error {
	if s.path == "" {
		return nil
	}
	if s.broken || s.records >= 2*len(s.last)+slack {
		return s.rewrite()
	}
	if _, err := s.file.Write(appendRecord(nil, tag, counter)); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.records++
	return nil
}

// rewrite replaces the file so that after a power cut either the old or the new one is there, whole.
func (s *Store) rewrite() error {
	temp := s.path + tempSuffix
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	content := []byte(mark)
	for tag, counter := range s.last {
		content = appendRecord(content, tag, counter)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, s.path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(s.path))
	}
	if err != nil {
		return errors.Join(err, f.Close(), remove(temp))
	}
	if s.file != nil {
		_ = s.file.Close() // it has another name or none: what it held is in the new one
	}
	s.file, s.records, s.broken = f, len(s.last), false
	return nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
