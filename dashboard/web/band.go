package web

import "math"

// band is how full a place is. Its order is that of the palette in app.css.
type band int

const (
	bandUnknown band = iota - 1
	bandEmpty
	bandQuiet
	bandModerate
	bandBusy
	bandFull
	bandOver
)

// limits are the percentages at which quiet, moderate and busy end. live.js is told them.
var limits = [3]int{40, 70, 90}

// names are parts of class names and of keys: b-quiet, band.quiet.
func (b band) String() string {
	return [...]string{"unknown", "empty", "quiet", "moderate", "busy", "full", "over"}[b+1]
}

// bandOf compares a count with a capacity; without both there is no band.
func bandOf(known bool, count, capacity int) band {
	switch {
	case !known || capacity <= 0:
		return bandUnknown
	case count <= 0:
		return bandEmpty
	case count > capacity:
		return bandOver
	}
	for i, limit := range limits {
		if count*100 < limit*capacity {
			return bandQuiet + band(i)
		}
	}
	return bandFull
}

// percent rounds towards the middle of its band, so that number and word never contradict each other: 89.9 % is 89, and
// one person too many is 101.
func percent(count, capacity int) int {
	if capacity <= 0 {
		return 0
	}
	f := 100 * float64(count) / float64(capacity)
	if f > 100 {
		return int(math.Ceil(f))
	}
	return int(f)
}

// airClass is the category of indoor air by CO2 after EN 16798-1, table B.12: up to 550, 800 and 1350 ppm above outdoor
// air, which is taken as 420 ppm. It is "IV" above.
func airClass(ppm float64) string {
	switch above := ppm - 420; {
	case above <= 550:
		return "I"
	case above <= 800:
		return "II"
	case above <= 1350:
		return "III"
	}
	return "IV"
}
