package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/rig"
	"kapija/firmware-bridge/secrets"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// theBench is the district's bench: one of everything, in each kind of wiring.
type theBench struct {
	district *site.District
	gw       *site.Gateway
	opts     sim.Opts
}

func newBench(t testing.TB) theBench {
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
	keys := t.TempDir()
	cards := `
desfire: {aid: F532F0, key: 8f2d71c05be39a4417d6f0827c13b95e, key_no: 1, system: bench}
ntag424: {key: c5097de64fa1382b9c70e4d51f86b32a, meta_read: 0b9ee7135d24f8c6a1907b3c42d86fe5, system: bench}
`
	if err := os.WriteFile(filepath.Join(keys, "cards.yaml"), []byte(cards), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := secrets.Open(keys, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { known.Close() })
	return theBench{d, d.Buildings[0].Gateways[0], sim.Opts{Wiring: w, Secrets: known}}
}

func (b theBench) open(t testing.TB) *sim.Wires {
	t.Helper()
	w, err := sim.Open(b.gw, &b.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// run runs the bench's devices until the test ends.
func (b theBench) run(t *testing.T, w *sim.Wires) (stop func()) {
	t.Helper()
	d, err := rig.Open(b.gw, w, rig.Opts{Wiring: b.opts.Wiring, Formats: b.district.Formats, Secrets: b.opts.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan bridge.Signal, 64)
	var all sync.WaitGroup
	for _, s := range d.Sources {
		all.Go(func() {
			if err := s.Run(ctx, out); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		for on := true; ctx.Err() == nil; on = !on {
			select {
			case <-out:
			case <-ctx.Done():
			}
			for _, o := range d.Outputs {
				_ = o.Set(on) // one that is failed says so
			}
		}
	})
	return func() { cancel(); all.Wait() }
}

// good are commands that are obeyed, with each verb and each kind of wiring.
var good = []string{
	"wiegand wiegand 10101", "wiegand osdp 10101", "keys wiegand 12*34#", "keys osdp 12*34#",
	"card mfrc522 01020304", "card pn532 0402030405060a", "card pn532 01020304050607080910", "card mfrc522 desfire:04a1b2c3d4e5f6", "card pn532 ntag424:04A1B2C3D4E5F6",
	"level line-contact 1", "level expander-contact 1", "level loop-contact 1", "level osdp-tamper 1", "level pir 0", "level leak 1",
	"loop loop-contact cut", "loop loop-contact short", "loop loop-contact sound",
	"value bme280 temperature 20", "value bme680 gas 1000", "value scd4x co2 700", "value sht4x humidity 50", "value ds18b20 temperature -10",
	"value ld2410 presence 1", "value pir motion 1", "value leak leak 0", "value bme280 Static_Pressure_Sensor 100000",
	"walk beams in", "walk distance out", "osdp osdp busy 3", "osdp osdp lose-reply -1", "osdp osdp lose-reply 0", "outputs", "help",
	"fail io", "heal io", "fail loops", "heal loops", "fail distance", "heal distance", "fail ds18b20", "heal ds18b20", "fail ld2410", "heal ld2410",
	"fail mfrc522", "heal mfrc522", "fail pn532", "heal pn532", "fail osdp", "heal osdp", "fail osdp-led", "heal osdp-led", "fail expander-lock", "heal expander-lock",
	"fail line-lock", "heal line-lock", "fail osdp-tamper", "heal osdp-tamper", "fail loop-contact", "heal loop-contact",
}

// bad are commands that are refused, and what the refusal says.
var bad = map[string]string{
	"wiegand mfrc522 101":                `no reader "mfrc522" at gateway gw-bench; it has osdp, wiegand`,
	"wiegand osdp 1x1":                   "bit 2",
	"keys mfrc522 1":                     `no reader with a keypad "mfrc522"`,
	"keys wiegand 12a4":                  "key 3 is none of 0123456789*#",
	"keys osdp 12a4":                     "peripheral",
	"card wiegand 01020304":              `no NFC reader "wiegand" at gateway gw-bench; it has mfrc522, pn532`,
	"card pn532 010203":                  "bytes",
	"card pn532 01020x":                  "hexadecimal digits",
	"card pn532 desfire:01020304":        "a UID of 4 bytes; a desfire has 7",
	"card pn532 mifare:04a1b2c3d4e5f":    "hexadecimal digits",
	"card pn532 mifare:0102030405060708": "has 7",
	"card pn532 mifare:04a1b2c3d4e5f6":   `kind "mifare"; allowed are desfire, ntag424`,
	"level distance 1":                   `no input "distance"`,
	"loop line-contact cut":              `no supervised input "line-contact" at gateway gw-bench; it has loop-contact`,
	"loop loop-contact broken":           `state "broken"; allowed are cut, short and sound`,
	"value pir motion 2":                 "pir sees Motion_Sensor: 0 or 1",
	"value leak motion 1":                "leak sees Leak_Alarm",
	"value ld2410 presence 4":            "goes from 0 to 3",
	"value ds18b20 humidity 4":           "ds18b20 does not measure",
	"value distance presence 1":          `no sensor "distance"`,
	"walk door in":                       `no counter "door" at gateway gw-bench; it has beams, distance`,
	"walk beams up":                      `way "up"; allowed are in and out`,
	"osdp wiegand busy 1":                `no OSDP reader "wiegand" at gateway gw-bench; it has osdp`,
	"osdp osdp tired 1":                  "expected one of",
	"osdp osdp busy often":               `times "often"; expected a number`,
	"fail roof":                          `no device "roof"`,
}

func TestVerbs(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		w := b.open(t)
		for _, line := range good {
			switch got := do(t, w, line); {
			case line == "outputs":
				var on map[string]bool
				if err := json.Unmarshal([]byte(got), &on); err != nil || len(on) != 6 {
					t.Errorf("outputs %s: %v", got, err)
				}
			case line == "help":
				for _, verb := range []string{"wiegand <", "keys <", "card <", "level <", "loop <", "value <", "walk <", "osdp <", "outputs;", "fail <", "heal <", "help;"} {
					if !strings.Contains(got, verb) {
						t.Errorf("help without %q: %s", verb, got)
					}
				}
			case got != "ok":
				t.Errorf("%s: %q", line, got)
			}
		}
		for line, want := range bad {
			if got, err := w.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, %v, expected %s", line, got, err, want)
			}
		}
		_ = w.Close()
	})
}

func TestVerbsOverTheSocket(t *testing.T) {
	b := newBench(t)
	b.opts.Socket = filepath.Join(folder(t), "wires.sock")
	b.open(t)
	wanted := slices.DeleteFunc(slices.Clone(good), func(line string) bool {
		return strings.HasPrefix(line, "card") || strings.HasPrefix(line, "walk") // half a second of real time each
	})
	got := strings.Split(strings.TrimSpace(say(t, b.opts.Socket, strings.Join(wanted, "\n")+"\n", true)), "\n")
	if len(got) != len(wanted) {
		t.Fatalf("found %d answers, expected %d", len(got), len(wanted))
	}
	for i, line := range wanted {
		if line != "outputs" && line != "help" && got[i] != "ok" {
			t.Errorf("%s: %q", line, got[i])
		}
	}
	for line, want := range bad {
		if got := say(t, b.opts.Socket, line+"\n", true); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, expected %s", line, got, want)
		}
	}
}

// A zero wiring lays everything on lines and alone on its bus; what that cannot be is refused.
func TestBadWiring(t *testing.T) {
	for name, c := range map[string]struct {
		alter func(b theBench)
		want  string
	}{
		"unknown chip":    {func(b theBench) { b.gw.Sensors[0].Chip = "nose" }, `sensor bme280 has chip "nose"; known are bme280`},
		"expander":        {func(b theBench) { b.opts.Wiring.Inputs["expander-rex"] = site.InputWiring{Expander: "none", Pin: "A1"} }, `expander "none"`},
		"pin of an input": {func(b theBench) { b.opts.Wiring.Inputs["expander-rex"] = site.InputWiring{Expander: "io", Pin: "C1"} }, `pin "C1"`},
		"channel":         {func(b theBench) { b.opts.Wiring.Inputs["loop-contact"] = site.InputWiring{Expander: "loops", Pin: "4"} }, `pin "4"`},
		"pin of an output": {func(b theBench) {
			b.opts.Wiring.Outputs["expander-lock"] = site.OutputWiring{Expander: "loops", Pin: "B0"}
		}, `expander "loops"`},
		"reader": {func(b theBench) {
			b.opts.Wiring.Inputs["osdp-tamper"] = site.InputWiring{Reader: "pn532", Terminal: "tamper"}
		}, `no OSDP reader "pn532"`},
		"reader's output": {func(b theBench) {
			b.opts.Wiring.Outputs["osdp-led"] = site.OutputWiring{Reader: "pn532", Terminal: "led"}
		}, `no OSDP reader "pn532"`},
		"barrier": {func(b theBench) { b.gw.Counters[0].Inner = "expander-rex" }, "not both on lines"},
	} {
		b := newBench(t)
		c.alter(b)
		if w, err := sim.Open(b.gw, &b.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, expected %s", name, w, err, c.want)
		}
	}
	b := newBench(t)
	b.opts.Secrets = nil
	if _, err := sim.Open(b.gw, &b.opts); err == nil || !strings.Contains(err.Error(), "no place for its key") {
		t.Errorf("without secrets: %v", err)
	}
}

// Cards and persons of two clients go one after the other: no card takes the other's away, and nobody stays in a passage
// that is cut short.
func TestOneAfterTheOther(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		w := b.open(t)
		defer w.Close()
		begun := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { do(t, w, "card pn532 01020304") })
			all.Go(func() { do(t, w, "card mfrc522 01020304") })
			all.Go(func() { do(t, w, "walk beams in") })
		}
		all.Wait()
		if took := time.Since(begun); took != 3*400*time.Millisecond+2*600*time.Millisecond {
			t.Errorf("three cards took %v, expected each to be held up for 400 ms, 600 ms apart", took)
		}
		outer, inner := must(w.Input("beam-outer"))(t), must(w.Input("beam-inner"))(t)
		gone, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(200 * time.Millisecond); cancel() }()
		if got, err := w.Do(gone, "walk beams out"); !errors.Is(err, context.Canceled) {
			t.Errorf("a walk that is cut short: %q, %v", got, err)
		}
		for _, line := range []bridge.EdgeSource{outer, inner} {
			if got := must(line.Levels())(t); got[0] {
				t.Error("somebody stays in the passage")
			}
		}
	})
}

