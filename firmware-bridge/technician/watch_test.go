package technician_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kapija/firmware-bridge/technician"
	"kapija/internal/cardformat"
)

var update = flag.Bool("update", false, "write testdata anew")

// settled is when all devices of the bench are online and readers count cards.
const settled = 10 * time.Second

func frame(t *testing.T, format string, facility, number uint64) string {
	t.Helper()
	bits, n, err := cardformat.Encode(format, facility, number)
	if err != nil {
		t.Fatal(err)
	}
	return cardformat.String(bits, n)
}

func swap(bits string) string {
	return strings.Map(func(r rune) rune { return '0' + '1' - r }, bits)
}

// of are the texts that a device told after it was settled.
func of(all []technician.Seen, since time.Time, device string) (texts []string) {
	for _, s := range all {
		if s.Device == device && !s.At.Before(since) && s.What != "reading" {
			texts = append(texts, s.What+" "+s.Text)
		}
	}
	return texts
}

func TestWatchTellsWhatDevicesTell(t *testing.T) {
	const oneHundred = "000000010000000011001000"
	good := frame(t, "wiegand-26", 118, 1603)
	for name, c := range map[string]struct {
		do     []string
		device string
		want   []string // parts of what is told, in order
	}{
		"card":             {[]string{"wiegand wiegand " + good}, "wiegand", []string{"card card: wiegand-26, facility 118, number 1603, bits " + good}},
		"card over OSDP":   {[]string{"wiegand osdp " + good}, "osdp", []string{"card card: wiegand-26, facility 118, number 1603, bits " + good}},
		"UID":              {[]string{"card mfrc522 0a0b0c0d"}, "mfrc522", []string{"card card: uid-32, UID 0a0b0c0d, number 168496141"}},
		"L31 zeros lead":   {[]string{"card mfrc522 00000c0d"}, "mfrc522", []string{"card card: uid-32, UID 00000c0d, number 3085"}},
		"desfire":          {[]string{"card mfrc522 desfire:04a1b2c3d4e5f6"}, "mfrc522", []string{"card card: desfire, UID 04a1b2c3d4e5f6"}},
		"bad parity":       {[]string{"wiegand wiegand " + good[:25] + swap(good[25:])}, "wiegand", []string{"card card: bad parity, 26 bits " + good[:25] + swap(good[25:]) + "; try: hold it up again"}},
		"unknown length":   {[]string{"wiegand wiegand " + oneHundred}, "wiegand", []string{"card card: unknown format, 24 bits " + oneHundred + "; try: no configured format has 24 bits"}},
		"swapped lines":    {[]string{"wiegand wiegand " + swap(good)}, "wiegand", []string{"bits " + swap(good) + "; try: D0 and D1 are swapped"}},
		"no lines to swap": {[]string{"wiegand osdp " + swap(good)}, "osdp", []string{"card card: bad parity, 26 bits " + swap(good) + "; try: hold it up again"}},
		"level":            {[]string{"level line-contact 1"}, "line-contact", []string{"level active"}},
		"passage":          {[]string{"walk beams in", "walk beams out"}, "beams", []string{"passage one person in", "passage one person out"}},
		"tamper":           {[]string{"level osdp-tamper 1", "level osdp-tamper 0"}, "osdp", []string{"alert tamper: the reader says that it was opened", "alert tamper is over: the reader is closed"}},
		"health with hint": {[]string{"fail sht4x"}, "sht4x", []string{"health offline: ", "; try: the bus is disturbed"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				var since time.Time
				all := b.watch(false, func() {
					time.Sleep(settled)
					since = time.Now()
					for _, line := range c.do {
						b.do(line)
						time.Sleep(2 * time.Second)
					}
					time.Sleep(10 * time.Second)
				})
				got := strings.Join(of(all, since, c.device), "\n")
				rest := got
				for _, w := range c.want {
					at := strings.Index(rest, w)
					if at < 0 {
						t.Fatalf("found:\n%s\nexpected %q in it", got, w)
					}
					rest = rest[at+len(w):]
				}
				if strings.Count(got, "\n")+1 > len(c.want) {
					t.Errorf("found more than was expected:\n%s", got)
				}
			})
		})
	}
}

func TestWatchCountsDigitsAndShowsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		all := b.watch(false, func() {
			time.Sleep(settled)
			b.do("keys wiegand 8642975#")
			time.Sleep(time.Second)
		})
		i := slices.IndexFunc(all, func(s technician.Seen) bool { return s.What == "pin" })
		if i < 0 || all[i].Text != "7 digits were typed" {
			t.Fatalf("found %+v", all)
		}
		told, err := json.Marshal(all[i])
		if err != nil || strings.Contains(string(told), "8642975") || all[i].Card != nil {
			t.Errorf("%s, %v: expected no digit", told, err)
		}
	})
}

func TestWatchTellsEdgesBesideCards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		var since time.Time
		all := b.watch(true, func() {
			time.Sleep(settled)
			since = time.Now()
			b.do("wiegand wiegand 01", "level line-contact 1")
			time.Sleep(time.Second)
		})
		var edges []string
		for _, s := range of(all, since, "wiegand") {
			if text, ok := strings.CutPrefix(s, "edge "); ok {
				edges = append(edges, text)
			}
		}
		if len(edges) != 2 || !strings.HasPrefix(edges[0], "D0 falls at 1m10s, number 1") || !strings.HasPrefix(edges[1], "D1 falls at 1m10.001s, number 2") {
			t.Errorf("found %q", edges)
		}
		if got := of(all, since, "line-contact"); len(got) != 2 || !strings.HasPrefix(got[0], "edge line rises") || got[1] != "level active" {
			t.Errorf("found %q", got)
		}
	})
}

// Programs read this form.
func TestWatchAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		since := time.Now()
		all := b.watch(true, func() {
			time.Sleep(settled)
			since = time.Now()
			for _, line := range []string{"level line-contact 1", "wiegand wiegand " + frame(t, "wiegand-26", 118, 1603), "wiegand wiegand 000000010000000011001000", "keys wiegand 12#",
				"card mfrc522 0a0b0c0d", "walk distance in", "level osdp-tamper 1", "fail leak"} {
				b.do(line)
				time.Sleep(time.Second)
			}
		})
		var got []string
		first := map[string]bool{}
		for _, s := range all {
			kind := s.Device + s.What
			if s.Card != nil {
				kind += s.Card.Fault
			}
			if s.At.Before(since) || first[kind] || s.What == "reading" && s.Device != "scd4x" {
				continue
			}
			first[kind] = true
			s.At = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
			line, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(line))
		}
		golden(t, "testdata/watch.jsonl", strings.Join(got, "\n")+"\n")
	})
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("found:\n%s\nexpected, from %s:\n%s", got, path, want)
	}
}

// Whoever does not read any more ends it; the bubble ends only when all goroutines have.
func TestWatchEndsWhenNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		gone, calls := errors.New("gone"), 0
		err := technician.Watch(t.Context(), b.Config, true, func(technician.Seen) error {
			calls++
			time.Sleep(time.Minute) // a slow reader
			return gone
		})
		if !errors.Is(err, gone) || calls != 1 {
			t.Errorf("found %v after %d calls", err, calls)
		}
	})
}
