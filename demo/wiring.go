package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kapija/configs"
)

// wiring is the file that says how a gateway's virtual wires are laid.
func (d *demo) wiring(building, gateway string) string {
	return filepath.Join(d.Dir, "wiring", building+"-"+gateway+".yaml")
}

// layWires copies the wiring files that are not there yet: as the configuration, they may be changed.
func (d *demo) layWires() error {
	if err := os.MkdirAll(filepath.Join(d.Dir, "wiring"), 0o755); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for _, b := range d.site.Buildings {
		for _, g := range b.Gateways {
			path := d.wiring(b.ID, g.ID)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				continue
			}
			text, err := configs.Gateways.ReadFile("gateways/" + filepath.Base(path))
			if err == nil {
				err = os.WriteFile(path, text, 0o644)
			}
			if err != nil {
				return fmt.Errorf("demo: wiring of %s/%s: %w", b.ID, g.ID, err)
			}
		}
	}
	return nil
}
