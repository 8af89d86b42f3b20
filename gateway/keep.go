package gateway

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

// A keep file has two slots, each a page for the head and keepMost bytes, which are written in turn and in place: a torn
// write leaves the other, and a full disk takes it.
const (
	keepMost = 60 << 10
	keepSlot = 64 << 10
	keepHead = 4096
	keepInfo = 8 + 4 + 4 // generation, length, CRC-32C over both and the contents
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// keep holds a small text on disk. It may be used from any goroutine.
type keep struct {
	mu         sync.Mutex
	f          *os.File
	generation uint64
}

// openKeep opens the file, or makes it at its full size, and returns what was saved last; nil when nothing was. damaged says
// that one copy could not be read, so that this may be the one before the last.
func openKeep(path string) (k *keep, contents []byte, damaged bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, false, fmt.Errorf("gateway: %w", err)
	}
	k = &keep{f: f}
	if k.generation, contents, damaged, err = readKeep(f); err != nil {
		return nil, nil, false, errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err == nil && info.Size() < 2*keepSlot {
		// Written, not only lengthened, so that the disk's blocks are taken now.
		_, err = f.WriteAt(make([]byte, 2*keepSlot-info.Size()), info.Size())
		err = errors.Join(err, f.Sync(), syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return nil, nil, false, errors.Join(fmt.Errorf("gateway: making %s: %w", path, err), f.Close())
	}
	return k, contents, damaged, nil
}

// readKeep reads the newer slot.
func readKeep(f *os.File) (generation uint64, contents []byte, damaged bool, err error) {
	for slot := range int64(2) {
		b := make([]byte, keepSlot)
		n, err := f.ReadAt(b, slot*keepSlot)
		if err != nil && err != io.EOF {
			return 0, nil, false, fmt.Errorf("gateway: reading %s: %w", f.Name(), err)
		}
		g, text, ok := decodeKeep(b[:n])
		switch {
		case ok && g > generation:
			generation, contents = g, text
		case !ok && [keepInfo]byte(b) != [keepInfo]byte{}:
			damaged = true
		}
	}
	return generation, contents, damaged, nil
}

// peekKeep reads what was saved last, and touches nothing; nil when there is no file.
func peekKeep(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	defer f.Close()
	_, contents, _, err := readKeep(f)
	return contents, err
}

// save returns when the disk has it.
func (k *keep) save(contents []byte) error {
	if len(contents) > keepMost {
		return fmt.Errorf("gateway: %d bytes to be kept: at most %d are possible", len(contents), keepMost)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.generation + 1
	b := make([]byte, keepHead, keepHead+len(contents))
	binary.LittleEndian.PutUint64(b, next)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(contents)))
	binary.LittleEndian.PutUint32(b[12:], keepSum(b, contents))
	b = append(b, contents...)
	if _, err := k.f.WriteAt(b, int64(next%2)*keepSlot); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if err := k.f.Sync(); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	k.generation = next
	return nil
}

func (k *keep) close() error { return k.f.Close() }

func decodeKeep(b []byte) (generation uint64, contents []byte, ok bool) {
	if len(b) < keepHead {
		return 0, nil, false
	}
	n := int(binary.LittleEndian.Uint32(b[8:]))
	if n > keepMost || keepHead+n > len(b) {
		return 0, nil, false
	}
	generation, contents = binary.LittleEndian.Uint64(b), b[keepHead:keepHead+n]
	return generation, contents, generation > 0 && binary.LittleEndian.Uint32(b[12:]) == keepSum(b, contents)
}

func keepSum(head, contents []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:12], castagnoli), castagnoli, contents)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
