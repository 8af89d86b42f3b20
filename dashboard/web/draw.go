package web

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/a-h/templ"

	"kapija/internal/site"
)

// ratio is "47/48".
func ratio(well, all int) string { return strconv.Itoa(well) + "/" + strconv.Itoa(all) }

// barWidth is the length of a bar in percent of its track.
func barWidth(known bool, count, capacity int) string {
	if !known || capacity <= 0 {
		return "0"
	}
	return short(math.Min(100, math.Max(0, 100*float64(count)/float64(capacity))))
}

func bandRange(b band) string {
	switch b {
	case bandEmpty:
		return "0"
	case bandQuiet, bandModerate, bandBusy:
		return "< " + strconv.Itoa(limits[b-bandQuiet]) + "\u00a0%"
	case bandFull:
		return "≥ " + strconv.Itoa(limits[2]) + "\u00a0%"
	}
	return "> 100\u00a0%"
}

func airClassOf(ppm *float64) string {
	if ppm == nil {
		return ""
	}
	return airClass(*ppm)
}

// margin is left around a floor, in metres, so that outlines and door marks are not cut.
func margin(detail bool) float64 {
	if detail {
		return 2.5
	}
	return 1
}

func planBox(f *site.Floor, detail bool) string {
	m := margin(detail)
	return short(-m) + " " + short(-m) + " " + short(f.Width+2*m) + " " + short(f.Height+2*m)
}

func widest(pl *place, detail bool) float64 {
	most := 1.0
	for _, f := range pl.Floors {
		most = math.Max(most, f.Width+2*margin(detail))
	}
	return most
}

// planScale is how many CSS pixels a metre has: the same for all floors of a building.
func planScale(pl *place, detail bool) float64 {
	if detail {
		return 560 / widest(pl, detail)
	}
	return 140 / widest(pl, detail)
}

func planWidth(pl *place, f *site.Floor, detail bool) string {
	return short((f.Width + 2*margin(detail)) * planScale(pl, detail))
}

// share is the class that gives a large plan its part of the row: w20 for the widest floor, w10 for one half as wide.
func share(pl *place, f *site.Floor) string {
	part := 20 * (f.Width + 2*margin(true)) / widest(pl, true)
	return "w" + strconv.Itoa(int(math.Max(3, math.Round(part))))
}

func hatchID(pl *place, f *site.Floor, detail bool) string {
	id := "hatch-" + pl.ID + "-" + f.ID
	if detail {
		return id + "-large"
	}
	return id
}

// label is how a zone is written on a large plan, in metres of the plan.
type label struct {
	at         site.Point
	size, name float64
	named      bool // there is room for the name; the table has all of them
}

func (p *page) label(pl *place, z *site.Zone) label {
	const most, least, small = 21, 13, 11 // pixels
	metre, side := 1/planScale(pl, true), math.Sqrt(z.AreaM2)
	l := label{at: z.Shape.Centre(), name: small * metre}
	l.size = math.Min(most*metre, math.Max(least*metre, side*0.2))
	letters := float64(utf8.RuneCountInString(p.name(z.Name)))
	l.named = letters*0.56*l.name < side*1.05 && l.size+l.name < side*0.6
	if l.named {
		l.at[1] -= l.name * 0.5
	}
	return l
}

// liveAttributes is what live.js is told: words, limits and names.
func liveAttributes(p *page) templ.Attributes {
	if !p.live {
		return nil
	}
	bands := map[string]string{}
	for b := bandUnknown; b <= bandOver; b++ {
		bands[b.String()] = p.T("band." + b.String())
	}
	names := map[string]string{}
	for _, b := range p.site.Buildings {
		names[b.ID] = p.name(b.Name)
	}
	told := map[string]any{
		"lang": string(p.Lang), "limits": limits, "bands": bands, "buildings": names,
		"stale": staleAfter.Milliseconds(), "now": p.now.UnixMilli(),
		"words": map[string]string{
			"live": p.T("live.live"), "stale": p.T("live.stale"), "lost": p.T("live.lost"),
			"connecting": p.T("live.connecting"), "estimate": p.T("fact.estimate"), "never": p.T("live.never"),
			"now": p.T("ago.now"), "s": p.T("ago.s"), "min": p.T("ago.min"), "h": p.T("ago.h"),
			"gone": p.T("live.gone"), "unknown": p.T("band.unknown"),
		},
	}
	if p.may(seeZones) {
		told["zones"] = p.zoneNames()
	}
	b, err := json.Marshal(told)
	if err != nil { // strings and numbers only
		b = []byte("{}")
	}
	return templ.Attributes{"data-live": string(b)}
}

func currentIf(yes bool) templ.Attributes {
	if yes {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func (p *page) current(href string) bool {
	here := p.here()
	return here == href || href != "/" && len(here) > len(href) && here[:len(href)+1] == href+"/"
}
