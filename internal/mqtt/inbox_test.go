package mqtt

import (
	"slices"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	"pgregory.net/rapid"
)

// arrival is a message as paho hands it over.
type arrival struct {
	paho.Message
	id    uint16
	acked *[]uint16
}

func (a arrival) MessageID() uint16 { return a.id }
func (a arrival) Qos() byte         { return 1 }
func (a arrival) Topic() string     { return "t" }
func (a arrival) Payload() []byte   { return nil }
func (a arrival) Retained() bool    { return false }
func (a arrival) Duplicate() bool   { return false }
func (a arrival) Ack()              { *a.acked = append(*a.acked, a.id) }

// Whatever the order in which a handler is done, the broker hears of it in the order of arrival, of each message once,
// also when it sends what is not acknowledged yet again.
func TestAcknowledgedInOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newInbox()
		var acked []uint16
		n := rapid.IntRange(1, 20).Draw(t, "n")
		for id := range n {
			b.put(nil, arrival{id: uint16(id + 1), acked: &acked})
			again := rapid.IntRange(1, id+1).Draw(t, "again")
			b.put(nil, arrival{id: uint16(again), acked: &acked})
		}
		if len(b.waiting) != n {
			t.Fatalf("%d deliveries of %d messages", len(b.waiting), n)
		}
		for _, d := range rapid.Permutation(slices.Clone(b.waiting)).Draw(t, "done") {
			b.ack(d)
			if rapid.Bool().Draw(t, "twice") {
				b.ack(d)
			}
		}
		for i, id := range acked {
			if int(id) != i+1 {
				t.Fatalf("acknowledged %v", acked)
			}
		}
		if len(acked) != n {
			t.Fatalf("%d acknowledgements of %d messages", len(acked), n)
		}
	})
}
