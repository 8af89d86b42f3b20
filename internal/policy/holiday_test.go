package policy

import (
	"strings"
	"testing"
	"time"
)

// The years in which holidays fall on Sundays or on each other, worked out from the law. What the ministry of labour
// announced for 2016, 2017, 2021, 2022 and 2026 is the same.
func TestSerbianHolidays(t *testing.T) {
	for year, want := range map[int]string{
		2016: "01-01 01-02 01-07 02-15 02-16 04-29 04-30 05-01 05-02 05-03 11-11",             // Easter on 1 May
		2017: "01-01 01-02 01-03 01-07 02-15 02-16 04-14 04-15 04-16 04-17 05-01 05-02 11-11", // New Year on a Sunday
		2020: "01-01 01-02 01-07 02-15 02-16 02-17 04-17 04-18 04-19 04-20 05-01 05-02 11-11", // 16 February on a Sunday
		2021: "01-01 01-02 01-07 02-15 02-16 04-30 05-01 05-02 05-03 05-04 11-11",             // Easter on 2 May
		2022: "01-01 01-02 01-03 01-07 02-15 02-16 04-22 04-23 04-24 04-25 05-01 05-02 05-03 11-11",
		2023: "01-01 01-02 01-03 01-07 02-15 02-16 04-14 04-15 04-16 04-17 05-01 05-02 11-11",
		2024: "01-01 01-02 01-07 02-15 02-16 05-01 05-02 05-03 05-04 05-05 05-06 11-11",
		2025: "01-01 01-02 01-07 02-15 02-16 02-17 04-18 04-19 04-20 04-21 05-01 05-02 11-11",
		2026: "01-01 01-02 01-07 02-15 02-16 02-17 04-10 04-11 04-12 04-13 05-01 05-02 11-11",
	} {
		var days []string
		for _, h := range SerbianHolidays(year) {
			if h.Name == "" {
				t.Errorf("%s has no name", h.Date)
			}
			days = append(days, h.Date[5:])
		}
		if got := strings.Join(days, " "); got != want {
			t.Errorf("%d: %s, want %s", year, got, want)
		}
	}
}

func TestReligiousHolidaysDoNotMove(t *testing.T) {
	for _, h := range SerbianHolidays(2018) { // 7 January is a Sunday
		if h.Date == "2018-01-08" {
			t.Error("Christmas moved to Monday")
		}
	}
}

func TestTwoHolidaysOnOneDayAreOne(t *testing.T) {
	for _, h := range SerbianHolidays(2016) {
		if h.Date == "2016-05-01" && h.Name != "Васкрс, Празник рада" {
			t.Errorf("1 May 2016 is %q", h.Name)
		}
	}
}

func TestOrthodoxEaster(t *testing.T) {
	for _, want := range []string{
		"1875-04-25", "1900-04-22", "1983-05-08", "2000-04-30", "2008-04-27", "2010-04-04", "2013-05-05", "2018-04-08", "2019-04-28",
		"2027-05-02", "2028-04-16", "2029-04-08", "2030-04-28", "2038-04-25", "2100-05-02",
	} {
		day, err := time.Parse(time.DateOnly, want)
		if err != nil {
			t.Fatal(err)
		}
		if got := OrthodoxEaster(day.Year()); !got.Equal(day) {
			t.Errorf("%s, want %s", got.Format(time.DateOnly), want)
		}
	}
	for year := 1583; year <= 3000; year++ {
		if d := OrthodoxEaster(year); d.Weekday() != time.Sunday {
			t.Errorf("%s is no Sunday", d.Format(time.DateOnly))
		}
	}
}
