package gateway

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kapija/gateway/snapshot"
)

// mailbox holds what other goroutines have to tell the loop: policy that came, commands that were not believed, and records
// that were lost. It never
// blocks; what does not fit is joined.
type mailbox struct {
	kick chan struct{}

	mu   sync.Mutex
	news news
}

// news is what has come since the loop looked.
type news struct {
	applied   int // shards
	refusals  int
	refusal   error // the first of them
	commands  int   // that were not believed
	command   error // why the first of them was not
	forgotten string
	lost      []loss
	lostMore  uint64 // records beyond maxLosses ranges
	firstCame time.Time
	lastCame  time.Time // of policy
}

// loss is a range of one journal's sequence numbers that is gone.
type loss struct {
	journal  string
	from, to uint64
	cause    string
}

func (l loss) String() string {
	return fmt.Sprintf("%s %d-%d: %s", l.journal, l.from, l.to, l.cause)
}

const maxLosses = 64

func newMailbox() *mailbox { return &mailbox{kick: make(chan struct{}, 1)} }

func (m *mailbox) put(f func(n *news)) {
	m.mu.Lock()
	f(&m.news)
	m.mu.Unlock()
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// losses takes the losses out.
func (m *mailbox) losses() ([]loss, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lost, more := m.news.lost, m.news.lostMore
	m.news.lost, m.news.lostMore = nil, 0
	return lost, more
}

// A burst of policy is one event: it is over when nothing came for burstGap, or after burstMax.
const (
	burstGap = 300 * time.Millisecond
	burstMax = 2 * time.Second
)

// burst says when the present burst of policy will be over; zero when there is none.
func (m *mailbox) burst() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.news.lastCame.IsZero() {
		return time.Time{}
	}
	gap, most := m.news.lastCame.Add(burstGap), m.news.firstCame.Add(burstMax)
	if most.Before(gap) {
		return most
	}
	return gap
}

// policies takes the burst out.
func (m *mailbox) policies() news {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.news
	m.news.applied, m.news.refusals, m.news.refusal = 0, 0, nil
	m.news.firstCame, m.news.lastCame = time.Time{}, time.Time{}
	return n
}

func (n *news) came() {
	n.lastCame = time.Now()
	if n.firstCame.IsZero() {
		n.firstCame = n.lastCame
	}
}

func (m *mailbox) refused(err error) {
	m.put(func(n *news) {
		n.came()
		n.refusals++
		if n.refusal == nil {
			n.refusal = err
		}
	})
}

// policy is what the uplink calls with each message of a policy topic.
func (m *mailbox) policy(s *snapshot.Store, log *slog.Logger) func(topic string, payload []byte) {
	return func(topic string, payload []byte) {
		c, err := s.Accept(topic, payload)
		switch {
		case c.Applied:
			m.put(func(n *news) { n.came(); n.applied++ })
			if err != nil {
				log.Error("policy is in use and could not be stored", "error", err)
			}
		case err != nil:
			m.refused(err)
		}
	}
}

func (m *mailbox) lose(l loss) {
	m.put(func(n *news) {
		if len(n.lost) < maxLosses {
			n.lost = append(n.lost, l)
			return
		}
		n.lostMore += l.to - l.from + 1
	})
}

// refusedCommand notes a command that was not believed. Anybody can send such: they are counted, and told together.
func (m *mailbox) refusedCommand(err error) {
	m.put(func(n *news) {
		n.commands++
		if n.command == nil {
			n.command = err
		}
	})
}

// refusedCommands takes them out.
func (m *mailbox) refusedCommands() (n int, first error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, first = m.news.commands, m.news.command
	m.news.commands, m.news.command = 0, nil
	return n, first
}

// forgot notes that something that was kept beside the journals is damaged.
func (m *mailbox) forgot(what string) {
	m.put(func(n *news) { n.forgotten = what })
}

// forgotten takes that out.
func (m *mailbox) forgotten() (what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what, m.news.forgotten = m.news.forgotten, ""
	return what
}
