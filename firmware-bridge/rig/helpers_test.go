package rig_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// full is the district's bench, with one of everything, as it is shipped.
type full struct {
	district *site.District
	gw       *site.Gateway
	wiring   *site.Wiring
	keys     string // folder
	learned  string // folder
}

func newFull(t *testing.T) *full {
	t.Helper()
	const configs = "../../configs"
	d, err := site.Load(filepath.Join(configs, "bench.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := site.LoadWiring(filepath.Join(configs, "gateways", "bench-gw-bench.yaml"), d)
	if err != nil {
		t.Fatal(err)
	}
	f := &full{d, d.Buildings[0].Gateways[0], w, t.TempDir(), t.TempDir()}
	f.write(t, filepath.Join(f.keys, "cards.yaml"), `
desfire: {aid: F532F0, key: 8f2d71c05be39a4417d6f0827c13b95e, key_no: 1, system: bench}
ntag424: {key: c5097de64fa1382b9c70e4d51f86b32a, meta_read: 0b9ee7135d24f8c6a1907b3c42d86fe5, system: bench}
`)
	return f
}

func (f *full) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *full) secrets(t *testing.T) *secrets.Store {
	t.Helper()
	s, err := secrets.Open(f.keys, f.learned)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// wires opens the virtual wires. Readers are paired, unless they are unboxed.
func (f *full) wires(t *testing.T, unboxed bool) *sim.Wires {
	t.Helper()
	w, err := sim.Open(f.gw, &sim.Opts{Wiring: f.wiring, Secrets: f.secrets(t), Unboxed: unboxed})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *full) open(t *testing.T, w bridge.Wires) (*rig.Devices, error) {
	t.Helper()
	return rig.Open(f.gw, w, rig.Opts{Wiring: f.wiring, Formats: f.district.Formats, Secrets: f.secrets(t)})
}

// run runs everything until the test ends.
func (f *full) run(t *testing.T, w *sim.Wires) *bench {
	t.Helper()
	d, err := f.open(t, w)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, w, d)
}

func run(t *testing.T, w *sim.Wires, d *rig.Devices) *bench {
	t.Helper()
	b := &bench{t, w, d, make(chan bridge.Signal, 1<<16)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for _, s := range d.Sources {
		go func() { ended <- s.Run(ctx, b.out) }()
	}
	t.Cleanup(func() {
		cancel()
		for range d.Sources {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// shown are the outputs as whoever stands before the lock sees them.
func (b *bench) shown() (on map[string]bool) {
	b.Helper()
	answer, err := b.wires.Do(b.Context(), "outputs")
	if err == nil {
		err = json.Unmarshal([]byte(answer), &on)
	}
	if err != nil {
		b.Fatal(err)
	}
	return on
}

// healths are the words about health among what was told.
func healths(told map[string][]any) map[string][]bridge.Health {
	m := map[string][]bridge.Health{}
	for id, all := range told {
		for _, what := range all {
			if h, ok := what.(bridge.Health); ok {
				m[id] = append(m[id], h)
			}
		}
	}
	return m
}

// online is how long everything of the bench may need to come up.
const online = 20 * time.Second
