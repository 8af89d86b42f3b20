package relay

import (
	"testing"
	"time"

	"kapija/internal/event"
)

func TestL46GapsAreNamed(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	g := w.gateway("g")
	g.mu.Lock()
	for range 30 {
		g.add(event.Event{Kind: event.DoorOpened, Door: "front"})
	}
	for i := 11; i <= 15; i++ {
		g.audit[i-1] = nil // the card was corrupt there
	}
	g.mu.Unlock()
	g.poke()
	w.until("the ack passes the gap", func() bool { return g.ack() == 30 })
	w.untilHeld("g", append(numbers(1, 10), numbers(16, 30)...))
	from := w.rows(`filter(fn: (r) => r.kind == "journal.gap" and r._field == "from")`)
	to := w.rows(`filter(fn: (r) => r.kind == "journal.gap" and r._field == "to")`)
	if len(from) != 1 || from[0]["_value"] != int64(11) || len(to) != 1 || to[0]["_value"] != int64(15) {
		t.Errorf("gap %v … %v", from, to)
	}
	if r.value("gaps_total") != 1 {
		t.Errorf("%v gaps", r.value("gaps_total"))
	}
	// The gateway names a loss itself.
	g.mu.Lock()
	for range 10 {
		g.add(event.Event{Kind: event.DoorOpened, Door: "front"})
	}
	for i := 33; i <= 36; i++ {
		g.audit[i-1] = nil
	}
	g.add(event.Event{Kind: event.JournalDropped, Cause: "seq 33-36: bad checksum"})
	g.mu.Unlock()
	g.poke()
	w.until("the ack passes the named loss", func() bool { return g.ack() == 41 })
}

func TestL46ChainBreakIsMarked(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	g := w.gateway("g")
	g.mu.Lock()
	g.add(event.Event{Kind: event.DoorOpened, Door: "front"})
	g.add(event.Event{Kind: event.DoorClosed, Door: "front", Prev: "somebody else's hash"})
	g.add(event.Event{Kind: event.DoorOpened, Door: "front"})
	g.mu.Unlock()
	g.poke()
	w.until("the ack", func() bool { return g.ack() == 3 })
	got := w.rows(`filter(fn: (r) => r._field == "chain" and r._measurement == "door")`)
	if len(got) != 1 || got[0]["_value"] != false || got[0]["kind"] != "door.closed" || r.value("chain_breaks_total") != 1 {
		t.Errorf("marked %v, counted %v", got, r.value("chain_breaks_total"))
	}
	// The chain goes on over a restart of the relay: its end is kept beside the mark.
	r.end()
	r = w.relay("r")
	g.mu.Lock()
	g.add(event.Event{Kind: event.DoorClosed, Door: "front", Prev: "again"})
	g.mu.Unlock()
	g.poke()
	w.until("the ack", func() bool { return g.ack() == 4 })
	if r.value("chain_breaks_total") != 1 {
		t.Errorf("counted %v after the restart", r.value("chain_breaks_total"))
	}
}

func TestL47LateAndFutureAreMarkedOnce(t *testing.T) {
	w := newWorld(t)
	r := w.relay("r")
	g := w.gateway("g")
	g.mu.Lock()
	g.add(event.Event{Kind: event.DoorOpened, Door: "front", At: time.Now().Add(-time.Hour).UTC()})
	g.add(event.Event{Kind: event.DoorClosed, Door: "front"})
	g.add(event.Event{Kind: event.DoorOpened, Door: "front", At: time.Now().Add(time.Hour).UTC()})
	g.mu.Unlock()
	g.poke()
	w.until("the ack", func() bool { return g.ack() == 3 })
	w.publisher()(auditTopic, false, g.payload(1, 3))
	w.until("it came again", func() bool { return r.value("duplicates_total") >= 3 })
	w.until("marks", func() bool {
		return len(w.rows(`filter(fn: (r) => r._field == "late")`)) == 1 && len(w.rows(`filter(fn: (r) => r._field == "future")`)) == 1
	})
}
