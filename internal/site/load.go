package site

import (
	"fmt"
	"os"
	"time"
	_ "time/tzdata" // a machine without time zones must not fall back to UTC
)

// What a configuration leaves out.
const (
	defaultRelease     = 5 * time.Second
	defaultExtended    = 15 * time.Second
	defaultHeldAfter   = 30 * time.Second
	defaultHeldWarning = 5 * time.Second
	defaultDebounce    = 20 * time.Millisecond
	defaultEvery       = time.Minute
	defaultActive      = "low" // a contact that closes to ground
	defaultPull        = "none"
	defaultBaud        = 9600
	defaultLoop        = 4700 // Ω, of each resistor of a supervised input
)

// maxFile is the largest configuration file that is read, in bytes.
const maxFile = 1 << 20

// Load reads a district's file, fills in what it leaves out, checks it and links it. The error is Problems, which
// names every problem with its line and column, or says why the file cannot be read.
func Load(path string) (*District, error) {
	src, err := read(path)
	if err != nil {
		return nil, err
	}
	return parseDistrict(path, src)
}

// LoadWiring reads a gateway's wiring file and checks it against the devices that the district gives that gateway.
// Errors are as those of Load.
func LoadWiring(path string, d *District) (*Wiring, error) {
	src, err := read(path)
	if err != nil {
		return nil, err
	}
	return parseWiring(path, src, d)
}

func read(path string) ([]byte, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("site: read the configuration: %w", err)
	}
	if len(src) > maxFile {
		return nil, fmt.Errorf("site: %s has %d bytes, expected at most %d: is it the right file?", path, len(src), maxFile)
	}
	return src, nil
}

func parseDistrict(file string, src []byte) (*District, error) {
	d := &District{}
	doc := decode(file, src, d)
	if len(d.Buildings) > 0 || len(doc.problems) == 0 {
		checkDistrict(doc, d)
	}
	if err := doc.err(); err != nil {
		return nil, err
	}
	for _, b := range d.Buildings {
		b.fill()
	}
	return d, nil
}

// fill sets the defaults.
func (b *Building) fill() {
	for _, z := range b.Zones {
		if z.Occupancy.Action != "" {
			or(&z.Occupancy.Limit, z.People())
		}
	}
	for _, d := range b.Doors {
		or(&d.Release, defaultRelease)
		or(&d.Extended, max(defaultExtended, d.Release))
		or(&d.HeldAfter, defaultHeldAfter)
		or(&d.HeldWarning, min(defaultHeldWarning, d.HeldAfter/2))
		or(&d.Mode, Secure)
	}
	for _, g := range b.Gateways {
		for _, i := range g.Inputs {
			or(&i.Active, defaultActive)
			or(&i.Debounce, defaultDebounce)
		}
		for _, s := range g.Sensors {
			or(&s.Every, defaultEvery)
		}
	}
}

// or sets what is not set.
func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}
