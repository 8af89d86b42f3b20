package journal

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// memory is a disk that forgets, when its power is cut, what was not synced, and that fails when told to.
type memory struct {
	mu     sync.Mutex
	names  map[string]*blob
	synced map[string]*blob // the folder as it was synced last
	boot   string
	locked bool                        // by one that writes
	room   int                         // bytes of all files together; 0: no limit
	fail   func(op, name string) error // op: lock, open, create, write, sync, rename, remove, read, truncate, touch
}

type blob struct {
	data, synced []byte
	touched      time.Time
}

func newMemory() *memory {
	return &memory{names: map[string]*blob{}, synced: map[string]*blob{}, boot: "first"}
}

func (m *memory) failing(fail func(op, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

func (m *memory) check(op, name string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(op, name)
}

// cut is a power cut: of what was not synced, any first part survives.
func (m *memory) cut(r *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = maps.Clone(m.synced)
	for _, b := range m.names {
		old := b.synced
		if bytes.HasPrefix(b.data, b.synced) {
			old = b.data[:len(b.synced)+r.IntN(len(b.data)-len(b.synced)+1)]
		}
		b.data, b.synced = slices.Clone(old), slices.Clone(old)
	}
	m.boot, m.locked = m.boot+"'", false
}

// crash is the death of the process: everything written survives.
func (m *memory) crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = false
}

func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	c.boot = m.boot
	for n, b := range m.names {
		nb := &blob{slices.Clone(b.data), slices.Clone(b.data), b.touched}
		c.names[n], c.synced[n] = nb, nb
	}
	return c
}

type unlock struct{ m *memory }

func (u unlock) Close() error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	u.m.locked = false
	return nil
}

func (m *memory) Lock(shared bool) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if shared && !m.locked {
		return io.NopCloser(nil), nil
	}
	if err := m.check("lock", lockName); err != nil {
		return nil, err
	}
	if m.locked {
		return nil, errLocked
	}
	m.locked = true
	return unlock{m}, nil
}

func (m *memory) List() (out []entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, b := range m.names {
		out = append(out, entry{n, int64(len(b.data)), b.touched})
	}
	return out, nil
}

func (m *memory) Open(name string, flag int) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := m.check(op, name); err != nil {
		return nil, err
	}
	b := m.names[name]
	if b == nil {
		if flag&os.O_CREATE == 0 {
			return nil, fs.ErrNotExist
		}
		b = &blob{}
		m.names[name] = b
	}
	if flag&os.O_TRUNC != 0 {
		b.data = nil
	}
	return &handle{m, b, name}, nil
}

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("rename", from); err != nil {
		return err
	}
	if m.names[from] == nil {
		return fs.ErrNotExist
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("remove", name); err != nil {
		return err
	}
	if m.names[name] == nil {
		return fs.ErrNotExist
	}
	delete(m.names, name)
	return nil
}

func (m *memory) Touch(name string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("touch", name); err != nil {
		return err
	}
	if b := m.names[name]; b != nil {
		b.touched = at
	}
	return nil
}

func (m *memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("sync", "."); err != nil {
		return err
	}
	m.synced = maps.Clone(m.names)
	return nil
}

func (m *memory) Boot() string { return m.boot }

type handle struct {
	m    *memory
	b    *blob
	name string
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.check("read", h.name); err != nil {
		return 0, err
	}
	return bytes.NewReader(h.b.data).ReadAt(p, off)
}

// WriteAt writes half when it fails.
func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	err := h.m.check("write", h.name)
	used := 0
	for _, b := range h.m.names {
		used += len(b.data)
	}
	if grows := int(off) + len(p) - len(h.b.data); h.m.room > 0 && grows > 0 && used+grows > h.m.room {
		err = syscall.ENOSPC
	}
	if err != nil {
		p = p[:len(p)/2]
	}
	if need := int(off) + len(p); need > len(h.b.data) {
		h.b.data = append(h.b.data, make([]byte, need-len(h.b.data))...)
	}
	copy(h.b.data[off:], p)
	return len(p), err
}

func (h *handle) Truncate(size int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.check("truncate", h.name); err != nil {
		return err
	}
	h.b.data = h.b.data[:size]
	return nil
}

func (h *handle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.check("sync", h.name); err != nil {
		return err
	}
	h.b.synced = slices.Clone(h.b.data)
	return nil
}

func (h *handle) Close() error { return nil }
