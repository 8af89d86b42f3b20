package mqtt

import (
	"sync"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// inbox holds what has arrived and is not acknowledged yet, in order of arrival.
type inbox struct {
	mu      sync.Mutex
	wake    *sync.Cond
	waiting []*delivery // not handed to the handler yet
	order   []*delivery // handed over or waiting, not acknowledged to the broker, of the present connection
	closed  bool
}

type delivery struct {
	m    paho.Message
	done bool
}

func newInbox() *inbox {
	b := &inbox{}
	b.wake = sync.NewCond(&b.mu)
	return b
}

// put is called by paho for each message, in order.
func (b *inbox) put(_ paho.Client, m paho.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, have := range b.order {
		// Some brokers send again what is not acknowledged yet, under the same packet identifier, on the same connection.
		// A message of QoS 0 has none.
		if m.Qos() > 0 && have.m.MessageID() == m.MessageID() {
			return
		}
	}
	d := &delivery{m: m}
	b.waiting = append(b.waiting, d)
	b.order = append(b.order, d)
	b.wake.Signal()
}

// drop forgets what the lost connection delivered: a persistent session delivers it again.
func (b *inbox) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.order = nil, nil
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.waiting, b.order = nil, nil
	b.wake.Broadcast()
}

func (b *inbox) serve(handle func(Message, func())) {
	for {
		b.mu.Lock()
		for len(b.waiting) == 0 && !b.closed {
			b.wake.Wait()
		}
		if b.closed {
			b.mu.Unlock()
			return
		}
		d := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.mu.Unlock()
		handle(Message{Topic: d.m.Topic(), Payload: d.m.Payload(), Retained: d.m.Retained(), Duplicate: d.m.Duplicate()},
			func() { b.ack(d) })
	}
}

// ack marks one delivery as done and acknowledges, oldest first, all that are done up to the first that is not.
func (b *inbox) ack(d *delivery) {
	b.mu.Lock()
	d.done = true
	var ready []*delivery
	for len(b.order) > 0 && b.order[0].done {
		ready = append(ready, b.order[0])
		b.order = b.order[1:]
	}
	// Sending under the lock keeps two callers from overtaking each other; paho takes acknowledgements at once, or drops
	// them when their connection is gone.
	for _, r := range ready {
		r.m.Ack()
	}
	b.mu.Unlock()
}
