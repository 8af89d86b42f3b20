// Package secrets keeps what readers must know and nobody else: the key and the identity of each paired OSDP reader, the
// keys of a site's cards, and the counters that tell a used message of a card from a new one.
//
// It never prints a key, and takes no file that others can read. What it writes is there after a power cut, whole or not
// at all.
//
// Concurrency: everything may be called from any goroutine.
package secrets

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"kapija/firmware-bridge/nfc/ntag424"
	"kapija/firmware-bridge/osdp/secure"
	"kapija/firmware-bridge/osdp/wire"
)

// Store is the secrets of one gateway. Nil holds none.
type Store struct {
	dir      string       // of what is learned here: pairings and counters
	cards    func() cards // a function, which fmt cannot look into
	counters *ntag424.Store
	lost     error // why there are no counters
}

// ErrNotPaired is what Reader gives for a reader that has no key of its own yet.
var ErrNotPaired = errors.New("secrets: the reader is not paired")

// ErrNoCounters means that the counters of tags cannot be used.
var ErrNoCounters = errors.New("secrets: no tag can be told from a copy of it")

const (
	cardsFile    = "cards.yaml"
	countersFile = "cards.counters"
	maxTags      = 100_000 // whose counters are kept
)

// Open reads keys/cards.yaml, if it is there, and keeps what is learned in dir, which it makes when it has to. Close
// ends it.
func Open(keys, dir string) (*Store, error) {
	s := &Store{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("secrets: folder for what is known of readers: %w", err)
	}
	c, err := loadCards(filepath.Join(keys, cardsFile))
	if err != nil {
		return nil, err
	}
	s.cards = func() cards { return c }
	if c.NTAG424 == nil {
		return s, nil
	}
	if s.counters, err = ntag424.OpenStore(filepath.Join(dir, countersFile), maxTags); err != nil {
		s.lost = fmt.Errorf("%w: %w", ErrNoCounters, err) // the other cards go on
	}
	return s, nil
}

// Close releases the counters.
func (s *Store) Close() error {
	if s == nil || s.counters == nil {
		return nil
	}
	return s.counters.Close()
}

// Pairing is what a gateway knows of one OSDP reader.
type Pairing struct {
	Key     *secure.Key // its own; nil: it has proven none yet
	Pending *secure.Key // one that it was given and has not proven; nil: none
	ID      wire.ID     // what it said it is when it got its key
}

// stored is a pairing in its file, everything in hexadecimal digits.
type stored struct {
	Key     string `json:"key,omitempty"`
	Pending string `json:"pending,omitempty"`
	Reader  string `json:"reader"` // the reply PDID
}

// Reader is the pairing of a reader. Its error wraps ErrNotPaired, or says why the file cannot be used.
func (s *Store) Reader(id string) (Pairing, error) {
	if s == nil {
		return Pairing{}, ErrNotPaired
	}
	path, err := s.path(id)
	if err != nil {
		return Pairing{}, err
	}
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Pairing{}, fmt.Errorf("%w: kapija-gateway osdp pair %s", ErrNotPaired, id)
	}
	if err != nil {
		return Pairing{}, err
	}
	p, err := parsePairing(b)
	if err != nil {
		return Pairing{}, fmt.Errorf("secrets: %s is damaged: %w; pair the reader again", path, err)
	}
	return p, nil
}

func parsePairing(b []byte) (p Pairing, err error) {
	var f stored
	if json.Unmarshal(b, &f) != nil {
		return p, errors.New("it is not the JSON that is expected")
	}
	if p.Key, err = parseKey(f.Key); err != nil {
		return p, err
	}
	if p.Pending, err = parseKey(f.Pending); err != nil {
		return p, err
	}
	if p.Key == nil && p.Pending == nil {
		return p, errors.New("it has no key")
	}
	raw, err := hex.DecodeString(f.Reader)
	if err != nil {
		return p, errors.New("its reader is not in hexadecimal digits")
	}
	reply, err := wire.ParseReply(wire.ReplyPDID, raw)
	if err != nil {
		return p, fmt.Errorf("its reader: %w", err)
	}
	p.ID, _ = reply.(wire.ID)
	return p, nil
}

// parseKey gives nil for an empty text.
func parseKey(text string) (*secure.Key, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(secure.Key{}) {
		return nil, fmt.Errorf("a key is not %d bytes in hexadecimal digits", len(secure.Key{}))
	}
	key := secure.Key(raw)
	return &key, secure.Check(key)
}

// Pair keeps a pairing in the place of the one before. Weak keys are refused.
func (s *Store) Pair(id string, p Pairing) error {
	path, err := s.path(id)
	if err != nil {
		return err
	}
	f := stored{Reader: hex.EncodeToString(p.ID.Data())}
	if f.Key, err = keyText(p.Key); err == nil {
		f.Pending, err = keyText(p.Pending)
	}
	if err == nil && f.Key == "" && f.Pending == "" {
		err = errors.New("there is none")
	}
	var b []byte
	if err == nil {
		b, err = json.Marshal(f)
	}
	if err == nil {
		err = writeSecret(path, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("secrets: keeping the key of reader %s: %w", id, err)
	}
	return nil
}

func keyText(k *secure.Key) (string, error) {
	if k == nil {
		return "", nil
	}
	return hex.EncodeToString(k[:]), secure.Check(*k)
}

// Forget removes what is known of a reader.
func (s *Store) Forget(id string) error {
	path, err := s.path(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("secrets: %w", err)
	}
	return nil
}

var plain = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func (s *Store) path(id string) (string, error) {
	if s == nil {
		return "", errors.New("secrets: there is no folder for what is known of readers")
	}
	if !plain.MatchString(id) {
		return "", fmt.Errorf("secrets: %.40q is no ID of a reader: a-z, 0-9 and - are expected", id)
	}
	return filepath.Join(s.dir, id+".json"), nil
}
