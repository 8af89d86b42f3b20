package technician

import (
	"context"
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/internal/site"
)

// Finding is what was found of one device.
type Finding struct {
	Kind  string `json:"kind"`  // reader, input, output, counter, sensor
	ID    string `json:"id"`    //
	Place string `json:"place"` // lines and pins, or bus and address
	OK    bool   `json:"ok"`
	Found string `json:"found"`         // the level, the reading, the answer, or what went wrong
	Try   string `json:"try,omitempty"` // what to look at, when it is not OK and Found does not say it
}

// companions is how long what comes together may take: the quantities that a sensor measures at once.
const companions = 200 * time.Millisecond

// Check looks at every configured device, in the order of the configuration: lines at rest, outputs off and read back, and
// whatever has an answer to give within the time that is given. It ends before when all is well. No output is switched on.
// The error says why nothing could be looked at; a device that is ill is a Finding.
func Check(ctx context.Context, c Config, within time.Duration) ([]Finding, error) {
	rest := c.atRest()
	devices, err := c.open()
	if err != nil {
		return nil, err
	}
	h := newHeard(c, devices.IDs())
	looking, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last *time.Timer
	run(looking, devices, func(s bridge.Signal) {
		if h.take(s); last == nil && h.all() {
			last = time.AfterFunc(companions, cancel)
		}
	})
	if last != nil {
		last.Stop()
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("technician: interrupted: %w", ctx.Err())
	}

	var all []Finding
	add := func(kind, id string, look func(*Finding)) {
		f := Finding{Kind: kind, ID: id, Place: c.place(id)}
		look(&f)
		if !f.OK && f.Try == "" {
			f.Try = hint(c.link(id), f.Found)
		}
		all = append(all, f)
	}
	for _, r := range c.Gateway.Readers {
		add("reader", r.ID, func(f *Finding) {
			if h.health(f); f.OK {
				rest[r.ID].judge(f)
			}
		})
	}
	for _, i := range inputsOf(c.Gateway) {
		add("input", i.ID, h.input)
	}
	for _, k := range c.Gateway.Counters {
		add("counter", k.ID, h.health)
	}
	for _, o := range c.Gateway.Outputs {
		add("output", o.ID, func(f *Finding) { c.output(devices.Outputs[o.ID], f) })
	}
	for _, s := range c.Gateway.Sensors {
		add("sensor", s.ID, h.sensor)
	}
	return all, nil
}

// inputsOf leaves out those of light barriers: they are their counter's.
func inputsOf(g *site.Gateway) (all []*site.Input) {
	counted := map[string]bool{}
	for _, c := range g.Counters {
		counted[c.Outer], counted[c.Inner] = true, true
	}
	for _, i := range g.Inputs {
		if !counted[i.ID] {
			all = append(all, i)
		}
	}
	return all
}

// output looks at an output that was opened and is off.
func (c Config) output(o bridge.Output, f *Finding) {
	on, err := o.Level()
	switch {
	case err != nil:
		f.Found = err.Error()
	case on:
		f.Found = "reads back on although it is off"
	case c.link(f.ID) == atReader: // OSDP has no way to read it back
		f.OK, f.Found = true, "off, and its reader answers"
	default:
		f.OK, f.Found = true, "off, and reads back off"
	}
}
