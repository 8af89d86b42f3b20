package memory

import (
	"sort"
	"time"

	"kapija/internal/policy"
)

var _ policy.Memory = (*Memory)(nil)

// Place is as of policy.Memory.
func (m *Memory) Place(badge string) (zone string, at time.Time, ok bool) {
	p, ok := m.badges[badge]
	return p.Zone, p.At, ok
}

// Inside is as of policy.Memory.
func (m *Memory) Inside(zone string, since time.Time) int {
	list := m.zones[zone]
	return len(list) - sort.Search(len(list), func(i int) bool { return !list[i].At.Before(since) })
}

// Waiting is as of policy.Memory.
func (m *Memory) Waiting(door string) (w policy.Waiting, ok bool) {
	w, ok = m.waiting[door]
	return w, ok
}

// Escorted is as of policy.Memory.
func (m *Memory) Escorted(door string) time.Time { return m.escorted[door] }

// FirstIn is as of policy.Memory.
func (m *Memory) FirstIn(door string) time.Time { return m.firstIn[door] }

// Secured is as of policy.Memory.
func (m *Memory) Secured(door string) bool { return m.secured[door] }

// WrongPINs is as of policy.Memory. What is granted meanwhile does not change it: a card that was found opens other doors
// without a PIN.
func (m *Memory) WrongPINs(badge string, since time.Time) (n int, last time.Time) {
	for _, t := range m.wrong[badge] {
		if t.Before(since) {
			continue
		}
		n++
		if last.Before(t) {
			last = t
		}
	}
	return n, last
}
