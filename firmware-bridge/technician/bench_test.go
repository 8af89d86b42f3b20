package technician_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/firmware-bridge/technician"
	"kapija/internal/site"
)

// bench is the technician's bench that is shipped, on virtual wires.
type bench struct {
	*testing.T
	building *site.Building
	wires    *sim.Wires
	technician.Config
}

const cards = `desfire: {aid: f532f0, key: 8f2d71c05be39a4417d6f0827c13b95e, key_no: 1, system: bench}
ntag424: {key: c5097de64fa1382b9c70e4d51f86b32a, meta_read: 0b9ee7135d24f8c6a1907b3c42d86fe5, system: bench}
`

// newBench changes the bench before its wires are laid. It belongs into a synctest bubble.
func newBench(t *testing.T, change func(*site.Building, *site.Gateway, *site.Wiring)) *bench {
	t.Helper()
	district, err := site.Load("../../configs/bench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wiring, err := site.LoadWiring("../../configs/gateways/bench-gw-bench.yaml", district)
	if err != nil {
		t.Fatal(err)
	}
	building := district.Buildings[0]
	gateway := building.Gateways[0]
	if change != nil {
		change(building, gateway, wiring)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cards.yaml"), []byte(cards), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := secrets.Open(dir, filepath.Join(dir, "readers"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { known.Close() })
	wires, err := sim.Open(gateway, &sim.Opts{Wiring: wiring, Secrets: known})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := wires.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{t, building, wires, technician.Config{
		Gateway: gateway, Wires: wires, Rig: rig.Opts{Wiring: wiring, Formats: district.Formats, Secrets: known},
	}}
}

// do gives commands to the wires.
func (b *bench) do(lines ...string) {
	b.Helper()
	for _, line := range lines {
		if answer, err := b.wires.Do(b.Context(), line); err != nil || answer != "ok" {
			b.Fatalf("%s: %q, %v", line, answer, err)
		}
	}
}

// outputs are those that are on.
func (b *bench) outputs() string {
	b.Helper()
	answer, err := b.wires.Do(b.Context(), "outputs")
	if err != nil {
		b.Fatal(err)
	}
	var on []string
	for _, part := range strings.Split(strings.Trim(answer, "{}"), ",") {
		if id, ok := strings.CutSuffix(part, ":true"); ok {
			on = append(on, strings.Trim(id, `"`))
		}
	}
	return strings.Join(on, " ")
}

func (b *bench) door(id string) *site.Door {
	d := b.building.Door(id)
	if d == nil {
		b.Fatalf("the bench has no door %s", id)
	}
	return d
}

// check looks at everything, and gives the findings by device.
func (b *bench) check(within time.Duration) map[string]technician.Finding {
	b.Helper()
	all, err := technician.Check(b.Context(), b.Config, within)
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]technician.Finding{}
	for _, f := range all {
		found[f.ID] = f
	}
	return found
}

// watch runs Watch until a test has seen enough, and gives all that was told.
func (b *bench) watch(edges bool, drive func()) (all []technician.Seen) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() {
		ended <- technician.Watch(ctx, b.Config, edges, func(s technician.Seen) error {
			all = append(all, s)
			return nil
		})
	}()
	drive()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return all
}

// rewire lays the wires anew, as the Config has become.
func (b *bench) rewire(t *testing.T) {
	t.Helper()
	wires, err := sim.Open(b.Gateway, &sim.Opts{Wiring: b.Rig.Wiring, Secrets: b.Rig.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wires.Close() })
	b.wires, b.Wires = wires, wires
}
