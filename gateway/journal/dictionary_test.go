package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kapija/internal/event"
)

// TestDictionaryIsFormat holds that what was written once can be read for ever.
func TestDictionaryIsFormat(t *testing.T) {
	const want = `{"seq":7,"at":"2027-03-09T07:41:12.345678912Z","clock":"synced","boot":"q3Wb9xK2","kind":"access.denied","door":"ground-north",` +
		`"side":"in","badge":"k7Rw2mZq8sXb","reason":"outside_schedule","decided_us":143,"cause":"badge","prev":"q2w3e4r5t6z7u8i9o0p1a2s3d4f5g6h7"}`
	// Of each dictionary its checksum and that event as a record. A line here is only ever added.
	for n, c := range map[uint8]struct{ sum, record string }{
		1: {"cb2b9825be8a644f3a2bd09cc0ea4a770c0089dfb6bdafa37fa14ed3c2a0735a", "Jz9iM4QAAAEHAAAAAAAAAIkCDQAANxkUZDctMDMtMDlUMDc6NDE6MTIuMzQ1Njc4OTEybtEAHHEzV2I5eEsyQtkAPlEELGdyb3VuZC1ub3J0aFrkACxrN1J3Mm1acThzWGIu8AA+lgc++QAENDNi+wCEcTJ3M2U0cjV0Nno3dThpOW8wcDFhMnMzZDRmNWc2aDcifQ=="},
	} {
		words := map[uint8]string{1: words1}[n]
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(words))); sum != c.sum {
			t.Errorf("dictionary %d has changed: %s, expected %s; give the new one the next number", n, sum, c.sum)
		}
		raw, err := base64.StdEncoding.DecodeString(c.record)
		if err != nil {
			t.Fatal(err)
		}
		rec, ok := newScanner(bytes.NewReader(raw), 0, int64(len(raw)), 6, 7, make([]byte, 0, windowSize)).next()
		if !ok || rec.packed != n {
			t.Fatalf("dictionary %d: found %v, packed %d", n, ok, rec.packed)
		}
		if got, err := rec.payload(); err != nil || string(got) != want {
			t.Errorf("dictionary %d: %v\n%s\n%s", n, err, got, want)
		}
	}
}

// TestDictionaryHoldsWhatIsWritten looks for each word of the newest dictionary in the code that writes it. When it fails
// because the code has changed, that is the moment to think of a new dictionary; the old one stays.
func TestDictionaryHoldsWhatIsWritten(t *testing.T) {
	var code string
	for _, f := range []string{"../../internal/event/event.go", "../../internal/brick/brick.go", "../door/door.go"} {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code += string(raw)
	}
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(kind|reason|quantity|unit|cause)":"([^"]*)"`).FindAllStringSubmatch(words1, -1) {
		switch {
		case m[1] == "reason":
			for _, w := range strings.Fields(m[2]) {
				said[w] = true
			}
		case m[2] != "" && !strings.Contains(m[2], " "):
			said[m[2]] = true
		}
	}
	for w := range said {
		if !strings.Contains(code, `"`+w+`"`) {
			t.Errorf("%q is not written by anybody", w)
		}
	}
	if len(said) < 30 {
		t.Errorf("found only %d words", len(said))
	}
}

// TestPackedSize holds that what gateways write becomes clearly shorter.
func TestPackedSize(t *testing.T) {
	var plain, stored int
	add := func(v any) {
		p, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := appendRecord(nil, record{1, p}, nil)
		plain, stored = plain+len(p), stored+len(b)-headSize
	}
	at := time.Date(2027, 3, 9, 7, 41, 12, 345678912, time.UTC)
	for i, e := range []event.Event{
		{Kind: event.AccessGranted, Side: event.In, Badge: "k7Rw2mZq8sXb", Reason: event.Granted, DecidedUs: 143, Cause: "badge"},
		{Kind: event.DoorUnlocked, Side: event.In, Badge: "k7Rw2mZq8sXb", Cause: "badge"},
		{Kind: event.DoorOpened, Cause: "badge"},
		{Kind: event.AccessEntered, Side: event.In, Badge: "k7Rw2mZq8sXb", Cause: "badge"},
		{Kind: event.DoorClosed, Cause: "closed"},
		{Kind: event.DoorLocked, Cause: "closed"},
	} {
		e.Seq, e.At, e.Clock, e.Boot, e.Door = 48211+uint64(i), at, event.ClockIsSynced, "q3Wb9xK2", "ground-north"
		e.Prev = event.Hash([]byte{byte(i)})
		add(e)
	}
	audit := float64(stored) / float64(plain)
	plain, stored = 0, 0
	for _, r := range []event.Reading{
		{Quantity: "Air_Temperature_Sensor", Value: 21.37, Unit: "Cel"}, {Quantity: "Relative_Humidity_Sensor", Value: 41.8, Unit: "%"},
		{Quantity: "Static_Pressure_Sensor", Value: 100712.4, Unit: "Pa"}, {Quantity: "CO2_Level_Sensor", Value: 812, Unit: "[ppm]"},
	} {
		r.Seq, r.At, r.Clock, r.Sensor = 99123, at, event.ClockIsSynced, "ground-hall-air"
		add(r)
	}
	readings := float64(stored) / float64(plain)
	t.Logf("an audit event shrinks to %.0f %%, a reading to %.0f %%", 100*audit, 100*readings)
	if audit > 0.62 || readings > 0.62 {
		t.Errorf("an audit event shrinks to %.0f %% only, a reading to %.0f %%", 100*audit, 100*readings)
	}
}

// TestLaterDictionary reads a journal that a later version wrote into: what it cannot unpack is named, and is not touched.
func TestLaterDictionary(t *testing.T) {
	m := newMemory()
	j, _ := mustOpen(t, m, Options{})
	fill(t, j, 3)
	j.Close()
	m = m.clone()
	delete(m.names, cursorName) // which knows of three
	name := (&segment{first: 1}).name()
	later, _ := appendRecord(nil, record{4, []byte(`{"seq":4,"kind":"access.granted","door":"ground-north"}`)}, nil)
	later[7] = 200
	binary.LittleEndian.PutUint32(later, crc32.Checksum(later[4:], castagnoli))
	plain, _ := appendRecord(nil, record{5, []byte(`{"seq":5}`)}, nil)
	m.names[name].data = slices.Concat(m.names[name].data, later, plain)
	before := bytes.Clone(m.names[name].data)
	var lost []Range
	k, r := mustOpen(t, m, Options{OnDropped: func(from, to uint64, cause error) { lost = append(lost, Range{from, to, cause.Error()}) }})
	got, _ := readAll(t, k, 1)
	if !slices.Equal(got, []uint64{1, 2, 3, 5}) || len(lost) != 1 || lost[0].From != 4 || lost[0].To != 4 || !strings.Contains(lost[0].Cause, "dictionary 200") {
		t.Errorf("read %v, lost %v, report %+v", got, lost, r)
	}
	if !bytes.Equal(before, m.names[name].data) {
		t.Error("the segment was changed")
	}
}
