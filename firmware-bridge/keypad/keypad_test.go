package keypad_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kapija/firmware-bridge/keypad"
)

var start = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)

// press types text, a key each gap: digits, # for Enter, * for Cancel, a space for five seconds and a nanosecond more.
func press(c *keypad.Collector, text string, gap time.Duration) (inputs []string) {
	at := start
	for _, r := range text {
		at = at.Add(gap)
		k := keypad.Key(r)
		switch r {
		case '#':
			k = keypad.Enter
		case '*':
			k = keypad.Cancel
		case ' ':
			at = at.Add(keypad.Gap - gap + 1)
			continue
		}
		if digits, ok := c.Press(k, at); ok {
			inputs = append(inputs, string(digits))
		} else if digits != nil {
			inputs = append(inputs, "digits without an input")
		}
	}
	return inputs
}

func TestCollector(t *testing.T) {
	for text, want := range map[string][]string{
		"1234#":               {"1234"},
		"0007#0#":             {"0007", "0"},
		"12345678#":           {"12345678"},
		"#":                   nil,
		"##1#":                {"1"},
		"12*34#":              {"34"},
		"*":                   nil,
		"123456789#":          nil,
		"1234567890123#4#":    {"4"},
		"123456789*1234#":     {"1234"},
		"123456789 1234#":     {"1234"},
		"12 34#":              {"34"},
		"1234 #":              nil,
		"12A4#56#":            {"56"},
		"A1234#":              nil,
		"1234":                nil,
		"1 2 3 4#":            {"4"},
		"123456789#12345678#": {"12345678"},
	} {
		for _, gap := range []time.Duration{0, time.Millisecond, keypad.Gap} {
			if got := press(&keypad.Collector{}, text, gap); !slices.Equal(got, want) {
				t.Errorf("%q a key each %v: %q, want %q", text, gap, got, want)
			}
		}
	}
}

func TestResetForgets(t *testing.T) {
	var c keypad.Collector
	press(&c, "12", time.Second)
	c.Reset()
	if got := press(&c, "34#", time.Second); !slices.Equal(got, []string{"34"}) {
		t.Errorf("%q, want what was typed after the reset", got)
	}
}

// Whatever is pressed and whenever: an input has 1 to 8 digits, and is what was pressed in a row right before Enter.
func TestInputIsWhatWasPressed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c keypad.Collector
		at, run, fresh := start, "", true // run is what was pressed since the last end
		for range rapid.IntRange(0, 60).Draw(t, "keys") {
			gap := rapid.SampledFrom([]time.Duration{0, time.Millisecond, keypad.Gap, keypad.Gap + 1, time.Hour}).Draw(t, "gap")
			k := rapid.SampledFrom([]keypad.Key{'0', '1', '5', '9', keypad.Enter, keypad.Cancel, 'F'}).Draw(t, "key")
			at = at.Add(gap)
			if gap > keypad.Gap || fresh {
				run = ""
			}
			fresh = k == keypad.Enter || k == keypad.Cancel
			digits, ok := c.Press(k, at)
			want := k == keypad.Enter && run != "" && len(run) <= keypad.MaxDigits && strings.Trim(run, "0123456789") == ""
			if ok != want || ok && string(digits) != run || !ok && digits != nil {
				t.Fatalf("after %q: %q %v, want %v", run, digits, ok, want)
			}
			if !fresh {
				run += string(rune(k))
			}
		}
	})
}

func TestFromNibble(t *testing.T) {
	const keys = "0123456789*#"
	for v := range 256 {
		want := keypad.Key(0)
		if v < len(keys) {
			want = keypad.Key(keys[v])
			switch keys[v] {
			case '*':
				want = keypad.Cancel
			case '#':
				want = keypad.Enter
			}
		}
		if k, ok := keypad.FromNibble(byte(v)); k != want || ok != (v < len(keys)) {
			t.Errorf("%d: key %d %v, want %d", v, byte(k), ok, byte(want))
		}
	}
}

func TestNothingIsShown(t *testing.T) {
	var c keypad.Collector
	press(&c, "4079", time.Second)
	const collector, key = "keypad.Collector(secret)", "keypad.Key(secret)"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q", "%c"} {
		if got := fmt.Sprintf(verb+" "+verb+" "+verb, c, &c, keypad.Key('7')); got != collector+" "+collector+" "+key {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	text, err := json.Marshal([]any{c, &c, keypad.Key('7')})
	if want := fmt.Sprintf("[%q,%q,%q]", collector, collector, key); err != nil || string(text) != want {
		t.Errorf("JSON is %s, error %v, want %s", text, err, want)
	}
	var b bytes.Buffer
	untimed := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&b, untimed)).Info("x", "c", &c, "k", keypad.Key('7'))
	if want := "level=INFO msg=x c=" + collector + " k=" + key + "\n"; b.String() != want {
		t.Errorf("slog writes %s, want %s", &b, want)
	}
}
