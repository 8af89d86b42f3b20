package ads1115

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"
)

// The loop's defaults, and the shares of the supply at which it is cut or short-circuited.
const (
	defaultSupply     = 3300 * physic.MilliVolt
	defaultResistor   = 4700 * physic.Ohm
	defaultTolerance  = 10
	shortShare        = 0.05
	openShare         = 0.95
	betweenForAtLeast = 100 * time.Millisecond // between the bands for longer is a fault
)

// Loop is the circuit of a supervised input. The two resistors sit at the contact, at the end of the line:
//
//	Supply ── PullUp ──┬── wire ── Series ──┬── contact ───┬── wire ── ground
//	                   │                    └── Parallel ──┘
//	                 input
//
// A closed contact shows Series, an open one Series + Parallel, a short circuit nothing and a cut wire no end. The zero
// value is 3.3 V, three times 4.7 kΩ, to 10 %, with a contact that opens when it becomes active.
type Loop struct {
	Supply    physic.ElectricPotential // 0: 3.3 V
	PullUp    physic.ElectricResistance
	Series    physic.ElectricResistance
	Parallel  physic.ElectricResistance
	Tolerance int // of the resistors, with wire and supply, 1 … 20 %; 0: 10 %

	ActiveClosed bool   // the contact is closed when it is active
	Bands        *Bands // instead of those that follow from the resistors
}

// Bands say what a voltage at the input means. What lies in none of them is a fault as well.
type Bands struct {
	Short  physic.ElectricPotential // up to here the loop is short-circuited
	Normal Band
	Active Band
	Open   physic.ElectricPotential // from here on it is cut
}

// Band is a range of voltages, both ends included.
type Band struct{ Low, High physic.ElectricPotential }

func (b Band) has(v physic.ElectricPotential) bool { return v >= b.Low && v <= b.High }

func (b Band) String() string { return fmt.Sprintf("%.2f … %.2f V", volts(b.Low), volts(b.High)) }

func volts(v physic.ElectricPotential) float64 { return float64(v) / float64(physic.Volt) }

// complete fills in the defaults and computes the bands.
func (l Loop) complete() (Loop, error) {
	if l.Supply == 0 {
		l.Supply = defaultSupply
	}
	if l.Tolerance == 0 {
		l.Tolerance = defaultTolerance
	}
	for _, r := range []*physic.ElectricResistance{&l.PullUp, &l.Series, &l.Parallel} {
		if *r == 0 {
			*r = defaultResistor
		}
		if *r < physic.Ohm || *r > physic.MegaOhm {
			return l, fmt.Errorf("resistor of %v; expected 1 Ω … 1 MΩ", *r)
		}
	}
	switch {
	case l.Supply < physic.Volt || l.Supply > fullScale:
		return l, fmt.Errorf("supply of %v; expected 1 V … 4.096 V, which is all that is measured", l.Supply)
	case l.Tolerance < 1 || l.Tolerance > 20:
		return l, fmt.Errorf("tolerance of %d %%; expected 1 … 20 %%", l.Tolerance)
	}
	if l.Bands == nil {
		bands := Bands{Short: l.share(shortShare), Normal: l.band(l.Series), Active: l.band(l.Series + l.Parallel), Open: l.share(openShare)}
		if l.ActiveClosed {
			bands.Normal, bands.Active = bands.Active, bands.Normal
		}
		l.Bands = &bands
	}
	return l, l.Bands.check()
}

func (l Loop) share(of float64) physic.ElectricPotential {
	return physic.ElectricPotential(of * float64(l.Supply))
}

// band is where the voltage of a loop of r may lie when r and the pull-up are off in opposite directions.
func (l Loop) band(r physic.ElectricResistance) Band {
	off := float64(l.Tolerance) / 100
	at := func(off float64) physic.ElectricPotential {
		loop, pull := float64(r)*(1+off), float64(l.PullUp)*(1-off)
		return l.share(loop / (loop + pull))
	}
	return Band{at(-off), at(off)}
}

func (b Bands) check() error {
	low, high := b.Normal, b.Active
	if low.Low > high.Low {
		low, high = high, low
	}
	if b.Short < low.Low && low.Low <= low.High && low.High < high.Low && high.Low <= high.High && high.High < b.Open {
		return nil
	}
	return errors.New("bands overlap: " + b.String() + "; choose resistors near the pull-up, or a smaller tolerance")
}

func (b Bands) String() string {
	return fmt.Sprintf("short up to %.2f V, normal %v, active %v, cut from %.2f V", volts(b.Short), b.Normal, b.Active, volts(b.Open))
}

// state is what a loop is found in.
type state int

const (
	unknown state = iota // not measured, or not yet long enough
	normal
	active
	short
	open
	between
)

func (b Bands) classify(v physic.ElectricPotential) state {
	switch {
	case v <= b.Short:
		return short
	case v >= b.Open:
		return open
	case b.Normal.has(v):
		return normal
	case b.Active.has(v):
		return active
	}
	return between
}

// fault says in words what is wrong with a loop of this voltage.
func (l Loop) fault(s state, v physic.ElectricPotential) string {
	what, try := "is at a voltage that no state has", "a resistor is wrong, a wire leaks, or somebody works at it"
	switch s {
	case open:
		what, try = "is cut", "look for a loose terminal or a broken wire"
	case short:
		what, try = "is short-circuited", "look for bare wires that touch, or water"
	}
	found := fmt.Sprintf("%.2f V", volts(v))
	if v > 0 && v < l.Supply {
		ohms := float64(l.PullUp) / float64(physic.Ohm) * float64(v) / float64(l.Supply-v)
		found += fmt.Sprintf(", which is %.0f Ω", ohms)
	}
	return fmt.Sprintf("the loop %s: found %s; expected %v when normal, %v when active: %s", what, found, l.Bands.Normal,
		l.Bands.Active, try)
}

// watch is the debouncing of one loop, pure over samples in order of time: a state counts once all samples have shown it
// for its time.
type watch struct {
	bands Bands
	wait  time.Duration

	told  state
	last  state
	since time.Time
}

// sample takes the voltage at a time, and says which state it is news that the loop is in.
func (w *watch) sample(at time.Time, v physic.ElectricPotential) (state, bool) {
	if s := w.bands.classify(v); s != w.last {
		w.last, w.since = s, at
	}
	wait := w.wait
	if w.last == between {
		wait = max(wait, betweenForAtLeast)
	}
	if w.last == w.told || at.Sub(w.since) < wait {
		return w.told, false
	}
	w.told = w.last
	return w.told, true
}
