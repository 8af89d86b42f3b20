package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kapija/internal/policy"
)

// Keys are the secrets of one installation. They are made once and kept in one folder; a gateway gets copies of
// PublicFile and SiteFile.
type Keys struct {
	Policy ed25519.PrivateKey // signs policies and commands
	Site   policy.SiteKey     // turns credentials into keys
}

// The files of a key folder. Each holds base64 and a newline.
const (
	PrivateFile = "policy.key" // the server's alone
	PublicFile  = "policy.pub"
	SiteFile    = "site.key"
)

// LoadKeys reads the keys in dir, and makes them when the folder holds none. A folder that holds some of them is an
// error: new keys would lock every gateway out.
func LoadKeys(dir string) (Keys, error) {
	var k Keys
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return k, fmt.Errorf("server: key folder: %w", err)
	}
	seed, errPrivate := readKey(filepath.Join(dir, PrivateFile), ed25519.SeedSize)
	site, errSite := readKey(filepath.Join(dir, SiteFile), len(k.Site))
	switch {
	case errPrivate == nil && errSite == nil:
	case errors.Is(errPrivate, os.ErrNotExist) && errors.Is(errSite, os.ErrNotExist):
		seed, site = make([]byte, ed25519.SeedSize), make([]byte, len(k.Site))
		_, _ = rand.Read(seed) // never fails: it ends the program instead
		_, _ = rand.Read(site)
	default:
		return k, fmt.Errorf("server: %s is incomplete or damaged; put %s and %s back from a backup: new keys would lock out every gateway: %w",
			dir, PrivateFile, SiteFile, errors.Join(errPrivate, errSite))
	}
	k.Policy = ed25519.NewKeyFromSeed(seed)
	copy(k.Site[:], site)
	return k, errors.Join(
		writeKey(filepath.Join(dir, PrivateFile), seed, 0o600),
		k.WriteGateway(dir),
	)
}

// WriteGateway writes what a gateway needs into dir.
func (k Keys) WriteGateway(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("server: key folder: %w", err)
	}
	public, ok := k.Policy.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("server: the policy key has no public half")
	}
	return errors.Join(
		writeKey(filepath.Join(dir, PublicFile), public, 0o644),
		writeKey(filepath.Join(dir, SiteFile), k.Site[:], 0o600),
	)
}

func readKey(path string, size int) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != size {
		return nil, fmt.Errorf("%s does not hold %d bytes in base64", path, size)
	}
	return b, nil
}

// writeKey writes a file that is whole or not there, and leaves an existing one alone.
func writeKey(path string, key []byte, mode os.FileMode) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return os.Rename(f.Name(), path)
}
