package journal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kapija/internal/event"
)

func TestL45NumbersAreNeverReused(t *testing.T) {
	type tamper func(m *memory, names []string)
	newest := func(m *memory, names []string) { delete(m.names, names[len(names)-1]) }
	for _, tt := range []struct {
		name string
		do   tamper
	}{
		{"newest segment gone", newest},
		{"newest two gone", func(m *memory, names []string) { newest(m, names); newest(m, names[:len(names)-1]) }},
		{"all segments gone", func(m *memory, names []string) {
			for _, n := range names {
				delete(m.names, n)
			}
		}},
		{"cursor gone", func(m *memory, _ []string) { delete(m.names, cursorName) }},
		{"cursor garbage", func(m *memory, _ []string) {
			for i := range m.names[cursorName].data {
				m.names[cursorName].data[i] ^= 0x5a
			}
		}},
		{"newer slot of the cursor garbage, newest segment gone", func(m *memory, names []string) {
			c, _, _, _ := loadCursor(m)
			m.names[cursorName].data[int64(c.generation%2)*cursorSlot+7] ^= 1
			newest(m, names)
		}},
	} {
		for _, end := range []string{"closed", "crashed", "power cut"} {
			t.Run("L45 "+tt.name+" "+end, func(t *testing.T) {
				m := newMemory()
				j, _ := mustOpen(t, m, Options{segment: 300})
				for range 12 {
					fill(t, j, 5)
				}
				if end == "closed" {
					j.Close()
				}
				d := m.clone() // of the moment: nothing is in flight
				if end == "power cut" {
					d.boot = "second"
				}
				var names []string
				for n := range d.names {
					if strings.HasSuffix(n, extension) {
						names = append(names, n)
					}
				}
				slices.Sort(names)
				tt.do(d, names)
				for range 3 { // and not at the next opening either, whether or not anything was written
					k, _ := mustOpen(t, d, Options{})
					if k.Last() < 60 {
						t.Fatalf("the sequence goes on from %d, and 60 was used", k.Last())
					}
					if err := k.Ack(k.Durable()); err != nil {
						t.Fatal(err)
					}
					d = d.clone()
				}
			})
		}
	}
}

func TestKilledWhileWriting(t *testing.T) {
	m := newMemory()
	j, _ := mustOpen(t, m, Options{})
	fill(t, j, 9)
	before := j.active().size
	fill(t, j, 1)
	for size := before + 1; size < j.active().size; size++ {
		d := m.clone()
		b := d.names[j.active().name()]
		b.data = b.data[:size]
		k, r := mustOpen(t, d, Options{})
		if k.Last() != 9 || len(r.Lost) > 0 || r.Torn != size-before {
			t.Fatalf("cut at %d: last %d, report %+v", size, k.Last(), r)
		}
	}
}

func TestL46GapIsNamed(t *testing.T) {
	m, names := segmented(t)
	delete(m.names, names[1])
	first, last := extent(t, names, 1)
	j, r := mustOpen(t, m, Options{})
	if len(r.Lost) != 1 || r.Lost[0].From != first || r.Lost[0].To != last || r.Lost[0].Cause == "" {
		t.Fatalf("report %+v, expected %d to %d", r.Lost, first, last)
	}
	if want := fmt.Sprintf("seq %d-%d: no segment holds them", first, last); r.Lost[0].String() != want {
		t.Fatalf("%q, expected %q", r.Lost[0], want)
	}
	// The records themselves show it: the chain breaks exactly there.
	var prev *event.Event
	var hash string
	_, payloads := readAll(t, j, 1)
	for _, p := range payloads {
		var e event.Event
		if err := json.Unmarshal(p, &e); err != nil {
			t.Fatal(err)
		}
		whole := prev == nil && e.Seq == 1 || prev != nil && e.Prev == hash
		if whole != (e.Seq != last+1) {
			t.Fatalf("record %d: chain whole %v", e.Seq, whole)
		}
		prev, hash = &e, event.Hash(p)
	}
	// Once the server has gone past it, it is not named again.
	if err := j.Ack(60); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if _, r := mustOpen(t, m, Options{}); len(r.Lost) > 0 {
		t.Fatalf("still named: %+v", r.Lost)
	}
}
