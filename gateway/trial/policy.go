package trial

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kapija/gateway"
	"kapija/gateway/snapshot"
	"kapija/internal/cardformat"
	"kapija/internal/policy"
	"kapija/internal/topic"
)

// made is what a server would hold.
type made struct {
	policy ed25519.PrivateKey
	site   policy.SiteKey
}

// makeKeys makes the key folder, anew each time: nothing that was made before is of use.
func makeKeys(dir string) (m made, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, fmt.Errorf("trial: %w", err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return m, fmt.Errorf("trial: %w", err)
	}
	m.policy = private
	_, _ = rand.Read(m.site[:]) // never fails: it ends the program instead
	text := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b) + "\n") }
	card := func() string {
		var k [16]byte
		_, _ = rand.Read(k[:])
		return hex.EncodeToString(k[:])
	}
	cards := fmt.Sprintf("desfire: {aid: 4B4150, key: %s, key_no: 1, system: kapija-sim}\nntag424: {key: %s, meta_read: %s, system: kapija-sim}\n",
		card(), card(), card())
	return m, errors.Join(
		os.WriteFile(filepath.Join(dir, "policy.pub"), text(public), 0o600),
		os.WriteFile(filepath.Join(dir, "site.key"), text(m.site[:]), 0o600),
		os.WriteFile(filepath.Join(dir, "cards.yaml"), []byte(cards), 0o600))
}

// sample is a command to try, and what it does.
type sample struct{ command, what string }

const (
	allDoors = 1 // number of the level that grants every door
	goodPIN  = "2468"
)

// policy signs and stores rules in which one card of each format opens every door, one was revoked, and nothing else is
// known.
func (c Config) policy(m made) ([]sample, error) {
	address := topic.Gateway{Building: c.Building.ID, Gateway: c.Gateway.ID}
	dir := filepath.Join(c.Dir, "data", gateway.PolicyDir)
	if err := os.RemoveAll(dir); err != nil { // signed by keys that are gone
		return nil, fmt.Errorf("trial: %w", err)
	}
	store, err := snapshot.Open(dir, m.policy.Public().(ed25519.PublicKey), address)
	if err != nil {
		return nil, err
	}
	version := uint64(time.Now().Unix())
	rules := policy.Rules{Version: version, TimeZone: c.Building.TimeZone, Schedules: []policy.Schedule{}, Holidays: []policy.Holiday{}}
	var doors []string
	for _, d := range c.Building.DoorsOf(c.Gateway.ID) {
		doors = append(doors, d.ID)
	}
	rules.Levels = []policy.Level{{Number: allDoors, ID: "all-doors", Grants: []policy.Grant{{Doors: doors, Schedule: "always"}}}}
	body, err := policy.EncodeRules(rules)
	if err != nil {
		return nil, err
	}
	accept := func(shard string, body []byte) error {
		t := topic.ForPolicy(address, shard)
		_, err := store.Accept(t, policy.Seal(m.policy, t, body))
		return err
	}
	if err := accept(policy.RulesName, body); err != nil {
		return nil, err
	}
	entries, samples, err := c.cards(m.site)
	if err != nil {
		return nil, err
	}
	for i := range 256 {
		index := uint8(i)
		body, err := policy.EncodeShard(index, version, entries[index])
		if err != nil {
			return nil, err
		}
		if err := accept(policy.ShardName(index), body); err != nil {
			return nil, err
		}
	}
	return samples, nil
}

// The numbers of the cards to try.
const (
	goodCard    = 1001
	revokedCard = 1002
	strangeCard = 4711
)

var cardsToTry = []struct {
	number uint64
	what   string
}{{goodCard, "opens"}, {revokedCard, "was revoked"}, {strangeCard, "is not known"}}

func (c Config) cards(key policy.SiteKey) (entries map[uint8][]policy.Entry, samples []sample, err error) {
	entries = map[uint8][]policy.Entry{}
	known := map[policy.Key]bool{}
	person := policy.PersonOf("technician")
	pin, err := key.PINKey(person, goodPIN)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range c.Gateway.Readers {
		formats, err := c.District.Formats.Select(r.Formats)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range formats {
			for _, card := range cardsToTry {
				number, what := card.number, card.what
				bits, n, err := f.Encode(facility(f), number)
				if err != nil {
					return nil, nil, err
				}
				samples = append(samples, sample{command(r.ID, f, bits, n), "a card of format " + f.Name + " that " + what})
				e := policy.Entry{Key: key.Card(f.Name, bits, n), Badge: "T-" + f.Name + "-" + fmt.Sprint(number), Levels: []uint16{allDoors}, Person: person, PIN: pin}
				if number == revokedCard {
					e.Status = policy.Revoked
				}
				if number != strangeCard && !known[e.Key] {
					known[e.Key] = true
					entries[e.Key.Shard()] = append(entries[e.Key.Shard()], e)
				}
			}
		}
		if r.Keypad != "" {
			samples = append(samples, sample{"keys " + r.ID + " " + goodPIN + "#", "the PIN of every card, where a door asks for it"})
		}
	}
	return entries, samples, nil
}

func facility(f cardformat.Format) uint64 {
	if f.Facility.Width == 0 || f.Contactless {
		return 0
	}
	return 1
}

// command is how a card of this format is held up.
func command(reader string, f cardformat.Format, bits []byte, n int) string {
	if !f.Contactless {
		return "wiegand " + reader + " " + cardformat.String(bits, n)
	}
	uid := hex.EncodeToString(bits)
	if f.Name == "desfire" || f.Name == "ntag424" {
		uid = f.Name + ":" + uid
	}
	return "card " + reader + " " + uid
}
