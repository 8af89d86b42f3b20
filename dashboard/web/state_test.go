package web

import (
	"context"
	"math"
	"time"

	"kapija/dashboard/history"
	"kapija/dashboard/live"
	"kapija/internal/event"
	"kapija/internal/site"
)

// plausible is a working day at the present hour: one held door, one silent gateway, one zone over its capacity.
func plausible(d *site.District, now time.Time) live.Snapshot {
	s := live.Snapshot{At: now}
	for bi, b := range d.Buildings {
		lb := live.Building{ID: b.ID, At: now.Add(-2 * time.Second), Known: true, Capacity: b.People()}
		for i, z := range b.Zones {
			full := z.People()
			share := []float64{0.31, 0.55, 0, 0.93, 0.74, 0.18, 0.66, 0.42, 1.08, 0.12}[(i+3*bi)%10]
			n := int(math.Round(share * float64(full)))
			co2, temp, hum := 520+share*700, 21.4+share, 38+share*9
			lz := live.Zone{ID: z.ID, Known: true, Count: n, Low: max(0, n-3), High: n + 4, Capacity: full, CO2: &co2, Temperature: &temp, Humidity: &hum}
			if i == len(b.Zones)-2 {
				lz = live.Zone{ID: z.ID, Capacity: full}
			}
			lb.Zones = append(lb.Zones, lz)
			lb.Count += lz.Count
		}
		lb.Low, lb.High, lb.Entered = lb.Count-14, lb.Count+19, lb.Count+212
		lb.Left = lb.Entered - lb.Count
		usual := lb.Count - 23 + 60*bi
		lb.Usual = &usual
		for i, g := range b.Gateways {
			st := event.State{Online: true, At: now, Version: "0.1.0", Clock: event.ClockIsSynced, Queued: uint64(i), Policy: 41}
			for _, r := range g.Readers {
				st.Devices = append(st.Devices, event.Device{ID: r.ID, Online: true})
			}
			for j, x := range g.Sensors {
				dev := event.Device{ID: x.ID, Online: j > 0 || i > 0}
				if !dev.Online {
					dev.Cause = "bme280: reading 0x76 on /dev/i2c-1: remote I/O error; look at its 3.3 V and at SDA, SCL"
				}
				st.Devices = append(st.Devices, dev)
			}
			lg := live.Gateway{ID: g.ID, State: st, Heard: now.Add(-time.Duration(3+7*i) * time.Second)}
			if bi == 1 && i == len(b.Gateways)-1 {
				lg.Online, lg.Heard, lb.Partial = false, now.Add(-47*time.Minute), true
			}
			lb.Gateways = append(lb.Gateways, lg)
		}
		for i, x := range b.Doors {
			ld := live.Door{Door: event.Door{ID: x.ID, Locked: i%3 != 0, Mode: "secure"}, Known: true, Kind: event.DoorClosed, At: now.Add(-time.Duration(i*i+1) * time.Minute)}
			if x.Public {
				ld.Mode, ld.Locked = "unlocked", false
			}
			switch {
			case lb.Partial && x.Gateway == b.Gateways[len(b.Gateways)-1].ID:
				ld.Known = false
			case i == 4:
				ld.Open, ld.Held, ld.Kind = true, true, event.DoorHeld
			case i == 7 && bi == 0:
				ld.Open, ld.Forced, ld.Kind = true, true, event.DoorForced
			case i%5 == 1:
				ld.Open, ld.Kind = true, event.DoorOpened
			}
			lb.Doors = append(lb.Doors, ld)
		}
		s.Buildings = append(s.Buildings, lb)
	}
	s.Events = someEvents(d, now)
	return s
}

func someEvents(d *site.District, now time.Time) []live.Event {
	kinds := []event.Event{
		{Kind: event.AccessEntered, Side: event.In, Badge: "b7f2k"}, {Kind: event.AccessGranted, Side: event.In, Badge: "b7f2k", Reason: event.Granted},
		{Kind: event.DoorClosed, Cause: "closed"}, {Kind: event.AccessDenied, Side: event.In, Badge: "q81mz", Reason: event.OutsideSchedule},
		{Kind: event.RexPressed, Side: event.Out, Cause: "rex"}, {Kind: event.AccessDenied, Side: event.In, Reason: event.UnknownBadge},
		{Kind: event.DoorForced, Cause: "forced"}, {Kind: event.DoorHeld, Cause: "timeout"}, {Kind: event.AccessDenied, Badge: "tt02a", Reason: event.Revoked},
		{Kind: event.InputCounted, Side: event.Out}, {Kind: event.PolicyApplied}, {Kind: event.InputOffline, Cause: "bme280: remote I/O error"},
	}
	var all []live.Event
	for i := range 40 {
		b := d.Buildings[i%len(d.Buildings)]
		e := live.Event{Building: b.ID, Gateway: b.Gateways[i%len(b.Gateways)].ID, Event: kinds[i%len(kinds)]}
		e.Seq, e.At, e.Clock = uint64(9000-i), now.Add(-time.Duration(i*i)*7*time.Second), event.ClockIsSynced
		if e.Kind != event.PolicyApplied && e.Kind != event.InputOffline {
			e.Door = b.Doors[i%len(b.Doors)].ID
		}
		e.Late = i == 5
		all = append(all, e)
	}
	return all
}

// fakeHistory draws a day with a lunch dip, up to now.
type fakeHistory struct {
	d    *site.District
	now  func() time.Time
	fail error
}

func (f fakeHistory) Today(_ context.Context, building string) ([]history.Point, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	b, now := f.d.Building(building), f.now()
	y, m, d := now.In(b.Location).Date()
	from := time.Date(y, m, d, 0, 0, 0, 0, b.Location)
	var points []history.Point
	for at := from; !at.After(now); at = at.Add(5 * time.Minute) {
		h := at.Sub(from).Hours()
		bell := func(mid, wide float64) float64 { return math.Exp(-(h - mid) * (h - mid) / (2 * wide * wide)) }
		v := float64(b.People()) * (0.46*bell(11, 2.1) + 0.36*bell(15, 1.9) - 0.08*bell(12.6, 0.4) + 0.012*math.Sin(h*9))
		v = math.Max(0, v)
		points = append(points, history.Point{At: at, Count: v, Low: v * 0.96, High: v*1.05 + 2})
	}
	return points, nil
}
