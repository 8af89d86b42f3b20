package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// disk is what the journal needs of a folder. Names are of files in it.
type disk interface {
	// Lock fails with errLocked while another holds it. Shared is for looking only: it makes no file, keeps writers out, and
	// is no lock at all where there is no lock file.
	Lock(shared bool) (io.Closer, error)
	List() ([]entry, error)
	Open(name string, flag int) (file, error) // flag as for os.OpenFile
	Rename(from, to string) error
	Remove(name string) error
	Touch(name string, at time.Time) error
	Sync() error  // the folder itself
	Boot() string // differs after each start of the machine; empty when unknown
}

type entry struct {
	name    string
	size    int64
	touched time.Time
}

type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

var errLocked = errors.New("another process has this journal open; stop it first")

// folder is a disk on the real file system.
type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), name) }

func (d folder) Lock(shared bool) (io.Closer, error) {
	flag, how := os.O_RDWR|os.O_CREATE, syscall.LOCK_EX
	if shared {
		flag, how = os.O_RDONLY, syscall.LOCK_SH
	} else if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(lockName), flag, 0o600)
	if shared && errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock %s: %w", d.path(lockName), err)
	}
	return f, nil
}

func (d folder) List() ([]entry, error) {
	des, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, de := range des {
		fi, err := de.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, entry{de.Name(), fi.Size(), fi.ModTime()})
	}
	return out, nil
}

func (d folder) Open(name string, flag int) (file, error) {
	return os.OpenFile(d.path(name), flag, 0o600)
}
func (d folder) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }
func (d folder) Remove(name string) error     { return os.Remove(d.path(name)) }
func (d folder) Touch(name string, at time.Time) error {
	return os.Chtimes(d.path(name), time.Time{}, at)
}

func (d folder) Sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d folder) Boot() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
