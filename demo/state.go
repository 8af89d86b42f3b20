package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// state is what a demo remembers between runs.
type state struct {
	Line    timeline          `json:"timeline"`
	Seeded  bool              `json:"seeded"`  // people are in the directory
	Badges  map[string]string `json:"badges"`  // their pseudonyms
	History map[string]uint64 `json:"history"` // audit records of the past by gateway folder; nil: not written yet
	Counted bool              `json:"counted"` // the past's occupancy was published
}

const stateFile = "state.json"

// readState goes on with the simulated day of the last run while that day has something to show, and begins a new one
// otherwise, or when another speed is asked for.
func readState(dir string, now time.Time, loc *time.Location, at string, speed float64) (s state, err error) {
	fresh, err := newTimeline(now, loc, at, speed)
	if err != nil {
		return s, err
	}
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return state{Line: fresh}, nil
	case err == nil:
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("demo: %s cannot be read (%w); remove the folder to begin anew", filepath.Join(dir, stateFile), err)
	}
	sim := s.Line.sim(now).In(loc)
	weekend := sim.Weekday() == time.Saturday || sim.Weekday() == time.Sunday
	if s.Line.Speed != speed || weekend || sim.Hour() < 7 || sim.Hour() >= 17 {
		s.Line = fresh
	}
	return s, nil
}
