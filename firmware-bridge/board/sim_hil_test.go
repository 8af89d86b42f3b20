//go:build hil

package board_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warthog618/go-gpiosim"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/board"
	"kapija/internal/site"
)

// chip is the kernel's simulated GPIO chip: its lines are wires that the test holds at the other end. It is made before
// the first Open, because periph looks for chips once. Pulls holds the file of each line open: finding it again for each
// edge takes longer than the edge.
var (
	chip  *gpiosim.Chip
	pulls [lines]*os.File
)

const (
	label = "kapija-hil"
	lines = 48
)

func TestMain(m *testing.M) {
	names := map[int]string{}
	for i := range lines {
		names[i] = name(i)
	}
	bank := &gpiosim.Bank{Label: label, NumLines: lines, Names: names}
	sim, err := simulate(bank)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpio-sim: run these tests with -exec hil/exec:", err)
		os.Exit(1)
	}
	code := m.Run()
	sim.Close()
	os.Exit(code)
}

func simulate(bank *gpiosim.Bank) (*gpiosim.Sim, error) {
	sim, err := gpiosim.NewSim(gpiosim.WithName("kapija"), gpiosim.WithBank(bank))
	if err != nil {
		return nil, err
	}
	chip = &sim.Chips[0]
	for i := range lines {
		found, err := filepath.Glob(fmt.Sprintf("/sys/devices/platform/gpio-sim.*/%s/sim_gpio%d/pull", chip.ChipName(), i))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("line %d: found the files %q and the error %v, expected one pull", i, found, err)
		}
		if pulls[i], err = os.OpenFile(found[0], os.O_WRONLY, 0); err != nil {
			return nil, err
		}
	}
	return sim, nil
}

func name(line int) string { return fmt.Sprintf("GPIO%d", line) }

// free hands out lines, so that no two tests share one.
var free struct {
	sync.Mutex
	next int
}

func newLine(t testing.TB) int {
	t.Helper()
	free.Lock()
	defer free.Unlock()
	if free.next == lines {
		t.Fatalf("all %d lines of the simulated chip are used: make it larger", lines)
	}
	free.next++
	drive(t, free.next-1, true)
	return free.next - 1
}

// drive sets what the wire at the other end of an input does.
func drive(t testing.TB, line int, high bool) {
	pull := "pull-down"
	if high {
		pull = "pull-up"
	}
	if _, err := pulls[line].WriteAt([]byte(pull), 0); err != nil {
		t.Errorf("driving line %d: %v", line, err)
	}
}

func pulse(t testing.TB, line int) {
	drive(t, line, false)
	drive(t, line, true)
}

// level is what the kernel drives an output to.
func level(t testing.TB, line int) bool {
	t.Helper()
	v, err := chip.Level(line)
	if err != nil {
		t.Fatal(err)
	}
	return v == 1
}

func open(t testing.TB, w *site.Wiring) bridge.Wires {
	t.Helper()
	w.Gateway, w.Chip = "hil", label
	wires, err := board.Open(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wires.Close() })
	return wires
}

// send pulses frames on data lines, each bit a period after the one before or later, all readers at once, from one goroutine: the
// machine has one processor.
func send(t testing.TB, readers [][2]int, frames []string, period time.Duration) {
	longest := len(slices.MaxFunc(frames, func(a, b string) int { return len(a) - len(b) }))
	for bit := range longest {
		for r, frame := range frames {
			if bit < len(frame) {
				pulse(t, readers[r][frame[bit]-'0'])
			}
		}
		time.Sleep(period)
	}
}
