package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"kapija/dashboard/live"
	"kapija/firmware-bridge/sim"
	"kapija/internal/site"
)

// town lets the made-up people of one building live on: it holds up their badges, opens and closes doors, interrupts light
// barriers and warms the air, all by the sockets of the gateways' virtual wires, as somebody at the doors would.
type town struct {
	b      *site.Building
	people []*person
	real   counts
	line   timeline
	socket func(gateway string) string
	counts func() []live.Zone // present occupancy, for the air; nil when unknown
	log    *slog.Logger
}

// waiting passes at one door; who finds more slips in behind the others.
const doorQueue = 16

// run lives from now on until ctx is done.
func (t *town) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	doors := map[string]chan pass{}
	for _, d := range t.b.Doors {
		c := make(chan pass, doorQueue)
		doors[d.ID] = c
		g.Go(func() error { return t.attend(ctx, d, c) })
	}
	g.Go(func() error { return t.breathe(ctx) })
	g.Go(func() error { return t.live(ctx, doors) })
	return g.Wait()
}

// live hands each pass to its door when its time has come.
func (t *town) live(ctx context.Context, doors map[string]chan pass) error {
	now := t.line.sim(time.Now())
	for date := midnight(now, t.b.Location); ; date = date.AddDate(0, 0, 1) {
		for _, p := range day(t.b, t.people, t.real, date) {
			if p.at.Before(now) {
				continue
			}
			if !sleep(ctx, time.Until(t.line.real(p.at))) {
				return nil
			}
			select {
			case doors[p.leg.door.ID] <- p:
			default:
			}
		}
		// The day's last pass may be long before midnight.
		if !sleep(ctx, time.Until(t.line.real(date.AddDate(0, 0, 1)))) {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(max(0, d)):
		return true
	}
}

// attend is everything that happens at one door, one person after the other.
func (t *town) attend(ctx context.Context, d *site.Door, passes <-chan pass) error {
	wires := sim.Dial(t.socket(d.Gateway))
	defer wires.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-passes:
			if err := t.pass(ctx, wires, p); err != nil && ctx.Err() == nil {
				// The gateway is away: whoever stands at the door tries again later, or goes home.
				t.log.Debug("pass failed", "building", t.b.ID, "door", d.ID, "error", err)
				sleep(ctx, time.Second)
			}
		}
	}
}

func (t *town) pass(ctx context.Context, wires *sim.Client, p pass) error {
	d := p.leg.door
	switch {
	case p.shown:
		reader := d.Entry
		if !p.leg.in {
			reader = d.Exit
		}
		if err := wires.Wiegand(ctx, reader, p.who.Bits); err != nil {
			return err
		}
	case d.Mode == site.Secure && d.REX != "":
		if err := t.press(ctx, wires, d.REX, 300*time.Millisecond); err != nil {
			return err
		}
	}
	if p.why != "" || !sleep(ctx, 400*time.Millisecond) {
		return nil // refused: goes away
	}
	open, err := t.released(ctx, wires, d)
	if err != nil || !open {
		return err // nobody breaks a door open
	}
	return t.walk(ctx, wires, p)
}

// walk opens the door, goes through and lets it close.
func (t *town) walk(ctx context.Context, wires *sim.Client, p pass) (err error) {
	d := p.leg.door
	if d.Contact != "" {
		if err := t.set(ctx, wires, d.Contact, true); err != nil {
			return err
		}
		defer func() { // whatever happens, the door does not stay open
			close, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			err = errors.Join(err, t.set(close, wires, d.Contact, false))
		}()
	}
	if d.Counter != "" {
		c := t.counter(d)
		first, second := c.Outer, c.Inner
		if !p.leg.in {
			first, second = second, first
		}
		for _, step := range []struct {
			input string
			dark  bool
		}{{first, true}, {second, true}, {first, false}, {second, false}} {
			if err := t.set(ctx, wires, step.input, step.dark); err != nil {
				return err
			}
			if !sleep(ctx, 150*time.Millisecond) {
				return nil
			}
		}
	}
	stay := time.Second + time.Duration(rand.Int64N(int64(time.Second)))
	sleep(ctx, min(stay, time.Duration(float64(20*time.Second)/t.line.Speed))+p.prop)
	return nil
}

func (t *town) counter(d *site.Door) *site.Counter {
	for _, c := range t.b.Gateway(d.Gateway).Counters {
		if c.ID == d.Counter {
			return c
		}
	}
	return nil // the configuration is validated
}

// released reports whether the lock lets go.
func (t *town) released(ctx context.Context, wires *sim.Client, d *site.Door) (bool, error) {
	outputs, err := wires.Outputs(ctx)
	if err != nil {
		return false, err
	}
	energised, ok := outputs[d.Lock]
	if !ok {
		return false, fmt.Errorf("demo: gateway %s does not show output %s", d.Gateway, d.Lock)
	}
	return energised == (d.Fail == site.FailSecure), nil
}

func (t *town) press(ctx context.Context, wires *sim.Client, input string, d time.Duration) error {
	if err := t.set(ctx, wires, input, true); err != nil {
		return err
	}
	sleep(ctx, d)
	return t.set(ctx, wires, input, false)
}

// set makes an input active or not, whatever its polarity.
func (t *town) set(ctx context.Context, wires *sim.Client, id string, active bool) error {
	for _, g := range t.b.Gateways {
		for _, in := range g.Inputs {
			if in.ID == id {
				return wires.Level(ctx, id, active == (in.Active == "high"))
			}
		}
	}
	return fmt.Errorf("demo: there is no input %s in %s", id, t.b.ID)
}

// breathe sets what the sensors measure, from how many people are there.
func (t *town) breathe(ctx context.Context) error {
	const every = 10 * time.Second
	rng := rand.New(rand.NewPCG(seed(t.b.ID), 4))
	airs := map[string]*air{}
	clients := map[string]*sim.Client{}
	for _, g := range t.b.Gateways {
		clients[g.ID] = sim.Dial(t.socket(g.ID))
		defer clients[g.ID].Close()
		for _, s := range g.Sensors {
			airs[s.Zone] = newAir(t.b.Zone(s.Zone).AreaM2, rng)
		}
	}
	settled := false
	for sleep(ctx, time.Second) {
		people := map[string]int{}
		zones := t.counts()
		for _, z := range zones {
			people[z.ID] = z.Count
		}
		pace := time.Duration(float64(every) * t.line.Speed)
		if zones != nil && !settled { // the air that these people have breathed until now
			pace, settled = 2*time.Hour, true
		}
		for zone, a := range airs {
			a.step(pace, people[zone])
		}
		for _, g := range t.b.Gateways {
			for _, s := range g.Sensors {
				for _, r := range airs[s.Zone].readings(s.Chip) {
					if err := clients[g.ID].Value(ctx, s.ID, r.Quantity, r.Value); err != nil && ctx.Err() == nil {
						t.log.Debug("sensor not set", "sensor", s.ID, "error", err)
					}
				}
			}
		}
		if !sleep(ctx, every-time.Second) {
			break
		}
	}
	return nil
}
