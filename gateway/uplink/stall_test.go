package uplink

import (
	"testing"
	"time"

	"kapija/internal/event"
)

func TestStall(t *testing.T) {
	bubble(t, "the oldest batch is sent again, ever more rarely", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 1200)
		r.connect()
		r.ack(event.Ack{}, true)
		expect(t, r.fake, "audit 1-500", "audit 501-1000", "audit 1001-1200")
		pause(29 * time.Second)
		expect(t, r.fake)
		pause(2 * time.Second)
		expect(t, r.fake, "audit 1-500")
		pause(58 * time.Second)
		expect(t, r.fake)
		pause(2 * time.Second)
		expect(t, r.fake, "audit 1-500")
		pause(12 * time.Hour)
		batches, _ := r.take()
		if n := len(batches); n < 45 || n > 55 { // one each 15 minutes
			t.Fatalf("%d batches in 12 h", n)
		}
		fill(t, r.audit, 1) // new ones are not held up
		expect(t, r.fake, "audit 1201-1201")

		// The relay lives, and has lost the rest.
		r.ack(event.Ack{Audit: 500}, false)
		expect(t, r.fake)
		pause(again)
		expect(t, r.fake, "audit 501-1000", "audit 1001-1201")
		r.ack(event.Ack{Audit: 1201}, false)
		pause(time.Hour)
		expect(t, r.fake)
	})
	bubble(t, "a slow relay that catches up gets nothing twice but the one batch", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 5000)
		r.connect()
		r.ack(event.Ack{}, true)
		pause(31 * time.Second)
		if b, _ := r.take(); len(b) != 11 {
			t.Fatal(spans(t, b))
		}
		for n := uint64(500); n <= 5000; n += 500 {
			pause(3 * time.Second)
			r.ack(event.Ack{Audit: n}, false)
		}
		pause(time.Hour)
		expect(t, r.fake)
	})
	bubble(t, "an ack on the way puts the resend off", func(t *testing.T) {
		r := start(t)
		fill(t, r.audit, 1000)
		r.connect()
		r.ack(event.Ack{}, true)
		r.take()
		for n := uint64(1); n < 20; n++ {
			pause(20 * time.Second)
			r.ack(event.Ack{Audit: n * 50}, false)
		}
		expect(t, r.fake)
	})
}
