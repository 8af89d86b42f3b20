package memory

import (
	"encoding/json"
	"fmt"
	"time"

	"kapija/internal/event"
	"kapija/internal/policy"
	"kapija/internal/site"
)

// How far back the journal is read: a day that was reset yesterday, and what a busy gateway writes in it.
const (
	rebuildAge     = 48 * time.Hour
	rebuildRecords = 20000
	rebuildChunk   = 500
)

// Journal is a gateway's audit journal.
type Journal interface {
	Last() uint64
	Read(from uint64, max int) (records [][]byte, first uint64, err error)
}

// Rebuild makes the memory again from the last events of the journal. now is the gateway's time. The error says what of
// the journal could not be read; the memory has what could, and is never nil.
func Rebuild(j Journal, b *site.Building, s *policy.Snapshot, now time.Time) (*Memory, error) {
	m := New(b)
	var events []event.Event
	from := uint64(1)
	if last := j.Last(); last > rebuildRecords {
		from = last - rebuildRecords + 1
	}
	var err error
	for {
		records, first, fault := j.Read(from, rebuildChunk)
		if fault != nil {
			err = fmt.Errorf("memory: the journal from record %d on: %w", from, fault)
			break
		}
		if len(records) == 0 {
			break
		}
		from = first + uint64(len(records))
		for _, r := range records {
			var e event.Event
			// A record that is no event was named when it was found; it says nothing about a badge.
			if json.Unmarshal(r, &e) == nil && e.Badge != "" && now.Sub(e.At) <= rebuildAge {
				events = append(events, e)
			}
		}
	}
	roles := make(map[string]policy.Roles)
	for _, e := range events {
		if e.Kind == event.AccessEntered {
			roles[e.Badge] = 0
		}
	}
	s.RolesOf(roles)
	for badge, r := range roles {
		if r.Has(policy.FirstPerson) {
			m.mayBeFirst(badge)
		}
	}
	for _, e := range events {
		m.Apply(e)
	}
	return m, err
}
