package rig

import (
	"errors"
	"fmt"
	"io"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/vl53l1x"
	"kapija/internal/site"
)

// rangeCounter is a counter of two distance sensors.
func (b *build) rangeCounter(c *site.Counter) error {
	if c.Chip != "vl53l1x" {
		return fmt.Errorf("counter %s: chip %q: expected vl53l1x", c.ID, c.Chip)
	}
	v := b.Wiring.Counters[c.ID]
	outerReset, errOuter := b.ranger(c.ID+".outer", v.Outer)
	innerReset, errInner := b.ranger(c.ID+".inner", v.Inner)
	if err := errors.Join(errOuter, errInner); err != nil {
		return err
	}
	b.add(c.ID, func() (bridge.Source, []io.Closer, error) {
		outer, outerAddr, err := b.w.I2C(c.ID + ".outer")
		if err != nil {
			return nil, nil, err
		}
		inner, innerAddr, err := b.w.I2C(c.ID + ".inner")
		if err != nil {
			return nil, nil, err
		}
		dev, err := vl53l1x.New(c.ID, vl53l1x.Sensor{Bus: outer, Addr: outerAddr, Reset: outerReset},
			vl53l1x.Sensor{Bus: inner, Addr: innerAddr, Reset: innerReset}, nil)
		return dev, nil, err
	})
	return nil
}

// ranger opens the reset of one sensor; nil when there is none.
func (b *build) ranger(id string, r *site.Ranger) (bridge.Output, error) {
	if r == nil || r.Reset == "" {
		return nil, nil
	}
	return b.w.Output(bridge.Reset(id))
}
