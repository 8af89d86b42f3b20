package gateway

import (
	"strings"

	bridge "kapija/firmware-bridge"
	"kapija/internal/event"
)

// alertKinds are the events of an alert: when it begins or happens, and when it is over.
var alertKinds = map[bridge.AlertKind][2]event.Kind{
	bridge.Tamper:   {event.ReaderTamper, event.ReaderRestored},
	bridge.Power:    {event.PowerFailed, event.PowerRestored},
	bridge.Insecure: {event.ReaderInsecure, event.ReaderSecure},
	bridge.Paired:   {event.ReaderPaired, event.ReaderPaired},
}

// pairing is what the causes of a pairing that was refused or failed begin with: one that succeeds ends them.
const pairing = "pairing"

// alert records what a device says of itself. That it is over is recorded only where its beginning was: drivers tell the
// state as found at their start.
func (l *loop) alert(id string, a bridge.Alert) {
	kinds, ok := alertKinds[a.Kind]
	if !ok {
		l.log.Error("a device sent an alert that nobody understands", "device", id, "kind", string(a.Kind))
		return
	}
	what := ""
	if a.Kind == bridge.Insecure {
		what, _, _ = strings.Cut(a.Cause, ":")
	}
	e := event.Event{Kind: kinds[0], Cause: id}
	switch {
	case a.Kind == bridge.Paired:
		l.paired(id)
	case !l.alerted(id, a.Kind, what, a.Active):
		return
	case !a.Active:
		e.Kind = kinds[1]
	}
	if a.Cause != "" {
		e.Cause += ": " + a.Cause
	}
	e.Door, e.Side = l.side(id)
	l.record(e)
	l.log.Warn("alert", "device", id, "kind", string(a.Kind), "active", a.Active, "cause", a.Cause)
}

// alertKey names an alarm of a device. There are at most as many as devices have kinds of alert, and of each as many
// reasons as drivers know.
type alertKey struct {
	device string
	kind   bridge.AlertKind
}

// alerted keeps what there is to say of a device, and tells whether to record it: each thing that is insecure, but an
// opened reader once, whoever tells it; and the end when nothing is left.
func (l *loop) alerted(device string, kind bridge.AlertKind, what string, active bool) bool {
	key := alertKey{device, kind}
	open := l.alerts[key]
	if !active {
		known := open[what]
		if delete(open, what); len(open) == 0 {
			delete(l.alerts, key)
		}
		return known && len(open) == 0
	}
	first := len(open) == 0
	if first {
		open = map[string]bool{}
		l.alerts[key] = open
	}
	open[what] = true
	return first || kind == bridge.Insecure
}

// paired ends what a pairing before that failed has left.
func (l *loop) paired(id string) {
	for what := range l.alerts[alertKey{id, bridge.Insecure}] {
		if strings.HasPrefix(what, pairing) {
			l.alert(id, bridge.Alert{Kind: bridge.Insecure, Cause: what + ": the reader is paired"})
		}
	}
}

// side is where a reader is; both are empty for one of no door, and for other devices.
func (l *loop) side(id string) (string, event.Side) {
	at, ok := l.readers[id]
	if !ok || at.side == "" {
		return "", ""
	}
	return at.portal.site.ID, at.side
}
