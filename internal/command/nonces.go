package command

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// slots is how many commands are remembered: more than eight per second for as long as a command can live.
const slots = 512

// slotSize is nonce, expiry in Unix milliseconds, four bytes of zero, and CRC-32C over these, big-endian: a slot lies within
// one sector of every disk.
const slotSize = 32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Nonces remembers the commands that were carried out until they have expired, in a file of fixed size that is written in
// place, so that it takes a command on a full disk too. A restart, a crash and a power cut forget none (L53).
//
// When all slots are used the one that expires first gives way, and what does not expire after it is refused: the clock may
// go back, a command never comes back.
type Nonces struct {
	mu   sync.Mutex
	f    *os.File
	used map[Nonce]int
	slot [slots]slot
	wait time.Time // what does not expire after this is refused: a damaged slot may have held it
}

type slot struct {
	nonce   Nonce
	expires int64 // Unix milliseconds; 0: the slot is free
}

// OpenNonces opens the file, or makes it. Damaged slots are freed; what they held cannot be told, so that commands that were
// made before now are refused as repeated for MaxLife.
func OpenNonces(path string, now time.Time) (*Nonces, error) {
	n := &Nonces{used: map[Nonce]int{}}
	fail := func(err error) (*Nonces, error) {
		return nil, errors.Join(fmt.Errorf("command: file of the nonces: %w", err), n.close())
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fail(err)
	}
	n.f = f
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	all := make([]byte, slots*slotSize)
	if info.Size() > 0 {
		if _, err := f.ReadAt(all, 0); err != nil && info.Size() >= int64(len(all)) {
			return fail(err)
		}
	}
	if info.Size() != int64(len(all)) {
		if info.Size() > 0 { // a power cut while it was made, or a mistake
			n.wait = now.Add(MaxLife)
		}
		if err := errors.Join(write(f, all, 0), f.Truncate(int64(len(all))), f.Sync(), syncDir(filepath.Dir(path))); err != nil {
			return fail(err)
		}
	}
	for i := range n.slot {
		s, ok := decodeSlot(all[i*slotSize:])
		if !ok {
			n.wait = now.Add(MaxLife)
			continue
		}
		n.slot[i] = s
		if s.expires != 0 {
			n.used[s.nonce] = i
		}
	}
	return n, nil
}

// Claim stores the nonce of a command that passed Check, and returns nil when it was new: the command may be carried out.
// It returns when the disk has it. The errors are *Err: Repeated, Overloaded, or NotStored. After NotStored the nonce is
// remembered until a restart all the same.
func (n *Nonces) Claim(c Command, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.used[c.Nonce]; ok {
		return refuse(Repeated, "this command was carried out before")
	}
	if !c.Expires.After(n.wait) {
		return refuse(Repeated, "the memory of earlier commands was damaged; what was signed before %s is refused", n.wait.Add(-MaxLife).Format(time.RFC3339))
	}
	at, expires := 0, c.Expires.UnixMilli()
	for i, s := range n.slot {
		if s.expires < n.slot[at].expires {
			at = i
		}
	}
	switch old := n.slot[at]; {
	case old.expires > now.UnixMilli():
		return refuse(Overloaded, "%d commands within %v: that is too many", slots, MaxLife)
	case expires <= old.expires:
		return refuse(Repeated, "it is older than what is remembered")
	default:
		delete(n.used, old.nonce)
	}
	n.slot[at] = slot{c.Nonce, expires}
	n.used[c.Nonce] = at
	if err := errors.Join(write(n.f, encodeSlot(n.slot[at]), int64(at*slotSize)), n.f.Sync()); err != nil {
		return refuse(NotStored, "the gateway's disk does not keep what was carried out: %v", err)
	}
	return nil
}

// Close closes the file.
func (n *Nonces) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.close()
}

func (n *Nonces) close() error {
	if n.f == nil {
		return nil
	}
	return n.f.Close()
}

func encodeSlot(s slot) []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, s.nonce[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.expires))
	b = append(b, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeSlot(b []byte) (slot, bool) {
	b = b[:slotSize]
	if [slotSize]byte(b) == [slotSize]byte{} {
		return slot{}, true
	}
	s := slot{Nonce(b[:len(Nonce{})]), int64(binary.BigEndian.Uint64(b[len(Nonce{}):]))}
	if binary.BigEndian.Uint32(b[slotSize-4:]) != crc32.Checksum(b[:slotSize-4], castagnoli) || s.expires <= 0 {
		return slot{}, false
	}
	return s, true
}

func write(f *os.File, b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
