package policy

import (
	"fmt"
	"sort"
	"time"
)

// zone is a time zone's offsets from zoneFrom to zoneTo, written out: package time computes each from a rule that it reads
// again at every question. Outside of these years it is asked all the same.
type zone struct {
	location *time.Location
	spans    []span // ascending
}

// span is an offset and when it begins, both in seconds.
type span struct{ from, offset int64 }

var (
	zoneFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	zoneTo   = time.Date(2107, 1, 1, 0, 0, 0, 0, time.UTC) // when the validity of entries ends
)

// loadZone refuses the names that time.LoadLocation takes as UTC or as this machine's setting.
func loadZone(name string) (zone, error) {
	if name == "" || name == "Local" {
		return zone{}, fmt.Errorf("time zone %q: an IANA name such as Europe/Belgrade is expected", name)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return zone{}, fmt.Errorf("time zone: %w: an IANA name such as Europe/Belgrade is expected", err)
	}
	z := zone{location: location}
	offset := func(at int64) int64 {
		_, offset := time.Unix(at, 0).In(location).Zone()
		return int64(offset)
	}
	// No zone changes there and back within a week; Time.ZoneBounds would tell the changes, but is wrong at the end of leap years.
	const week = 7 * secondsPerDay
	from := zoneFrom.Unix()
	z.spans = append(z.spans, span{from, offset(from)})
	for before := z.spans[0].offset; from < zoneTo.Unix(); from += week {
		after := offset(from + week)
		if before == after {
			continue
		}
		before = after
		i := sort.Search(week, func(i int) bool { return offset(from+int64(i)) == after })
		z.spans = append(z.spans, span{from + int64(i), after})
	}
	return z, nil
}

// local is the wall clock at t as seconds since 1970-01-01 of the wall clock.
func (z *zone) local(t time.Time) int64 {
	now := t.Unix()
	if len(z.spans) == 0 || now < z.spans[0].from || now >= zoneTo.Unix() {
		_, offset := t.In(z.location).Zone()
		return now + int64(offset)
	}
	i := sort.Search(len(z.spans), func(i int) bool { return z.spans[i].from > now }) - 1
	return now + z.spans[i].offset
}

// change is the first moment after from at which the offset is that at until. There is one change in between.
func (z *zone) change(from, until time.Time) time.Time {
	offset := func(t time.Time) int64 { return z.local(t) - t.Unix() }
	seconds := int(until.Unix() - from.Unix())
	return from.Add(time.Duration(sort.Search(seconds, func(i int) bool {
		return offset(from.Add(time.Duration(i)*time.Second)) == offset(until)
	})) * time.Second)
}

// steadyUntil is the end of the time from now on in which the minutes of one local day follow one another. When now is
// in the middle of a minute, it is that minute's end at the latest. Both in Unix seconds.
func (z *zone) steadyUntil(now int64) int64 {
	local := z.local(time.Unix(now, 0))
	second := (local%secondsPerDay + secondsPerDay) % secondsPerDay
	until := now + secondsPerDay - second
	if second%60 != 0 || now < zoneFrom.Unix() || now >= zoneTo.Unix() {
		until = now + 60 - second%60
	}
	if i := sort.Search(len(z.spans), func(i int) bool { return z.spans[i].from > now }); i < len(z.spans) {
		until = min(until, z.spans[i].from)
	}
	return until
}
