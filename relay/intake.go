package relay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/write"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

// message is one MQTT message that waits for its records to be written.
type message struct {
	mqtt.Message
	ack func()
	got time.Time
}

// entry is one point on its way, with what is needed if InfluxDB refuses it.
type entry struct {
	point *write.Point
	topic string
	raw   []byte
	gw    topic.Gateway // of a numbered record
	st    stream
	seq   uint64 // 0: not a numbered record
}

// take turns a message into entries and follows its numbers. What cannot become a point is a dead letter.
func (l *loop) take(m message) {
	p, err := topic.Parse(m.Topic)
	if err != nil {
		l.m.messages.WithLabelValues("other").Inc()
		l.bury(m, causeMalformed, err)
		return
	}
	l.m.messages.WithLabelValues(string(p.Leaf)).Inc()
	if len(m.Payload) > maxPayload {
		l.bury(m, causeOversized, fmt.Errorf("payload of %d bytes, at most %d are allowed", len(m.Payload), maxPayload))
		return
	}
	if p.Leaf == "occupancy" {
		l.takeOccupancy(m, p.Gateway.Building)
		return
	}
	s := l.states[p.Gateway]
	if s == nil {
		if p.Leaf != topic.Ack {
			l.bury(m, causeUnknown, fmt.Errorf("gateway %s is not in the configuration: add it, or stop it", p.Gateway))
		}
		return
	}
	switch p.Leaf {
	case topic.Audit:
		l.takeBatch(m, s, audit)
	case topic.Telemetry:
		l.takeBatch(m, s, telemetry)
	case topic.Ack:
		var a event.Ack
		if err := json.Unmarshal(m.Payload, &a); err != nil {
			s.dirty, s.exact = true, true // somebody has broken the retained ack: repair it
		} else {
			a.At = time.Time{} // acks are compared by what they say
			l.suspect = s.heard(a) || l.suspect
		}
	}
}

func (l *loop) takeOccupancy(m message, building string) {
	b := l.site.Building(building)
	if b == nil {
		l.bury(m, causeUnknown, fmt.Errorf("building %q is not in the configuration", building))
		return
	}
	var o event.Occupancy
	err := json.Unmarshal(m.Payload, &o)
	if err == nil && (o.At.Before(earliest) || !o.At.Before(latest)) {
		err = fmt.Errorf("at is %s, expected a time from 1970 to 2199", o.At.Format(time.RFC3339Nano))
	}
	if err != nil {
		l.bury(m, causeMalformed, fmt.Errorf("not an occupancy: %w", err))
		return
	}
	for _, z := range o.Zones {
		if z.Zone != "" && b.Zone(z.Zone) == nil {
			l.bury(m, causeUnknown, fmt.Errorf("zone %.80q is not in building %s", z.Zone, building))
			continue
		}
		l.batch = append(l.batch, entry{point: occupancyPoint(building, o.At, z), topic: m.Topic, raw: m.Payload})
	}
}

func (l *loop) takeBatch(m message, s *gatewayState, st stream) {
	records, err := parseBatch(st, m.Payload)
	if err != nil {
		l.bury(m, causeMalformed, err)
		return
	}
	l.m.records.WithLabelValues(st.String()).Add(float64(len(records)))
	s.dirty = true
	for i := range records {
		l.takeRecord(m, s, st, &records[i])
	}
	if s.gap() {
		s.force = true
	}
}

