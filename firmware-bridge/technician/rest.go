package technician

// lines is how a Wiegand reader's two data lines are when nobody holds up a card: both high. The zero value was not
// looked at.
type lines struct {
	looked bool
	d0, d1 bool
}

// atRest reads the data lines of all Wiegand readers, and releases them.
func (c Config) atRest() map[string]lines {
	found := map[string]lines{}
	for _, r := range c.Gateway.Readers {
		src, err := c.Wires.Wiegand(r.ID)
		if err != nil {
			continue // it is on no lines, or tells its cause when it runs
		}
		if l, err := src.Levels(); err == nil && len(l) == 2 {
			found[r.ID] = lines{true, l[0], l[1]}
		}
		src.Close()
	}
	return found
}

// judge says what the levels at rest mean. Which of the two lines is which cannot be told without a card.
func (l lines) judge(f *Finding) {
	switch {
	case !l.looked:
	case l.d0 && l.d1:
		f.Found = "both data lines are high, as they are at rest"
	case !l.d0 && !l.d1:
		f.OK, f.Found = false, "both data lines are low, expected high at rest"
		f.Try = "is the reader powered? is its ground joined with the Pi's? does the level shifter have both supplies and pull the lines up?"
	default:
		low := "D1"
		if !l.d0 {
			low = "D0"
		}
		f.OK, f.Found = false, low+" is low, expected high at rest"
		f.Try = low + ": look for a broken wire, a missing pull-up at the level shifter, or a short to ground"
	}
}
