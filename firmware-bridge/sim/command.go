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
		"level":   {"<input> 0|1", 2, (*Wires).level},
		"value":   {"<sensor> <quantity> <number>", 3, (*Wires).value},
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
// says what was found and what is allowed; over the socket it follows `error: `. A wiegand command returns when its
// last bit is sent, or when ctx is done.
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
	return v.run(w, ctx, fields[1:])
}

func (w *Wires) wiegand(ctx context.Context, args []string) (string, error) {
	reader, err := find(w.readers, "reader", args[0], w.gateway)
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
	end, err := reader.send(bits)
	if err != nil {
		return "", err
	}
	timer := time.NewTimer(end - w.clock())
	defer timer.Stop()
	select {
	case <-timer.C:
		return "ok", nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-w.ctx.Done():
		return "", errClosed
	}
}

func (w *Wires) level(_ context.Context, args []string) (string, error) {
	input, err := find(w.inputs, "input", args[0], w.gateway)
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
	sensor, err := find(w.sensors, "sensor", args[0], w.gateway)
	if err != nil {
		return "", err
	}
	quantity, ok := quantities[args[1]]
	if !ok {
		return "", fmt.Errorf("unknown quantity %s; known are %s", quote(args[1]), list(quantities))
	}
	number, err := strconv.ParseFloat(args[2], 64)
	if err != nil {
		return "", fmt.Errorf("value %s is not a number", quote(args[2]))
	}
	if err := sensor.set(quantity, number); err != nil {
		return "", err
	}
	return "ok", nil
}

func (w *Wires) states(context.Context, []string) (string, error) {
	on := map[string]bool{}
	for id, o := range w.outputs {
		level, err := o.Level()
		if err != nil {
			return "", errClosed
		}
		on[id] = level
	}
	answer, err := json.Marshal(on)
	return string(answer), err
}

func (w *Wires) fault(id string, failed bool) (string, error) {
	devices := map[string]interface{ fail(bool) }{}
	for id, d := range w.readers {
		devices[id] = d
	}
	for id, d := range w.inputs {
		devices[id] = d
	}
	for id, d := range w.outputs {
		devices[id] = d
	}
	for id, d := range w.sensors {
		devices[id] = d
	}
	device, err := find(devices, "device", id, w.gateway)
	if err != nil {
		return "", err
	}
	device.fail(failed)
	return "ok", nil
}

// quote shows a word of a command, shortened.
func quote(s string) string {
	if len(s) > 40 {
		return strconv.Quote(s[:40]) + "…"
	}
	return strconv.Quote(s)
}
