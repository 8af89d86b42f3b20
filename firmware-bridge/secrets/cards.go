package secrets

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/goccy/go-yaml"

	"kapija/firmware-bridge/nfc/desfire"
	"kapija/firmware-bridge/nfc/keys"
	"kapija/firmware-bridge/nfc/ntag424"
)

// cards is how a site makes its cards: keys/cards.yaml. Keys are 32 hexadecimal digits.
type cards struct {
	DESFire *desfireCards `yaml:"desfire"` // nil: it has none
	NTAG424 *ntagCards    `yaml:"ntag424"`
}

type desfireCards struct {
	AID        string `yaml:"aid"` // six hexadecimal digits, as on the air: least significant byte first
	Key        string `yaml:"key"`
	KeyNo      byte   `yaml:"key_no"`
	Identify   string `yaml:"identify"` // of cards with a random UID; empty: there are none
	IdentifyNo byte   `yaml:"identify_no"`
	System     string `yaml:"system"`
}

type ntagCards struct {
	Key      string `yaml:"key"`
	MetaRead string `yaml:"meta_read"`
	System   string `yaml:"system"`
	PICC     string `yaml:"picc"`     // names of the link's parameters
	MAC      string `yaml:"mac"`      //
	MACFrom  string `yaml:"mac_from"` // the parameter at which the text begins that the MAC covers
}

func loadCards(path string) (c cards, err error) {
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		// The message of the library quotes the file: only its place may be told.
		where := path
		if y := yaml.Error(nil); errors.As(err, &y) && y.GetToken() != nil {
			where = fmt.Sprintf("%s:%d", path, y.GetToken().Position.Line)
		}
		return cards{}, fmt.Errorf("secrets: %s: not what is expected there: see docs/hardware.md for its form", where)
	}
	if c.DESFire != nil {
		_, err = c.DESFire.opts()
	}
	if c.NTAG424 != nil {
		_, ntag := c.NTAG424.opts()
		err = errors.Join(err, ntag)
	}
	if err != nil {
		return cards{}, fmt.Errorf("secrets: %s: %w", path, err)
	}
	return c, nil
}

func (c *desfireCards) opts() (o desfire.Opts, err error) {
	aid, err := hex.DecodeString(c.AID)
	if err != nil || len(aid) != len(o.AID) {
		return o, fmt.Errorf("desfire: aid of %d characters, expected six hexadecimal digits", len(c.AID))
	}
	o = desfire.Opts{AID: [3]byte(aid), KeyNo: c.KeyNo, IdentifyNo: c.IdentifyNo, System: []byte(c.System)}
	if o.Key, err = keys.Parse(c.Key); err != nil {
		return o, fmt.Errorf("desfire: key: %w", err)
	}
	if c.Identify == "" {
		return o, nil
	}
	if o.Identify, err = keys.Parse(c.Identify); err != nil {
		return o, fmt.Errorf("desfire: identify: %w", err)
	}
	return o, nil
}

func (c *ntagCards) opts() (o ntag424.Opts, err error) {
	o = ntag424.Opts{System: []byte(c.System), PICC: c.PICC, MAC: c.MAC, MACFrom: c.MACFrom}
	if o.Key, err = keys.Parse(c.Key); err != nil {
		return o, fmt.Errorf("ntag424: key: %w", err)
	}
	if o.MetaRead, err = keys.Parse(c.MetaRead); err != nil {
		return o, fmt.Errorf("ntag424: meta_read: %w", err)
	}
	return o, nil
}

// DESFire is how the site's DESFire cards are made. The error says that there are none.
func (s *Store) DESFire() (desfire.Opts, error) {
	if s == nil || s.cards().DESFire == nil {
		return desfire.Opts{}, errors.New("secrets: no desfire section in cards.yaml of the key folder: the format desfire needs it")
	}
	return s.cards().DESFire.opts()
}

// NTAG424 is how the site's NTAG 424 DNA tags are made, with the counters of those that were read here. The error says
// that there are none. One that wraps ErrNoCounters says why the counters cannot be used: the options are good then, and
// refuse each tag.
func (s *Store) NTAG424() (ntag424.Opts, error) {
	if s == nil || s.cards().NTAG424 == nil {
		return ntag424.Opts{}, errors.New("secrets: no ntag424 section in cards.yaml of the key folder: the format ntag424 needs it")
	}
	o, err := s.cards().NTAG424.opts()
	o.Counters = s.counters
	if err == nil && s.lost != nil {
		o.Counters, err = noCounters{s.lost}, s.lost
	}
	return o, err
}

// noCounters believes no tag.
type noCounters struct{ cause error }

func (n noCounters) Advance(ntag424.ID, uint32) error { return n.cause }
