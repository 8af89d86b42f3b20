package relay

import (
	"slices"
	"strconv"
	"strings"

	"kapija/internal/event"
	"kapija/internal/site"
	"kapija/internal/topic"
)

const lastSent = 16 // acks remembered, so that their echo is known

// gatewayState is what is known of one gateway of the configuration.
type gatewayState struct {
	gw      topic.Gateway
	doors   map[string]*site.Door
	sensors map[string]*site.Sensor

	track    [streams]tracker
	saved    level     // the mark that this relay has written
	day      int64     // of that mark, days since 1970
	retained event.Ack // what the broker has, as far as seen
	known    bool      // retained was seen
	sent     []event.Ack
	dirty    bool // the mark or the ack must be looked at
	force    bool // the ack is published although it has not changed: the gateway may not know it
	exact    bool // the ack is published although it is lower: the database says so
}

func newStates(d *site.District) map[topic.Gateway]*gatewayState {
	out := map[topic.Gateway]*gatewayState{}
	for _, b := range d.Buildings {
		doors := map[string]*site.Door{}
		for _, x := range b.Doors {
			doors[x.ID] = x
		}
		for _, g := range b.Gateways {
			st := &gatewayState{gw: topic.Gateway{Building: b.ID, Gateway: g.ID}, doors: doors, sensors: map[string]*site.Sensor{}, dirty: true, exact: true}
			for _, x := range g.Sensors {
				st.sensors[x.ID] = x
			}
			st.track[audit].chained = true
			out[st.gw] = st
		}
	}
	return out
}

func (s *gatewayState) ack() event.Ack {
	return event.Ack{Audit: s.track[audit].ack, Telemetry: s.track[telemetry].ack}
}

func (s *gatewayState) level() level {
	l := level{n: [streams]uint64{s.track[audit].ack, s.track[telemetry].ack}}
	if h := s.track[audit].hash; h != "" {
		l.chain = strconv.FormatUint(l.n[audit], 10) + ":" + h
	}
	return l
}

// lower takes over what the database holds.
func (s *gatewayState) lower(to level) {
	for st := range streams {
		hash := ""
		if st == audit {
			if n, h, ok := strings.Cut(to.chain, ":"); ok && n == strconv.FormatUint(to.n[audit], 10) {
				hash = h
			}
		}
		s.track[st].reset(to.n[st], hash)
	}
	s.dirty, s.exact = true, true
}

// due is the ack to publish now, if any. It never goes below what another relay has published, unless the database is
// the reason.
func (s *gatewayState) due() (event.Ack, bool) {
	mine := s.ack()
	above := mine.Audit > s.retained.Audit || mine.Telemetry > s.retained.Telemetry
	reaches := mine.Audit >= s.retained.Audit && mine.Telemetry >= s.retained.Telemetry
	if !s.exact && s.known && !above && (!reaches || !s.force) {
		return mine, false
	}
	s.force = false
	s.sent = append(s.sent, mine)
	if len(s.sent) > lastSent {
		s.sent = slices.Clone(s.sent[1:])
	}
	return mine, true
}

// published says that the broker has taken this ack.
func (s *gatewayState) published(a event.Ack) {
	s.retained, s.known = a, true
	if a == s.ack() {
		s.exact = false
	}
	s.track[audit].publishedAck(a.Audit)
	s.track[telemetry].publishedAck(a.Telemetry)
}

// heard takes in an ack that the broker delivered. It reports whether somebody else has published less than is held here.
func (s *gatewayState) heard(a event.Ack) (suspicious bool) {
	s.retained, s.known = a, true
	mine := s.ack()
	if slices.Contains(s.sent, a) || (a.Audit >= mine.Audit && a.Telemetry >= mine.Telemetry) {
		return false
	}
	s.dirty, s.force = true, true
	return true
}

// gap reports whether the gateway must be told its ack because something is missing above it.
func (s *gatewayState) gap() bool {
	for i := range s.track {
		if t := &s.track[i]; len(t.ahead) > 0 && t.told == 0 {
			return true
		}
	}
	return false
}

// atMost is the lower of two levels, stream by stream.
func atMost(a, b level) level {
	for st := range streams {
		a.n[st] = min(a.n[st], b.n[st])
	}
	return a
}

// below reports whether any stream of a is behind b.
func (a level) below(b level) bool {
	return a.n[audit] < b.n[audit] || a.n[telemetry] < b.n[telemetry]
}
