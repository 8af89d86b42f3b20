package uplink

import (
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"kapija/internal/event"
	"kapija/internal/mqtt"
	"kapija/internal/topic"
)

// inbox takes what the broker delivers. Of acks only the newest counts.
type inbox struct {
	policy  func(topic string, payload []byte)
	command func(payload []byte, retained bool) []byte
	replies chan reply
	ackOn   string
	log     *slog.Logger
	wake    chan struct{} // a new ack is there

	mu       sync.Mutex
	newest   *event.Ack
	last     time.Time // when the newest ack so far was published
	retained time.Time // when the broker last said what it retains, which it does after each subscription
	garbage  bool      // the last one could not be read
}

func newInbox(c Config) *inbox {
	return &inbox{policy: c.Policy, command: c.Command, replies: make(chan reply, maxReplies), ackOn: topic.For(c.Gateway, topic.Ack), log: c.Log, wake: make(chan struct{}, 1)}
}

func (b *inbox) handle(m mqtt.Message, ack func()) {
	defer ack()
	if m.Topic != b.ackOn {
		switch p, err := topic.Parse(m.Topic); {
		case err != nil:
		case p.Leaf == topic.Policy && b.policy != nil:
			b.policy(m.Topic, m.Payload)
		case p.Leaf == topic.Command && b.command != nil:
			b.answer(b.command(m.Payload, m.Retained))
		}
		return
	}
	var a event.Ack
	err := json.Unmarshal(m.Payload, &a)
	b.mu.Lock()
	first := err != nil && !b.garbage
	b.garbage = err != nil
	if stale := a.At.Before(b.last); err == nil && !stale {
		b.newest, b.last = &a, a.At
	}
	if err == nil {
		if m.Retained {
			b.retained = time.Now()
		}
	}
	b.mu.Unlock()
	if first {
		b.log.Warn("the relay's ack cannot be read; it is ignored", "bytes", len(m.Payload), "error", err)
	}
	if err == nil {
		poke(b.wake)
	}
}

func (b *inbox) answer(payload []byte) {
	select {
	case b.replies <- reply{payload, time.Now().Add(replyLife)}:
	default:
		b.log.Warn("the answer to a command was dropped: too many wait for the broker")
	}
}

// take returns the newest ack since the last call, if any.
func (b *inbox) take() (a event.Ack, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.newest == nil {
		return a, false
	}
	a, b.newest = *b.newest, nil
	return a, true
}

// toldSince reports whether the broker said what it retains at or after t.
func (b *inbox) toldSince(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.retained.IsZero() && !b.retained.Before(t)
}