func (l *loop) takeRecord(m message, s *gatewayState, st stream, r *record) {
	t := &s.track[st]
	cause := causeMalformed
	if r.bad == nil {
		if r.bad = s.unknown(r); r.bad != nil {
			cause = causeUnknown
		}
	}
	if r.bad != nil {
		if !l.letter(m.got, m.Topic, cause, r.bad, r.raw) || r.seq == 0 {
			return // not held: the gateway sends it again
		}
		if !t.held(r.seq) {
			l.batch = append(l.batch, entry{point: letterPoint(s.gw, st, r.seq, m.got, r.bad.Error()), topic: m.Topic, raw: r.raw})
		}
		t.insert(span{from: r.seq, to: r.seq, at: m.got, last: chainHash(st, r.raw)})
		return
	}
	run := span{from: r.seq, to: r.seq, at: r.at, last: chainHash(st, r.raw)}
	if r.event != nil {
		run.prev = r.event.Prev
	}
	a := t.add(run, m.Duplicate)
	l.told(s, st, a)
	if a.fresh == 0 {
		l.m.duplicates.Inc()
		s.force = true // the gateway does not know its ack
	}
	mk := marks{broken: a.broken}
	if a.fresh > 0 {
		mk.late = m.got.Sub(r.at) > lateAfter
		mk.future = r.at.Sub(m.got) > futureAfter
	}
	e := entry{topic: m.Topic, raw: r.raw, gw: s.gw, st: st, seq: r.seq}
	if r.event != nil {
		e.point = eventPoint(s.gw, r.event, r.raw, s.doors[r.event.Door], mk)
		if r.event.Kind == event.JournalDropped {
			l.declared(s, r.event)
		}
	} else {
		e.point = readingPoint(s.gw, r.reading, s.sensors[r.reading.Sensor].Zone, mk)
	}
	l.batch = append(l.batch, e)
}

// unknown says which device of a record the configuration does not have.
func (s *gatewayState) unknown(r *record) error {
	if r.event != nil && r.event.Door != "" && s.doors[r.event.Door] == nil {
		return fmt.Errorf("door %q is not in building %s", r.event.Door, s.gw.Building)
	}
	if r.reading != nil && s.sensors[r.reading.Sensor] == nil {
		return fmt.Errorf("sensor %q is not at gateway %s", r.reading.Sensor, s.gw)
	}
	return nil
}

// declared moves over a range that the gateway says it has lost. An event cannot speak of what comes after it.
func (l *loop) declared(s *gatewayState, e *event.Event) {
	st, from, to, ok := parseLost(e.Cause)
	if !ok || (st == audit && to >= e.Seq) {
		return
	}
	if before := s.track[st].ack; to > before {
		l.log.Warn("a gateway has lost records", "gateway", s.gw.String(), "stream", st.String(), "from", from, "to", to)
	}
	s.track[st].lost(from, to)
}

// told counts, logs and writes down what adding a record has shown.
func (l *loop) told(s *gatewayState, st stream, a added) {
	for _, n := range a.newBreak {
		l.m.breaks.Inc()
		l.log.Warn("an event does not continue the hash chain of its gateway", "gateway", s.gw.String(), "seq", n)
	}
	if a.skipped != nil {
		l.m.gaps.Inc()
		l.log.Warn("records are missing and the gateway has them no more", "gateway", s.gw.String(), "stream", st.String(),
			"from", a.skipped.from, "to", a.skipped.to)
		l.batch = append(l.batch, entry{point: gapPoint(s.gw, st, *a.skipped)})
	}
}

func chainHash(st stream, raw []byte) string {
	if st != audit {
		return ""
	}
	return event.Hash(raw)
}

// bury makes a whole message a dead letter.
func (l *loop) bury(m message, cause string, why error) {
	l.letter(m.got, m.Topic, cause, why, m.Payload)
}

// letter writes a dead letter and reports whether it is safe.
func (l *loop) letter(now time.Time, topic, cause string, why error, payload []byte) bool {
	l.m.letters.WithLabelValues(cause).Inc()
	if err := l.dead.put(now, topic, cause, why.Error(), payload); err != nil {
		l.m.lost.Inc()
		if !l.deadFailed {
			l.log.Error("a dead letter cannot be written", "file", l.dead.path, "error", err)
		}
		l.deadFailed = true
		return false
	}
	l.deadFailed = false
	return true
}
