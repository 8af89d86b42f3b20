package gateway

import (
	"time"

	bridge "kapija/firmware-bridge"
	"kapija/gateway/door"
	"kapija/internal/event"
)

// signal takes one signal of one device.
func (l *loop) signal(s bridge.Signal) {
	switch what := s.What.(type) {
	case bridge.Read:
		l.read(s, what)
	case bridge.Level:
		l.health.heard(s.Device)
		l.level(s.Device, what)
	case bridge.Passage:
		l.passed(s.Device, what)
	case bridge.Measured:
		l.measured(s.Device, what)
	case bridge.Health:
		l.deviceHealth(s.Device, what)
	case bridge.Alert:
		l.alert(s.Device, what)
	default:
		l.log.Error("a device sent what nobody understands", "device", s.Device)
	}
}

func (l *loop) level(id string, v bridge.Level) {
	in := l.inputs[id]
	switch {
	case in.role == contact:
		l.step(in.portal, time.Now(), door.Contact{Active: v.Active})
	case in.role == rex:
		l.step(in.portal, time.Now(), door.REX{Active: v.Active, First: v.First})
	case in.role == fire:
		l.fireLevel(id, v.Active)
	case in.role == tamper:
		l.tamper(id, in, v)
	case v.Active:
		l.record(event.Event{Kind: event.InputActive, Cause: id})
	case !v.First:
		l.record(event.Event{Kind: event.InputNormal, Cause: id})
	}
}

// fireLevel is one alarm for the whole gateway, and the doors follow it.
func (l *loop) fireLevel(id string, active bool) {
	if active == l.fire {
		return
	}
	l.fire = active
	for _, p := range l.portals { // the locks first
		l.step(p, time.Now(), door.Fire{Active: active})
	}
	kind := event.FireCleared
	if active {
		kind = event.FireActive
	}
	l.record(event.Event{Kind: kind, Cause: id})
	l.log.Warn("fire input", "active", active)
	l.publish()
}

// tamper is about a reader, or about the cabinet when it is of none.
func (l *loop) tamper(id string, in input, v bridge.Level) {
	e := event.Event{Kind: event.InputTamper, Cause: id}
	if !v.Active {
		e.Kind = event.InputIntact
	}
	tell := v.Active || !v.First
	if in.reader != "" {
		e.Kind = event.ReaderTamper
		if !v.Active {
			e.Kind = event.ReaderRestored
		}
		e.Door, e.Side = l.side(in.reader)
		tell = l.alerted(in.reader, bridge.Tamper, id, v.Active)
	}
	if tell {
		l.record(e)
	}
}

func (l *loop) passed(id string, v bridge.Passage) {
	e := event.Event{Kind: event.InputCounted, Side: event.Out, Cause: id}
	if v.In {
		e.Side = event.In
	}
	if at, ok := l.readers[id]; ok {
		e.Door = at.portal.site.ID
	}
	l.record(e)
}

func (l *loop) measured(id string, v bridge.Measured) {
	l.recordReading(event.Reading{Sensor: id, Quantity: v.Quantity, Value: v.Value, Unit: v.Unit})
	if v.Quantity == leak && (v.Value != 0) != l.leaks[id] {
		l.leaks[id] = v.Value != 0
		e := event.Event{Kind: event.InputNormal, Cause: id}
		if l.leaks[id] {
			e.Kind = event.InputActive
		}
		l.record(e)
		l.log.Warn("water", "sensor", id, "found", l.leaks[id])
	}
}

// leak is the one reading that is also an event when it changes: somebody has to go there.
var leak = bridge.Leak(false).Quantity

// deviceHealth records a device that goes or comes back, once per change (L25).
func (l *loop) deviceHealth(id string, v bridge.Health) {
	if !v.Online {
		if in := l.inputs[id]; in.role == contact {
			l.step(in.portal, time.Now(), door.ContactLost{})
		}
	}
	l.setHealth(id, v.Online, v.Cause)
}

func (l *loop) outputHealth(id string, err error) {
	cause := ""
	if err != nil {
		cause = err.Error()
	}
	l.setHealth(id, err == nil, cause)
}

func (l *loop) setHealth(id string, online bool, cause string) {
	changed, first := l.health.set(id, online, cause)
	if !changed {
		return
	}
	if !(online && first) {
		e := event.Event{Kind: event.InputOffline, Cause: id}
		at, ok := l.readers[id]
		if ok {
			e.Door, e.Side = at.portal.site.ID, at.side
		} else if in := l.inputs[id]; in.portal != nil {
			e.Door = in.portal.site.ID
		}
		switch reader := ok && at.side != ""; {
		case reader && online:
			e.Kind = event.ReaderOnline
		case reader:
			e.Kind = event.ReaderOffline
		case online:
			e.Kind = event.InputOnline
		}
		if cause != "" {
			e.Cause += ": " + cause
		}
		l.record(e)
		l.log.Warn("device", "device", id, "online", online, "cause", cause)
	}
	l.publish()
}
