package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// cursor is what the journal remembers beside its records.
type cursor struct {
	generation uint64
	acked      uint64
	reserved   uint64   // no record beyond this number is on disk
	segment    uint64   // first number of the newest segment
	floor      uint64   // no number up to this one is given out again: the last one when the journal was opened, or closed
	boot       [16]byte // start of the machine in which it was written; zero when unknown
}

const (
	cursorSlot = 4096 // a page each, so that no write can tear both
	cursorSize = 4 + 5*8 + 16
)

func (c cursor) encode() []byte {
	b := make([]byte, 4, cursorSize)
	for _, n := range []uint64{c.generation, c.acked, c.reserved, c.segment, c.floor} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = append(b, c.boot[:]...)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func decodeCursor(b []byte) (c cursor, ok bool) {
	if len(b) < cursorSize || crc32.Checksum(b[4:cursorSize], castagnoli) != binary.LittleEndian.Uint32(b) {
		return cursor{}, false
	}
	for i, n := range []*uint64{&c.generation, &c.acked, &c.reserved, &c.segment, &c.floor} {
		*n = binary.LittleEndian.Uint64(b[4+8*i:])
	}
	copy(c.boot[:], b[44:])
	return c, true
}

// loadCursor reads the newer slot. ok is false when there is none; damaged when a slot holds something else than a
// cursor, so that the other one may be behind.
func loadCursor(d disk) (c cursor, ok, damaged bool, err error) {
	f, err := d.Open(cursorName, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, false, nil
	}
	if err != nil {
		return c, false, false, err
	}
	defer f.Close()
	for slot := range int64(2) {
		b := make([]byte, cursorSize)
		n, err := f.ReadAt(b, slot*cursorSlot)
		got, good := decodeCursor(b[:n])
		switch {
		case good && (!ok || got.generation > c.generation):
			c, ok = got, true
		case !good && (err != nil && err != io.EOF || n > 0 && [cursorSize]byte(b) != [cursorSize]byte{}):
			damaged = true
		}
	}
	return c, ok, damaged, nil
}

// saveCursor writes c over the older slot, with the next generation.
func (w *writer) saveCursor(d disk, c cursor) error {
	c.generation, c.boot = w.cursor.generation+1, w.cursor.boot
	if w.cursorFile == nil {
		f, err := d.Open(cursorName, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		// The second slot is written empty so that the file has its full size from the start.
		if c.generation == 1 {
			if _, err = f.WriteAt(make([]byte, cursorSlot+cursorSize), 0); err == nil {
				err = d.Sync()
			}
		}
		if err != nil {
			f.Close()
			return err
		}
		w.cursorFile = f
	}
	if _, err := w.cursorFile.WriteAt(c.encode(), int64(c.generation%2)*cursorSlot); err != nil {
		return err
	}
	if err := w.cursorFile.Sync(); err != nil {
		return err
	}
	w.cursor = c
	return nil
}

func bootMark(s string) (b [16]byte) {
	if s != "" {
		sum := sha256.Sum256([]byte(s))
		copy(b[:], sum[:])
	}
	return b
}
