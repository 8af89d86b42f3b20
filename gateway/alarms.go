package gateway

import (
	"bytes"
	"encoding/json"
	"slices"

	"kapija/gateway/journal"
	"kapija/internal/event"
)

// alarmLook is how many of the last records are looked at for alarms that were never cleared: days of a busy gateway. An
// alarm of before that was seen by whoever looks at alarms.
const alarmLook = 50_000

// ends says what ends an alarm.
var ends = map[event.Kind]event.Kind{
	event.DoorForced:   event.DoorForcedCleared,
	event.DoorHeld:     event.DoorHeldCleared,
	event.FireActive:   event.FireCleared,
	event.ReaderTamper: event.ReaderRestored,
	event.InputTamper:  event.InputIntact,

	event.ReaderInsecure: event.ReaderSecure,
	event.PowerFailed:    event.PowerRestored,
}

// openAlarms are the alarms that an earlier run of this gateway left open, oldest first. Each start ends those of the run
// before, so that none is older than the last start.
func openAlarms(j *journal.Journal) []event.Event {
	var open []event.Event
	last := j.Last()
	for from := max(last, alarmLook) - alarmLook + 1; ; {
		records, first, err := j.Read(from, 500)
		if err != nil || len(records) == 0 {
			return open
		}
		from = first + uint64(len(records))
		for _, r := range records {
			if !mayBeAlarm(r) {
				continue
			}
			var e event.Event
			if json.Unmarshal(r, &e) != nil {
				continue
			}
			if ends[e.Kind] != "" {
				open = append(open, e)
				continue
			}
			open = slices.DeleteFunc(open, func(o event.Event) bool {
				return ends[o.Kind] == e.Kind && o.Door == e.Door && o.Side == e.Side
			})
		}
	}
}

// mayBeAlarm spares most records from being decoded.
func mayBeAlarm(record []byte) bool {
	for _, mark := range []string{`"door.forced`, `"door.held`, `"fire.`, `.tamper`, `"reader.insecure`, `"reader.secure`, `"power.`} {
		if bytes.Contains(record, []byte(mark)) {
			return true
		}
	}
	return false
}

// endOldAlarms records that the alarms of the run before are over: this run looks at everything anew, and raises what
// still holds again.
func (l *loop) endOldAlarms(open []event.Event) {
	for _, o := range open {
		l.record(event.Event{Kind: ends[o.Kind], Door: o.Door, Side: o.Side, Cause: "start"})
	}
}
