package cardformat

import (
	"fmt"
	"strings"
)

const (
	// ownPrefix begins the name of each format of a site's own. It keeps them from passing for a card that has proven
	// something: what comes over Wiegand is a number.
	ownPrefix = "wiegand-"
	minBits   = 9 // shorter frames are keys of a keypad, or noise
	maxName   = 40
)

// Problem is one thing that is wrong with a format of a site's own.
type Problem struct {
	Format int    // index into the formats
	Field  string // name, bits, facility, number or parity
	Index  int    // which parity
	Text   string // what was found, and what is expected
}

// NewSet adds a site's own formats to those that everybody has. Those that have problems are left out.
func NewSet(own []Format) (*Set, []Problem) {
	s := &Set{}
	var problems []Problem
	for i, f := range own {
		c := &check{Format: f, index: i}
		c.name(s)
		c.layout()
		problems = append(problems, c.problems...)
		if len(c.problems) == 0 {
			s.own = append(s.own, f)
		}
	}
	return s, problems
}

// check is one format while it is checked.
type check struct {
	Format
	index    int
	problems []Problem
}

func (c *check) say(field string, index int, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.index, field, index, fmt.Sprintf(format, args...)})
}

func (c *check) name(known *Set) {
	bad := strings.IndexFunc(c.Name, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') })
	_, twice := known.Lookup(c.Name)
	switch {
	case !strings.HasPrefix(c.Name, ownPrefix) || len(c.Name) == len(ownPrefix):
		c.say("name", 0, "name is %q, expected one that begins with %s, such as wiegand-own-40", c.Name, ownPrefix)
	case bad >= 0 || len(c.Name) > maxName:
		c.say("name", 0, "name is %q, expected only a-z, 0-9 and -, at most %d characters", c.Name, maxName)
	case c.Contactless:
		c.say("name", 0, "%s is contactless, expected a frame on two Wiegand wires", c.Name)
	case twice:
		c.say("name", 0, "name is %q, which is another format already", c.Name)
	}
}

// layout checks that each bit is said once: as part of a number, or as a parity of bits that are known before.
func (c *check) layout() {
	if c.Bits < minBits || c.Bits > MaxBits {
		c.say("bits", 0, "bits is %d, expected %d to %d", c.Bits, minBits, MaxBits)
		return
	}
	said, before := make([]string, c.Bits), len(c.problems)
	c.field("facility", c.Facility, 0, said)
	c.field("number", c.Number, 1, said)
	for i, p := range c.Parity {
		switch {
		case p.n != c.Bits:
			c.say("parity", i, "parity has %d places, expected one for each of the %d bits", p.n, c.Bits)
		case said[p.own] != "":
			c.say("parity", i, "parity: place %d is part of %s, expected a bit that nothing else says", p.own+1, said[p.own])
		default:
			said[p.own] = fmt.Sprintf("parity %d", i+1)
		}
	}
	if len(c.problems) > before {
		return
	}
	for i, p := range c.Parity {
		for j, later := range c.Parity[i+1:] {
			if p.covers(later.own) {
				c.say("parity", i, "parity covers place %d, which is parity %d: expected that one before it, they are computed in order", later.own+1, i+j+2)
			}
		}
	}
	for i, by := range said {
		if by == "" {
			c.say("bits", 0, "bit %d belongs to no field and no parity: expected each bit to be said; a parity of E alone is a bit that is always 0, O alone one that is always 1", i)
			return
		}
	}
}

func (c *check) field(name string, f Field, least int, said []string) {
	if f.Width < least || f.Width > 64 || f.Offset < 0 || f.Offset > c.Bits-f.Width {
		c.say(name, 0, "%s has the offset %d and the width %d, expected %d to 64 bits within the %d of the frame", name, f.Offset, f.Width, least, c.Bits)
		return
	}
	for i := f.Offset; i < f.Offset+f.Width; i++ {
		if said[i] != "" {
			c.say(name, 0, "%s has bit %d, which is part of %s already", name, i, said[i])
			return
		}
		said[i] = name
	}
}
