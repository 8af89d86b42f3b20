package words

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"kapija/internal/event"
	"kapija/internal/policy"
)

var refusals = []event.Reason{
	event.PolicyNotLoaded, event.BadParity, event.UnknownFormat, event.UnknownBadge, event.Revoked, event.Suspended, event.ClockUnset,
	event.NotYetValid, event.Expired, event.DoorDisabled, event.Lockdown, event.WeakCredential, event.NoAccess, event.OutsideSchedule,
	event.PINNeeded, event.PINLocked, event.WrongPIN, event.Interlocked, event.Antipassback, event.EscortNeeded, event.SecondPerson, event.OccupancyLimit,
}

var noted = regexp.MustCompile(`\.(?:note|noteTime|noteLevel|add)\("([a-z_]+)"((?:, "[a-z]+", [^"\n]+)*)\)`)

// Each step that a decision can have has words, and no words are left over.
func TestEveryStepHasWords(t *testing.T) {
	want := map[string][]string{"mode": {"mode"}, "mode_commanded": {"mode"}, "valid_from": {"time"}, "valid_until": {"time"},
		"level": {"level", "schedule"}, "level_closed": {"level", "schedule"}, "granted.granted": nil, "granted.duress": nil}
	for _, r := range refusals {
		want["refused."+string(r)] = nil
	}
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	arg := regexp.MustCompile(`, "([a-z]+)"`)
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range noted.FindAllStringSubmatch(string(src), -1) {
			if _, known := want[m[1]]; !known {
				want[m[1]] = nil
				for _, a := range arg.FindAllStringSubmatch(m[2], -1) {
					want[m[1]] = append(want[m[1]], a[1])
				}
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(steps)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Errorf("words for %v\nsteps are %v", got, want)
	}
	placeholder := regexp.MustCompile(`\{([a-z]+)\}`)
	for key, text := range steps {
		for _, s := range []string{text.sr, text.en} {
			for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
				if !slices.Contains(want[key], m[1]) {
					t.Errorf("%s: %q names %s; the step has %v", key, s, m[1], want[key])
				}
			}
		}
		if n := len(placeholder.FindAllString(text.sr, -1)); n != len(placeholder.FindAllString(text.en, -1)) || n != len(want[key]) {
			t.Errorf("%s: the languages do not name the same, or not all of %v", key, want[key])
		}
	}
}

func TestScripts(t *testing.T) {
	braces := regexp.MustCompile(`\{[a-z]+\}`)
	all := maps.Clone(steps)
	maps.Copy(all, modes)
	for key, text := range all {
		for _, r := range braces.ReplaceAllString(text.sr, "") {
			if unicode.Is(unicode.Latin, r) {
				t.Errorf("%s: %q has the Latin letter %c", key, text.sr, r)
			}
		}
		step := policy.Step{Key: key}
		for _, lang := range []string{Latin, English} {
			if s := Text(lang, step); strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) {
				t.Errorf("%s in %s: %q", key, lang, s)
			}
		}
	}
}

func TestText(t *testing.T) {
	level := policy.Step{Key: "level", Args: []policy.Arg{{Name: "level", Value: "staff"}, {Name: "schedule", Value: "office"}}}
	for _, c := range []struct {
		lang string
		step policy.Step
		want string
	}{
		{English, level, "Access level staff opens this door by schedule office."},
		{Cyrillic, level, "Ниво приступа staff отвара ова врата по распореду office."},
		{Latin, level, "Nivo pristupa staff otvara ova vrata po rasporedu office."},
		{"de", level, "Nivo pristupa staff otvara ova vrata po rasporedu office."},
		{Latin, policy.Step{Key: "mode", Args: []policy.Arg{{Name: "mode", Value: "card_and_pin"}}}, "Režim vrata po planu: kartica i PIN."},
		{English, policy.Step{Key: "mode", Args: []policy.Arg{{Name: "mode", Value: "x"}}}, "Mode of the door, as planned: x."},
		{English, policy.Step{Key: "new"}, "new"},
	} {
		if got := Text(c.lang, c.step); got != c.want {
			t.Errorf("%s: %q, want %q", c.lang, got, c.want)
		}
	}
}
