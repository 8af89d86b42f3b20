package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60
	minutesPerDay = 24 * 60
	holiday       = 7 // kind of day after Monday 0 … Sunday 6
)

// plan is a compiled schedule.
//
// An interval belongs to the day on which it starts. Only that day is asked whether it is a holiday: what runs over
// midnight goes on into the next day, whatever that is. Times are those of the wall clock: the hour that occurs twice
// when summer time ends counts twice, and the hour that is left out when it begins is never seen.
type plan struct {
	open  [8][(minutesPerDay + 63) / 64]uint64 // by kind of day: minutes in which an interval of that day is open
	spill [8]uint16                            // by kind of day: minutes for which it stays open after midnight
}

func newPlan(intervals []Interval) (p plan, err error) {
	var problems []error
	for _, iv := range intervals {
		switch {
		case iv.Days == 0:
			problems = append(problems, errors.New("an interval names no day"))
			continue
		case iv.From < 0 || iv.From >= minutesPerDay:
			problems = append(problems, fmt.Errorf("an interval is from minute %d: 0 … %d is expected", iv.From, minutesPerDay-1))
			continue
		case iv.To < 1 || iv.To > minutesPerDay:
			problems = append(problems, fmt.Errorf("an interval is to minute %d: 1 … %d is expected", iv.To, minutesPerDay))
			continue
		case iv.To == iv.From:
			problems = append(problems, fmt.Errorf("an interval is from minute %d to the same: from 0 to %d is the whole day", iv.From, minutesPerDay))
			continue
		}
		for kind := range p.open {
			if iv.Days&(1<<kind) == 0 {
				continue
			}
			to := iv.To
			if to < iv.From {
				p.spill[kind] = max(p.spill[kind], uint16(to))
				to = minutesPerDay
			}
			for m := iv.From; m < to; m++ {
				p.open[kind][m/64] |= 1 << (m % 64)
			}
		}
	}
	return p, errors.Join(problems...)
}

// moment is a time as schedules see it.
type moment struct {
	minute           int // of the local day
	today, yesterday int // kinds of day
}

func (r *ruleset) momentOf(t time.Time) moment {
	local := r.zone.local(t)
	day := local / secondsPerDay
	second := local % secondsPerDay
	if second < 0 {
		day, second = day-1, second+secondsPerDay
	}
	return moment{minute: int(second / 60), today: r.kindOf(int32(day)), yesterday: r.kindOf(int32(day - 1))}
}

func (r *ruleset) kindOf(day int32) int {
	if _, found := slices.BinarySearch(r.holidays, day); found {
		return holiday
	}
	const thursday = 3 // 1970-01-01
	return int(((day+thursday)%7 + 7) % 7)
}

func (p *plan) openAt(m moment) bool {
	return p.open[m.today][m.minute/64]>>(m.minute%64)&1 == 1 || m.minute < int(p.spill[m.yesterday])
}