// The message of a tag is a new one at each reader, and after a restart.
func TestTagsCountOn(t *testing.T) {
	b := newBench(t)
	reads := func(t *testing.T) (good int) {
		w := b.open(t)
		defer w.Close()
		d, err := rig.Open(b.gw, w, rig.Opts{Wiring: b.opts.Wiring, Formats: b.district.Formats, Secrets: b.opts.Secrets})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan bridge.Signal, 4096)
		var all sync.WaitGroup
		for _, s := range d.Sources {
			if s.ID() == "mfrc522" || s.ID() == "pn532" {
				all.Go(func() { _ = s.Run(ctx, out) })
			}
		}
		for range 3 {
			do(t, w, "card mfrc522 ntag424:04a1b2c3d4e5f6")
			do(t, w, "card pn532 ntag424:04a1b2c3d4e5f6")
		}
		cancel()
		all.Wait()
		for len(out) > 0 {
			if r, ok := (<-out).What.(bridge.Read); ok && r.Format == "ntag424" {
				good++
			}
		}
		return good
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)))
		for run := range 2 {
			if got := reads(t); got != 6 {
				t.Errorf("run %d: %d readings are believed, expected 6", run, got)
			}
			time.Sleep(time.Minute)
		}
	})
}

// Everything at once, from several goroutines, while devices run; then Close in the middle of it.
func TestBusyWiresClose(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		w := b.open(t)
		stop := b.run(t, w)
		var all sync.WaitGroup
		closed := make(chan struct{})
		for seed := range uint64(8) {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, 0))
				for n := 0; ; n++ {
					select {
					case <-closed:
						return
					default:
					}
					line := good[r.IntN(len(good))]
					if got, err := w.Do(t.Context(), line); err != nil && n < 20 && !strings.Contains(err.Error(), "already") {
						t.Errorf("%s: %q, %v", line, got, err)
					}
					time.Sleep(time.Millisecond) // of the bubble: some commands take no time
				}
			})
		}
		time.Sleep(20 * time.Second)
		begun := time.Now()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		close(closed)
		all.Wait()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the commands ended %v after Close", took)
		}
		for _, id := range []string{"io", "loops", "bme280", "distance.outer"} {
			bus, addr := must2(w.I2C(id))(t)
			if err := bus.Tx(addr, []byte{0}, make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("bus of %s after Close: %v", id, err)
			}
		}
		oneWire, _, err := w.OneWire("ds18b20")
		if err == nil {
			err = oneWire.Tx([]byte{0xCC, 0x44}, nil, false)
		}
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("1-Wire after Close: %v", err)
		}
		for _, id := range []string{"rs485", "ld2410"} {
			if _, err := w.Serial(id); err == nil {
				t.Errorf("serial port of %s is opened after Close", id)
			}
		}
		stop()
	})
}

func must2[A, B any](a A, b B, err error) func(t *testing.T) (A, B) {
	return func(t *testing.T) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}
