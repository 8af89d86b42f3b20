package rig

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/onewire"

	bridge "kapija/firmware-bridge"
	"kapija/firmware-bridge/bme280"
	"kapija/firmware-bridge/bme680"
	"kapija/firmware-bridge/detector"
	"kapija/firmware-bridge/ds18b20"
	"kapija/firmware-bridge/ld2410"
	"kapija/firmware-bridge/scd4x"
	"kapija/firmware-bridge/sht4x"
	"kapija/internal/site"
)

// sensors makes a source of each sensor, by its chip. A driver for a further chip is one further entry.
func (b *build) sensors() error {
	wires := &oneWires{known: map[onewire.Bus]*ds18b20.Bus{}}
	chips := map[string]func(s *site.Sensor) opener{
		"bme280": func(s *site.Sensor) opener {
			return b.onI2C(s.ID, func(bus i2c.Bus, addr uint16) (bridge.Source, error) { return bme280.New(s.ID, bus, addr, s.Every) })
		},
		"bme680": func(s *site.Sensor) opener {
			return b.onI2C(s.ID, func(bus i2c.Bus, addr uint16) (bridge.Source, error) { return bme680.New(s.ID, bus, addr, s.Every) })
		},
		"scd4x": func(s *site.Sensor) opener {
			return b.onI2C(s.ID, func(bus i2c.Bus, addr uint16) (bridge.Source, error) { return scd4x.New(s.ID, bus, addr, s.Every) })
		},
		"sht4x": func(s *site.Sensor) opener {
			return b.onI2C(s.ID, func(bus i2c.Bus, addr uint16) (bridge.Source, error) { return sht4x.New(s.ID, bus, addr, s.Every) })
		},
		"ds18b20": func(s *site.Sensor) opener {
			return func() (bridge.Source, []io.Closer, error) {
				bus, addr, err := b.w.OneWire(s.ID)
				if err != nil {
					return nil, nil, err
				}
				dev, err := ds18b20.New(s.ID, wires.of(bus), addr, s.Every, nil)
				return dev, nil, err
			}
		},
		"ld2410": func(s *site.Sensor) opener {
			return func() (bridge.Source, []io.Closer, error) {
				dev, err := ld2410.New(s.ID, func() (bridge.Port, error) { return b.w.Serial(s.ID) }, s.Every, nil)
				return dev, nil, err
			}
		},
		"pir":  func(s *site.Sensor) opener { return b.onLine(s, detector.NewMotion) },
		"leak": func(s *site.Sensor) opener { return b.onLine(s, detector.NewLeak) },
	}
	var errs []error
	for _, s := range b.gw.Sensors {
		open, known := chips[s.Chip]
		if !known {
			errs = append(errs, fmt.Errorf("sensor %s: chip %q: expected one of %q", s.ID, s.Chip, slices.Sorted(maps.Keys(chips))))
			continue
		}
		b.add(s.ID, open(s))
	}
	return errors.Join(errs...)
}

// onI2C opens a chip that is alone at its address.
func (b *build) onI2C(id string, dev func(i2c.Bus, uint16) (bridge.Source, error)) opener {
	return func() (bridge.Source, []io.Closer, error) {
		bus, addr, err := b.w.I2C(id)
		if err != nil {
			return nil, nil, err
		}
		src, err := dev(bus, addr)
		return src, nil, err
	}
}

// onLine opens a detector.
func (b *build) onLine(s *site.Sensor, dev func(string, bridge.EdgeSource, time.Duration, *detector.Opts) (*detector.Dev, error)) opener {
	return func() (bridge.Source, []io.Closer, error) {
		line, err := b.w.Input(s.ID)
		if err != nil {
			return nil, nil, err
		}
		src, err := dev(s.ID, line, s.Every, &detector.Opts{ActiveLow: b.Wiring.Sensors[s.ID].ActiveLow})
		return src, []io.Closer{line}, err
	}
}

// oneWires keeps one ds18b20.Bus for each bus: sensors take turns on it.
type oneWires struct {
	mu    sync.Mutex
	known map[onewire.Bus]*ds18b20.Bus
}

func (o *oneWires) of(bus onewire.Bus) *ds18b20.Bus {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known[bus] == nil {
		o.known[bus] = ds18b20.Share(bus)
	}
	return o.known[bus]
}
