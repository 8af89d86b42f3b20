package mqtt

import (
	"sync"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// store is what paho keeps of a session, and tells when paho has looked through it after a connect. Paho says that it is
// connected just before: what is published in between would be found there, sent twice, and changed while it is sent.
type store struct {
	paho.Store

	mu      sync.Mutex
	resumed chan struct{} // closed once paho has looked, or has thrown everything away, since the last attempt to connect
	done    bool
}

func newStore() *store { return &store{Store: paho.NewMemoryStore(), resumed: make(chan struct{})} }

// attempt is called before each attempt to connect.
func (s *store) attempt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		s.resumed, s.done = make(chan struct{}), false
	}
}

// waitResumed returns when what is published now is published once.
func (s *store) waitResumed() {
	s.mu.Lock()
	resumed := s.resumed
	s.mu.Unlock()
	<-resumed
}

func (s *store) looked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		close(s.resumed)
		s.done = true
	}
}

// All implements paho.Store. Paho calls it once before the first attempt to connect, and once after each connect.
func (s *store) All() []string {
	keys := s.Store.All()
	s.looked()
	return keys
}

// Reset implements paho.Store. Paho calls it after the first connect of a clean session, in the place of All.
func (s *store) Reset() {
	s.Store.Reset()
	s.looked()
}
