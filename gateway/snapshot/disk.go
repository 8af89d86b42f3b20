package snapshot

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kapija/internal/policy"
	"kapija/internal/topic"
)

// The files of the folder: one per shard, the sealed payload as it came; the one being written; and what was damaged, for
// a technician to look at.
const (
	suffix        = ".sealed"
	tempSuffix    = ".tmp"
	damagedSuffix = ".damaged"
)

// Damaged is a file that could not be used at start. Until its shard comes again from the broker, the credentials in it
// are refused with event.PolicyNotLoaded, and everybody is when it is the rules.
type Damaged struct {
	Shard string // "rules", or "00" … "ff"
	File  string // where it is now
	Cause error
}

// Open loads what is stored in dir, which it makes when it is missing, and verifies each file as if it came from the
// broker. A file that is damaged, or signed for something else, is set aside and reported by Damaged; the rest is
// loaded. The error is about the key and the folder itself.
func Open(dir string, pub ed25519.PublicKey, gw topic.Gateway) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("snapshot: folder for the policy: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("snapshot: folder of the policy: %w", err)
	}
	for _, f := range files {
		// A power cut between write and rename leaves a temporary file; its message was not reported as stored.
		if strings.HasSuffix(f.Name(), suffix+tempSuffix) {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
	return load(dir, pub, gw, setAside)
}

// Look is Open for somebody who only wants to see what is stored, while the gateway may be running: it changes nothing in
// the folder, which must be there.
func Look(dir string, pub ed25519.PublicKey, gw topic.Gateway) (*Store, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("snapshot: folder of the policy: %w", err)
	}
	return load(dir, pub, gw, func(dir, name string, cause error) Damaged {
		return Damaged{Shard: name, File: filepath.Join(dir, name+suffix), Cause: cause}
	})
}

func load(dir string, pub ed25519.PublicKey, gw topic.Gateway, aside func(dir, name string, cause error) Damaged) (*Store, error) {
	if len(pub) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("snapshot: the public key has %d bytes: %d are expected", len(pub), ed25519.PublicKeySize)
	}
	s := &Store{dir: dir, pub: pub, gateway: gw, known: make(map[string]held)}
	for _, name := range shardNames() {
		err := s.load(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.damaged = append(s.damaged, aside(dir, name, err))
		}
	}
	return s, nil
}

// Damaged lists what Open set aside.
func (s *Store) Damaged() []Damaged { return s.damaged }

func (s *Store) load(name string) error {
	payload, err := read(filepath.Join(s.dir, name+suffix))
	if err != nil {
		return err
	}
	o, err := open(s.pub, s.gateway, name, payload)
	if err != nil {
		return err
	}
	snap, err := o.join(s.current.Load())
	if err != nil {
		return err
	}
	s.current.Store(snap)
	s.known[name] = held{version: o.version, sum: sha256.Sum256(payload)}
	return nil
}

// read never takes more than open accepts into memory.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxPayload+1))
}

// setAside keeps a bad file from being loaded again. On a read-only file system it stays where it is.
func setAside(dir, name string, cause error) Damaged {
	path := filepath.Join(dir, name+suffix)
	if err := os.Rename(path, path+damagedSuffix); err != nil {
		return Damaged{Shard: name, File: path, Cause: errors.Join(cause, fmt.Errorf("snapshot: setting aside: %w", err))}
	}
	return Damaged{Shard: name, File: path + damagedSuffix, Cause: cause}
}

// write replaces a shard's file so that after a power cut at any moment either the old or the new one is there, whole.
func write(dir, name string, payload []byte) (err error) {
	path := filepath.Join(dir, name+suffix)
	temp := path + tempSuffix
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	_, err = f.Write(payload)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func shardNames() []string {
	names := []string{policy.RulesName}
	for i := range 256 {
		names = append(names, policy.ShardName(uint8(i)))
	}
	return names
}
