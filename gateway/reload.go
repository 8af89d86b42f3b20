package gateway

import (
	"errors"
	"fmt"
	"reflect"

	"kapija/gateway/door"
	"kapija/internal/site"
)

// Reload is a configuration that was read again. The loop takes it over, whole, or refuses it and goes on as before.
type Reload struct {
	Building *site.Building
	Gateway  *site.Gateway
	Done     chan<- error // with room for one: nil, or what needs a restart
}

// reload takes over names, positions, times and modes. Devices and their wires need a restart: a lock must not change hands
// while it moves.
func (l *loop) reload(b *site.Building, g *site.Gateway) error {
	if !reflect.DeepEqual(devices(l.c.Gateway), devices(g)) {
		return errors.New("gateway: the readers, inputs, outputs, counters or sensors differ: restart the gateway to use the new configuration")
	}
	doors := b.DoorsOf(g.ID)
	if len(doors) != len(l.portals) {
		return fmt.Errorf("gateway: %d doors instead of %d: restart the gateway to use the new configuration", len(doors), len(l.portals))
	}
	for i, d := range doors {
		if !reflect.DeepEqual(wiring(l.portals[i].site), wiring(d)) {
			return fmt.Errorf("gateway: door %s differs in more than its name, place, mode and times: restart the gateway to use the new configuration", d.ID)
		}
	}
	for i, d := range doors {
		l.portals[i].site = d
		l.portals[i].machine.Configure(doorConfig(d))
	}
	l.c.Building, l.c.Gateway = b, g
	l.replan = true
	l.log.Info("configuration reloaded")
	return nil
}

// devices is a gateway without its names.
func devices(g *site.Gateway) site.Gateway {
	c := *g
	c.Name, c.Model = site.Text{}, ""
	c.Inputs, c.Outputs = nil, nil
	for _, in := range g.Inputs {
		in := *in
		in.Name = site.Text{}
		c.Inputs = append(c.Inputs, &in)
	}
	for _, o := range g.Outputs {
		o := *o
		o.Name = site.Text{}
		c.Outputs = append(c.Outputs, &o)
	}
	return c
}

// wiring is a door without what reload takes over.
func wiring(d *site.Door) site.Door {
	c := *d
	c.Name, c.Position, c.Public, c.Mode = site.Text{}, site.Point{}, false, ""
	c.Rules = site.Rules{} // they come with the policy
	c.Release, c.Extended, c.HeldAfter, c.HeldWarning = 0, 0, 0, 0
	return c
}

func doorConfig(d *site.Door) door.Config {
	return door.Config{
		Contact: d.Contact != "", Release: d.Release, Extended: d.Extended, HeldAfter: d.HeldAfter,
		Warn: d.HeldWarning, FireRelease: d.OnFire == site.OnFireRelease,
	}
}
