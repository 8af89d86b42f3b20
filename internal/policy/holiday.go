package policy

import (
	"slices"
	"strings"
	"time"
)

// SerbianHolidays lists the days of one year on which Serbia does not work, in order: the Law on State and Other Holidays
// (Zakon o državnim i drugim praznicima, Sl. glasnik RS 43/2001, 101/2007, 92/2011), articles 1 to 3a, as it stands
// since 2012.
//
// State holidays: 1–2 January, 15–16 February, 1–2 May, 11 November. Religious ones: 7 January and Good Friday to Easter
// Monday of the Orthodox church. When a day of a state holiday falls on a Sunday, the next working day is free too
// (article 3a); religious holidays do not move. The days off of single faiths (article 4) are personal and not listed;
// 9 May is a state holiday on which one works. What the government only recommends (6 and 8 January in some years) is not
// law: it belongs to the site's own days.
func SerbianHolidays(year int) []Holiday {
	date := func(m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }
	names := make(map[time.Time][]string)
	add := func(t time.Time, name string) {
		if !slices.Contains(names[t], name) {
			names[t] = append(names[t], name)
		}
	}
	type day struct {
		on   time.Time
		name string
	}
	state := []day{
		{date(time.January, 1), "Нова година"}, {date(time.January, 2), "Нова година"},
		{date(time.February, 15), "Сретење – Дан државности"}, {date(time.February, 16), "Сретење – Дан државности"},
		{date(time.May, 1), "Празник рада"}, {date(time.May, 2), "Празник рада"},
		{date(time.November, 11), "Дан примирја у Првом светском рату"},
	}
	easter := OrthodoxEaster(year)
	for _, h := range append([]day{
		{date(time.January, 7), "Божић"},
		{easter.AddDate(0, 0, -2), "Велики петак"}, {easter.AddDate(0, 0, -1), "Велика субота"},
		{easter, "Васкрс"}, {easter.AddDate(0, 0, 1), "Васкрсни понедељак"},
	}, state...) {
		add(h.on, h.name)
	}
	for _, h := range state {
		if h.on.Weekday() != time.Sunday {
			continue
		}
		next := h.on.AddDate(0, 0, 1)
		for names[next] != nil || next.Weekday() == time.Sunday {
			next = next.AddDate(0, 0, 1)
		}
		add(next, h.name+" (нерадни дан)")
	}
	days := make([]Holiday, 0, len(names))
	for t, n := range names {
		days = append(days, Holiday{Date: t.Format(time.DateOnly), Name: strings.Join(n, ", ")})
	}
	slices.SortFunc(days, func(a, b Holiday) int { return strings.Compare(a.Date, b.Date) })
	return days
}

// OrthodoxEaster is Easter Sunday by the Julian computus, as a date of the Gregorian calendar at midnight UTC.
// Source: J. Meeus, Astronomical Algorithms, 2nd ed., chapter 8, for the Julian date. Years from 1583 on.
func OrthodoxEaster(year int) time.Time {
	a, b, c := year%4, year%7, year%19
	d := (19*c + 15) % 30
	e := (2*a + 4*b - d + 34) % 7
	month, day := (d+e+114)/31, (d+e+114)%31+1
	behind := year/100 - year/400 - 2 // days between the calendars, from 1 March of the year on
	return time.Date(year, time.Month(month), day+behind, 0, 0, 0, 0, time.UTC)
}
