package demo

import (
	"fmt"
	"time"
)

// timeline maps the simulated day onto the real one. History before the anchor runs at the real pace with the same
// shift, so that a curve of the last two weeks and the present fit together.
type timeline struct {
	Real  time.Time `json:"real"`  // the anchor: at this real moment …
	Sim   time.Time `json:"sim"`   // … the simulated clock says this
	Speed float64   `json:"speed"` // simulated seconds in a real one, after the anchor
}

// newTimeline starts the simulated clock now, at the time of day at, on a working day close to today.
func newTimeline(now time.Time, loc *time.Location, at string, speed float64) (timeline, error) {
	clock, err := time.Parse("15:04", at)
	if err != nil {
		return timeline{}, fmt.Errorf("demo: --at is %q; it must be a time of day such as 08:15", at)
	}
	if speed < 0.1 || speed > 120 {
		return timeline{}, fmt.Errorf("demo: --speed is %g; it must be from 0.1 to 120", speed)
	}
	l := now.In(loc)
	sim := time.Date(l.Year(), l.Month(), l.Day(), clock.Hour(), clock.Minute(), 0, 0, loc)
	for sim.Weekday() == time.Saturday || sim.Weekday() == time.Sunday {
		sim = sim.AddDate(0, 0, 1)
	}
	return timeline{Real: now, Sim: sim, Speed: speed}, nil
}

// sim is the simulated time at a real moment.
func (t timeline) sim(real time.Time) time.Time {
	d := real.Sub(t.Real)
	if d > 0 {
		d = time.Duration(float64(d) * t.Speed)
	}
	return t.Sim.Add(d)
}

// real is the moment at which the simulated clock says sim.
func (t timeline) real(sim time.Time) time.Time {
	d := sim.Sub(t.Sim)
	if d > 0 {
		d = time.Duration(float64(d) / t.Speed)
	}
	return t.Real.Add(d)
}

// dayStart is the real local time of day that stands for the simulated four o'clock in the morning, at which the
// buildings are taken to be empty.
func (t timeline) dayStart(loc *time.Location) time.Duration {
	s := t.Sim.In(loc)
	four := time.Date(s.Year(), s.Month(), s.Day(), 4, 0, 0, 0, loc)
	r := t.Real.Add(-t.Sim.Sub(four)).In(loc)
	return time.Duration(r.Hour())*time.Hour + time.Duration(r.Minute())*time.Minute
}
