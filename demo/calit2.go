package demo

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// calit2 is the CalIt2 Building People Counts (UCI Machine Learning Repository, CC BY 4.0); see data/README.md.
//
//go:embed data/CalIt2.data
var calit2 []byte

const slot = 30 * time.Minute

// counts is how many people went in and out at a real main door, by day and half hour.
type counts struct {
	first time.Time // a Sunday
	days  [][48]flow
}

type flow struct{ in, out int }

func readCounts(data []byte) (counts, error) {
	var c counts
	s := bufio.NewScanner(bytes.NewReader(data))
	for line := 1; s.Scan(); line++ {
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		part := strings.Split(s.Text(), ",")
		if len(part) != 4 {
			return c, fmt.Errorf("demo: CalIt2 line %d: %d fields, want flow,date,time,count", line, len(part))
		}
		at, err := time.Parse("01/02/06 15:04:05", part[1]+" "+part[2])
		if err != nil {
			return c, fmt.Errorf("demo: CalIt2 line %d: %w", line, err)
		}
		n, err := strconv.Atoi(part[3])
		if err != nil || n < 0 {
			return c, fmt.Errorf("demo: CalIt2 line %d: count %q is not a number", line, part[3])
		}
		if c.first.IsZero() {
			c.first = at.Truncate(24 * time.Hour)
		}
		day := int(at.Sub(c.first) / (24 * time.Hour))
		for len(c.days) <= day {
			c.days = append(c.days, [48]flow{})
		}
		f := &c.days[day][at.Hour()*2+at.Minute()/30]
		switch part[0] {
		case "9":
			f.in = n
		case "7":
			f.out = n
		default:
			return c, fmt.Errorf("demo: CalIt2 line %d: flow %q is neither 7 (out) nor 9 (in)", line, part[0])
		}
	}
	if len(c.days) < 7 {
		return c, fmt.Errorf("demo: CalIt2 holds %d days, want at least a week", len(c.days))
	}
	return c, s.Err()
}

// on is the flows of the recorded day that stands for a local day: one of the same weekday, the weeks in turn.
func (c counts) on(day time.Time) [48]flow {
	_, week := day.ISOWeek()
	i := week%(len(c.days)/7)*7 + int(day.Weekday()) // the record begins on a Sunday
	return c.days[i]
}
