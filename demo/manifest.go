package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kapija/internal/cardformat"
	"kapija/internal/event"
	"kapija/internal/site"
)

// Manifest is DIR/demo.json: what a person or a test needs to use the demo.
type Manifest struct {
	HTTP     string    `json:"http"`
	User     string    `json:"user"`
	Password string    `json:"password"`
	Token    string    `json:"token"`
	MQTT     string    `json:"mqtt"`
	Influx   Influx    `json:"influx"`
	Gateways []Gateway `json:"gateways"`
	Samples  []Sample  `json:"samples"`
	// Processes are the process IDs by name. The demo starts a killed one again, with a new ID.
	Processes map[string]int `json:"processes"`
}

// Influx is the demo's database.
type Influx struct {
	URL    string `json:"url"`
	Bucket string `json:"bucket"`
	Token  string `json:"token"`
	Org    string `json:"org"`
}

// Gateway is one gateway process of the demo.
type Gateway struct {
	Building string `json:"building"`
	Gateway  string `json:"gateway"`
	Socket   string `json:"socket"` // of its virtual wires
	Data     string `json:"data"`   // its journals and policy
}

// Sample is a badge to try by hand.
type Sample struct {
	Building string       `json:"building"`
	Gateway  string       `json:"gateway"`
	Socket   string       `json:"socket"`
	Reader   string       `json:"reader"`
	Door     string       `json:"door"`
	Output   string       `json:"output"` // the lock
	Bits     string       `json:"bits"`
	Reason   event.Reason `json:"reason"` // what the gateway will say
	Badge    string       `json:"badge,omitempty"`
}

const manifestFile = "demo.json"

// samples are three badges for each building: one that opens, one that was revoked, one that nobody was given.
func samples(b *site.Building, formats *cardformat.Set, people []*person, socket func(gateway string) string) []Sample {
	g := guest(people)
	way := route(b, site.Outside, g.Home, true)
	d := way[len(way)-1].door
	sample := func(p *person, r event.Reason) Sample {
		return Sample{
			Building: b.ID, Gateway: d.Gateway, Socket: socket(d.Gateway), Reader: d.Entry, Door: d.ID, Output: d.Lock,
			Bits: p.Bits, Reason: r, Badge: p.Badge,
		}
	}
	nobody := (&person{}).give(b, formats, 64_999)
	return []Sample{
		sample(g, event.Granted),
		sample(fated(people, event.Revoked), event.Revoked),
		sample(nobody, event.UnknownBadge),
	}
}

func readManifest(dir string) (m Manifest, err error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return m, fmt.Errorf("demo: %s cannot be read (%w); remove the folder to begin anew", filepath.Join(dir, manifestFile), err)
	}
	return m, nil
}

// write replaces a JSON file as a whole.
func write(dir, name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".json-*")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
