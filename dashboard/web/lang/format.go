package lang

import (
	"math"
	"strconv"
	"time"
)

// Dash stands for a value that is not known. Unknown is never 0.
const Dash = "—"

const minus = "\u2212"

// Int writes a whole number with its thousands parted: 1.234 in Serbian, 1,234 in English.
func (l Lang) Int(n int) string {
	if n == math.MinInt {
		n++
	}
	if n < 0 {
		return minus + l.Int(-n)
	}
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + l.thousands() + s[i:]
	}
	return s
}

// Signed writes a difference with its sign: +12, −3, 0.
func (l Lang) Signed(n int) string {
	if n > 0 {
		return "+" + l.Int(n)
	}
	return l.Int(n)
}

// Fixed writes a number with the given count of decimals: 21,4 in Serbian, 21.4 in English.
func (l Lang) Fixed(f float64, decimals int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Dash
	}
	whole, frac := math.Modf(math.Round(math.Abs(f)*math.Pow10(decimals)) / math.Pow10(decimals))
	s := l.Int(int(whole))
	if decimals > 0 {
		s += l.decimal() + strconv.FormatFloat(frac, 'f', decimals, 64)[2:]
	}
	if f < 0 && (whole != 0 || frac != 0) {
		return minus + s
	}
	return s
}

func (l Lang) thousands() string {
	if l == English {
		return ","
	}
	return "."
}

func (l Lang) decimal() string {
	if l == English {
		return "."
	}
	return ","
}

// Clock writes hours and minutes of t in its own zone.
func (l Lang) Clock(t time.Time) string { return t.Format("15:04") }

// Seconds writes hours, minutes and seconds of t in its own zone.
func (l Lang) Seconds(t time.Time) string { return t.Format("15:04:05") }

// Day writes a date: 3. 11. 2025. in Serbian, 3 Nov 2025 in English.
func (l Lang) Day(t time.Time) string {
	if l == English {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2. 1. 2006.")
}

// LongDay writes a date with its weekday: понедељак, 3. новембар 2025.; Monday, 3 November 2025.
func (l Lang) LongDay(t time.Time) string {
	if l == English {
		return t.Format("Monday, 2 January 2006")
	}
	return l.Text(weekdays[t.Weekday()]+t.Format(", 2. ")+months[t.Month()-1]+t.Format(" 2006."), "")
}

// Ago writes an age: just now, 5 s, 3 min, 2 h, 4 days ago. A negative age is now.
func (l Lang) Ago(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return l.T("ago.now")
	case d < time.Minute:
		return l.T("ago.s", "n", strconv.Itoa(int(d.Seconds())))
	case d < time.Hour:
		return l.T("ago.min", "n", strconv.Itoa(int(d.Minutes())))
	case d < 48*time.Hour:
		return l.T("ago.h", "n", strconv.Itoa(int(d.Hours())))
	}
	return l.N("ago.days", int(d.Hours()/24))
}

var weekdays = [7]string{"недеља", "понедељак", "уторак", "среда", "четвртак", "петак", "субота"}

var months = [12]string{"јануар", "фебруар", "март", "април", "мај", "јун", "јул", "август", "септембар", "октобар",
	"новембар", "децембар"}
