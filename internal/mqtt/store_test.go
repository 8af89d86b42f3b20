package mqtt

import (
	"testing"
	"testing/synctest"
)

// Whoever waits goes on when paho has looked through what it keeps since the attempt, and not before.
func TestStoreTellsWhenASessionIsResumed(t *testing.T) {
	for what, look := range map[string]func(*store){
		"a session that goes on": func(s *store) { s.All() },
		"a clean session":        func(s *store) { s.Reset() },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				s.All() // paho reserves the numbers of what it keeps
				for range 3 {
					s.attempt()
					s.attempt() // the first was refused
					resumed := false
					go func() {
						s.waitResumed()
						resumed = true
					}()
					synctest.Wait()
					if resumed {
						t.Fatal("it went on before paho had looked")
					}
					look(s)
					synctest.Wait()
					if !resumed {
						t.Fatal("it waits although paho has looked")
					}
				}
			})
		})
	}
}
