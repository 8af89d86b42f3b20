package mcp23017

import "time"

// contact is the debouncing of one input, pure over samples in order of time. A level counts once all samples have shown
// it for the debounce time.
type contact struct {
	id   string
	bit  uint16
	low  bool // active is low
	wait time.Duration

	told   bool // there was a level
	stable bool // the level that was told
	raw    bool // the level of the last sample
	since  time.Time
}

// sample takes what the pin was at a time, and says whether that is news.
func (c *contact) sample(at time.Time, high bool) bool {
	switch {
	case !c.told: // the level as found
		c.told, c.raw, c.stable, c.since = true, high, high, at
		return true
	case high != c.raw:
		c.raw, c.since = high, at
	}
	if c.raw == c.stable || at.Sub(c.since) < c.wait {
		return false
	}
	c.stable = c.raw
	return true
}

// moving tells that the last sample is not the level that was told.
func (c *contact) moving() bool { return c.raw != c.stable }
