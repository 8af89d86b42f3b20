package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kapija/firmware-bridge/osdp/peripheral"
)

// maxBits is the longest frame: no card has more than 200 bits.
const maxBits = 256

type verb struct {
	use  string // the arguments
	args int
	run  func(w *Wires, ctx context.Context, args []string) (string, error)
}

var verbs map[string]verb

func init() {
	verbs = map[string]verb{
		"wiegand": {"<reader> <bits>", 2, (*Wires).wiegand},
		"keys":    {"<reader> <keys>", 2, (*Wires).typeKeys},
		"card":    {"<reader> <UID>|desfire:<UID>|ntag424:<UID>", 2, (*Wires).card},
		"level":   {"<input> 0|1", 2, (*Wires).level},
		"loop":    {"<input> cut|short|sound", 2, (*Wires).loop},
		"value":   {"<sensor> <quantity> <number>", 3, (*Wires).value},
		"walk":    {"<counter> in|out", 2, (*Wires).walk},
		"osdp":    {"<reader> <fault> <times>", 3, (*Wires).osdp},
		"stick":   {"<reader> d0|d1|both|none", 2, (*Wires).stick},
		"outputs": {"", 0, (*Wires).states},
		"fail": {"<device>", 1, func(w *Wires, _ context.Context, args []string) (string, error) {
			return w.fault(args[0], true)
		}},
		"heal": {"<device>", 1, func(w *Wires, _ context.Context, args []string) (string, error) {
			return w.fault(args[0], false)
		}},
		"help": {"", 0, func(*Wires, context.Context, []string) (string, error) { return help(), nil }},
	}
}

func help() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(verbs)) {
		all = append(all, strings.TrimSpace(name+" "+verbs[name].use))
	}
	return strings.Join(all, "; ")
}

// Do obeys one command, as the package comment lists them, and gives its answer: one line without its end. The error
// says what was found and what is allowed; over the socket it follows `error: `. It returns when what it does is
// done, or with an error when ctx is done or the wires are closed before.
func (w *Wires) Do(ctx context.Context, line string) (string, error) {
	if w.ctx.Err() != nil {
		return "", errClosed
	}
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "", fmt.Errorf("the line is empty; commands: %s", help())
	}
	v, ok := verbs[fields[0]]
	if !ok {
		return "", fmt.Errorf("unknown command %s; commands: %s", quote(fields[0]), help())
	}
	if args := fields[1:]; len(args) != v.args {
		return "", fmt.Errorf("%s has %d arguments; its form is: %s", fields[0], len(args),
			strings.TrimSpace(fields[0]+" "+v.use))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.ctx, func() { cancel(errClosed) })()
	return v.run(w, ctx, fields[1:])
}

func (w *Wires) wiegand(ctx context.Context, args []string) (string, error) {
	reader, err := find(w.badges, "reader", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	bits := args[1]
	if at := strings.IndexFunc(bits, func(r rune) bool { return r != '0' && r != '1' }); at >= 0 {
		return "", fmt.Errorf("bit %d of the frame is neither 0 nor 1", at+1)
	}
	if len(bits) > maxBits {
		return "", fmt.Errorf("the frame has %d bits; at most %d are allowed", len(bits), maxBits)
	}
	end, err := reader.badge(bits)
	if err != nil {
		return "", err
	}
	return done(wait(ctx, end-w.clock()))
}

func (w *Wires) typeKeys(ctx context.Context, args []string) (string, error) {
	reader, err := find(w.keys, "reader with a keypad", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	end, err := reader.press(args[1])
	if err != nil {
		return "", err
	}
	return done(wait(ctx, end-w.clock()))
}

// wait lets time pass. The error is why it was cut short.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// turn is had by one at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) give() { <-t }

func (w *Wires) card(ctx context.Context, args []string) (string, error) {
	reader, err := find(w.fields, "NFC reader", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	return done(reader.tap(ctx, args[1]))
}

func (w *Wires) walk(ctx context.Context, args []string) (string, error) {
	counter, err := find(w.walks, "counter", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	if args[1] != "in" && args[1] != "out" {
		return "", fmt.Errorf("way %s; allowed are in and out", quote(args[1]))
	}
	return done(counter.walk(ctx, args[1] == "in"))
}

func (w *Wires) loop(_ context.Context, args []string) (string, error) {
	input, err := find(w.loops, "supervised input", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	return done(input.wire(args[1]))
}

// stick shorts data lines of a Wiegand reader to ground.
func (w *Wires) stick(_ context.Context, args []string) (string, error) {
	reader, err := find(w.wiegands, "reader on data lines", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	switch args[1] {
	case "d0", "d1", "both", "none":
		reader.stick(args[1] == "d0" || args[1] == "both", args[1] == "d1" || args[1] == "both")
		return "ok", nil
	}
	return "", fmt.Errorf("line %s; allowed are d0, d1, both and none", quote(args[1]))
}

// osdp injects a fault into an OSDP reader, for so many times; -1 is until it is switched off by 0.
func (w *Wires) osdp(_ context.Context, args []string) (string, error) {
	reader, err := find(w.pds, "OSDP reader", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	times, err := strconv.Atoi(args[2])
	if err != nil {
		return "", fmt.Errorf("times %s; expected a number, or -1 for always", quote(args[2]))
	}
	return done(reader.Inject(peripheral.Fault(args[1]), times))
}

func done(err error) (string, error) {
	if err != nil {
		return "", err
	}
	return "ok", nil
}

func (w *Wires) level(_ context.Context, args []string) (string, error) {
	input, err := find(w.levels, "input", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	switch args[1] {
	case "0", "1":
		input.set(args[1] == "1")
		return "ok", nil
	}
	return "", fmt.Errorf("level %s; allowed are 0 and 1", quote(args[1]))
}

func (w *Wires) value(_ context.Context, args []string) (string, error) {
	sensor, err := find(w.values, "sensor", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	quantity, err := quantityOf(args[1])
	if err != nil {
		return "", err
	}
	number, err := strconv.ParseFloat(args[2], 64)
	if err != nil {
		return "", fmt.Errorf("value %s is not a number", quote(args[2]))
	}
	return done(sensor.set(quantity, number))
}

func (w *Wires) states(context.Context, []string) (string, error) {
	on := map[string]bool{}
	for id, now := range w.shown {
		on[id] = now()
	}
	answer, err := json.Marshal(on)
	return string(answer), err
}

func (w *Wires) fault(id string, failed bool) (string, error) {
	fail, err := find(w.faulty, "device", id, w.gateway)
	if err != nil {
		return "", err
	}
	fail(failed)
	return "ok", nil
}

// quote shows a word of a command, shortened.
func quote(s string) string {
	if len(s) > 40 {
		return strconv.Quote(s[:40]) + "…"
	}
	return strconv.Quote(s)
}
