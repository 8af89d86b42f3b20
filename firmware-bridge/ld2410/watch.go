package ld2410

import (
	"fmt"
	"time"

	bridge "kapija/firmware-bridge"
)

// watch is what is known of one radar, pure over reports and time: what it returns is to be told, in this order.
type watch struct {
	hold  time.Duration
	every time.Duration

	known  bool // the health was told
	online bool
	heard  time.Time // the last report, or the opening of the port
	bytes  int       // since then
	seen   time.Time // when somebody was seen last; zero: not since it is online
	there  bool      // what was told
	due    time.Time // when it is to be told again
}

// opened begins anew with a port on which nothing was heard.
func (w *watch) opened(now time.Time) { w.heard, w.bytes = now, 0 }

// report takes one report.
func (w *watch) report(now time.Time, there bool) []any {
	w.heard, w.bytes = now, 0
	if there {
		w.seen = now
	}
	var tell []any
	if !w.online {
		w.known, w.online, w.due = true, true, now
		tell = append(tell, bridge.Health{Online: true})
	}
	return append(tell, w.tick(now)...)
}

// tick takes the time.
func (w *watch) tick(now time.Time) []any {
	if now.Sub(w.heard) > silence {
		return w.fail(w.silent())
	}
	if !w.online {
		return nil
	}
	there := now.Sub(w.seen) < w.hold
	if there == w.there && now.Before(w.due) {
		return nil
	}
	w.there, w.due = there, now.Add(w.every)
	return []any{bridge.Presence(there)}
}

// fail takes why nothing is known any more.
func (w *watch) fail(cause error) []any {
	if w.known && !w.online {
		return nil
	}
	w.known, w.online, w.seen = true, false, time.Time{}
	return []any{bridge.Health{Cause: fmt.Sprintf("ld2410: %v", cause)}}
}

func (w *watch) silent() error {
	if w.bytes == 0 {
		return fmt.Errorf("no report for %v, and no byte: check the radar's power and the wire from its TX", silence)
	}
	return fmt.Errorf("no report for %v, but %d bytes: check that the radar is an LD2410 and speaks at %d baud",
		silence, w.bytes, Speed)
}
