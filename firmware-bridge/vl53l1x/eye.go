package vl53l1x

import "fmt"

// eye is the judgement of one sensor, pure over its measurements: is somebody there, given what it sees when nobody is.
//
// The empty distance is learned: it is the middle of the first steady measurements in a row that differ by less than
// spread. It is learned anew when such a row is farther away than it by more than a tenth, as when somebody stood there
// at start; what comes nearer and stays is somebody, until the sensor counts as blocked. Somebody is there below three
// quarters of the empty distance, and gone above four fifths; two measurements in a row must agree.
type eye struct {
	reach int // mm: farther is nothing

	empty     int // mm; 0: not learned
	near      bool
	other     bool // the last measurement was the opposite of near
	low, high int  // of the steady row
	row       int
	unusable  int // measurements in a row that said nothing
}

const (
	steady   = 40  // measurements: 1 s
	spread   = 80  // mm
	tooNear  = 300 // mm: less than this to see is no passage
	patience = 40  // unusable measurements in a row
)

// Range status as the chip writes it (STSW-IMG009, GetRangeStatus).
const (
	wrongPhase  = 5 // out of bounds
	noSignal    = 4
	noisy       = 6 // sigma: too uncertain
	wrapped     = 7 // farther than can be told
	minClipped  = 8
	good        = 9
	notCompared = 19 // the first one: not yet known whether it is wrapped
)

// measure takes a measurement and says whether near changed by it. An error means that the chip must be started anew.
func (e *eye) measure(status byte, mm int) (changed bool, err error) {
	switch status {
	case good, minClipped:
		mm = min(mm, e.reach)
	case noSignal, wrongPhase, wrapped:
		mm = e.reach
	case noisy, notCompared:
		return false, e.drop(status)
	default:
		return false, fmt.Errorf("range status %d: a failure of the hardware", status)
	}
	e.unusable = 0
	e.learn(mm)
	limit := e.empty * 3 / 4
	if e.near {
		limit = e.empty * 4 / 5
	}
	other := e.empty > 0 && (mm < limit) != e.near
	changed = other && e.other
	if changed {
		e.near, other = !e.near, false
	}
	e.other = other
	return changed, nil
}

func (e *eye) drop(status byte) error {
	if e.unusable++; e.unusable < patience {
		return nil
	}
	e.unusable = 0
	return fmt.Errorf("%d measurements in a row are unusable (range status %d): clean its window, and keep sunlight from it",
		patience, status)
}

func (e *eye) learn(mm int) {
	low, high := min(e.low, mm), max(e.high, mm)
	if e.row == 0 || high-low > spread {
		low, high, e.row = mm, mm, 0
	}
	e.low, e.high = low, high
	if e.row++; e.row < steady {
		return
	}
	e.row = 0
	if middle := max(1, (low+high)/2); middle > e.empty*11/10 {
		e.empty = middle
	}
}
