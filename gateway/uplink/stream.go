package uplink

import (
	"log/slog"
	"time"

	"kapija/gateway/journal"
	"kapija/internal/event"
	"kapija/internal/topic"
)

const (
	maxRecords = 500
	minStall   = 30 * time.Second
	maxStall   = 15 * time.Minute
	again      = 5 * time.Second // of silence after the relay has shown that it lives
)

// stream is the state of one journal's sending. It is pure but for the journal.
type stream struct {
	leaf  topic.Leaf
	j     *journal.Journal
	bytes int // most of a batch
	log   *slog.Logger

	next   uint64 // to send
	sent   uint64 // highest that the broker took
	flying bool

	stall    time.Duration // how long the ack may stand
	stallAt  time.Time     // zero: nothing is missing
	probe    bool          // send the oldest batch once more
	probed   bool          // that was done since everything was acknowledged
	moved    bool          // and the ack has moved since
	refusing bool          // the last ack was not plausible
}

// batch is a payload and the records in it.
type batch struct {
	payload     []byte
	first, last uint64
	probe       bool
}

// restart begins behind what the relay has.
func (s *stream) restart() {
	s.next = s.j.Acked() + 1
	s.probe, s.probed, s.moved = false, false, false
	s.stall, s.stallAt = minStall, time.Time{}
	s.sent = min(s.sent, s.j.Acked())
}

// pending reports whether a durable record has not been sent.
func (s *stream) pending() bool { return s.next <= s.j.Durable() }

// pick returns what to send next; ok is false when there is nothing.
func (s *stream) pick() (b batch, ok bool, err error) {
	from := max(s.next, s.j.Acked()+1)
	if s.probe {
		from = s.j.Acked() + 1
	}
	durable := s.j.Durable()
	records, first, err := s.j.Read(from, maxRecords)
	if err != nil {
		return b, false, err
	}
	if len(records) == 0 {
		if !s.probe {
			s.next = max(s.next, durable+1) // what is left was lost, and reported by the journal
		}
		s.probe = false
		return b, false, nil
	}
	size, n := 0, 0
	for n < len(records) && (n == 0 || size+len(records[n]) <= s.bytes) {
		size += len(records[n]) + 1
		n++
	}
	b = batch{payload: event.EncodeBatch(records[:n]), first: first, probe: s.probe}
	b.last = first + uint64(n) - 1
	if s.probe {
		s.probe, s.probed, s.moved = false, true, false
	} else {
		s.next = b.last + 1
	}
	s.flying = true
	return b, true, nil
}

// taken says that the broker has a batch.
func (s *stream) taken(b batch, now time.Time) {
	s.flying = false
	s.sent = max(s.sent, b.last)
	if s.stallAt.IsZero() && s.sent > s.j.Acked() {
		s.stallAt = now.Add(s.stall)
	}
}

// failed says that a batch may not have arrived.
func (s *stream) failed(b batch) {
	s.flying = false
	if b.probe {
		s.probe = true
	} else {
		s.next = min(s.next, b.first)
	}
}

// acked takes the relay's word.
func (s *stream) acked(n uint64, now time.Time) {
	before := s.j.Acked()
	if err := s.j.Ack(n); err != nil {
		if !s.refusing {
			s.log.Warn("the relay's ack is not plausible; it is ignored", "stream", string(s.leaf), "ack", n, "error", err)
		}
		s.refusing = true
		return
	}
	s.refusing = false
	switch {
	case n < before:
		s.log.Warn("the relay's ack went back; sending again from there", "stream", string(s.leaf), "from", before, "to", n)
		s.restart()
		return
	case n == before:
		return
	}
	s.next = max(s.next, n+1)
	s.moved = s.probed
	s.stall = minStall
	switch {
	case n >= s.sent:
		s.stallAt, s.probed, s.moved = time.Time{}, false, false
	case s.moved:
		s.stallAt = now.Add(again)
	default:
		s.stallAt = now.Add(s.stall)
	}
}

// tick looks whether the ack has stood for too long.
func (s *stream) tick(now time.Time) {
	if s.stallAt.IsZero() || now.Before(s.stallAt) {
		return
	}
	if s.moved {
		s.next = s.j.Acked() + 1
		s.probed, s.moved = false, false
		s.stallAt = now.Add(s.stall)
		s.log.Info("the relay has lost records; sending them again", "stream", string(s.leaf), "from", s.next)
		return
	}
	s.probe = true
	s.stall = min(2*s.stall, maxStall)
	s.stallAt = now.Add(s.stall)
}
