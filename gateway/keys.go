package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kapija/internal/policy"
)

// Keys are what the directory gave this gateway.
type Keys struct {
	Policy ed25519.PublicKey // verifies policy and commands
	Site   policy.SiteKey    // turns cards into keys; secret
}

// LoadKeys reads policy.pub and site.key, each 32 bytes in base64, from a folder. site.key must be readable by its owner
// alone.
func LoadKeys(dir string) (Keys, error) {
	pub, err := readKey(filepath.Join(dir, "policy.pub"), false)
	if err != nil {
		return Keys{}, err
	}
	site, err := readKey(filepath.Join(dir, "site.key"), true)
	if err != nil {
		return Keys{}, err
	}
	return Keys{Policy: ed25519.PublicKey(pub), Site: policy.SiteKey(site)}, nil
}

func readKey(path string, secret bool) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("gateway: key file %s is missing: copy it from the server's key folder; expected are 32 bytes in base64", path)
	}
	if err != nil {
		return nil, fmt.Errorf("gateway: key file: %w", err)
	}
	if mode := info.Mode().Perm(); secret && mode&0o077 != 0 {
		return nil, fmt.Errorf("gateway: key file %s has mode %#o and can be read by others: expected 0600; run chmod 600 on it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gateway: key file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("gateway: key file %s is not base64: expected are 32 bytes in base64; copy it again", path)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("gateway: key file %s holds %d bytes: expected are 32; copy it again", path, len(key))
	}
	return key, nil
}
