package web

import (
	"strings"
	"time"

	"kapija/dashboard/live"
	"kapija/dashboard/web/lang"
	"kapija/internal/event"
)

// count writes persons: — when not known, ≥ n when a gateway is silent. Unknown is never 0.
func (p *page) count(known, partial bool, n int) string {
	switch {
	case !known:
		return lang.Dash
	case partial:
		return "≥\u00a0" + p.Int(n)
	}
	return p.Int(n)
}

// chip is the band as number and word: 62 % · moderate.
func (p *page) chip(known bool, n, capacity int) string {
	b := bandOf(known, n, capacity)
	word := p.T("band." + b.String())
	if b == bandUnknown {
		return word
	}
	return p.Int(percent(n, capacity)) + "\u00a0% · " + word
}

// spread says how sure the estimate is (L58); nothing when it is exact.
func (p *page) spread(known bool, low, high int) string {
	if !known || low == high {
		return ""
	}
	return p.T("fact.estimate", "low", p.Int(low), "high", p.Int(high))
}

func (p *page) span(known bool, low, high int) string {
	switch {
	case !known:
		return lang.Dash
	case low == high:
		return p.Int(low)
	}
	return p.Int(low) + "–" + p.Int(high)
}

func (p *page) usual(b live.Building) string {
	if !b.Known || b.Usual == nil {
		return lang.Dash
	}
	return p.Signed(b.Count - *b.Usual)
}

func (p *page) age(at time.Time) string {
	if at.IsZero() {
		return p.T("live.never")
	}
	return p.Ago(p.now.Sub(at))
}

func (p *page) heard(at time.Time) string {
	if at.IsZero() {
		return lang.Dash
	}
	return p.Ago(p.now.Sub(at))
}

// moment is a time of today, or a date with its time.
func (p *page) moment(at time.Time, loc *time.Location) string {
	at, now := at.In(loc), p.now.In(loc)
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return p.Clock(at)
	}
	return p.Day(at) + " " + p.Clock(at)
}

func (p *page) reading(v *float64, decimals int) string {
	if v == nil {
		return lang.Dash
	}
	return p.Fixed(*v, decimals)
}

func (p *page) worstAir(pl *place) string {
	z, ppm, ok := pl.worstAir()
	switch {
	case !ok:
		return lang.Dash
	case !p.may(seeZones):
		return p.Fixed(ppm, 0) + " ppm"
	}
	return p.Fixed(ppm, 0) + " ppm · " + p.name(z.Name)
}

func (p *page) curveText(k curve) string {
	if k.failed {
		return p.T("curve.failed")
	}
	most, ok := k.peak()
	if !ok {
		return p.T("curve.empty")
	}
	return p.T("curve.peak", "n", p.Fixed(most.Count, 0), "time", p.Clock(most.At.In(k.from.Location())))
}

func (p *page) online(yes bool) string {
	if yes {
		return p.T("device.online")
	}
	return p.T("device.silent")
}

func (p *page) clockState(c event.Clock) string {
	if c == "" {
		return lang.Dash
	}
	return p.orKey("clock.", string(c))
}

func (p *page) mode(d live.Door) string {
	if !d.Known || d.Mode == "" {
		return lang.Dash
	}
	return p.orKey("mode.", d.Mode)
}

// lastAt is the last event of a door with its time.
func (p *page) lastAt(d live.Door, loc *time.Location) string {
	if d.Kind == "" {
		return lang.Dash
	}
	return p.moment(d.At, loc) + " · " + p.orKey("kind.", string(d.Kind))
}

// orKey is the word for a name of the protocol, or the name itself when a newer gateway sends one without a word.
func (p *page) orKey(family, name string) string {
	if lang.Has(family + name) {
		return p.T(family + name)
	}
	return name
}

func (p *page) eventTime(e live.Event) string {
	at := e.At.In(location(p.site.Building(e.Building)))
	if now := p.now.In(at.Location()); at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return p.Seconds(at)
	}
	return p.Day(at) + " " + p.Seconds(at)
}

// eventPlace is the door with the side that was passed, or the gateway.
func (p *page) eventPlace(e live.Event) string {
	if e.Door == "" {
		return p.gatewayName(e.Building, e.Gateway)
	}
	where := p.doorName(e.Building, e.Door)
	if e.Side != "" {
		where += " · " + p.orKey("side.", string(e.Side))
	}
	return where
}

// kind tells an entry that was seen from one that is only assumed, because the door has no contact (L58).
func (p *page) kind(e live.Event) string {
	if e.Kind == event.AccessEntered {
		if b := p.site.Building(e.Building); b != nil {
			if d := b.Door(e.Door); d != nil && d.Contact == "" {
				return p.T("kind.access.entered_assumed")
			}
		}
	}
	return p.orKey("kind.", string(e.Kind))
}

// why is the reason of a decision, else the cause that the gateway gave.
func (p *page) why(e live.Event) string {
	switch {
	case e.Reason == event.Granted:
		return ""
	case e.Reason != "":
		return p.orKey("reason.", string(e.Reason))
	case e.Cause != "":
		return p.orKey("cause.", e.Cause)
	}
	return ""
}

func doorState(d live.Door, contact bool) string {
	switch {
	case !d.Known:
		return "unknown"
	case d.Forced:
		return "forced"
	case d.Held:
		return "held"
	case !contact:
		return "no_contact"
	case d.Open:
		return "open"
	}
	return "closed"
}

func lockState(d live.Door) string {
	switch {
	case !d.Known:
		return "unknown"
	case d.Locked:
		return "locked"
	}
	return "unlocked"
}

func doorClass(d live.Door) string {
	switch {
	case d.Forced || d.Held:
		return "alarm"
	case !d.Known:
		return "unknown"
	case d.Open:
		return "open"
	}
	return "well"
}

func gatewayClass(g live.Gateway) string {
	if g.Online {
		return "well"
	}
	return "alarm"
}

func eventClass(k event.Kind) string {
	switch k {
	case event.DoorForced, event.DoorHeld, event.ReaderTamper, event.ReaderInsecure, event.PowerFailed, event.JournalDropped:
		return "alarm"
	case event.AccessDenied, event.CommandRefused, event.PolicyRefused, event.ReaderOffline, event.InputOffline, event.ClockLost:
		return "refused"
	}
	return ""
}

func devicesWell(g live.Gateway) (well, all int) {
	return len(g.Devices) - len(offline(g)), len(g.Devices)
}

// offline are the devices that do not answer, as the gateway said last.
func offline(g live.Gateway) []event.Device {
	var off []event.Device
	for _, d := range g.Devices {
		if !d.Online {
			off = append(off, d)
		}
	}
	return off
}

func zoneBand(z live.Zone) band { return bandOf(z.Known, z.Count, z.Capacity) }

// zoneNames are the names that live.js needs for the worst air.
func (p *page) zoneNames() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, b := range p.site.Buildings {
		all[b.ID] = map[string]string{}
		for _, z := range b.Zones {
			all[b.ID][z.ID] = p.name(z.Name)
		}
	}
	return all
}

func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return lang.Dash
	}
	return s
}
