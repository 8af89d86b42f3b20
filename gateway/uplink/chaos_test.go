package uplink

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
)

// TestL45Chaos sends through a broker that fails, drops connections and loses what it took, to a relay whose database is
// wiped now and then. Once that ends, the relay holds each record, and the gateway knows.
func TestL45Chaos(t *testing.T) {
	for seed := range uint64(5) {
		bubble(t, "L45", func(t *testing.T) {
			r := start(t)
			rnd := rand.New(rand.NewPCG(seed, 7))
			held := [2]map[uint64]bool{{}, {}}
			ack := func() (a event.Ack) {
				for ; held[0][a.Audit+1]; a.Audit++ {
				}
				for ; held[1][a.Telemetry+1]; a.Telemetry++ {
				}
				return a
			}
			var calm atomic.Bool
			var one sync.Mutex
			roll := func() float64 {
				one.Lock()
				defer one.Unlock()
				return rnd.Float64()
			}
			r.publish = func(context.Context, mqtt.Message) error {
				time.Sleep(time.Duration(roll() * float64(200*time.Millisecond)))
				if !calm.Load() && roll() < 0.2 {
					return errors.New("refused")
				}
				return nil
			}
			store := func() {
				batches, _ := r.take()
				for _, m := range batches {
					if !calm.Load() && roll() < 0.2 {
						continue // lost on the way to the relay
					}
					which := 0
					if strings.HasSuffix(m.Topic, "/telemetry") {
						which = 1
					}
					for _, n := range sequence(t, m.Payload) {
						held[which][n] = true
					}
				}
			}
			r.connect()
			for range 60 {
				fill(t, r.audit, int(roll()*100)+1)
				fill(t, r.telemetry, int(roll()*100)+1)
				pause(time.Duration(roll() * float64(20*time.Second)))
				store()
				switch p := roll(); {
				case p < 0.15:
					r.disconnect()
					pause(time.Duration(roll() * float64(20*time.Second)))
					r.connect()
					if roll() < 0.7 {
						r.ack(ack(), true)
					}
				case p < 0.2:
					clear(held[0])
					clear(held[1])
					r.ack(ack(), false)
				case p < 0.7:
					r.ack(ack(), false)
				}
			}
			calm.Store(true)
			for range 200 {
				pause(10 * time.Second)
				store()
				r.ack(ack(), false)
			}
			if a := ack(); a.Audit != r.audit.Last() || a.Telemetry != r.telemetry.Last() || r.audit.Acked() != a.Audit {
				t.Fatalf("seed %d: the relay holds %+v of %d and %d", seed, a, r.audit.Last(), r.telemetry.Last())
			}
		})
	}
}
